package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/confd/confd/mixer"
)

func patch(h *house, p *Participant, change func(*ParticipantSettings)) (ParticipantSnapshot, error) {
	return h.PatchParticipant(context.Background(), p.Room(), p.ID(), func(s *ParticipantSettings) error { change(s); return nil }, nil)
}

func mustSet(t *testing.T, h *house, p *Participant, change func(*ParticipantSettings)) ParticipantSnapshot {
	t.Helper()
	s, err := patch(h, p, change)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPatchParticipant(t *testing.T) {
	h := newHouse(t, Config{})
	req := request("a")
	req.Info.DisplayName = "+49 30 1"
	req.Media.Receive.Gain, req.Media.Send.Gain = 2, 0
	p := mustJoin(t, h, req)
	events := watch(t, h.Registry, 16).Events()
	before, _ := p.Snapshot()
	if before.Name() != "+49 30 1" || before.State != StateConnected || before.Version == 0 {
		t.Errorf("%+v", before)
	}
	s := mustSet(t, h, p, func(s *ParticipantSettings) {
		s.DisplayName, s.Role, s.Metadata = "Ann", "moderator", json.RawMessage(`{"crm": 7}`)
		s.InputGain, s.OutputGain, s.Groups = 6, -20, []string{"staff"}
	})
	if s.Name() != "Ann" || s.Role != "moderator" || string(s.Metadata) != `{"crm":7}` || s.Version != before.Version+1 {
		t.Errorf("%+v", s)
	}
	l, _ := h.stage(0).leg(p)
	if g := float64(l.receive.Gain); math.Abs(g-2*1.9953) > 0.001 {
		t.Errorf("input gain %v", g)
	}
	if g := float64(l.send.Gain); math.Abs(g-0.1) > 0.001 {
		t.Errorf("output gain %v", g)
	}
	// Signalling changes codecs: the gains stay.
	if err := p.Update(context.Background(), MediaUpdate{Receive: &mixer.InputConfig{}, Send: &mixer.OutputConfig{Format: pcmu}}); err != nil {
		t.Fatal(err)
	}
	l, _ = h.stage(0).leg(p)
	if math.Abs(float64(l.receive.Gain)-1.9953) > 0.001 || math.Abs(float64(l.send.Gain)-0.1) > 0.001 || p.Stats().Codec != pcmu {
		t.Errorf("%+v", l)
	}
	same := mustSet(t, h, p, func(s *ParticipantSettings) { s.Groups = []string{"staff", "staff"} })
	if same.Version != s.Version {
		t.Error("the same settings count as a change")
	}
	s = mustSet(t, h, p, func(s *ParticipantSettings) { s.Held = true })
	if l, _ := h.stage(0).leg(p); s.State != StateHeld || !l.receive.Held {
		t.Errorf("%+v, on the stage %+v", s, l)
	}
	s = mustSet(t, h, p, func(s *ParticipantSettings) { *s = ParticipantSettings{} })
	if l, _ := h.stage(0).leg(p); s.State != StateConnected || l.receive.Held || l.receive.Gain != 0 || l.send.Gain != 0 {
		t.Errorf("%+v, on the stage %+v", s, l)
	}
	wantKinds(t, next(t, events, 3), ParticipantUpdated, ParticipantUpdated, ParticipantUpdated)
}

// What goes into a patch and what comes out of it is the caller's own.
func TestPatchSharesNothing(t *testing.T) {
	h := newHouse(t, Config{})
	p := mustJoin(t, h, request("a"))
	metadata, hears, groups := json.RawMessage(`{"a":1}`), []string{"group:x"}, []string{"x"}
	s := mustSet(t, h, p, func(s *ParticipantSettings) { s.Metadata, s.Hears, s.Groups = metadata, &hears, groups })
	metadata[2], hears[0], groups[0] = 'b', "zz", "zz"
	s.Metadata[2], (*s.Hears)[0], s.Groups[0] = 'c', "yy", "yy"
	mustSet(t, h, p, func(s *ParticipantSettings) {
		if string(s.Metadata) != `{"a":1}` || (*s.Hears)[0] != "group:x" || s.Groups[0] != "x" {
			t.Errorf("%s, %v, %v", s.Metadata, *s.Hears, s.Groups)
		}
	})
}

func TestPatchParticipantRefuses(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t, Config{})
	p := mustJoin(t, h, request("a"))
	role := func(s *ParticipantSettings) error { s.Role = "x"; return nil }
	old := uint64(1)
	if _, err := h.PatchParticipant(ctx, "a", p.ID(), role, &old); err != nil {
		t.Fatal(err)
	}
	if _, err := h.PatchParticipant(ctx, "a", p.ID(), role, &old); CodeOf(err) != Conflict {
		t.Error(err)
	}
	mine := errors.New("mine")
	if _, err := h.PatchParticipant(ctx, "a", p.ID(), func(*ParticipantSettings) error { return mine }, nil); err != mine {
		t.Error(err)
	}
	if _, err := patch(h, p, func(s *ParticipantSettings) { s.Role = "a\nb" }); fieldOf(err) != "role" {
		t.Error(err)
	}
	for _, id := range []string{"", "none", "../x", "\x00\xff", p.ID() + " "} {
		if _, err := h.PatchParticipant(ctx, "a", id, role, nil); CodeOf(err) != NotFound {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := h.PatchParticipant(ctx, "none", p.ID(), role, nil); CodeOf(err) != NotFound {
		t.Error(err)
	}
	// It leaves while the change is thought about.
	if _, err := patch(h, p, func(s *ParticipantSettings) { s.Role = "y"; mustLeave(t, p) }); CodeOf(err) != NotFound {
		t.Error(err)
	}
}

// Patches at the same time all count.
func TestPatchesAtOnce(t *testing.T) {
	h := newHouse(t, Config{})
	p := mustJoin(t, h, request("a"))
	var wg sync.WaitGroup
	const n = 12
	for i := range n {
		wg.Go(func() {
			if _, err := patch(h, p, func(s *ParticipantSettings) { s.Groups = append(s.Groups, fmt.Sprintf("g%d", i)) }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s, _ := p.Snapshot(); len(s.Groups) != n || s.Version != 1+n {
		t.Errorf("%v at version %d", s.Groups, s.Version)
	}
}

// Who hears whom follows patches, joins and leaves, and has a bound.
func TestWhoHearsWhom(t *testing.T) {
	h := newHouse(t, Config{})
	var all []*Participant
	for range 4 {
		all = append(all, mustJoin(t, h, request("a")))
	}
	agent, customer, coach, boss := all[0], all[1], all[2], all[3]
	st := h.stage(0)
	check := func(what string, want func(l, s *Participant) bool) {
		t.Helper()
		for _, l := range all {
			for _, s := range all {
				if got := st.hears(l, s); got != (l != s && want(l, s)) {
					t.Errorf("%s: %d hears %d: %v", what, index(all, l), index(all, s), got)
				}
			}
		}
	}
	check("at first", func(_, _ *Participant) bool { return true })
	mustSet(t, h, coach, func(s *ParticipantSettings) { s.HeardBy = list(agent.ID()) })
	check("whisper", func(l, s *Participant) bool { return s != coach || l == agent })
	mustSet(t, h, boss, func(s *ParticipantSettings) { s.Hears = list("group:line"); s.HeardBy = list() })
	mustSet(t, h, customer, func(s *ParticipantSettings) { s.Groups = []string{"line"} })
	want := func(l, s *Participant) bool {
		return s != boss && (s != coach || l == agent) && (l != boss || s == customer)
	}
	check("and the boss listens in", want)
	all = append(all, mustJoin(t, h, request("a")))
	check("and another joins", want)
	mustLeave(t, all[4])
	all = all[:4]
	check("and leaves", want)
	mustSet(t, h, customer, func(s *ParticipantSettings) { s.Pinned = true })
	for _, m := range st.mixes {
		if m.all != contains(m.inputs, customer.leg.in) != contains(m.pinned, customer.leg.in) {
			t.Errorf("pinned in %+v", m)
		}
	}
	for _, p := range all {
		mustSet(t, h, p, func(s *ParticipantSettings) { *s = ParticipantSettings{} })
	}
	check("at last", func(_, _ *Participant) bool { return true })
	if len(st.mixes) != 1 || !st.mixes[0].all || len(st.mixes[0].inputs) > 0 {
		t.Errorf("mixes %+v", st.mixes)
	}
}

func index(all []*Participant, p *Participant) int {
	for i := range all {
		if all[i] == p {
			return i
		}
	}
	return -1
}

// Who removes the version it saw removes no other: of a change and a removal at once, only
// one comes about.
func TestRemovalOfAVersion(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t, Config{})
	why := Reason{Code: ReasonRemoved, Text: "enough"}
	for range 200 {
		mustCreate(t, h, "a", Settings{})
		p := mustJoin(t, h, request("a"))
		s, _ := p.Snapshot()
		removed := make(chan error)
		go func() { removed <- h.RemoveParticipant(ctx, "a", p.ID(), why, &s.Version) }()
		_, patched := patch(h, p, func(s *ParticipantSettings) { s.Role = "x" })
		oneOfTwo(t, <-removed, patched)
		r, _ := h.Get("a")
		go func() { removed <- h.Delete(ctx, "a", why, &r.Version) }()
		_, patched = h.Patch(ctx, "a", func(s *Settings) error { s.Locked = true; return nil }, nil)
		if oneOfTwo(t, <-removed, patched); patched == nil {
			if err := h.Delete(ctx, "a", why, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func oneOfTwo(t *testing.T, removed, patched error) {
	t.Helper()
	if r, p := CodeOf(removed), CodeOf(patched); !(r == "" && p == NotFound || r == Conflict && p == "") {
		t.Fatalf("removed: %v, patched: %v", removed, patched)
	}
}

// A path names a participant in a room, and nobody who has moved on.
func TestVerbsKeepToTheRoom(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t, Config{})
	p, _ := mustJoin(t, h, request("a")), mustJoin(t, h, request("a"))
	mustJoin(t, h, request("b"))
	_, err := h.PatchParticipant(ctx, "a", p.ID(), func(s *ParticipantSettings) error {
		s.Muted = true
		_, err := h.Move(ctx, "a", p.ID(), "b")
		return err
	}, nil)
	if s, _ := p.Snapshot(); CodeOf(err) != NotFound || s.Muted || s.Room != "b" {
		t.Errorf("%v, %+v", err, s)
	}
	if err := h.RemoveParticipant(ctx, "a", p.ID(), Reason{}, nil); CodeOf(err) != NotFound {
		t.Error(err)
	}
	if err := h.RemoveParticipant(ctx, "b", p.ID(), Reason{}, nil); err != nil {
		t.Error(err)
	}
}
