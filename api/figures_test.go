package api

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/rooms"
)

// speaker is a phone that speaks: a packet of loud G.711 every other tick.
type speaker struct {
	silent
	ticks uint32
	quiet atomic.Bool
}

func (s *speaker) Poll(now int64, _ int, to media.Receiver) int {
	if s.ticks++; s.ticks%2 == 0 {
		return 0
	}
	payload := make([]byte, 160)
	for i := range payload {
		if payload[i] = byte(i*37) & 0x8f; s.quiet.Load() { // of both signs
			payload[i] = 0xff
		}
	}
	n := s.ticks / 2
	to.Receive(&media.Packet{Arrival: now, Sequence: uint16(n), Timestamp: n * 160, Payload: payload})
	return 1
}

// until reads a participant until it is as wanted.
func (b *bench) until(path string, is func(*Participant) bool) (p Participant) {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		p = Participant{}
		if b.want(200, "GET", path, "", &p); is(&p) {
			return p
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%+v, with %+v", p, *p.Stats)
		}
	}
}

// Each figure of a participant lives, in the unit that the document names, and is in the
// record of its call.
func TestFiguresLive(t *testing.T) {
	records := make(chan rooms.Record, 4)
	b := newBench(t, func(_ *Config, rc *rooms.Config) { rc.Records = func(r rooms.Record) { records <- r } })
	source, m := &speaker{}, phone()
	m.Source = source
	m.Quality = func() rooms.LegQuality {
		return rooms.LegQuality{
			Received: 500, Lost: 2, Jitter: 4 * time.Millisecond, RoundTrip: 60 * time.Millisecond, PeerLoss: 0.25, PeerJitter: 3 * time.Millisecond,
		}
	}
	p, err := b.registry.Join(context.Background(), rooms.JoinRequest{Room: "a", Trusted: true, Media: m, Info: rooms.Info{
		URI: "sip:anna@example.com", DisplayName: "Anna", UserAgent: "phone 1", CallID: "c1", RemoteAddr: netip.MustParseAddr("::ffff:192.0.2.17"), Direction: rooms.Inbound,
	}})
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/rooms/a/participants/" + p.ID()
	got := b.until(path, func(p *Participant) bool {
		return p.Talking && p.Stats.TalkTime > 0 && p.Stats.Level > -40 && p.Stats.Buffer > 0 && p.Stats.MOS > 0 && p.Stats.Sent > 0 && p.Stats.IngressCodec != ""
	})
	if got.State != "connected" || got.Direction != "inbound" || got.Address != "192.0.2.17" || got.UserAgent != "phone 1" || got.CallID != "c1" || got.Joined == nil {
		t.Errorf("%+v", got)
	}
	s := got.Stats
	if s.IngressCodec != "PCMU" || s.EgressCodec != "PCMU" || s.Received != 500 || s.Loss != 0 || s.Jitter != 0.004 || s.RoundTrip != 0.06 ||
		s.PeerLoss != 0.25 || s.PeerJitter != 0.003 || s.Level > 0 || s.Buffer > 0.5 || s.TalkTime > 20 || s.MOS < 4 || s.MOS > 4.5 {
		t.Errorf("%+v", *s)
	}
	source.quiet.Store(true)
	quiet := b.until(path, func(p *Participant) bool { return !p.Talking && p.Stats.Level < -60 })
	b.want(204, "DELETE", path, "", nil)
	c := CallOf((<-records).Call)
	if c.Stats.TalkTime != quiet.Stats.TalkTime || c.Stats.MOS < 4 || c.Stats.IngressCodec != "PCMU" || c.Stats.EgressCodec != "PCMU" ||
		c.Stats.Received != 500 || c.Stats.Jitter != 0.004 || c.Stats.RoundTrip != 0.06 || c.Stats.PeerLoss != 0.25 || c.Stats.Sent < s.Sent ||
		c.Address != "192.0.2.17" || c.UserAgent != "phone 1" || c.Direction != "inbound" {
		t.Errorf("%+v", c)
	}
	if k := ConferenceOf((<-records).Conference); k.MOS != c.Stats.MOS || k.WorstMOS != c.Stats.MOS || k.TalkTime != c.Stats.TalkTime || k.Loss != c.Stats.Loss {
		t.Errorf("%+v", k)
	}
}
