package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"
)

// replica is a roster as a subscriber builds it: from nothing but the stream.
type replica struct {
	t      *testing.T
	seq    uint64
	rooms  map[Name]map[string]*ParticipantSnapshot
	infos  map[Name]*RoomSnapshot
	filter Name
}

func newReplica(t *testing.T) *replica {
	return &replica{t: t, rooms: make(map[Name]map[string]*ParticipantSnapshot), infos: make(map[Name]*RoomSnapshot)}
}

// apply takes an event in and complains of what cannot be.
func (m *replica) apply(e *Event) {
	m.t.Helper()
	if e.Kind == SnapshotTaken {
		m.load(e)
		return
	}
	if m.filter == "" && m.seq != 0 && e.Seq != m.seq+1 || e.Seq <= m.seq {
		m.t.Fatalf("event %d follows %d", e.Seq, m.seq)
	}
	m.seq = e.Seq
	people, exists := m.rooms[e.Room]
	bad := func(why string) { m.t.Fatalf("event %d, %s in %s: %s", e.Seq, e.Kind, e.Room, why) }
	if e.RoomInfo != nil {
		m.infos[e.Room] = e.RoomInfo
	}
	switch e.Kind {
	case RoomCreated, RoomOpened:
		if !exists {
			m.rooms[e.Room] = make(map[string]*ParticipantSnapshot)
		}
		return
	case RoomClosed, RoomDeleted:
		if !exists || len(people) > 0 {
			bad(fmt.Sprintf("with %d inside, known: %v", len(people), exists))
		}
		if e.Kind == RoomDeleted || !e.RoomInfo.Persistent {
			delete(m.rooms, e.Room)
			delete(m.infos, e.Room)
		}
		return
	}
	if !exists {
		bad("in a room that is not there")
	}
	if e.Participant == nil {
		return
	}
	id := e.Participant.ID
	was := people[id]
	switch e.Kind {
	case ParticipantCalling:
		if was != nil {
			bad("is there")
		}
		people[id] = e.Participant
	case ParticipantJoined:
		if was != nil && was.State != StateCalling && was.State != StateRinging {
			bad("has joined")
		}
		people[id] = e.Participant
	case ParticipantLeft, ParticipantFailed:
		if was == nil {
			bad("is not there")
		}
		delete(people, id)
	default:
		if was == nil {
			bad("is not there")
		}
		people[id] = e.Participant
	}
}

func (m *replica) load(e *Event) {
	m.seq = e.Seq
	clear(m.rooms)
	clear(m.infos)
	for _, r := range e.Rooms {
		people := make(map[string]*ParticipantSnapshot)
		for _, p := range r.Participants {
			people[p.ID] = p
		}
		m.rooms[r.Name], m.infos[r.Name] = people, r
	}
}

// same compares with a snapshot that the registry made.
func (m *replica) same(e *Event) {
	m.t.Helper()
	if len(e.Rooms) != len(m.rooms) {
		m.t.Fatalf("at %d the snapshot has %d rooms, the stream %d", e.Seq, len(e.Rooms), len(m.rooms))
	}
	for _, r := range e.Rooms {
		m.sameRoom(*r)
	}
}

func (m *replica) sameRoom(r RoomSnapshot) {
	m.t.Helper()
	people := m.rooms[r.Name]
	if len(r.Participants) != len(people) || r.Count != len(people) {
		m.t.Fatalf("room %s has %d participants and counts %d, the stream has %d", r.Name, len(r.Participants), r.Count, len(people))
	}
	for _, p := range r.Participants {
		if !reflect.DeepEqual(p, people[p.ID]) {
			m.t.Fatalf("room %s has\n%+v, the stream\n%+v", r.Name, p, people[p.ID])
		}
	}
	if i := m.infos[r.Name]; i.Version != r.Version || !i.Settings.equal(r.Settings) || i.Persistent != r.Persistent || i.Conference != r.Conference {
		m.t.Fatalf("room %s is\n%+v, in the stream\n%+v", r.Name, r, i)
	}
}

// Joins, dial-outs, patches, moves, leaves and deletions all at once: what the stream tells
// is at every step what the rooms themselves know, for who was there from the start, who
// resumes, and who comes late.
func TestModelStorm(t *testing.T) {
	dialer := &fakeDialer{}
	h := newHouse(t, Config{History: 1 << 18})
	h.SetDialer(dialer)
	all := h.Subscribe(SubscribeOptions{Buffer: 1 << 18})
	defer all.Close()
	for i := range 3 {
		if _, err := h.Create(context.Background(), Name(fmt.Sprintf("room-%d", i)), Settings{}); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := range 24 {
		wg.Go(func() { stormer(t, h, dialer, rand.New(rand.NewPCG(uint64(i), 7)), 150) })
	}
	var watchers sync.WaitGroup
	for i := range 4 {
		watchers.Go(func() { comeAndGo(t, h, rand.New(rand.NewPCG(uint64(i), 9)), stop) })
	}
	watchers.Go(func() { truthTeller(t, h, stop) })
	wg.Wait()
	close(stop)
	watchers.Wait()
	end := h.Snapshot()
	m := newReplica(t)
	for m.seq < end.Seq {
		m.apply(<-all.Events())
	}
	m.same(end)
	for _, r := range h.List(ListOptions{}) {
		if s, err := h.Get(r.Name); err != nil || s.Seq != r.Seq {
			t.Errorf("room %s: %+v, %v; listed as of %d", r.Name, s, err, r.Seq)
		}
	}
}

// stormer does a bit of everything; what it cannot do, because another was quicker, tells
// so by its code.
func stormer(t *testing.T, h *house, dialer *fakeDialer, rng *rand.Rand, rounds int) {
	ctx := context.Background()
	room := func() Name { return Name(fmt.Sprintf("room-%d", rng.IntN(5))) }
	var mine []*Participant
	may := func(err error, codes ...ErrorCode) {
		for _, c := range append(codes, "") {
			if CodeOf(err) == c {
				return
			}
		}
		t.Errorf("%v", err)
	}
	for range rounds {
		switch rng.IntN(9) {
		case 0, 1:
			p, err := h.Join(ctx, request(room()))
			may(err, Locked, Full)
			if err == nil {
				mine = append(mine, p)
			}
		case 2:
			_, err := h.Dial(ctx, room(), InviteRequest{To: "sip:x@127.0.0.1"})
			may(err, NotFound)
		case 3:
			dialer.progress(rng)
		case 4:
			_, err := h.Patch(ctx, room(), func(s *Settings) error {
				s.MutedOnEntry = !s.MutedOnEntry
				s.Locked = rng.IntN(4) == 0
				s.Talkers = rng.IntN(10)
				return nil
			}, nil)
			may(err, NotFound)
		case 5:
			name := room()
			if rng.IntN(4) > 0 {
				_, err := h.Create(ctx, name, Settings{})
				may(err, Exists)
			} else {
				may(h.Delete(ctx, name, Reason{Code: ReasonRoomClosed}, nil), NotFound)
			}
		}
		if len(mine) == 0 {
			continue
		}
		i := rng.IntN(len(mine))
		p := mine[i]
		switch rng.IntN(6) {
		case 0, 1:
			_, err := h.PatchParticipant(ctx, p.Room(), p.ID(), func(s *ParticipantSettings) error {
				s.Muted = rng.IntN(2) == 0
				s.Deaf = rng.IntN(3) == 0
				s.Held = rng.IntN(5) == 0
				s.Groups = []string{fmt.Sprintf("g%d", rng.IntN(3))}
				s.Hears = nil
				if rng.IntN(3) == 0 {
					s.Hears = list("group:g1")
				}
				s.Metadata = json.RawMessage(fmt.Sprintf(`{"n": %d}`, rng.Int()))
				return nil
			}, nil)
			may(err, NotFound, Full)
		case 2:
			_, err := h.Move(ctx, p.Room(), p.ID(), room())
			may(err, NotFound, Full)
		case 3:
			may(p.Leave(ctx, Reason{Code: ReasonLeft}))
			mine = append(mine[:i], mine[i+1:]...)
		case 4:
			p.Digit(byte(rng.IntN(16)), time.Second)
			p.SetLost(rng.IntN(2) == 0)
		}
	}
	for _, p := range mine {
		may(p.Leave(ctx, Reason{Code: ReasonLeft}))
	}
}

// comeAndGo subscribes, reads a while, goes and resumes; its replica goes on.
func comeAndGo(t *testing.T, h *house, rng *rand.Rand, stop chan struct{}) {
	m := newReplica(t)
	if rng.IntN(2) == 0 {
		m.filter = "room-1"
	}
	for {
		s := h.Subscribe(SubscribeOptions{Room: m.filter, After: m.seq, Buffer: 1 << 16})
		for range rng.IntN(100) {
			select {
			case e := <-s.Events():
				if e.Kind == SnapshotTaken && m.seq != 0 {
					t.Error("a snapshot, though everything is remembered")
				}
				m.apply(e)
				continue
			case <-stop:
				s.Close()
				return
			}
		}
		s.Close()
		for range s.Events() { // what it has not read it has not seen
		}
	}
}

// all returns a room with its participants as the room itself knows them.
func (h *house) all(name Name) (RoomSnapshot, error) {
	r, err := h.find(name)
	if err != nil {
		return RoomSnapshot{}, err
	}
	return ask(r, func() (RoomSnapshot, error) {
		s := r.brief()
		for _, p := range r.inOrder() {
			who := p.snapshot()
			s.Participants = append(s.Participants, &who)
		}
		return s, nil
	})
}

// truthTeller compares what a room's goroutine says with a replica that has seen exactly as
// many events.
func truthTeller(t *testing.T, h *house, stop chan struct{}) {
	s := h.Subscribe(SubscribeOptions{Room: "room-1", Buffer: 1 << 18})
	defer s.Close()
	m := newReplica(t)
	m.filter = "room-1"
	m.apply(<-s.Events())
	for {
		select {
		case <-stop:
			return
		default:
		}
		truth, err := h.all("room-1")
		if err != nil {
			continue
		}
		for m.seq < truth.Seq {
			m.apply(<-s.Events())
		}
		if m.seq == truth.Seq {
			m.sameRoom(truth)
		}
	}
}
