// Package client speaks to a running server's HTTP API for a person at a terminal: it bounds
// what it reads and waits for, and words what went wrong in one line.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/confd/confd/api"
)

// Limits of one request.
const (
	maxBody = 16 << 20         // bytes of an answer; a page of 500 participants has fewer
	timeout = 15 * time.Second // from dialling to the last byte
)

// Client speaks to one server. It may be used by several goroutines.
type Client struct {
	base string // without a slash at the end
	key  string
	http *http.Client
	long *http.Client // for what takes longer than timeout
}

// New returns a client of the server at a URL such as http://127.0.0.1:8080; without a
// scheme it is http. key is the access key, "" for none. It fails if one of them makes no
// sense. Who is done calls Close.
func New(server, key string) (*Client, error) {
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%.200q is no address of a server; right is something like http://127.0.0.1:8080", server)
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the key has a character in it that no key has; right is what \"confd key create\" printed")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = 64 << 10
	long := http.Client{
		Transport: transport,
		// The key is for this server and no other.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	short := long
	short.Timeout = timeout
	return &Client{base: strings.TrimRight(u.String(), "/"), key: key, http: &short, long: &long}, nil
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Server is where the server is.
func (c *Client) Server() string { return c.base }

// Path joins parts to a path, each escaped.
func Path(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		if p == "." || p == ".." { // which would walk about in the path
			b.WriteString(strings.ReplaceAll(p, ".", "%2E"))
			continue
		}
		b.WriteString(url.PathEscape(p))
	}
	return b.String()
}

// Do sends a request and returns the body of the answer, which is JSON or empty. body, if
// not nil, is sent as JSON. Error: *Error if the server refused.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values, body any) (json.RawMessage, error) {
	if body == nil {
		return c.send(ctx, c.http, method, path, query, "", nil)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return c.send(ctx, c.http, method, path, query, "application/json", bytes.NewReader(text))
}

// Upload puts a file, as it is, to a path, however long that takes.
func (c *Client) Upload(ctx context.Context, path string, file io.Reader) (json.RawMessage, error) {
	return c.send(ctx, c.long, http.MethodPut, path, nil, "application/octet-stream", file)
}

// Text reads what there is at a path, which need not be JSON.
func (c *Client) Text(ctx context.Context, path string, query url.Values) ([]byte, error) {
	return c.read(ctx, c.http, http.MethodGet, path, query, "", nil)
}

func (c *Client) send(ctx context.Context, by *http.Client, method, path string, query url.Values, contentType string, body io.Reader) (json.RawMessage, error) {
	text, err := c.read(ctx, by, method, path, query, contentType, body)
	if err == nil && len(bytes.TrimSpace(text)) > 0 && !json.Valid(text) {
		return nil, fmt.Errorf("%s answers with something that is no JSON; is it a confd?", c.base)
	}
	return text, err
}

// read sends a request and returns the answer's body if the server did not refuse.
func (c *Client) read(ctx context.Context, by *http.Client, method, path string, query url.Values, contentType string, body io.Reader) ([]byte, error) {
	resp, err := c.open(ctx, by, method, path, query, contentType, body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, c.unreachable(err)
	case len(text) > maxBody:
		return nil, fmt.Errorf("%s answers with more than %d MiB, which no confd does", c.base, maxBody>>20)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return nil, errorOf(resp, text)
	}
	return text, nil
}

// open sends a request and returns the answer, whatever it is, for the caller to close.
func (c *Client) open(ctx context.Context, by *http.Client, method, path string, query url.Values, contentType string, body io.Reader) (*http.Response, error) {
	to := c.base + path
	if len(query) > 0 {
		to += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, to, body)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := by.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	return resp, nil
}

// unreachable words that there was no answer.
func (c *Client) unreachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("no answer from %s: %w; \"confd serve\" starts a server, --server or CONFD_SERVER says where one is", c.base, err)
}

// Error is a refusal of the server.
type Error struct {
	Status int    // of HTTP
	Code   string // of the problem; "" if the server did not say
	Detail string // what was wrong, and what would be right
}

// Error reads as one line.
func (e *Error) Error() string {
	if e.Code == "" {
		return Clean(fmt.Sprintf("%s (%d)", e.Detail, e.Status))
	}
	return Clean(fmt.Sprintf("%s (%d %s)", e.Detail, e.Status, e.Code))
}

// errorOf words an answer that is no success.
func errorOf(resp *http.Response, text []byte) error {
	e := &Error{Status: resp.StatusCode}
	var p api.Problem
	if json.Unmarshal(text, &p) != nil || p.Type == "" {
		e.Detail = "the server, or something before it, says " + http.StatusText(resp.StatusCode)
		if to := resp.Header.Get("Location"); to != "" {
			e.Detail += fmt.Sprintf(" and points to %.200q, which --server could name", to)
		}
		return e
	}
	e.Code, e.Detail = p.Type[strings.LastIndexByte(p.Type, ':')+1:], p.Detail
	if len(p.Errors) > 1 {
		var all []string
		for _, f := range p.Errors {
			_, name, _ := strings.Cut(f.Location, ".")
			all = append(all, name+": "+f.Detail)
		}
		e.Detail = strings.Join(all, "; ")
	}
	if e.Detail == "" {
		e.Detail = p.Title
	}
	if e.Status == http.StatusUnauthorized {
		e.Detail += "; --key or CONFD_KEY gives it"
	}
	return e
}

// Whole reads a list that comes in one piece; field is what the list is called in the answer.
func (c *Client) Whole(ctx context.Context, path, field string) ([]json.RawMessage, error) {
	text, err := c.Do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	entries, _, err := c.pageOf(text, field)
	return entries, err
}

// maxPages bounds how far a list is followed.
const maxPages = 1000

// List reads a list of up to limit entries, page by page; field is what the list is called
// in the answer. A limit of 0 is no limit.
func (c *Client) List(ctx context.Context, path, field string, query url.Values, limit int) ([]json.RawMessage, error) {
	all := []json.RawMessage{}
	q := url.Values{}
	for k, v := range query {
		q[k] = v
	}
	for range maxPages {
		page := 500
		if limit > 0 {
			page = min(page, limit-len(all))
		}
		q.Set("limit", fmt.Sprint(page))
		text, err := c.Do(ctx, http.MethodGet, path, q, nil)
		if err != nil {
			return nil, err
		}
		entries, next, err := c.pageOf(text, field)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
		if next == "" || limit > 0 && len(all) >= limit {
			return all, nil
		}
		q.Set("after", next)
	}
	return nil, fmt.Errorf("the list of %s does not end after %d pages", field, maxPages)
}

// pageOf takes a page of a list apart.
func (c *Client) pageOf(text []byte, field string) (entries []json.RawMessage, next string, err error) {
	var fields map[string]json.RawMessage
	if err = json.Unmarshal(text, &fields); err == nil {
		err = json.Unmarshal(fields[field], &entries)
	}
	if at, ok := fields["next"]; ok && err == nil {
		err = json.Unmarshal(at, &next)
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s answers with something that is no list of %s: %w", c.base, field, err)
	}
	return entries, next, nil
}
