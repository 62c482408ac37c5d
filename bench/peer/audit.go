// SPDX-License-Identifier: ISC

package main

import (
	"crypto/sha256"
	"encoding/json"
	"os"
	"sync"
	"syscall"
	"time"
)

// auditLine has the fields of Postern's log, in its order (postern-audit(5)). There is no Merkle tree, and nothing is signed.
type auditLine struct {
	Seq         uint64   `json:"seq"`
	Time        string   `json:"time"`
	Event       string   `json:"event"`
	RequestID   string   `json:"request_id"`
	Caller      string   `json:"caller"`
	Customer    *string  `json:"customer"`
	Integration *string  `json:"integration"`
	Provider    *string  `json:"provider"`
	Zone        *string  `json:"zone"`
	FQDN        *string  `json:"fqdn"`
	Type        *string  `json:"type"`
	Value       *string  `json:"value"`
	Mode        *string  `json:"mode"`
	Profile     *string  `json:"profile"`
	Result      *string  `json:"result"`
	Code        *string  `json:"code"`
	RecordID    *string  `json:"provider_record_id"`
	Replaced    []string `json:"replaced"`
	DurationMS  *int64   `json:"duration_ms"`
}

// text is s, or null where there is nothing.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// receipt says where a line stands in the log.
type receipt struct {
	seq  uint64
	leaf [32]byte
}

// batch is what one fdatasync makes durable.
type batch struct {
	done chan struct{}
	err  error
}

// audit appends JSON lines. Modes: none (write only), each (fdatasync for every durable line, under
// the lock), group (one fdatasync for all who wait).
type audit struct {
	mu   sync.Mutex
	f    *os.File
	mode string
	seq  uint64

	buf  []byte // group: what the next sync writes
	next *batch
	wake chan struct{}
}

func openAudit(path, mode string) (*audit, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	a := &audit{f: f, mode: mode, next: &batch{done: make(chan struct{})}, wake: make(chan struct{}, 1)}
	if mode == "group" {
		go a.commit()
	}
	return a, nil
}

func (a *audit) commit() {
	var spare []byte
	for range a.wake {
		a.mu.Lock()
		buf, b := a.buf, a.next
		a.buf, a.next = spare[:0], &batch{done: make(chan struct{})}
		a.mu.Unlock()
		if _, b.err = a.f.Write(buf); b.err == nil {
			b.err = syscall.Fdatasync(int(a.f.Fd()))
		}
		close(b.done)
		spare = buf
	}
}

// write appends l. A durable line is waited for, as the mode says.
func (a *audit) write(l *auditLine, durable bool) (receipt, error) {
	a.mu.Lock()
	l.Seq = a.seq
	l.Time = time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	line, err := json.Marshal(l)
	if err != nil {
		a.mu.Unlock()
		return receipt{}, err
	}
	a.seq++
	r := receipt{l.Seq, sha256.Sum256(append([]byte{0}, line...))}
	line = append(line, '\n')
	if a.mode != "group" {
		defer a.mu.Unlock()
		if _, err = a.f.Write(line); err == nil && durable && a.mode == "each" {
			err = syscall.Fdatasync(int(a.f.Fd()))
		}
		return r, err
	}
	a.buf = append(a.buf, line...)
	b := a.next
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
	if durable {
		<-b.done
		err = b.err
	}
	return r, err
}
