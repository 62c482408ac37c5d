// SPDX-License-Identifier: ISC

package main

import (
	"encoding/csv"
	"errors"
	"os"
	"strings"
)

// As they stand in handles.
var (
	typeNames    = []string{"", "TXT", "CAA", "CNAME", "NS"}
	modeNames    = []string{"coexist", "replace"}
	profileNames = []string{"article", "guarded", "strict"}
)

const (
	acmeLabel       = "_acme-challenge"
	modeReplace     = 1
	policyGuarded   = 1
	txtMax, nameMax = 2048, 253
)

func index(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}

// registry holds IANA's underscored names; those that end in * are patterns.
type registry struct {
	names    map[string]bool
	prefixes []string
}

func readRegistry(path string) (*registry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	reg := &registry{names: make(map[string]bool)}
	for _, row := range rows[1:] {
		name := strings.ToLower(row[1])
		if strings.HasSuffix(name, "*") {
			reg.prefixes = append(reg.prefixes, strings.TrimSuffix(name, "*"))
		} else if name != acmeLabel {
			reg.names[name] = true
		}
	}
	return reg, nil
}

func (reg *registry) has(label string) bool {
	if reg.names[label] {
		return true
	}
	for _, p := range reg.prefixes {
		if strings.HasPrefix(label, p) {
			return true
		}
	}
	return false
}

// canonical gives the name in lower case without a final dot.
func canonical(name string) (string, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "" || len(name) > nameMax {
		return "", errors.New("not a domain name")
	}
	for _, label := range strings.Split(name, ".") {
		if label == "" || len(label) > 63 {
			return "", errors.New("not a domain name")
		}
		for _, c := range []byte(label) {
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return "", errors.New("not a domain name")
			}
		}
	}
	return name, nil
}

func within(name, zone string) bool {
	return name == zone || strings.HasSuffix(name, zone) && name[len(name)-len(zone)-1] == '.'
}

func standing(label string) bool {
	switch label {
	case "_validation-persist", "_ip-validation-persist", "_validation-contactemail", "_validation-contactphone":
		return true
	}
	return false
}

// permitted applies the profile "guarded" (src/policy has the rules and why).
func (reg *registry) permitted(fqdn, rtype, mode, value string) error {
	labels := strings.Split(fqdn, ".")
	first := labels[0]
	beside := rtype == "TXT" || rtype == "CAA"
	if mode != "replace" && !beside {
		return errors.New("only TXT and CAA may stand beside other records")
	}
	if mode == "replace" && first != acmeLabel && (len(first) < 2 || first[0] != '_' || reg.has(first)) {
		return errors.New("records are replaced only at _acme-challenge or an unregistered underscored name")
	}
	for i, label := range labels {
		if label == acmeLabel {
			continue
		}
		if standing(label) {
			return errors.New("the record gives standing authority to issue, which is not switched on")
		}
		if reg.has(label) {
			return errors.New("a label is registered with IANA for something else")
		}
		if i > 0 && label[0] == '_' {
			return errors.New("an underscored label stands behind the first")
		}
	}
	if rtype == "TXT" {
		v := strings.TrimLeft(value, " \t\r\n\v\f")
		if len(v) > 0 && v[0]|0x20 == 'v' && strings.HasPrefix(strings.TrimLeft(v[1:], " \t\r\n\v\f"), "=") {
			return errors.New("a TXT value begins with v= (SPF, DKIM, DMARC…)")
		}
	}
	if rtype == "CAA" {
		parts := strings.Fields(value)
		if len(parts) < 3 || strings.HasPrefix(strings.ToLower(parts[1]), "contact") {
			return errors.New("the record gives standing authority to issue, which is not switched on")
		}
	}
	return nil
}
