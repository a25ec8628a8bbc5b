package rooms

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
)

// hall is a registry on a mixer whose clock is the test's.
type hall struct {
	*Registry
	t      *testing.T
	engine *mixer.Engine
	mixes  []*mixer.Conference
	due    int64
}

func newHall(t *testing.T) *hall {
	t.Helper()
	engine, err := mixer.New(mixer.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{t: t, engine: engine, due: int64(time.Hour)}
	h.Registry = newRegistry(Config{Open: OpenAnyone, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))},
		func(tn tuning, events func(mixer.Event)) stage {
			c := newConference(engine, tn, events).(*conference)
			h.mixes = append(h.mixes, c.mix)
			return c
		})
	t.Cleanup(func() {
		done := make(chan struct{})
		go func() { h.Close(); close(done) }()
		for {
			select {
			case <-done:
				return
			default:
				h.tick(1)
			}
		}
	})
	return h
}

func (h *hall) tick(n int) {
	for range n {
		h.due += int64(20 * time.Millisecond)
		for _, c := range h.mixes {
			c.Tick(h.due+100e3, h.due)
		}
	}
}

// do runs f while time goes on.
func (h *hall) do(f func(ctx context.Context) error) {
	h.t.Helper()
	done := make(chan error, 1)
	go func() { done <- f(context.Background()) }()
	for {
		select {
		case err := <-done:
			if err != nil {
				h.t.Fatal(err)
			}
			return
		default:
			h.tick(1)
		}
	}
}

var l16 = media.Format{Codec: media.L16, ClockRate: 8000, SampleRate: 8000, Channels: 1, PacketTime: 20 * time.Millisecond}

// singer sings one tone and remembers what it hears.
type singer struct {
	h     *hall
	freq  float64
	gen   *tone.Generator
	n     uint16
	heard []int16
	next  int64
	gaps  int
	part  *Participant
}

func (s *singer) Poll(now int64, _ int, to media.Receiver) int {
	pcm := make([]int16, 160)
	s.gen.Read(pcm)
	var payload []byte
	for _, v := range pcm {
		payload = binary.BigEndian.AppendUint16(payload, uint16(v))
	}
	s.n++
	to.Receive(&media.Packet{Arrival: now, PayloadType: 96, Sequence: s.n, Timestamp: uint32(s.n) * 160, Payload: payload})
	return 1
}

func (s *singer) Send(o *media.Outgoing) {
	if s.next != 0 && o.Time != s.next {
		s.gaps++
	}
	s.next = o.Time + int64(20*time.Millisecond)
	for i := 0; i+1 < len(o.Data); i += 2 {
		s.heard = append(s.heard, int16(binary.BigEndian.Uint16(o.Data[i:])))
	}
}

func (h *hall) join(room Name, freq float64) *singer {
	h.t.Helper()
	s := &singer{h: h, freq: freq, gen: tone.New(8000, -25, freq)}
	req := JoinRequest{Room: room, Media: Media{Source: s, Sink: s, Send: mixer.OutputConfig{Format: l16, PayloadType: 96}}}
	req.Media.Receive.Formats = map[uint8]media.Format{96: l16}
	var err error
	if s.part, err = h.Join(context.Background(), req); err != nil {
		h.t.Fatal(err)
	}
	return s
}

// hears checks whose tones are in the last 300 ms.
func (s *singer) hears(all []*singer, want ...*singer) {
	s.h.t.Helper()
	last := s.heard[len(s.heard)-2400:]
	for _, o := range all {
		level := tone.Level(last, 8000, o.freq)
		if is, should := level > -45, slices.Contains(want, o); is != should {
			s.h.t.Errorf("%v Hz hears %v Hz at %.1f dB: %v, want %v", s.freq, o.freq, level, is, should)
		}
	}
}

func (s *singer) set(change func(*ParticipantSettings)) {
	s.h.t.Helper()
	s.h.do(func(ctx context.Context) error {
		_, err := s.h.PatchParticipant(ctx, s.part.Room(), s.part.ID(), func(p *ParticipantSettings) error { change(p); return nil }, nil)
		return err
	})
}

// What lists say is what is heard, and mixes that nobody needs are freed.
func TestHearingOnTheMixer(t *testing.T) {
	h := newHall(t)
	agent, customer, coach := h.join("a", 400), h.join("a", 900), h.join("a", 1500)
	all := []*singer{agent, customer, coach}
	h.tick(60)
	agent.hears(all, customer, coach)
	customer.hears(all, agent, coach)

	coach.set(func(p *ParticipantSettings) { p.HeardBy = list(agent.part.ID()) })
	h.tick(60)
	agent.hears(all, customer, coach)
	customer.hears(all, agent)
	coach.hears(all, agent, customer)

	late := h.join("a", 2100) // is not in on it
	all = append(all, late)
	h.tick(60)
	late.hears(all, agent, customer)
	agent.hears(all, customer, coach, late)

	agent.set(func(p *ParticipantSettings) { p.Groups = []string{"side"} })
	late.set(func(p *ParticipantSettings) { p.Hears, p.HeardBy = list("group:side"), list("group:side") })
	h.tick(60)
	late.hears(all, agent)
	agent.hears(all, customer, coach, late)
	customer.hears(all, agent)

	customer.set(func(p *ParticipantSettings) { p.Deaf = true })
	coach.set(func(p *ParticipantSettings) { p.Held = true })
	h.tick(60)
	customer.hears(all)
	coach.hears(all)
	agent.hears(all, customer, late)

	for _, s := range all {
		s.set(func(p *ParticipantSettings) { *p = ParticipantSettings{} })
	}
	h.tick(60)
	for _, s := range all {
		s.hears(all, slices.DeleteFunc(slices.Clone(all), func(o *singer) bool { return o == s })...)
		if s.gaps > 0 {
			t.Errorf("%v Hz has %d gaps", s.freq, s.gaps)
		}
	}
	r, _ := h.find("a")
	n, _ := ask(r, func() (int, error) { return len(r.stage.(*conference).served), nil })
	if n > 1 {
		t.Errorf("%d mixes are left", n)
	}
}

// A move keeps the stream whole, whatever is asked of the participant meanwhile.
func TestMoveOnTheMixer(t *testing.T) {
	h := newHall(t)
	a, b, c := h.join("a", 400), h.join("a", 900), h.join("b", 1500)
	all := []*singer{a, b, c}
	h.tick(60)
	for i := range 12 {
		from, to := Name("a"), Name("b")
		if i%2 == 1 {
			from, to = to, from
		}
		h.do(func(ctx context.Context) error {
			moved := make(chan error, 2)
			go func() {
				_, err := h.Move(ctx, from, a.part.ID(), to)
				moved <- err
			}()
			go func() { moved <- a.part.SetMuted(ctx, i%3 == 0) }()
			for range 2 {
				if err := <-moved; err != nil {
					return err
				}
			}
			return nil
		})
		if a.part.Room() != to {
			t.Fatalf("in %s, want %s", a.part.Room(), to)
		}
		h.tick(60)
		mate := b
		if to == "b" {
			mate = c
		}
		a.hears(all, mate)
		if i%3 == 0 {
			mate.hears(all)
		} else {
			mate.hears(all, a)
		}
	}
	h.do(func(ctx context.Context) error { return c.part.Leave(ctx, Reason{Code: ReasonLeft}) })
	if a.gaps > 6 { // where the tick of the room that it comes to is over for this period
		t.Errorf("%d gaps in media time for 12 moves", a.gaps)
	}
	if b.gaps+c.gaps > 0 {
		t.Errorf("%d and %d gaps for who stayed", b.gaps, c.gaps)
	}
}

// An announcement to one is heard by that one, pinned, and ends.
func TestPlayOnTheMixer(t *testing.T) {
	h := newHall(t)
	a, b := h.join("a", 400), h.join("a", 900)
	voice := &singer{h: h, freq: 2100, gen: tone.New(8000, -40, 2100)}
	all := []*singer{a, b, voice}
	q := PlayRequest{Name: "welcome", Source: voice, To: list(a.part.ID())}
	q.Receive.Formats = map[uint8]media.Format{96: l16}
	a.set(func(p *ParticipantSettings) { p.Hears = list() })
	play, err := h.Play("a", q)
	if err != nil {
		t.Fatal(err)
	}
	h.tick(60)
	a.hears(all, voice)
	b.hears(all, a)
	h.do(func(ctx context.Context) error { return play.Stop(ctx, Reason{Code: ReasonLeft}) })
	h.tick(60)
	a.hears(all)
	<-play.Done()
}

// Talkers and rate are those of the settings, from the next tick on.
func TestTuningOnTheMixer(t *testing.T) {
	h := newHall(t)
	a, b, c := h.join("a", 400), h.join("a", 900), h.join("a", 1500)
	all := []*singer{a, b, c}
	c.gen = tone.New(8000, -35, 1500) // 10 dB below the others
	h.tick(60)
	a.hears(all, b, c)
	if _, err := h.Patch(context.Background(), "a", func(s *Settings) error { s.Talkers, s.SampleRate = 2, 16000; return nil }, nil); err != nil {
		t.Fatal(err)
	}
	h.tick(80)
	if s, _ := h.Get("a"); s.Rate != 16000 {
		t.Errorf("rate %d", s.Rate)
	}
	c.set(func(p *ParticipantSettings) { p.Pinned = true })
	h.tick(60)
	a.hears(all, b, c)
}
