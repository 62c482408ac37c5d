// SPDX-License-Identifier: ISC

// Command gateway is what Postern is measured against: the same work, plainly, in one process of
// idiomatic Go. It takes Postern's root key and callers file, and its handles are Postern's. It has
// no sandbox, no rates, no reload and one provider.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// readCallers takes lines "NAME sha256:HEX VERBS"; all verbs are allowed.
func readCallers(path string) (callers []caller, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 2 {
			continue
		}
		hash, err := hex.DecodeString(strings.TrimPrefix(words[1], "sha256:"))
		if err != nil || len(hash) != 32 {
			return nil, fmt.Errorf("%s: no hash", path)
		}
		c := caller{name: words[0]}
		copy(c.hash[:], hash)
		callers = append(callers, c)
	}
	return callers, lines.Err()
}

// Go dials when no connection is free just then, and again for the next request: with 8,000 in flight it ran out of 20,000 files.
const maxConns = 9000

func newClient(ca string, idle int, h2 bool) (*http.Client, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: no certificate", ca)
		}
	}
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSClientConfig:     conf,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   h2,
		MaxIdleConnsPerHost: idle,
		MaxConnsPerHost:     maxConns,
		IdleConnTimeout:     90 * time.Second,
		DisableCompression:  true,
	}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to serve")
	rootFile := flag.String("root-key", "root.key", "Postern's root key")
	callersFile := flag.String("callers", "callers", "Postern's callers file")
	names := flag.String("registry", "data/iana-underscored-names.csv", "IANA's underscored names")
	auditFile := flag.String("audit", "audit.jsonl", "audit log")
	mode := flag.String("fsync", "none", "audit durability: none, each or group")
	base := flag.String("base", "https://api.cloudflare.com/client/v4", "Cloudflare's API")
	ca := flag.String("ca", "", "PEM file of the upstream's authorities")
	idle := flag.Int("idle", 16384, "idle upstream connections kept")
	h2 := flag.Bool("h2", false, "HTTP/2 to the upstream where offered")
	flag.Parse()

	g := new(gateway)
	root, err := os.ReadFile(*rootFile)
	if err != nil || len(root) != 32 {
		log.Fatal("root key: need a file of 32 bytes")
	}
	if g.keys, err = newKeyring(root); err != nil {
		log.Fatal(err)
	}
	if g.callers, err = readCallers(*callersFile); err != nil {
		log.Fatal(err)
	}
	if g.registry, err = readRegistry(*names); err != nil {
		log.Fatal(err)
	}
	client, err := newClient(*ca, *idle, *h2)
	if err != nil {
		log.Fatal(err)
	}
	g.provider = &cloudflare{*base, client}
	if g.audit, err = openAudit(*auditFile, *mode); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/make_integration", endpoint(g, g.makeIntegration))
	mux.HandleFunc("/get_zones", endpoint(g, g.getZones))
	mux.HandleFunc("/add_record", endpoint(g, g.addRecord))
	mux.HandleFunc("/remove_record", endpoint(g, g.removeRecord))
	srv := &http.Server{Addr: *listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second, IdleTimeout: 120 * time.Second}
	stopped := make(chan struct{})
	go func() {
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTERM, syscall.SIGINT)
		<-c
		ctx, cancel := context.WithTimeout(context.Background(), 35*time.Second)
		defer cancel()
		srv.Shutdown(ctx)
		close(stopped)
	}()
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	<-stopped
}
