package main

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/confd/confd/api"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/store"
)

// program runs a command to its end.
func program(args ...string) (status int, stdout, stderr string) {
	var out, errs buffer
	status = (&Main{Args: args, Stdout: &out, Stderr: &errs}).Run(context.Background())
	return status, out.String(), errs.String()
}

// A key that was made in the file lets its holder in once the server runs, within its scope
// and rooms, and is in the store only as a hash; one that was revoked does not.
func TestKeys(t *testing.T) {
	leak.Check(t)
	file := filepath.Join(t.TempDir(), "confd.db")
	status, out, errs := program("key", "create", "wallboard", "--scope", "read", "--room", "Standup", "--store", file)
	secret := strings.TrimSpace(out)
	if status != 0 || len(secret) < 50 || strings.Contains(errs, secret) || !strings.Contains(errs, "in "+file) {
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
	r.end()

	status, list, _ := program("key", "list", "--store", file)
	if status != 0 || !strings.Contains(list, "wallboard") || !strings.Contains(list, "standup") || strings.Contains(list, secret) {
		t.Fatalf("list: %d %q", status, list)
	}
	id := keyID(t, list)
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

// keyID finds the id of a key in what was printed.
func keyID(t *testing.T, text string) string {
	t.Helper()
	at := strings.Index(text, "key_")
	if at < 0 {
		t.Fatalf("no key in %q", text)
	}
	return text[at : at+len("key_")+16]
}

// Beside a running server the same commands speak to it, however it is found, and what they
// do is in force at once.
func TestKeysOfARunningServer(t *testing.T) {
	leak.Check(t)
	file := filepath.Join(t.TempDir(), "confd.db")
	_, out, _ := program("key", "create", "root", "--scope", "admin", "--store", file)
	root := strings.TrimSpace(out)
	r := start(t, []string{"CONFD_HTTP_REQUIRE_KEY=true"}, "--sip", "udp:127.0.0.1:0", "--store", file)
	at := r.HTTP.String()
	for name, flags := range map[string][]string{
		"its file": {"--store", file, "--http", at},
		"no place": {"--http", at},
		"memory":   {"--http", at, "--store", ""},
		"its URL":  {"--server", "http://" + at},
	} {
		flags = append(flags, "--key", root)
		status, out, errs := program(append([]string{"key", "create", "crm"}, flags...)...)
		secret := strings.TrimSpace(out)
		if status != 0 || !strings.Contains(errs, "of the server at http://"+at) {
			t.Fatalf("%s: create: %d %q %q", name, status, out, errs)
		}
		if got := r.withKey("/v1/rooms", secret); got != 200 {
			t.Errorf("%s: with the key: %d", name, got)
		}
		id := keyID(t, errs)
		if status, list, errs := program(append([]string{"key", "list"}, flags...)...); status != 0 || !strings.Contains(list, id) {
			t.Errorf("%s: list: %d %q %q", name, status, list, errs)
		}
		if status, out, errs := program(append([]string{"key", "revoke", id}, flags...)...); status != 0 || !strings.Contains(out, id) {
			t.Errorf("%s: revoke: %d %q %q", name, status, out, errs)
		}
		if got := r.withKey("/v1/rooms", secret); got != 401 {
			t.Errorf("%s: with the revoked key: %d", name, got)
		}
		status, _, errs = program(append([]string{"key", "list"}, flags[:len(flags)-2]...)...)
		if status != 1 || !strings.Contains(errs, "401") {
			t.Errorf("%s: without a key: %d %q", name, status, errs)
		}
	}
	// What was made beside it is in its file.
	_, made, _ := program("key", "create", "kept", "--json", "--for", "1h", "--server", at, "--key", root)
	r.end()
	var k api.AccessKey
	if err := json.Unmarshal([]byte(made), &k); err != nil || k.Secret == "" || k.Expires == nil {
		t.Errorf("%v in %s", err, made)
	}
	if _, list, _ := program("key", "list", "--store", file); !strings.Contains(list, k.ID) {
		t.Errorf("the file has %s", list)
	}
}

// Where the server of a store cannot be found, or is not a confd, nothing is made elsewhere
// in silence.
func TestKeysOfAServerThatIsNotFound(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "confd.db")
	held, err := store.Open(file, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"status":"UP"}`) }))
	defer other.Close()
	_, port, _ := net.SplitHostPort(other.Listener.Addr().String())
	for _, listen := range []string{":" + port, "127.0.0.1:1", ""} {
		status, _, errs := program("key", "create", "x", "--store", file, "--http", listen)
		if status != 1 || !strings.Contains(errs, file) || !strings.Contains(errs, "--server") {
			t.Errorf("%q: %d %q", listen, status, errs)
		}
	}
	secure := httptest.NewTLSServer(nil)
	defer secure.Close()
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	cert, key, _ := certificate(t)
	config := writeFile(t, "http: {listen: '"+secure.Listener.Addr().String()+"', tls_cert: "+cert+", tls_key: "+key+"}\n")
	env := []string{"XDG_STATE_HOME=" + dir}
	var stdout, stderr buffer
	status := (&Main{Args: []string{"key", "create", "x", "--config", config}, Env: env, Stdout: &stdout, Stderr: &stderr}).Run(t.Context())
	if status != 1 || stdout.String() != "" || !strings.Contains(stderr.String(), "certificate") {
		t.Errorf("a certificate of another name: %d %q %q", status, stdout.String(), stderr.String())
	}
}

func (r *running) withKey(path, key string) int {
	r.t.Helper()
	status, _ := r.do("GET", path, "", key)
	return status
}

func TestKeyCommandErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "confd.db")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"key", "create", "x", "--store", "", "--http", ""}, "store.path"},
		{[]string{"key", "create", "x", "--http", ""}, "store.path"}, // the environment names no place
		{[]string{"key", "create", "x", "--store", file, "--server", "127.0.0.1:1"}, "one of them"},
		{[]string{"key", "create", "x\ny", "--store", file}, "name"},
		{[]string{"key", "create", "x", "--store", file, "--scope", "all"}, "scope"},
		{[]string{"key", "create", "x", "--store", file, "--for", "-1h"}, "--for"},
		{[]string{"key", "create", "x", "--store", file, "--room", "a b"}, "rooms"},
	} {
		if status, out, errs := program(c.args...); status != 2 || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%q: status %d, %q, %q; want 2 and %q", c.args, status, out, errs, c.want)
		}
	}
}
