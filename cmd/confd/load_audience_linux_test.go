package main

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/confd/confd/bench/load/report"
	"github.com/confd/confd/internal/testkit/leak"
)

func TestLoadOfListenersAlone(t *testing.T) {
	leak.Check(t)
	l := newLecture(t, "239.255.9.8:45004", nil)
	name := write(t, l.sdp(1, nil))
	status, stdout, stderr := run("", "load", "--multicast-listeners", "10", "--multicast-sdp", name, "--multicast-interface", "lo", "--for", "2s", "--json")
	var r report.Report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || status != 0 || r.Multicast == nil {
		t.Fatalf("status %d, %v: %s%s", status, err, stdout, stderr)
	}
	if m := r.Multicast; m.Listeners != 10 || m.Heard != 10 || m.Different != 0 || !m.Sounded || !r.Verdict.Passed {
		t.Errorf("%+v", m)
	}
	status, stdout, _ = run("", "load", "--multicast-listeners", "2", "--multicast-sdp", name, "--multicast-interface", "lo", "--for", "2s")
	if status != 0 || !strings.HasPrefix(stdout, "PASSED") || !strings.Contains(stdout, "2 listeners, of whom 2 heard it and 0 not") {
		t.Errorf("status %d: %s", status, stdout)
	}
}

func TestLoadOfListenersThatHearNothing(t *testing.T) {
	name := write(t, (&lecture{group: netip.MustParseAddrPort("239.255.9.9:45004")}).sdp(1, nil))
	status, stdout, stderr := run("", "load", "--multicast-listeners", "2", "--multicast-sdp", name, "--multicast-interface", "lo", "--for", "100ms")
	if status != 1 || !strings.Contains(stdout, "did not come to 2 of 2 listeners") {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
}

func TestLoadOfListenersRefusals(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--multicast-listeners 5001 --multicast-sdp x", "want 1 to 5000"},
		{"--multicast-listeners -1", "-1"},
		{"--multicast-listeners 1", "want --multicast-sdp, or --api"},
		{"--multicast-listeners 1 --multicast-sdp x --api y", "want --multicast-sdp, or --api"},
		{"--multicast-listeners 1 --api http://127.0.0.1", "want --to with one room"},
		{"--multicast-listeners 1 --multicast-sdp x --report y", "about callers"},
		{"--multicast-sdp x --to sip:a@127.0.0.1 --callers 3", "go with --multicast-listeners"},
	} {
		status, _, stderr := run("", append([]string{"load"}, strings.Fields(c.args)...)...)
		if status != 2 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: status %d, %q, want %q", c.args, status, stderr, c.want)
		}
	}
}

func TestRoomOfURI(t *testing.T) {
	for uri, want := range map[string]string{"sip:a@h": "a", "sip:a%20b;multicast@h:5060": "a b", "a": ""} {
		if got := roomOf(uri); got != want {
			t.Errorf("%s: %q, want %q", uri, got, want)
		}
	}
}
