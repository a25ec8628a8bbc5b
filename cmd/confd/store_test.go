package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/phone"
	"github.com/confd/confd/internal/testkit/wait"
)

// end drains the program.
func (r *running) end() {
	r.t.Helper()
	r.drain()
	if status := r.wait(); status != 0 {
		r.t.Errorf("status %d:\n%s", status, r.stderr.String())
	}
}

// A room that the API made, and the record of a call, are there after a restart.
func TestRestart(t *testing.T) {
	leak.Check(t)
	file := filepath.Join(t.TempDir(), "deep", "confd.db")
	args := []string{"--sip", "udp:127.0.0.1:0", "--rtp-ports", "21600-21699", "--store", file, "--log-format", "json"}
	r := start(t, nil, args...)
	if status, body := r.do("POST", "/v1/rooms", `{"id":"standup","name":"Daily"}`); status != 201 {
		t.Fatalf("create: %d %s", status, body)
	}
	p := r.dial(phone.Options{URI: "sip:standup@" + r.SIP[0].Addr.String()})
	p.Close()
	wait.For(t, "a record of the call", func() bool {
		_, body := r.get("/v1/calls?room=standup")
		return strings.Contains(body, `"outcome":"answered"`)
	})
	_, metrics := r.get("/metrics")
	for _, want := range []string{"confd_store_records_lost_total 0\n", "confd_store_broken 0\n", `confd_webhook_dead_letters_total{reason="overflow"} 0`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	r.end()
	if !hasRecord(r.stderr.String(), "call") || !hasRecord(r.stderr.String(), "conference") {
		t.Errorf("the log tells of no call or conference:\n%s", r.stderr.String())
	}

	r = start(t, nil, args...)
	if status, body := r.get("/v1/rooms/standup"); status != 200 || !strings.Contains(body, `"Daily"`) {
		t.Errorf("after the restart: %d %s", status, body)
	}
	for _, path := range []string{"/v1/calls", "/v1/conferences"} {
		_, body := r.get(path)
		_, rest, _ := strings.Cut(body, `"id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		if !strings.Contains(body, `"standup"`) {
			t.Errorf("after the restart %s is %s", path, body)
		}
		if status, one := r.get(path + "/" + id); status != 200 || !strings.Contains(body, strings.TrimSpace(one)) {
			t.Errorf("%s/%s: %d %s", path, id, status, one)
		}
		for _, none := range []string{"c1", strings.Repeat("0", 18), strings.Repeat("z", 18), id[:17] + "-"} {
			if status, one := r.get(path + "/" + none); status != 404 {
				t.Errorf("%s/%s: %d %s", path, none, status, one)
			}
		}
	}
	if status, body := r.get("/v1/calls?after=nonsense"); status != 422 || !strings.Contains(body, `"after"`) {
		t.Errorf("a wrong cursor: %d %s", status, body)
	}
	if status, body := r.get("/v1/calls?from=9000-01-01T00:00:00Z"); status != 200 || strings.Contains(body, "standup") {
		t.Errorf("calls of the year 9000: %d %s", status, body)
	}
	r.end()
}

// hasRecord tells whether a log has a record of a kind, as JSON in the line's JSON.
func hasRecord(log, kind string) bool {
	for line := range strings.Lines(log) {
		var l struct {
			Msg, Kind string
			Record    struct{ ID, Room string }
		}
		if json.Unmarshal([]byte(line), &l) == nil && l.Msg == "record" && l.Kind == kind && l.Record.ID != "" && l.Record.Room == "standup" {
			return true
		}
	}
	return false
}

func TestLogLevelChangesAtRunTime(t *testing.T) {
	leak.Check(t)
	r := start(t, nil, "--sip", "udp:127.0.0.1:0", "--store", "", "--log-level", "error")
	if status, body := r.do("PATCH", "/v1/log", `{"level":"info"}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	r.do("POST", "/v1/rooms", `{"id":"loud"}`)
	if !strings.Contains(r.stderr.String(), "room created") {
		t.Errorf("nothing is logged:\n%s", r.stderr.String())
	}
	r.end()
}

// Where the environment names no place memory does, and the log tells; a file that is in
// use is an error.
func TestStorePlaces(t *testing.T) {
	leak.Check(t)
	dir := t.TempDir()
	for _, c := range []struct {
		env  []string
		want string
	}{
		{nil, ""},
		{[]string{"HOME=/home/x"}, "/home/x/.local/state/confd/confd.db"},
		{[]string{"HOME=relative"}, ""},
		{[]string{"HOME=/home/x", "XDG_STATE_HOME=/state"}, "/state/confd/confd.db"},
		{[]string{"HOME=/home/x", "STATE_DIRECTORY=/var/lib/confd:/var/lib/other"}, "/var/lib/confd/confd.db"},
	} {
		if got := statePath(c.env); got != c.want {
			t.Errorf("%v: %q, want %q", c.env, got, c.want)
		}
	}
	blocked := filepath.Join(dir, "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, env := range [][]string{nil, {"STATE_DIRECTORY=" + filepath.Join(blocked, "below")}} {
		r := start(t, env, "--sip", "udp:127.0.0.1:0")
		if !strings.Contains(r.stderr.String(), "nothing will survive a restart") {
			t.Errorf("%v: the log is\n%s", env, r.stderr.String())
		}
		r.end()
	}
	r := start(t, []string{"STATE_DIRECTORY=" + dir}, "--sip", "udp:127.0.0.1:0")
	if _, err := os.Stat(filepath.Join(dir, "confd.db")); errors.Is(err, os.ErrNotExist) || strings.Contains(r.stderr.String(), "survive") {
		t.Errorf("%v\n%s", err, r.stderr.String())
	}
	var stdout, stderr buffer
	m := &Main{Args: []string{"serve", "--sip", "udp:127.0.0.1:0", "--http", ""}, Env: []string{"STATE_DIRECTORY=" + dir}, Stdout: &stdout, Stderr: &stderr}
	if status := m.Run(limited(t)); status != 1 || !strings.Contains(stderr.String(), "in use") {
		t.Errorf("a second server: status %d, %s", status, stderr.String())
	}
	r.end()
}
