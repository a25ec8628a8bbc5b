package api

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/confd/confd/rooms"
)

// Event is an event as JSON: the data of event streams, and the body of webhooks.
type Event struct {
	Seq          uint64        `json:"seq" doc:"Its place among all events, counting up by one; the id of the event stream." example:"1764000000000042"`
	Time         time.Time     `json:"time" doc:"When it happened." example:"2026-03-01T09:10:02Z"`
	Kind         string        `json:"kind" doc:"What happened." example:"participant.joined"`
	Room         string        `json:"room,omitempty" maxLength:"64" doc:"Where; absent in snapshots of all rooms." example:"standup"`
	RoomInfo     *Room         `json:"room_info,omitempty" doc:"Of events of a room: as the event left it."`
	Participant  *Participant  `json:"participant,omitempty" doc:"Of events of a participant: as the event left it."`
	Reason       *EndReason    `json:"reason,omitempty" doc:"Why it left, failed, closed, was deleted or ended."`
	Failure      *DialFailure  `json:"failure,omitempty" doc:"Of participant.failed: how the call came out."`
	Digit        string        `json:"digit,omitempty" enum:"0,1,2,3,4,5,6,7,8,9,*,#,A,B,C,D" doc:"Of digit: the key." example:"5"`
	Duration     float64       `json:"duration,omitempty" minimum:"0" doc:"Of digit: how long the key was held, seconds, as far as is known." example:"0.16"`
	From         string        `json:"from,omitempty" maxLength:"64" doc:"Of participant.joined after a move: the room that it comes from." example:"lobby"`
	To           string        `json:"to,omitempty" maxLength:"64" doc:"Of participant.left by a move: the room that it goes to." example:"breakout-1"`
	Announcement *Announcement `json:"announcement,omitempty" doc:"Of events of an announcement."`
	Rooms        []Room        `json:"rooms,omitempty" nullable:"false" doc:"Of snapshot: all rooms, or the one, with participants, as they are after event seq."`
}

// EndReason is why something ended.
type EndReason struct {
	Code string `json:"code" doc:"left, removed, room_closed, moved, empty, expired, failed, draining, timed_out, protocol_error or server_error; of announcements also finished or stopped." example:"removed"`
	Text string `json:"text,omitempty" doc:"For people." example:"time is up"`
}

// DialFailure is how a call that was not answered came out.
type DialFailure struct {
	Outcome string `json:"outcome" enum:"busy,declined,unanswered,failed,cancelled" doc:"In a word." example:"busy"`
	Status  int    `json:"status,omitempty" minimum:"0" maximum:"699" doc:"The SIP status; absent if there was none." example:"486"`
	Text    string `json:"text,omitempty" doc:"For people." example:"Busy Here"`
}

// Announcement is a sound at work in a room, as JSON.
type Announcement struct {
	ID      string    `json:"id" maxLength:"32" doc:"Names the announcement." example:"1kjmavyh0m4wz6xa3t"`
	File    string    `json:"file" doc:"The file that plays." example:"welcome.wav"`
	To      *[]string `json:"to,omitempty" doc:"Who hears it: ids of participants, or group:NAME. Absent: everyone." example:"[\"1kjmajsj0q3v7mq4wz\"]"`
	Started time.Time `json:"started" doc:"When it began." example:"2026-03-01T09:15:00Z"`
}

func announcementOf(a *rooms.AnnouncementSnapshot) Announcement {
	return Announcement{ID: a.ID, File: a.Name, To: a.To, Started: a.Started.UTC()}
}

// EventOf returns an event as JSON has it.
func EventOf(e *rooms.Event) Event {
	v := Event{
		Seq: e.Seq, Time: e.Time.UTC(), Kind: string(e.Kind), Room: string(e.Room),
		Duration: seconds(e.Duration), From: string(e.From), To: string(e.To),
	}
	if e.RoomInfo != nil {
		r := roomOf(e.RoomInfo)
		v.RoomInfo = &r
	}
	if e.Participant != nil {
		p := participantOf(e.Participant)
		v.Participant = &p
	}
	if e.Reason.Code != "" {
		v.Reason = &EndReason{string(e.Reason.Code), e.Reason.Text}
	}
	if e.Failure != nil {
		v.Failure = &DialFailure{string(e.Failure.Outcome), e.Failure.Status, e.Failure.Text}
	}
	if e.Digit != 0 {
		v.Digit = string(rune(e.Digit))
	}
	if e.Announcement != nil {
		a := announcementOf(e.Announcement)
		v.Announcement = &a
	}
	for _, r := range e.Rooms {
		v.Rooms = append(v.Rooms, roomOf(r))
	}
	return v
}

// eventTexts keeps the text of the newest events, so that a thousand watchers cost one
// encoding. The zero value is ready.
type eventTexts struct {
	mu   sync.Mutex
	ring [256]*eventText
	next int
	by   map[*rooms.Event]*eventText
}

type eventText struct {
	of   *rooms.Event
	once sync.Once
	text []byte
}

// of returns an event in JSON.
func (c *eventTexts) of(e *rooms.Event) []byte {
	t := c.slot(e)
	t.once.Do(func() { t.text = EventText(e) })
	return t.text
}

func (c *eventTexts) slot(e *rooms.Event) *eventText {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.by[e]; t != nil {
		return t
	}
	if c.by == nil {
		c.by = make(map[*rooms.Event]*eventText, len(c.ring))
	}
	if old := c.ring[c.next]; old != nil {
		delete(c.by, old.of)
	}
	t := &eventText{of: e}
	c.ring[c.next], c.by[e] = t, t
	c.next = (c.next + 1) % len(c.ring)
	return t
}

// EventText returns an event as JSON text: the body of a webhook.
func EventText(e *rooms.Event) []byte {
	text, err := json.Marshal(EventOf(e))
	if err != nil { // our own types do not fail
		panic(err)
	}
	return text
}
