// SPDX-License-Identifier: ISC

package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

type caller struct {
	name string
	hash [32]byte
}

type gateway struct {
	keys     *keyring
	registry *registry
	provider *cloudflare
	audit    *audit
	callers  []caller
}

// apiError is Postern's problem document (RFC 9457), as far as it is needed.
type apiError struct {
	Type      string `json:"type"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
}

func (e *apiError) Error() string { return e.Detail }

func fail(status int, code, detail string) error {
	return &apiError{Type: "urn:postern:error:" + code, Status: status, Code: code, Detail: detail}
}

func bad(detail string) error  { return fail(400, "invalid_request", detail) }
func badHandle(e error) error  { return fail(422, "handle_invalid", e.Error()) }
func noLog() error             { return fail(503, "audit_unavailable", "the audit log cannot be written") }
func upstream(err error) error { return fail(502, "provider_unavailable", err.Error()) }

// call is one request under way.
type call struct {
	context.Context
	id     string
	caller string
	began  time.Time
}

func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return "r-" + hex.EncodeToString(b[:])
}

func (g *gateway) authenticate(r *http.Request) (string, bool) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	hash := sha256.Sum256([]byte(token))
	for _, c := range g.callers {
		if subtle.ConstantTimeCompare(c.hash[:], hash[:]) == 1 {
			return c.name, true
		}
	}
	return "", false
}

// endpoint adapts f to HTTP: authenticates, decodes, calls, encodes.
func endpoint[Req any](g *gateway, f func(*call, *Req) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// A change that has begun is brought to its end, whether the caller waits for it or not.
		c := &call{Context: context.Background(), id: newID(), began: time.Now()}
		out, err := func() (any, error) {
			if r.Method != http.MethodPost {
				return nil, fail(405, "invalid_request", "POST only")
			}
			name, ok := g.authenticate(r)
			if !ok {
				return nil, fail(401, "unauthenticated", "no such token")
			}
			c.caller = name
			if r.Header.Get("Content-Type") != "application/json" {
				return nil, fail(415, "invalid_request", "application/json only")
			}
			req := new(Req)
			d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
			d.DisallowUnknownFields()
			if err := d.Decode(req); err != nil {
				return nil, bad("malformed request")
			}
			return f(c, req)
		}()
		status, media := 200, "application/json"
		if err != nil {
			e := new(apiError)
			if !errors.As(err, &e) {
				e = &apiError{Status: 500, Detail: err.Error()}
			}
			e.RequestID = c.id
			out, status, media = e, e.Status, "application/problem+json"
		}
		b, _ := json.Marshal(out)
		h := w.Header()
		h.Set("Content-Type", media)
		h.Set("Content-Length", strconv.Itoa(len(b)))
		h.Set("X-Request-Id", c.id)
		w.WriteHeader(status)
		w.Write(b)
	}
}

func (g *gateway) line(c *call, event string, in *integration) *auditLine {
	return &auditLine{Event: event, RequestID: c.id, Caller: c.caller, Customer: text(in.customer),
		Integration: text(hex.EncodeToString(in.id[:])), Provider: &in.provider, Profile: &profileNames[in.policy]}
}

// finish makes l the call's outcome.
func (c *call) finish(l *auditLine, verb, result string, err error) {
	ms := time.Since(c.began).Milliseconds()
	l.Event, l.DurationMS, l.Result = verb+".outcome", &ms, &result
	if e := new(apiError); errors.As(err, &e) {
		l.Result, l.Code = text("error"), text(e.Code)
	}
}

func (g *gateway) open(handle, customer string) (*integration, error) {
	in, err := g.keys.openIntegration(handle, customer)
	if err != nil {
		return nil, badHandle(err)
	}
	if in.provider != "cloudflare" || in.policy > policyGuarded {
		return nil, bad("no such provider, or no such profile")
	}
	if in.expires != 0 && in.expires <= uint64(time.Now().Unix()) {
		return nil, badHandle(errHandle)
	}
	return in, nil
}

// ---- the endpoints ----

type makeRequest struct {
	Provider    string            `json:"provider"`
	Credentials map[string]string `json:"credentials"`
	Customer    string            `json:"customer"`
	Zones       []string          `json:"zones"`
	Verify      *bool             `json:"verify"`
}

func (g *gateway) makeIntegration(c *call, r *makeRequest) (any, error) {
	if r.Provider != "cloudflare" || r.Credentials["api_token"] == "" || len(r.Customer) > 128 || len(r.Zones) > 64 {
		return nil, bad("no such provider, or no api_token")
	}
	in := &integration{provider: r.Provider, customer: r.Customer, policy: policyGuarded, credentials: r.Credentials,
		created: uint64(time.Now().Unix())}
	for _, z := range r.Zones {
		name, err := canonical(z)
		if err != nil {
			return nil, bad(err.Error())
		}
		in.zones = append(in.zones, name)
	}
	if _, err := rand.Read(in.id[:]); err != nil {
		return nil, err
	}
	if r.Verify == nil || *r.Verify {
		if _, err := g.provider.zones(c, r.Credentials["api_token"]); err != nil {
			return nil, upstream(err)
		}
	}
	l := g.line(c, "", in)
	c.finish(l, "make_integration", "ok", nil)
	if _, err := g.audit.write(l, true); err != nil {
		return nil, noLog()
	}
	h, err := g.keys.sealIntegration(in)
	return map[string]string{"integration_handle": h}, err
}

type zonesRequest struct {
	Handle   string `json:"integration_handle"`
	Customer string `json:"customer"`
}

// allowed keeps the zones that the handle is for.
func (in *integration) allowed(zones []zone) []zone {
	if in.zones == nil {
		return zones
	}
	var some []zone
	for _, z := range zones {
		if index(in.zones, z.Name) >= 0 {
			some = append(some, z)
		}
	}
	return some
}

func (g *gateway) getZones(c *call, r *zonesRequest) (any, error) {
	in, err := g.open(r.Handle, r.Customer)
	if err != nil {
		return nil, err
	}
	zones, err := g.provider.zones(c, in.credentials["api_token"])
	if err != nil {
		err = upstream(err)
	}
	l := g.line(c, "", in)
	c.finish(l, "get_zones", "ok", err)
	if _, e := g.audit.write(l, true); e != nil {
		return nil, noLog()
	}
	if err != nil {
		return nil, err
	}
	return map[string][]zone{"zones": in.allowed(zones)}, nil
}

type record struct {
	FQDN  string `json:"fqdn"`
	Type  string `json:"type"`
	Value string `json:"value"`
	Mode  string `json:"mode"`
	TTL   int    `json:"ttl"`
}

type addRequest struct {
	Handle   string `json:"integration_handle"`
	Customer string `json:"customer"`
	Record   record `json:"record"`
}

// witness is where the intent stands in the log, for the caller to keep.
type witness struct {
	Index uint64 `json:"index"`
	Leaf  string `json:"leaf"`
}

func newWitness(r receipt) *witness { return &witness{r.seq, hex.EncodeToString(r.leaf[:])} }

type addAnswer struct {
	Handle  string   `json:"record_handle"`
	Zone    string   `json:"zone"`
	FQDN    string   `json:"fqdn"`
	Status  string   `json:"status"`
	Receipt *witness `json:"receipt"`
}

// check makes the record canonical and applies the policy.
func (g *gateway) check(rec *record) error {
	name, err := canonical(rec.FQDN)
	if err != nil {
		return bad(err.Error())
	}
	rec.FQDN = name
	if rec.Mode == "" {
		rec.Mode = "coexist"
	}
	if rec.TTL < 60 {
		rec.TTL = 60
	}
	if index(typeNames, rec.Type) < 1 || index(modeNames, rec.Mode) < 0 || rec.Value == "" || len(rec.Value) > txtMax {
		return bad("record")
	}
	if err := g.registry.permitted(rec.FQDN, rec.Type, rec.Mode, rec.Value); err != nil {
		return fail(403, "policy_denied", err.Error())
	}
	return nil
}

func (g *gateway) findZone(c *call, in *integration, fqdn string) (best zone, err error) {
	zones, err := g.provider.zones(c, in.credentials["api_token"])
	if err != nil {
		return best, upstream(err)
	}
	for _, z := range zones {
		if len(z.Name) > len(best.Name) && within(fqdn, z.Name) {
			best = z
		}
	}
	if best.Name == "" || in.zones != nil && index(in.zones, best.Name) < 0 {
		return best, fail(422, "zone_not_found", "no zone for this name")
	}
	return best, nil
}

func (g *gateway) addRecord(c *call, r *addRequest) (any, error) {
	in, err := g.open(r.Handle, r.Customer)
	if err != nil {
		return nil, err
	}
	rec := &r.Record
	if err := g.check(rec); err != nil {
		return nil, err
	}
	z, err := g.findZone(c, in, rec.FQDN)
	if err != nil {
		return nil, err
	}
	l := g.line(c, "add_record.intent", in)
	l.Zone, l.FQDN, l.Type, l.Value, l.Mode = &z.Name, &rec.FQDN, &rec.Type, &rec.Value, &rec.Mode
	intent, err := g.audit.write(l, true) // before anything is changed
	if err != nil {
		return nil, noLog()
	}
	id, found, replaced, err := g.provider.add(c, in.credentials["api_token"], z.ID, rec)
	result := "ok"
	if err != nil {
		err = upstream(err)
	} else if found {
		result = "found"
	}
	l.RecordID, l.Replaced = text(id), replaced
	c.finish(l, "add_record", result, err)
	if _, e := g.audit.write(l, false); e != nil && err == nil {
		err = noLog()
	}
	if err != nil {
		return nil, err
	}
	h, err := g.keys.sealRecord(&recordHandle{integration: in.id, customer: in.customer, provider: in.provider, zone: z.Name,
		zoneID: z.ID, fqdn: rec.FQDN, rtype: byte(index(typeNames, rec.Type)), value: rec.Value,
		mode: byte(index(modeNames, rec.Mode)), recordID: id, found: found, created: uint64(time.Now().Unix()),
		logIndex: intent.seq, leaf: intent.leaf})
	return &addAnswer{h, z.Name, rec.FQDN, "applied", newWitness(intent)}, err
}

type removeAnswer struct {
	Removed bool     `json:"removed"`
	Receipt *witness `json:"receipt,omitempty"`
}

type removeRequest struct {
	Handle   string `json:"integration_handle"`
	Customer string `json:"customer"`
	Record   string `json:"record_handle"`
}

func (g *gateway) removeRecord(c *call, r *removeRequest) (any, error) {
	in, err := g.open(r.Handle, r.Customer)
	if err != nil {
		return nil, err
	}
	rec, err := g.keys.openRecord(r.Record, r.Customer)
	if err != nil {
		return nil, badHandle(err)
	}
	if rec.integration != in.id {
		return nil, fail(403, "handle_mismatch", "the record is another integration's")
	}
	rtype := typeNames[rec.rtype]
	if rec.found && g.registry.permitted(rec.fqdn, rtype, "replace", rec.value) != nil {
		return &removeAnswer{}, nil
	}
	l := g.line(c, "remove_record.intent", in)
	l.Zone, l.FQDN, l.Type, l.Value, l.Mode = &rec.zone, &rec.fqdn, &rtype, &rec.value, &modeNames[rec.mode]
	l.RecordID = text(rec.recordID)
	intent, err := g.audit.write(l, true)
	if err != nil {
		return nil, noLog()
	}
	removed, err := g.provider.remove(c, in.credentials["api_token"], rec)
	result := "ok"
	if err != nil {
		err = upstream(err)
	} else if !removed {
		result = "gone"
	}
	c.finish(l, "remove_record", result, err)
	if _, e := g.audit.write(l, false); e != nil && err == nil {
		err = noLog()
	}
	if err != nil {
		return nil, err
	}
	return &removeAnswer{removed, newWitness(intent)}, nil
}
