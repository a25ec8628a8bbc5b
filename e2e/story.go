package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/client"
)

// story is the events that a watcher is told, from the moment that it begins.
type story struct {
	t      *testing.T
	mu     sync.Mutex
	events []*client.Event
	err    error
	more   chan struct{} // closed when there is more
}

// watch follows what happens until the test ends. It returns with the snapshot that all else
// follows; with After there is none to wait for.
func (d desk) watch(f client.Follow) *story {
	d.t.Helper()
	s := &story{t: d.t, more: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	d.t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		for e, err := range d.Events(ctx, f) {
			s.add(e, err)
		}
	}()
	if f.After == 0 {
		s.await("a snapshot", func(e *client.Event) bool { return e.Kind == "snapshot" })
	}
	return s
}

func (s *story) add(e *client.Event, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e != nil {
		s.events = append(s.events, e)
	}
	s.err = err
	close(s.more)
	s.more = make(chan struct{})
}

// sofar returns what was told, and what is closed once there is more.
func (s *story) sofar() ([]*client.Event, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events), s.more, s.err
}

// last is the number of the last event so far.
func (s *story) last() int64 {
	all, _, _ := s.sofar()
	return all[len(all)-1].Seq
}

// await returns the first event of all, past ones too, that is right.
func (s *story) await(what string, right func(*client.Event) bool) *client.Event {
	s.t.Helper()
	limit := time.After(20 * time.Second)
	for {
		all, more, err := s.sofar()
		if i := slices.IndexFunc(all, right); i >= 0 {
			return all[i]
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			s.t.Fatalf("waiting for %s: the event stream ends: %v", what, err)
		}
		select {
		case <-more:
		case <-limit:
			s.t.Fatalf("%s did not happen; there were %v", what, told(all))
		}
	}
}

// of waits for the first event of a kind that is about a participant or an announcement, or
// about whatever if id is "".
func (s *story) of(kind, id string) *client.Event {
	s.t.Helper()
	return s.await(kind+" of "+id, func(e *client.Event) bool { return e.Kind == kind && (subject(e) == id || id == "") })
}

// subject is the id of what an event is about.
func subject(e *client.Event) string {
	switch {
	case e.Participant != nil:
		return e.Participant.ID
	case e.Announcement != nil:
		return e.Announcement.ID
	}
	return ""
}

// joined waits for the next who calls a room and joins it after a number: a baresip or a sipp.
func (s *story) joined(room, who string, after int64) *client.Participant {
	s.t.Helper()
	return s.await(who+" to join "+room, func(e *client.Event) bool {
		return e.Seq > after && e.Kind == "participant.joined" && *e.Room == room && e.From == nil &&
			strings.HasPrefix(e.Participant.URI, "sip:"+who+"@")
	}).Participant
}

// told lists kinds in order, for messages and comparison.
func told(events []*client.Event) (kinds []string) {
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// plot returns the kinds of events of a room, without those of sound.
func (s *story) plot(room string) []string {
	all, _, _ := s.sofar()
	return told(slices.DeleteFunc(all, func(e *client.Event) bool { return e.Room == nil || *e.Room != room || ofSound(e) }))
}

// about returns the kinds of events of one participant or announcement, without those of
// its sound.
func (s *story) about(id string) []string {
	all, _, _ := s.sofar()
	return told(slices.DeleteFunc(all, func(e *client.Event) bool { return subject(e) != id || ofSound(e) }))
}

// ofSound tells whether an event comes and goes with sound and load.
func ofSound(e *client.Event) bool {
	return strings.HasPrefix(e.Kind, "talking.") || strings.HasPrefix(e.Kind, "media.")
}

// whole fails the test if something is missing, double or out of order. It is for who
// watches everything.
func (s *story) whole() {
	s.t.Helper()
	all, _, _ := s.sofar()
	for i := 1; i < len(all); i++ {
		if all[i].Seq != all[i-1].Seq+1 {
			s.t.Errorf("event %d (%s) is followed by %d (%s)", all[i-1].Seq, all[i-1].Kind, all[i].Seq, all[i].Kind)
		}
	}
}

// roster is who is where, by id, and the rooms, by id.
type roster struct {
	Participants map[string]client.Participant
	Rooms        map[string]client.Room
}

func newRoster() roster {
	return roster{map[string]client.Participant{}, map[string]client.Room{}}
}

// replay makes a roster of what was told alone.
func (s *story) replay() roster {
	r := newRoster()
	all, _, _ := s.sofar()
	for _, e := range all {
		switch e.Kind {
		case "snapshot":
			r = newRoster()
			for _, room := range e.Rooms {
				r.addRoom(room)
			}
		case "room.deleted":
			delete(r.Rooms, *e.Room)
		case "room.closed":
			if e.RoomInfo.Persistent {
				r.addRoom(*e.RoomInfo)
			} else {
				delete(r.Rooms, *e.Room)
			}
		case "participant.left", "participant.failed":
			delete(r.Participants, e.Participant.ID)
		default:
			if e.RoomInfo != nil {
				r.addRoom(*e.RoomInfo)
			}
			if e.Participant != nil {
				r.Participants[e.Participant.ID] = *e.Participant
			}
		}
	}
	return r
}

// addRoom leaves out what changes without a word.
func (r roster) addRoom(room client.Room) {
	for _, p := range room.Participants {
		r.Participants[p.ID] = p
	}
	room.Participants, room.ParticipantCount, room.Rate = nil, 0, 0
	r.Rooms[room.ID] = room
}

// roster asks for what there is now.
func (d desk) roster() roster {
	d.t.Helper()
	r := newRoster()
	for _, room := range d.rooms() {
		r.addRoom(room)
		for _, p := range d.list(room.ID) {
			p.Stats = nil
			r.Participants[p.ID] = p
		}
	}
	return r
}

// agrees waits until what was told is what there is, to the last setting of everybody.
func (s *story) agrees(d desk) {
	s.t.Helper()
	eventually(s.t, 10*time.Second, "what was told to be what there is", func() error {
		want, err := json.MarshalIndent(d.roster(), "", " ")
		if err != nil {
			return err
		}
		got, err := json.MarshalIndent(s.replay(), "", " ")
		if err == nil && !bytes.Equal(got, want) {
			err = fmt.Errorf("told was\n%s\nand there is\n%s", got, want)
		}
		return err
	})
}
