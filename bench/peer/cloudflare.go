// SPDX-License-Identifier: ISC

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// cloudflare makes the calls that Postern's provider makes (src/provider/cloudflare.c), in its order.
type cloudflare struct {
	base string
	c    *http.Client
}

type zone struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

type cfRecord struct {
	ID      string `json:"id,omitempty"`
	Type    string `json:"type"`
	Name    string `json:"name"`
	Content string `json:"content"`
	TTL     int    `json:"ttl"`
	Proxied *bool  `json:"proxied,omitempty"`
}

type cfBatch struct {
	Deletes []cfID      `json:"deletes"`
	Posts   []*cfRecord `json:"posts,omitempty"`
}

type cfID struct {
	ID string `json:"id"`
}

type cfInfo struct {
	TotalPages *int `json:"total_pages"`
}

// providerError is an answer that says no.
type providerError struct{ status int }

func (e *providerError) Error() string { return "the provider answers " + strconv.Itoa(e.status) }

func (p *cloudflare) do(ctx context.Context, method, path, token string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := p.c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return &providerError{resp.StatusCode}
	}
	return json.Unmarshal(b, out)
}

func (p *cloudflare) zones(ctx context.Context, token string) (all []zone, err error) {
	for page := 1; page <= 200; page++ {
		var r struct {
			Success bool `json:"success"`
			Result  []struct {
				zone
				Status string `json:"status"`
				Type   string `json:"type"`
			} `json:"result"`
			Info cfInfo `json:"result_info"`
		}
		if err := p.do(ctx, "GET", "/zones?page="+strconv.Itoa(page)+"&per_page=50", token, nil, &r); err != nil {
			return nil, err
		}
		if !r.Success || r.Info.TotalPages == nil {
			return nil, errors.New("the provider's answer is not as documented")
		}
		for _, z := range r.Result {
			name, err := canonical(z.Name)
			if err == nil && z.Status == "active" && z.Type == "full" {
				all = append(all, zone{name, z.ID})
			}
		}
		if page >= *r.Info.TotalPages {
			return all, nil
		}
	}
	return nil, errors.New("the list has too many pages")
}

func records(zoneID string) string { return "/zones/" + url.PathEscape(zoneID) + "/dns_records" }

// present is the value as Cloudflare shows it: TXT in quoted strings of at most 255 bytes.
func present(rtype, value string) string {
	if rtype != "TXT" {
		return value
	}
	var b strings.Builder
	for first := true; first || value != ""; first = false {
		piece := value
		if len(piece) > 255 {
			piece = piece[:255]
		}
		value = value[len(piece):]
		if !first {
			b.WriteByte(' ')
		}
		b.WriteByte('"')
		for _, c := range []byte(piece) {
			if c == '"' || c == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		}
		b.WriteByte('"')
	}
	return b.String()
}

func same(r *cfRecord, fqdn, rtype, value string) bool {
	return r.Type == rtype && strings.TrimSuffix(strings.ToLower(r.Name), ".") == fqdn &&
		(r.Content == value || r.Content == present(rtype, value))
}

func (p *cloudflare) look(ctx context.Context, token, zoneID, fqdn string) (all []cfRecord, err error) {
	for page := 1; page <= 200; page++ {
		var r struct {
			Success bool       `json:"success"`
			Result  []cfRecord `json:"result"`
			Info    cfInfo     `json:"result_info"`
		}
		path := records(zoneID) + "?name=" + url.QueryEscape(fqdn) + "&page=" + strconv.Itoa(page) + "&per_page=50"
		if err := p.do(ctx, "GET", path, token, nil, &r); err != nil {
			return nil, err
		}
		if !r.Success || r.Info.TotalPages == nil {
			return nil, errors.New("the provider's answer is not as documented")
		}
		if all = append(all, r.Result...); page >= *r.Info.TotalPages {
			return all, nil
		}
	}
	return nil, errors.New("the list has too many pages")
}

// add makes the record, and in the mode "replace" the only one of its name. found: it was there.
func (p *cloudflare) add(ctx context.Context, token, zoneID string, rec *record) (id string, found bool, replaced []string, err error) {
	there, err := p.look(ctx, token, zoneID, rec.FQDN)
	if err != nil {
		return "", false, nil, err
	}
	made := &cfRecord{Type: rec.Type, Name: rec.FQDN, Content: present(rec.Type, rec.Value), TTL: rec.TTL}
	if rec.Type == "CNAME" {
		made.Proxied = new(bool)
	}
	var others cfBatch
	for i := range there {
		r := &there[i]
		if same(r, rec.FQDN, rec.Type, rec.Value) {
			id, found = r.ID, true
		} else if rec.Mode == "replace" && index(typeNames, r.Type) > 0 {
			others.Deletes = append(others.Deletes, cfID{r.ID})
			replaced = append(replaced, r.Name+" "+strconv.Itoa(r.TTL)+" "+r.Type+" "+r.Content)
		}
	}
	if found && others.Deletes == nil {
		return id, true, nil, nil
	}
	if others.Deletes != nil {
		var r struct {
			Result struct {
				Posts []cfID `json:"posts"`
			} `json:"result"`
		}
		if !found {
			others.Posts = []*cfRecord{made}
		}
		if err := p.do(ctx, "POST", records(zoneID)+"/batch", token, &others, &r); err != nil || found {
			return id, found, replaced, err
		}
		if len(r.Result.Posts) != 1 {
			return "", false, replaced, errors.New("the provider's answer is not as documented")
		}
		return r.Result.Posts[0].ID, false, replaced, nil
	}
	var r struct {
		Success bool `json:"success"`
		Result  cfID `json:"result"`
	}
	if err := p.do(ctx, "POST", records(zoneID), token, made, &r); err != nil {
		return "", false, nil, err
	}
	if !r.Success || r.Result.ID == "" {
		return "", false, nil, errors.New("the provider's answer is not as documented")
	}
	return r.Result.ID, false, nil, nil
}

// remove takes the record away if it still is the one that was added. removed: it was.
func (p *cloudflare) remove(ctx context.Context, token string, h *recordHandle) (removed bool, err error) {
	var got struct {
		Result cfRecord `json:"result"`
	}
	path := records(h.zoneID) + "/" + url.PathEscape(h.recordID)
	gone := new(providerError)
	if err := p.do(ctx, "GET", path, token, nil, &got); err != nil {
		if errors.As(err, &gone) && gone.status == http.StatusNotFound {
			return false, nil
		}
		return false, err
	}
	if !same(&got.Result, h.fqdn, typeNames[h.rtype], h.value) {
		return false, nil
	}
	var r struct{}
	if err := p.do(ctx, "DELETE", path, token, nil, &r); err != nil {
		if errors.As(err, &gone) && gone.status == http.StatusNotFound {
			return false, nil
		}
		return false, err
	}
	return true, nil
}
