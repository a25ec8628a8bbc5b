package rooms

import (
	"context"
	"testing"
)

// choosy lets one join who hears nobody but that one.
func choosy(t *testing.T, h *house, room Name, hears *Participant) *Participant {
	t.Helper()
	p := mustJoin(t, h, request(room))
	mustSet(t, h, p, func(s *ParticipantSettings) { s.Hears = list(hears.ID()) })
	return p
}

// filled has a room "a" in which who hears whom takes all the mixes that there may be: the
// last of them is that of callers without lists.
func filled(t *testing.T) (h *house, all []*Participant) {
	t.Helper()
	h, _, _ = dialHouse(t, Config{})
	all = append(all, mustJoin(t, h, request("a")))
	for len(all) < MaxMixes {
		all = append(all, choosy(t, h, "a", all[len(all)-1]))
	}
	wantMixes(t, h, MaxMixes)
	return h, all
}

func wantMixes(t *testing.T, h *house, n int) {
	t.Helper()
	st := h.stage(0)
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.mixes) != n {
		t.Errorf("%d mixes, want %d", len(st.mixes), n)
	}
}

func wantFull(t *testing.T, err error) {
	t.Helper()
	if CodeOf(err) != Full {
		t.Errorf("one mix too many: %v", err)
	}
}

func TestMixesAreBounded(t *testing.T) {
	h, all := filled(t)
	own := list(all[MaxMixes-1].ID())
	_, err := patch(h, all[0], func(s *ParticipantSettings) { s.Hears, s.Role = own, "x" })
	wantFull(t, err)
	if s, _ := all[0].Snapshot(); s.Hears != nil || s.Role != "" || s.Version != 1 {
		t.Errorf("refused, and yet %+v", s)
	}
	wantMixes(t, h, MaxMixes)
	mustSet(t, h, all[0], func(s *ParticipantSettings) { s.Hears = list(all[0].ID(), all[1].ID()) }) // as somebody else's
	mustSet(t, h, all[5], func(s *ParticipantSettings) { s.Hears = nil })
	mustSet(t, h, all[0], func(s *ParticipantSettings) { s.Hears = own })
}

// Lists that come with a dial-out count from its beginning, so that who answers has its mix.
func TestMixesOfDialOutsAreBounded(t *testing.T) {
	h, all := filled(t)
	d := &fakeDialer{}
	h.SetDialer(d)
	dial := func(s ParticipantSettings) (ParticipantSnapshot, error) {
		return h.Dial(context.Background(), "a", InviteRequest{To: "sip:x@127.0.0.1", Settings: s})
	}
	own := ParticipantSettings{Hears: list(all[3].ID(), all[9].ID())}
	_, err := dial(own)
	wantFull(t, err)
	if len(d.calls) != 0 {
		t.Error("it was called all the same")
	}
	mustLeave(t, all[MaxMixes-1])
	who, err := dial(ParticipantSettings{Hears: list(all[MaxMixes-2].ID())})
	if err != nil {
		t.Fatal(err)
	}
	first := d.last()
	_, err = dial(own)
	wantFull(t, err)
	_, err = patch(h, all[0], func(s *ParticipantSettings) { *s = own })
	wantFull(t, err)
	mustJoin(t, h, request("a"))
	if _, err := dial(ParticipantSettings{}); err != nil {
		t.Error("without lists:", err)
	}
	if _, err := d.last().Answered(Info{}, request("").Media, nil); err != nil {
		t.Error(err)
	}
	wantMixes(t, h, MaxMixes-1)
	if p, err := first.Answered(Info{}, request("").Media, nil); err != nil || p.ID() != who.ID {
		t.Error(err)
	}
	wantMixes(t, h, MaxMixes)
}

func TestMixesOfMovesAreBounded(t *testing.T) {
	h, all := filled(t)
	plain, own := mustJoin(t, h, request("b")), mustJoin(t, h, request("b"))
	mustSet(t, h, own, func(s *ParticipantSettings) { s.Hears = list(all[0].ID(), all[9].ID()) })
	move := func(p *Participant) error {
		_, err := h.Move(context.Background(), p.Room(), p.ID(), "a")
		return err
	}
	wantFull(t, move(own))
	if s, err := own.Snapshot(); err != nil || s.Room != "b" || s.State != StateConnected {
		t.Errorf("%+v, %v", s, err)
	}
	if err := move(plain); err != nil {
		t.Error("without lists:", err)
	}
	mustLeave(t, all[MaxMixes-1])
	if err := move(own); err != nil {
		t.Error(err)
	}
	wantMixes(t, h, MaxMixes)
}

func TestMixesOfAnnouncementsAreBounded(t *testing.T) {
	h, all := filled(t)
	play := func(to *[]string) error {
		_, err := h.Play("a", PlayRequest{Source: deafSource{}, To: to})
		return err
	}
	other := mustJoin(t, h, request("a"))
	wantFull(t, play(list(other.ID())))
	if err := play(nil); err != nil {
		t.Error("to everyone:", err)
	}
	if err := play(list(all[3].ID())); err != nil {
		t.Error("to who has a mix of its own:", err)
	}
	wantMixes(t, h, MaxMixes)
}
