package e2e

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/client"
)

// callee is a phone that is called, and what the API must tell of it.
type callee struct {
	scenario string
	dial     client.Dial // but for To
	plot     []string    // kinds of its events
	outcome  client.DialFailureOutcome
	status   int
}

// calling is how every call out begins.
var calling = []string{"participant.calling", "participant.ringing"}

// TestDialOutOutcomes: one room calls many phones at once. One answers, one asks for
// credentials first, the others are busy, decline, do not answer, are called in vain; one is
// given up while it rings. Each is told as it was, in order, in events and records.
func TestDialOutOutcomes(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	place := newPlace(t)
	c := startConfd(t, place, serverOptions{})
	d := c.desk(t, "")
	s := d.watch(client.Follow{})
	d.room("out")
	callees := map[string]callee{
		"answers":    {scenario: "answer.xml", dial: client.Dial{From: new("+4930123456"), CallerName: new("Daily"), Headers: map[string]string{"X-Campaign": "spring"}}, plot: append(calling[:2:2], "participant.joined", "participant.left")},
		"trunk":      {scenario: "trunk.xml", dial: client.Dial{Username: new("trunk"), Password: new("open-sesame")}, plot: append(calling[:2:2], "participant.joined", "participant.left")},
		"stranger":   {scenario: "trunk.xml", dial: client.Dial{Username: new("trunk"), Password: new("guess")}, plot: []string{"participant.calling", "participant.failed"}, outcome: "failed", status: 403},
		"busy":       {scenario: "busy.xml", plot: append(calling[:2:2], "participant.failed"), outcome: "busy", status: 486},
		"declines":   {scenario: "decline.xml", plot: append(calling[:2:2], "participant.failed"), outcome: "declined", status: 603},
		"unanswered": {scenario: "ring.xml", dial: client.Dial{Timeout: new(1.0)}, plot: append(calling[:2:2], "participant.failed"), outcome: "unanswered"},
		"cancelled":  {scenario: "ring.xml", plot: append(calling[:2:2], "participant.failed"), outcome: "cancelled"},
		"nowhere":    {plot: []string{"participant.calling", "participant.failed"}, outcome: "failed"},
	}
	phones, logs, called := map[string]*process{}, map[string]string{}, map[string]*client.Participant{}
	for name, x := range callees {
		port, params := place.freePort(t), []string(nil)
		if x.scenario == "" {
			params = []string{"transport=tcp"} // of which the refusal is certain
		} else {
			logs[name] = filepath.Join(t.TempDir(), "log")
			phones[name] = startSipp(t, place, sippRun{
				scenario: x.scenario, port: port, room: name, transport: "u1", calls: 1, rate: 1, freq: 860, log: logs[name],
			})
			phones[name].listens(t, port)
		}
		x.dial.To = uri(name, hostPort(place.ip, port), params...)
		called[name] = d.dial("out", x.dial)
	}
	for _, name := range []string{"answers", "trunk"} {
		joined := s.of("participant.joined", called[name].ID).Participant
		if joined.State != client.ParticipantStateConnected {
			t.Errorf("%s is %s", name, joined.State)
		}
		s.of("talking.started", joined.ID) // by then SIPp, too, is ready for a BYE
		d.remove(joined, "thank you")
	}
	s.of("participant.ringing", called["cancelled"].ID)
	d.remove(called["cancelled"], "never mind")

	for name, x := range callees {
		last := s.of(x.plot[len(x.plot)-1], called[name].ID)
		if got := s.about(called[name].ID); strings.Join(got, " ") != strings.Join(x.plot, " ") {
			t.Errorf("%s: there were %v, want %v", name, got, x.plot)
		}
		if x.outcome == "" {
			continue
		}
		if last.Failure == nil || last.Failure.Outcome != x.outcome || x.status != 0 && (last.Failure.Status == nil || *last.Failure.Status != int64(x.status)) {
			t.Errorf("%s: %+v, want %s and %d", name, last.Failure, x.outcome, x.status)
		}
	}
	for name, p := range phones {
		if err := sippDone(p, 1, 20*time.Second); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]string{"cancelled": `text="never mind"`, "answers": `called by "Daily" <sip:+4930123456@` + place.ip} {
		if log, err := os.ReadFile(logs[name]); err != nil || !strings.Contains(string(log), want) {
			t.Errorf("%s: it logs %q (%v), want %s", name, log, err, want)
		}
	}
	if log, _ := os.ReadFile(logs["answers"]); !strings.Contains(string(log), "for spring") {
		t.Errorf("X-Campaign is not in the INVITE: %q", log)
	}
	if rest := d.list("out"); len(rest) != 0 {
		t.Errorf("%d are still there", len(rest))
	}
	d.recorded(callees, called)
	s.agrees(d)
	s.whole()
}

// recorded fails the test unless there is a record of each call that says how it came out.
func (d desk) recorded(callees map[string]callee, called map[string]*client.Participant) {
	d.t.Helper()
	a, err := d.ListCallsWithResponse(d.t.Context(), nil)
	d.must(a, err)
	outcomes := map[string]string{}
	for _, r := range a.JSON200.Calls {
		outcomes[r.ID] = string(r.Outcome)
	}
	for name, x := range callees {
		if got, want := outcomes[called[name].ID], cmp.Or(string(x.outcome), "answered"); got != want {
			d.t.Errorf("%s: the record says %q, want %q", name, got, want)
		}
	}
}
