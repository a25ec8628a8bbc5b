package rooms

import (
	"slices"
	"strings"
	"time"
)

// roster is what the events so far add up to. It is what latecomers are given, so that
// snapshot and stream cannot differ.
type roster struct {
	rooms map[Name]*rosterRoom
	taken *Event // the newest snapshot of all rooms, for the next who asks before anything happens
}

type rosterRoom struct {
	info   *RoomSnapshot
	seq    uint64
	people map[string]*rosterEntry
	places uint64
}

type rosterEntry struct {
	place uint64
	who   *ParticipantSnapshot
}

// apply takes an event in.
func (r *roster) apply(e *Event) {
	if r.rooms == nil {
		r.rooms = make(map[Name]*rosterRoom)
	}
	room := r.rooms[e.Room]
	if room == nil {
		room = &rosterRoom{people: make(map[string]*rosterEntry)}
		r.rooms[e.Room] = room
	}
	room.seq = e.Seq
	if e.RoomInfo != nil {
		room.info = e.RoomInfo
	}
	switch e.Kind {
	case RoomDeleted:
		delete(r.rooms, e.Room)
	case RoomClosed:
		if !e.RoomInfo.Persistent {
			delete(r.rooms, e.Room)
		}
	case ParticipantLeft, ParticipantFailed:
		delete(room.people, e.Participant.ID)
	default:
		if e.Participant != nil {
			room.put(e.Participant)
		}
	}
}

func (r *rosterRoom) put(p *ParticipantSnapshot) {
	if have := r.people[p.ID]; have != nil {
		have.who = p
		return
	}
	r.places++
	r.people[p.ID] = &rosterEntry{r.places, p}
}

// snapshot returns the rooms after event seq as an event, all or one.
func (r *roster) snapshot(only Name, seq uint64) *Event {
	if only == "" && r.taken != nil && r.taken.Seq == seq {
		return r.taken
	}
	e := &Event{Kind: SnapshotTaken, Seq: seq, Time: time.Now(), Room: only, Rooms: []*RoomSnapshot{}}
	for name, room := range r.rooms {
		if only == "" || only == name {
			e.Rooms = append(e.Rooms, room.snapshot())
		}
	}
	slices.SortFunc(e.Rooms, func(a, b *RoomSnapshot) int { return strings.Compare(string(a.Name), string(b.Name)) })
	if only == "" {
		r.taken = e
	}
	return e
}

func (r *rosterRoom) snapshot() *RoomSnapshot {
	entries := make([]*rosterEntry, 0, len(r.people))
	for _, p := range r.people {
		entries = append(entries, p)
	}
	slices.SortFunc(entries, func(a, b *rosterEntry) int { return int(int64(a.place - b.place)) })
	s := r.brief()
	s.Participants = make([]*ParticipantSnapshot, len(entries))
	for i, p := range entries {
		s.Participants[i] = p.who
	}
	return &s
}

func (r *rosterRoom) brief() RoomSnapshot {
	s := *r.info
	s.Seq, s.Count = r.seq, len(r.people)
	return s
}

// list returns rooms without their participants, by name.
func (r *roster) list(want func(Name) bool) []RoomSnapshot {
	all := []RoomSnapshot{}
	for name, room := range r.rooms {
		if want(name) {
			all = append(all, room.brief())
		}
	}
	slices.SortFunc(all, func(a, b RoomSnapshot) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return all
}
