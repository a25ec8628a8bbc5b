package api

import (
	"fmt"
	"net/http"
	"reflect"
	"strconv"

	"github.com/confd/confd/rooms"
)

// replica is what a watcher knows: built from nothing but the stream.
type replica struct {
	only  string // the room that is watched; "" is all
	seq   uint64
	rooms map[string]*roomReplica
}

type roomReplica struct {
	info   Room
	people map[string]Participant
}

func newRoomReplica(r Room) *roomReplica {
	one := &roomReplica{info: r, people: make(map[string]Participant)}
	for _, p := range r.Participants {
		one.people[p.ID] = p
	}
	return one
}

// apply takes a message in, and says what of it cannot be.
func (m *replica) apply(msg message) error {
	e := &msg.data
	if msg.event != e.Kind || msg.id != strconv.FormatUint(e.Seq, 10) {
		return fmt.Errorf("event %s with id %s has kind %s and seq %d", msg.event, msg.id, e.Kind, e.Seq)
	}
	first := m.seq == 0
	if !first && (e.Seq <= m.seq || m.only == "" && e.Seq != m.seq+1) {
		return fmt.Errorf("event %d follows %d", e.Seq, m.seq)
	}
	m.seq = e.Seq
	if first != (e.Kind == string(rooms.SnapshotTaken)) {
		return fmt.Errorf("event %d, %s, is the first: %v", e.Seq, e.Kind, first)
	}
	if err := m.change(e); err != nil {
		return fmt.Errorf("event %d, %s in %s: %w", e.Seq, e.Kind, e.Room, err)
	}
	return nil
}

func (m *replica) change(e *Event) error {
	room := m.rooms[e.Room]
	switch rooms.EventKind(e.Kind) {
	case rooms.SnapshotTaken:
		m.rooms = make(map[string]*roomReplica)
		for _, r := range e.Rooms {
			m.rooms[r.ID] = newRoomReplica(r)
		}
		return nil
	case rooms.RoomCreated, rooms.RoomOpened:
		if room == nil {
			m.rooms[e.Room] = newRoomReplica(*e.RoomInfo)
			return nil
		}
	}
	switch {
	case room == nil:
		return fmt.Errorf("there is no such room")
	case e.RoomInfo != nil:
		room.info = *e.RoomInfo
		return m.end(e, room)
	case e.Participant != nil:
		return room.change(e)
	}
	return nil
}

// end takes the room out if the event says so.
func (m *replica) end(e *Event, room *roomReplica) error {
	isClosed, isDeleted := e.Kind == string(rooms.RoomClosed), e.Kind == string(rooms.RoomDeleted)
	if (isClosed || isDeleted) && len(room.people) > 0 {
		return fmt.Errorf("%d are inside", len(room.people))
	}
	if isDeleted || isClosed && !room.info.Persistent {
		delete(m.rooms, e.Room)
	}
	return nil
}

func (r *roomReplica) change(e *Event) error {
	p := e.Participant
	was, here := r.people[p.ID]
	called := here && (was.State == string(rooms.StateCalling) || was.State == string(rooms.StateRinging))
	switch rooms.EventKind(e.Kind) {
	case rooms.ParticipantCalling:
		if here {
			return fmt.Errorf("%s is here already", p.ID)
		}
	case rooms.ParticipantJoined:
		if here && !called {
			return fmt.Errorf("%s has joined already", p.ID)
		}
	case rooms.ParticipantLeft, rooms.ParticipantFailed:
		delete(r.people, p.ID)
		fallthrough
	default:
		if !here {
			return fmt.Errorf("%s is not here", p.ID)
		}
	}
	if p.State != string(rooms.StateLeft) && p.State != string(rooms.StateFailed) {
		r.people[p.ID] = *p
	}
	return nil
}

// same compares what the watcher knows of a room with what GET says. Rate and count are of
// the moment, and no event tells of each of their changes.
func (r *roomReplica) same(info Room, people []Participant) error {
	for _, one := range []*Room{&info, &r.info} {
		one.Rate, one.ParticipantCount, one.Participants = 0, 0, nil
	}
	if !reflect.DeepEqual(info, r.info) {
		return fmt.Errorf("GET says\n%+v, the stream\n%+v", info, r.info)
	}
	if len(people) != len(r.people) {
		return fmt.Errorf("GET has %d participants in %s, the stream %d", len(people), info.ID, len(r.people))
	}
	for _, p := range people {
		if p.Stats = nil; !reflect.DeepEqual(p, r.people[p.ID]) {
			return fmt.Errorf("GET says\n%+v, the stream\n%+v", p, r.people[p.ID])
		}
	}
	return nil
}

// follow reads a stream to its end or to the marker, again and again: with a bit of bad luck
// the server cuts a watcher off, and a restless one goes by itself after some events. It
// returns how often it came back.
func (m *replica) follow(rt http.RoundTripper, url string, restless func() bool, isLast func(*Event) bool) (back int, err error) {
	for ; ; back++ {
		var headers []string
		if m.seq > 0 {
			headers = []string{"Last-Event-ID", strconv.FormatUint(m.seq, 10)}
		}
		w, err := openWatcher(rt, url, headers...)
		if err != nil {
			return back, err
		}
		last, err := m.read(w, restless, isLast)
		w.body.Close()
		if last || err != nil {
			return back, err
		}
	}
}

func (m *replica) read(w *watcher, restless func() bool, isLast func(*Event) bool) (last bool, err error) {
	for !restless() {
		msg, ok := w.next()
		switch {
		case !ok:
			return false, nil
		case msg.event == "":
			continue
		}
		if err := m.apply(msg); err != nil {
			return false, err
		}
		if isLast(&msg.data) {
			return true, nil
		}
	}
	return false, nil
}
