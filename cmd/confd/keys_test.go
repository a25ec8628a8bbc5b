package main

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/confd/confd/internal/testkit/leak"
)

// program runs a command to its end.
func program(args ...string) (status int, stdout, stderr string) {
	var out, errs buffer
	status = (&Main{Args: args, Stdout: &out, Stderr: &errs}).Run(context.Background())
	return status, out.String(), errs.String()
}

// A key that was made lets its holder in, within its scope and rooms, and is in the store
// only as a hash; one that was revoked does not.
func TestKeys(t *testing.T) {
	leak.Check(t)
	file := filepath.Join(t.TempDir(), "confd.db")
	status, out, errs := program("key", "create", "wallboard", "--scope", "read", "--room", "Standup", "--store", file)
	secret := strings.TrimSpace(out)
	if status != 0 || len(secret) < 50 || strings.Contains(errs, secret) {
		t.Fatalf("create: %d %q %q", status, out, errs)
	}
	serve := []string{"--sip", "udp:127.0.0.1:0", "--store", file}
	r := start(t, []string{"CONFD_HTTP_REQUIRE_KEY=true"}, serve...)
	r.end()
	r = start(t, nil, serve...)
	r.do("POST", "/v1/rooms", `{"id":"standup"}`)
	for _, c := range []struct {
		path, key string
		status    int
	}{{"/v1/rooms/standup", secret, 200}, {"/v1/rooms/other", secret, 403}, {"/v1/log", secret, 403}, {"/v1/rooms/standup", secret + "x", 401}} {
		if got := r.withKey(c.path, c.key); got != c.status {
			t.Errorf("%s: %d, want %d", c.path, got, c.status)
		}
	}
	if status, _, errs := program("key", "list", "--store", file); status != 1 || !strings.Contains(errs, "while the server is stopped") {
		t.Errorf("list beside the server: %d %q", status, errs)
	}
	r.end()

	status, list, _ := program("key", "list", "--store", file)
	at := strings.Index(list, "key_")
	if status != 0 || at < 0 || !strings.Contains(list, "wallboard") || !strings.Contains(list, "standup") || strings.Contains(list, secret) {
		t.Fatalf("list: %d %q", status, list)
	}
	id, _, _ := strings.Cut(list[at:], " ")
	if status, _, errs := program("key", "revoke", id, "--store", file); status != 0 {
		t.Errorf("revoke: %q", errs)
	}
	if status, _, errs := program("key", "revoke", id, "--store", file); status != 1 || !strings.Contains(errs, id) {
		t.Errorf("revoke twice: %d %q", status, errs)
	}
	r = start(t, nil, serve...)
	if got := r.withKey("/v1/rooms/standup", secret); got != 401 {
		t.Errorf("with a revoked key: %d", got)
	}
	r.end()
}

func (r *running) withKey(path, key string) int {
	r.t.Helper()
	req, err := http.NewRequest("GET", "http://"+r.HTTP.String()+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestKeyCommandErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "confd.db")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"key", "create", "x", "--store", ""}, "store.path"},
		{[]string{"key", "create", "x"}, "store.path"}, // the environment names no place
		{[]string{"key", "create", "x\ny", "--store", file}, "name"},
		{[]string{"key", "create", "x", "--store", file, "--scope", "all"}, "scope"},
		{[]string{"key", "create", "x", "--store", file, "--for", "-1h"}, "--for"},
		{[]string{"key", "create", "x", "--store", file, "--room", "a b"}, "--room"},
	} {
		if status, out, errs := program(c.args...); status != 2 || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%q: status %d, %q, %q; want 2 and %q", c.args, status, out, errs, c.want)
		}
	}
}
