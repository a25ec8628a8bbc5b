//go:build linux

package mixing

import (
	"fmt"
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
)

// Room is a room of an engine whose clock is its own. Packets come ready-made, each a little
// before its tick, and what the room sends is dropped. Who does not talk sends faint noise,
// as phones do. It belongs to one goroutine.
type Room struct {
	conf    *mixer.Conference
	period  int64
	due     int64
	sent    int // packets in this tick
	heard   int // voices in the fullest of them
	payload int // bytes of all of them
}

const (
	payloadType     = 96
	maxContributors = 15 // of a packet (RFC 3550 section 5.1)
	maxSettling     = 5000
)

// NewRoom makes a room in steady state. The error says what of the case is out of range, or
// that the room did not come to rest.
func NewRoom(c Case) (*Room, error) {
	rooms, err := NewRooms(c, 1)
	if err != nil {
		return nil, err
	}
	return rooms[0], nil
}

// NewRooms makes n rooms of one engine; see NewRoom.
func NewRooms(c Case, n int) (rooms []*Room, err error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	engine, err := mixer.New(mixer.Config{Period: c.period(), Workers: 1, Talkers: max(c.Talkers, 8), MaxPersonal: 64})
	if err != nil {
		return nil, err
	}
	said := make([][][]byte, c.Participants)
	for i := range said {
		if said[i], err = c.says(i, said); err != nil {
			return nil, err
		}
	}
	rooms = make([]*Room, n)
	for i := range rooms {
		if rooms[i], err = newRoom(engine, c, said); err != nil {
			return nil, err
		}
	}
	return rooms, nil
}

// says returns the packets of a participant, given those of the participants before.
func (c Case) says(i int, said [][][]byte) ([][]byte, error) {
	switch f, like := c.format(i), i-len(c.Formats); {
	case i < c.Talkers:
		return recorded(f, i)
	case like >= c.Talkers:
		return said[like], nil // faint noise is all the same
	default:
		return recorded(f, -1)
	}
}

func newRoom(engine *mixer.Engine, c Case, said [][][]byte) (*Room, error) {
	r := &Room{conf: engine.NewConference(mixer.ConferenceConfig{}), period: int64(c.period()), due: int64(time.Hour)}
	for i, payloads := range said {
		f := c.format(i)
		r.join(f, &recording{payloads: payloads, ticks: uint32(f.Ticks(c.period())),
			packet: media.Packet{SSRC: uint32(i) + 1, PayloadType: payloadType}})
	}
	return r, r.settle(c)
}

// settle ticks until the talkers have been found, and delay, rate and memory are what they
// stay: two seconds, and a round of listening to the others, in which everybody is sent to
// and all talkers are heard.
func (r *Room) settle(c Case) error {
	voices := c.Talkers
	if c.Talkers == c.Participants {
		voices-- // everyone hears all others
	}
	voices = min(voices, maxContributors)
	steady := 0
	for range maxSettling {
		r.Tick()
		if steady++; r.sent != c.Participants || r.heard != voices {
			steady = 0
		}
		if steady == 100+c.Participants {
			return nil
		}
	}
	return fmt.Errorf("mixing: %d packets a tick of %d voices after %d ticks, want %d of %d", r.sent, r.heard, maxSettling, c.Participants, voices)
}

// join adds a participant who speaks and hears f.
func (r *Room) join(f media.Format, src media.Source) {
	in := mixer.NewInput(src, mixer.InputConfig{Formats: map[uint8]media.Format{payloadType: f}})
	out := mixer.NewOutput(r, mixer.OutputConfig{Format: f, PayloadType: payloadType})
	r.conf.Apply(mixer.AddInput(in), mixer.Attach(out, r.conf.Full(), in))
}

// Tick runs the next tick.
func (r *Room) Tick() {
	r.due += r.period
	r.sent, r.heard, r.payload = 0, 0, 0
	r.conf.Tick(r.due+50e3, r.due)
}

// Send drops a packet. It makes the room a media.Sink.
func (r *Room) Send(o *media.Outgoing) {
	r.sent++
	r.heard = max(r.heard, len(o.Contributors))
	r.payload += len(o.Data)
}

// recording is a media.Source that repeats some packets, one every tick.
type recording struct {
	payloads [][]byte
	ticks    uint32
	packet   media.Packet
}

// Poll hands over the next packet, as if it had come 5 ms ago.
func (s *recording) Poll(now int64, _ int, to media.Receiver) int {
	p := &s.packet
	p.Arrival = now - 5e6
	p.Payload = s.payloads[int(p.Sequence)%len(s.payloads)]
	to.Receive(p)
	p.Sequence++
	p.Timestamp += s.ticks
	return 1
}
