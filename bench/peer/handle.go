// SPDX-License-Identifier: ISC

package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"golang.org/x/crypto/hkdf"
	"golang.org/x/crypto/nacl/secretbox"
)

// Postern's own handles (src/seal): what the one has sealed the other opens.
const (
	integrationPrefix, integrationInfo = "pti1_", "postern/v1/integration"
	recordPrefix, recordInfo           = "ptr1_", "postern/v1/record"

	kindIntegration, kindRecord = 0, 1

	handleVersion = 1
	keyIDSize     = 4
	nonceSize     = 24
	padBlock      = 64
)

// Numbers of the fields inside.
const (
	fieldKeyID       = 1
	fieldCustomer    = 2
	fieldIntegration = 3
	fieldProvider    = 4
	fieldCreated     = 5
	fieldExpires     = 6
	fieldZones       = 7
	fieldPolicy      = 8
	fieldCredentials = 9
	fieldZone        = 16
	fieldZoneID      = 17
	fieldFQDN        = 18
	fieldType        = 19
	fieldValue       = 20
	fieldMode        = 21
	fieldRecordID    = 22
	fieldFound       = 23
	fieldLogIndex    = 24
	fieldLeaf        = 25
)

var errHandle = errors.New("the handle is not valid")

type integration struct {
	id          [16]byte
	provider    string
	customer    string
	zones       []string
	policy      byte
	created     uint64
	expires     uint64
	credentials map[string]string
}

type recordHandle struct {
	integration [16]byte
	customer    string
	provider    string
	zone        string
	zoneID      string
	fqdn        string
	rtype       byte
	value       string
	mode        byte
	recordID    string
	found       bool
	created     uint64
	logIndex    uint64
	leaf        [32]byte
}

type keyring struct {
	root []byte
	id   [keyIDSize]byte
}

func newKeyring(root []byte) (*keyring, error) {
	k := &keyring{root: root}
	_, err := io.ReadFull(hkdf.New(sha256.New, root, nil, []byte("postern/v1/key-id")), k.id[:])
	return k, err
}

// derive makes the key for one kind of handle and one customer.
func (k *keyring) derive(info, customer string) (*[32]byte, error) {
	text := make([]byte, 0, 64+len(customer))
	text = append(text, info...)
	text = append(text, 0)
	text = append(text, k.id[:]...)
	text = binary.BigEndian.AppendUint16(text, uint16(len(customer)))
	text = append(text, customer...)
	key := new([32]byte)
	_, err := io.ReadFull(hkdf.New(sha256.New, k.root, nil, text), key[:])
	return key, err
}

func (k *keyring) seal(prefix, info, customer string, plain []byte) (string, error) {
	plain = append(plain, 0x80)
	plain = append(plain, make([]byte, (padBlock-len(plain)%padBlock)%padBlock)...)
	key, err := k.derive(info, customer)
	if err != nil {
		return "", err
	}
	var nonce [nonceSize]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return "", err
	}
	box := make([]byte, 0, keyIDSize+nonceSize+len(plain)+secretbox.Overhead)
	box = append(box, k.id[:]...)
	box = append(box, nonce[:]...)
	box = secretbox.Seal(box, plain, &nonce, key)
	return prefix + base64.RawURLEncoding.EncodeToString(box), nil
}

func (k *keyring) open(prefix, info, customer, text string) ([]byte, error) {
	if !strings.HasPrefix(text, prefix) {
		return nil, errHandle
	}
	box, err := base64.RawURLEncoding.Strict().DecodeString(text[len(prefix):])
	if err != nil || len(box) < keyIDSize+nonceSize+secretbox.Overhead+padBlock || !bytes.Equal(box[:keyIDSize], k.id[:]) {
		return nil, errHandle
	}
	key, err := k.derive(info, customer)
	if err != nil {
		return nil, err
	}
	var nonce [nonceSize]byte
	copy(nonce[:], box[keyIDSize:])
	plain, ok := secretbox.Open(nil, box[keyIDSize+nonceSize:], &nonce, key)
	if !ok {
		return nil, errHandle
	}
	end := bytes.LastIndexByte(plain, 0x80)
	if end < 0 || len(bytes.Trim(plain[end+1:], "\x00")) > 0 {
		return nil, errHandle
	}
	return plain[:end], nil
}

// ---- fields ----

type fieldWriter struct{ b []byte }

func newFieldWriter(kind byte) *fieldWriter {
	return &fieldWriter{append(make([]byte, 0, 512), handleVersion, kind)}
}

func appendItem(b []byte, v string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
}

func (w *fieldWriter) text(n byte, v string) { w.b = appendItem(append(w.b, n), v) }
func (w *fieldWriter) octet(n, v byte)       { w.text(n, string([]byte{v})) }
func (w *fieldWriter) number(n byte, v uint64) {
	w.text(n, string(binary.BigEndian.AppendUint64(nil, v)))
}

type fieldReader struct {
	b   []byte
	bad bool
}

func takeItem(b []byte) (item, rest []byte, ok bool) {
	if len(b) < 4 || uint64(binary.BigEndian.Uint32(b)) > uint64(len(b)-4) {
		return nil, nil, false
	}
	n := binary.BigEndian.Uint32(b)
	return b[4 : 4+n], b[4+n:], true
}

func (r *fieldReader) bytes(n byte) []byte {
	if r.bad || len(r.b) == 0 || r.b[0] != n {
		r.bad = true
		return nil
	}
	item, rest, ok := takeItem(r.b[1:])
	r.b, r.bad = rest, !ok
	return item
}

func (r *fieldReader) text(n byte) string { return string(r.bytes(n)) }

func (r *fieldReader) fixed(n byte, out []byte) {
	v := r.bytes(n)
	if len(v) != len(out) {
		r.bad = true
	}
	copy(out, v)
}

func (r *fieldReader) octet(n byte) byte {
	var v [1]byte
	r.fixed(n, v[:])
	return v[0]
}

func (r *fieldReader) number(n byte) uint64 {
	var v [8]byte
	r.fixed(n, v[:])
	return binary.BigEndian.Uint64(v[:])
}

func (r *fieldReader) list(n byte) (items []string) {
	b := r.bytes(n)
	for len(b) > 0 && !r.bad {
		item, rest, ok := takeItem(b)
		items, b, r.bad = append(items, string(item)), rest, !ok
	}
	return items
}

func newFieldReader(b []byte, kind byte) *fieldReader {
	if len(b) < 2 || b[0] != handleVersion || b[1] != kind {
		return &fieldReader{bad: true}
	}
	return &fieldReader{b: b[2:]}
}

// head reads what all handles begin with: the key and the customer are bound, and repeated inside.
func (r *fieldReader) head(k *keyring, customer string) {
	if !bytes.Equal(r.bytes(fieldKeyID), k.id[:]) || r.text(fieldCustomer) != customer {
		r.bad = true
	}
}

// head writes what head reads, and what both kinds have next.
func (w *fieldWriter) head(k *keyring, customer string, integration []byte, provider string, created uint64) {
	w.text(fieldKeyID, string(k.id[:]))
	w.text(fieldCustomer, customer)
	w.text(fieldIntegration, string(integration))
	w.text(fieldProvider, provider)
	w.number(fieldCreated, created)
}

// ---- the two kinds ----

func (k *keyring) sealIntegration(in *integration) (string, error) {
	w := newFieldWriter(kindIntegration)
	w.head(k, in.customer, in.id[:], in.provider, in.created)
	w.number(fieldExpires, in.expires)
	var zones, credentials []byte
	for _, z := range in.zones {
		zones = appendItem(zones, z)
	}
	w.text(fieldZones, string(zones))
	w.octet(fieldPolicy, in.policy)
	for name, value := range in.credentials {
		credentials = appendItem(appendItem(credentials, name), value)
	}
	w.text(fieldCredentials, string(credentials))
	return k.seal(integrationPrefix, integrationInfo, in.customer, w.b)
}

func (k *keyring) openIntegration(text, customer string) (*integration, error) {
	plain, err := k.open(integrationPrefix, integrationInfo, customer, text)
	if err != nil {
		return nil, err
	}
	in := &integration{customer: customer, credentials: make(map[string]string)}
	r := newFieldReader(plain, kindIntegration)
	r.head(k, customer)
	r.fixed(fieldIntegration, in.id[:])
	in.provider = r.text(fieldProvider)
	in.created = r.number(fieldCreated)
	in.expires = r.number(fieldExpires)
	in.zones = r.list(fieldZones)
	in.policy = r.octet(fieldPolicy)
	pairs := r.list(fieldCredentials)
	if r.bad || len(r.b) > 0 || len(pairs)%2 != 0 {
		return nil, errHandle
	}
	for i := 0; i < len(pairs); i += 2 {
		in.credentials[pairs[i]] = pairs[i+1]
	}
	return in, nil
}

func (k *keyring) sealRecord(r *recordHandle) (string, error) {
	w := newFieldWriter(kindRecord)
	w.head(k, r.customer, r.integration[:], r.provider, r.created)
	w.text(fieldZone, r.zone)
	w.text(fieldZoneID, r.zoneID)
	w.text(fieldFQDN, r.fqdn)
	w.octet(fieldType, r.rtype)
	w.text(fieldValue, r.value)
	w.octet(fieldMode, r.mode)
	w.text(fieldRecordID, r.recordID)
	var found byte
	if r.found {
		found = 1
	}
	w.octet(fieldFound, found)
	w.number(fieldLogIndex, r.logIndex)
	w.text(fieldLeaf, string(r.leaf[:]))
	return k.seal(recordPrefix, recordInfo, r.customer, w.b)
}

func (k *keyring) openRecord(text, customer string) (*recordHandle, error) {
	plain, err := k.open(recordPrefix, recordInfo, customer, text)
	if err != nil {
		return nil, err
	}
	rec := &recordHandle{customer: customer}
	r := newFieldReader(plain, kindRecord)
	r.head(k, customer)
	r.fixed(fieldIntegration, rec.integration[:])
	rec.provider = r.text(fieldProvider)
	rec.created = r.number(fieldCreated)
	rec.zone = r.text(fieldZone)
	rec.zoneID = r.text(fieldZoneID)
	rec.fqdn = r.text(fieldFQDN)
	rec.rtype = r.octet(fieldType)
	rec.value = r.text(fieldValue)
	rec.mode = r.octet(fieldMode)
	rec.recordID = r.text(fieldRecordID)
	rec.found = r.octet(fieldFound) == 1
	rec.logIndex = r.number(fieldLogIndex)
	r.fixed(fieldLeaf, rec.leaf[:])
	if r.bad || len(r.b) > 0 || int(rec.rtype) >= len(typeNames) || int(rec.mode) >= len(modeNames) {
		return nil, errHandle
	}
	return rec, nil
}
