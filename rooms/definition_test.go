package rooms

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
)

// fakeStore remembers definitions, and can fail or be slow.
type fakeStore struct {
	mu    sync.Mutex
	rooms map[Name]Definition
	err   error
	look  func() // before a change is durable
}

func (s *fakeStore) SaveRoom(d Definition) error {
	return s.change(func() { s.rooms[d.Name] = d })
}

func (s *fakeStore) DeleteRoom(n Name) error { return s.change(func() { delete(s.rooms, n) }) }

func (s *fakeStore) change(f func()) error {
	if s.look != nil {
		s.look()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.rooms == nil {
		s.rooms = make(map[Name]Definition)
	}
	f()
	return nil
}

func (s *fakeStore) all() (defs []Definition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.rooms {
		defs = append(defs, d)
	}
	return defs
}

func mustCreate(t *testing.T, h *house, name Name, s Settings) RoomSnapshot {
	t.Helper()
	r, err := h.Create(context.Background(), name, s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustPatch(t *testing.T, h *house, name Name, change func(*Settings)) RoomSnapshot {
	t.Helper()
	r, err := h.Patch(context.Background(), name, func(s *Settings) error { change(s); return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A room that the API made is there before its first participant and after its last.
func TestCreatedRoomStays(t *testing.T) {
	h := newHouse(t, Config{Open: OpenNobody})
	events := watch(t, h.Registry, 32).Events()
	ctx := context.Background()
	made := mustCreate(t, h, "a", Settings{DisplayName: "A"})
	if !made.Persistent || made.Version == 0 || made.DisplayName != "A" || !made.Opened.IsZero() || made.Conference != "" {
		t.Errorf("%+v", made)
	}
	if _, err := h.Create(ctx, "a", Settings{}); CodeOf(err) != Exists {
		t.Errorf("made twice: %v", err)
	}
	for range 2 {
		mustLeave(t, mustJoin(t, h, request("a")))
	}
	if s, err := h.Get("a"); err != nil || s.Version != made.Version || !s.Opened.IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
	p := mustJoin(t, h, request("a"))
	if err := h.CloseRoom(ctx, "a", Reason{Code: ReasonRoomClosed}); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if err := h.Delete(ctx, "a", Reason{Code: ReasonRemoved}, nil); err != nil {
		t.Fatal(err)
	}
	if err := h.Delete(ctx, "a", Reason{}, nil); CodeOf(err) != NotFound {
		t.Errorf("deleted twice: %v", err)
	}
	visit := []EventKind{RoomOpened, ParticipantJoined, ParticipantLeft, RoomClosed}
	want := append([]EventKind{RoomCreated}, visit...)
	want = append(append(append(want, visit...), visit...), RoomDeleted)
	got := next(t, events, len(want))
	wantKinds(t, got, want...)
	if got[12].Reason.Code != ReasonRoomClosed || got[13].Reason.Code != ReasonRemoved || got[1].RoomInfo.Conference == got[5].RoomInfo.Conference {
		t.Errorf("%+v", got)
	}
	if s := h.Snapshot(); len(s.Rooms) != 0 || h.Counts().Rooms != 0 {
		t.Errorf("left: %+v", s.Rooms)
	}
}

// Deleting a room with people in it hangs up on them.
func TestDeleteEndsTheConference(t *testing.T) {
	h := newHouse(t, Config{})
	mustCreate(t, h, "a", Settings{})
	call := newFakeCall()
	req := request("a")
	req.Call = call
	p := mustJoin(t, h, req)
	why := Reason{Code: ReasonRoomClosed, Text: "done"}
	if err := h.Delete(context.Background(), "a", why, nil); err != nil {
		t.Fatal(err)
	}
	if got := <-call.ends; got != why {
		t.Errorf("ended for %v", got)
	}
	<-p.Done()
	mustLeave(t, mustJoin(t, h, request("a"))) // the name is free
}

func TestCreateRefuses(t *testing.T) {
	ctx := context.Background()
	store := &fakeStore{}
	h := newHouse(t, Config{MaxRooms: 2, MaxPerRoom: 10, Store: store})
	for _, n := range []Name{"A", "a/b", "..", "a b", Name(strings.Repeat("x", 65)), "\x00"} {
		if _, err := h.Create(ctx, n, Settings{}); fieldOf(err) != "id" {
			t.Errorf("%q: %v", n, err)
		}
	}
	if _, err := h.Create(ctx, "a", Settings{MaxParticipants: 11}); fieldOf(err) != "max_participants" {
		t.Error(err)
	}
	first, second := mustCreate(t, h, "", Settings{}), mustCreate(t, h, "", Settings{})
	if first.Name == second.Name {
		t.Error("two rooms got the same name")
	}
	if _, err := ParseName(string(first.Name)); err != nil {
		t.Error(err)
	}
	if _, err := h.Create(ctx, "", Settings{}); CodeOf(err) != Full {
		t.Error(err)
	}
	store.err = errors.New("disk full")
	if _, err := h.Patch(ctx, first.Name, func(s *Settings) error { s.Locked = true; return nil }, nil); CodeOf(err) != Internal || !errors.Is(err, store.err) {
		t.Error(err)
	}
	if s, _ := h.Get(first.Name); s.Locked || s.Version != first.Version {
		t.Errorf("a change that was not saved is in force: %+v", s)
	}
	if err := h.Delete(ctx, first.Name, Reason{}, nil); !errors.Is(err, store.err) {
		t.Error(err)
	}
	if _, err := h.Get(first.Name); err != nil {
		t.Error("what could not be taken out of the store is gone:", err)
	}
	store.err = nil
	if err := h.Delete(ctx, first.Name, Reason{}, nil); err != nil {
		t.Error(err)
	}
	h.Refuse()
	if _, err := h.Create(ctx, "", Settings{}); CodeOf(err) != Draining {
		t.Error(err)
	}
	if n := len(store.all()); n != 1 {
		t.Errorf("%d rooms are in the store", n)
	}
}

// A change is durable before anybody sees it.
func TestDurableBeforeVisible(t *testing.T) {
	store := &fakeStore{}
	h := newHouse(t, Config{Store: store})
	check := func(visible func(RoomSnapshot, error) bool) func() {
		return func() {
			if s, err := h.Get("a"); visible(s, err) {
				t.Errorf("visible before it is durable: %+v, %v", s, err)
			}
		}
	}
	store.look = check(func(_ RoomSnapshot, err error) bool { return err == nil })
	mustCreate(t, h, "a", Settings{})
	store.look = check(func(s RoomSnapshot, _ error) bool { return s.Locked })
	mustPatch(t, h, "a", func(s *Settings) { s.Locked = true })
	store.look = check(func(_ RoomSnapshot, err error) bool { return err != nil })
	if err := h.Delete(context.Background(), "a", Reason{}, nil); err != nil {
		t.Fatal(err)
	}
	if len(store.all()) != 0 {
		t.Error("the store kept it")
	}
}

// While a store is slow, its room goes on, and so do changes of others.
func TestSlowStoreHoldsNobodyUp(t *testing.T) {
	store := &fakeStore{}
	h := newHouse(t, Config{Store: store})
	mustCreate(t, h, "a", Settings{})
	reached, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	store.look = func() {
		first := false
		once.Do(func() { first = true })
		if first {
			close(reached)
			<-release
		}
	}
	patched := make(chan error)
	go func() {
		_, err := h.Patch(context.Background(), "a", func(s *Settings) error { s.Talkers = 3; return nil }, nil)
		patched <- err
	}()
	<-reached
	p := mustJoin(t, h, request("a"))
	p.Digit(1, 0)
	mustLeave(t, p)
	mustCreate(t, h, "b", Settings{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.Patch(ctx, "a", func(*Settings) error { return nil }, nil); CodeOf(err) != TimedOut {
		t.Errorf("who does not wait: %v", err)
	}
	close(release)
	if err := <-patched; err != nil {
		t.Error(err)
	}
}

// What a store has comes back with its version; what makes no sense is told.
func TestRestore(t *testing.T) {
	store := &fakeStore{}
	h := newHouse(t, Config{Store: store})
	made := mustCreate(t, h, "a", Settings{Talkers: 3, MaxParticipants: 500})
	made = mustPatch(t, h, "a", func(s *Settings) { s.Locked = true })
	h.Close()
	if len(store.all()) != 1 {
		t.Fatal("closing took the room out of the store")
	}
	h = newHouse(t, Config{Store: store, MaxPerRoom: 100})
	store.err = errors.New("not to be called")
	defs := append(store.all(), Definition{Name: "B"}, store.all()[0], Definition{Name: "c", Settings: Settings{Talkers: 99}}, Definition{Name: "d"})
	if err := h.Restore(defs); fieldOf(err) != "id" {
		t.Error(err)
	}
	s, err := h.Get("a")
	if err != nil || !s.Locked || s.Version != made.Version || !s.Created.Equal(made.Created) || s.MaxParticipants != 100 || !s.Persistent {
		t.Errorf("restored %+v, %v", s, err)
	}
	if l := h.List(ListOptions{}); len(l) != 2 || l[1].Name != "d" {
		t.Errorf("%+v", l)
	}
	store.err = nil
}

// A room that a call opened becomes one that was made, under way.
func TestCreateOfAnOpenRoom(t *testing.T) {
	store := &fakeStore{}
	h := newHouse(t, Config{Store: store})
	p := mustJoin(t, h, request("a"))
	events := watch(t, h.Registry, 8).Events()
	before, _ := h.Get("a")
	s := mustCreate(t, h, "a", Settings{Talkers: 3})
	if s.Conference != before.Conference || s.Count != 1 || !s.Persistent || h.stage(0).tuning.talkers != 3 {
		t.Errorf("%+v", s)
	}
	mustLeave(t, p)
	wantKinds(t, next(t, events, 3), RoomCreated, ParticipantLeft, RoomClosed)
	if _, err := h.Get("a"); err != nil || len(store.all()) != 1 {
		t.Error(err)
	}
}

func TestList(t *testing.T) {
	h := newHouse(t, Config{})
	for _, n := range []Name{"b2", "a", "b1", "b3", "c"} {
		mustCreate(t, h, n, Settings{})
	}
	mustJoin(t, h, request("b2"))
	for _, c := range []struct {
		o    ListOptions
		want string
	}{
		{ListOptions{}, "a b1 b2 b3 c"},
		{ListOptions{Prefix: "b"}, "b1 b2 b3"},
		{ListOptions{Prefix: "b", Limit: 2}, "b1 b2"},
		{ListOptions{Prefix: "b", After: "b2", Limit: 2}, "b3"},
		{ListOptions{After: "c"}, ""},
		{ListOptions{Prefix: "x"}, ""},
	} {
		var names []string
		for _, r := range h.List(c.o) {
			names = append(names, string(r.Name))
			if want := map[Name]int{"b2": 1}[r.Name]; r.Count != want {
				t.Errorf("%s counts %d", r.Name, r.Count)
			}
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%+v lists %q, want %q", c.o, got, c.want)
		}
	}
}

// Versions keep two who change the same room from undoing each other.
func TestRoomVersions(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t, Config{})
	made := mustCreate(t, h, "a", Settings{})
	events := watch(t, h.Registry, 8).Events()
	lock := func(s *Settings) error { s.Locked = true; return nil }
	s, err := h.Patch(ctx, "a", lock, &made.Version)
	if err != nil || s.Version <= made.Version || s.Updated.Before(s.Created) {
		t.Fatalf("%+v, %v", s, err)
	}
	if _, err := h.Patch(ctx, "a", lock, &made.Version); CodeOf(err) != Conflict {
		t.Error(err)
	}
	if err := h.Delete(ctx, "a", Reason{}, &made.Version); CodeOf(err) != Conflict {
		t.Error(err)
	}
	same, err := h.Patch(ctx, "a", lock, &s.Version)
	if err != nil || same.Version != s.Version {
		t.Errorf("nothing changed, and yet: %+v, %v", same, err)
	}
	mine := errors.New("mine")
	if _, err := h.Patch(ctx, "a", func(s *Settings) error { s.Talkers = 1; return mine }, nil); err != mine {
		t.Error(err)
	}
	if _, err := h.Patch(ctx, "a", func(s *Settings) error { s.Talkers = 99; return nil }, nil); fieldOf(err) != "talkers" {
		t.Error(err)
	}
	if _, err := h.Patch(ctx, "none", lock, nil); CodeOf(err) != NotFound {
		t.Error(err)
	}
	if err := h.Delete(ctx, "a", Reason{}, &s.Version); err != nil {
		t.Error(err)
	}
	wantKinds(t, next(t, events, 2), RoomUpdated, RoomDeleted)
	if again := mustCreate(t, h, "a", Settings{}); again.Version == made.Version {
		t.Error("another room has the version of the first")
	}
}

// Settings govern who comes in next, and nobody who is there.
func TestSettingsInForce(t *testing.T) {
	h := newHouse(t, Config{MaxPerRoom: 3})
	mustJoin(t, h, request("a"))
	mustPatch(t, h, "a", func(s *Settings) { s.MaxParticipants, s.MutedOnEntry, s.Talkers, s.SampleRate = 2, true, 4, 16000 })
	if got := h.stage(0).tuning; got != (tuning{4, 16000}) {
		t.Errorf("tuned to %+v", got)
	}
	p := mustJoin(t, h, request("a"))
	if s, _ := p.Snapshot(); !s.Muted {
		t.Errorf("%+v", s)
	}
	if l, _ := h.stage(0).leg(p); !l.receive.Muted {
		t.Error("it is not muted on the stage")
	}
	wantCode(t, h, "a", Full, "max_participants")
	mustPatch(t, h, "a", func(s *Settings) { s.MaxParticipants = 1 })
	if s, _ := h.Get("a"); s.Count != 2 {
		t.Errorf("a limit threw somebody out: %+v", s)
	}
	mustPatch(t, h, "a", func(s *Settings) { s.MaxParticipants, s.Locked = 0, true })
	wantCode(t, h, "a", Locked, "locked")
	mustPatch(t, h, "a", func(s *Settings) { s.Locked, s.Admission = false, AdmitInvited })
	wantCode(t, h, "a", Forbidden, "invited")
	mustPatch(t, h, "a", func(s *Settings) { s.Admission = AdmitPrivate })
	wantCode(t, h, "a", Forbidden, "private")
	req := request("a")
	req.Trusted = true
	mustJoin(t, h, req)
	if _, err := h.Join(context.Background(), req); CodeOf(err) != Full {
		t.Error(err)
	}
}
