package focus

import (
	"crypto/tls"
	"fmt"
	"testing"
	"time"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/internal/testkit/phone"
	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

// Phones of all kinds in one room hear the others and not themselves.
func TestPhonesHearEachOther(t *testing.T) {
	cert := selfSigned(t)
	s := start(t, withTLS(cert), withListen(
		Listen{"udp", "127.0.0.1:0"}, Listen{"tcp", "127.0.0.1:0"}, Listen{"tls", "127.0.0.1:0"}))
	ctx := short(t)
	kinds := []phone.Options{
		{URI: fmt.Sprintf("sip:talk@%s", s.addr(0)), Tone: 440},
		{URI: fmt.Sprintf("sip:talk@%s;transport=tcp", s.addr(1)), Tone: 620, Codecs: []phone.Codec{phone.G722}},
		{
			URI: fmt.Sprintf("sip:talk@%s;transport=tls", s.addr(2)), Tone: 860, Codecs: []phone.Codec{phone.Opus},
			SRTP: phone.AESCM80, TLS: &tls.Config{InsecureSkipVerify: true},
		},
		{URI: fmt.Sprintf("sip:talk@%s", s.addr(0)), Tone: 1150, NoOffer: true, RTCPMux: true},
	}
	var phones []*phone.Phone
	for _, o := range kinds {
		p, err := phone.Dial(ctx, o)
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		t.Cleanup(func() { p.Close() })
		phones = append(phones, p)
	}
	for i, p := range phones {
		ctx := short(t)
		heard := func() error {
			pcm, err := p.Listen(ctx, 500*time.Millisecond)
			if err != nil {
				return err
			}
			for j, o := range kinds {
				level := heardNear(pcm, p.Rate(), o.Tone)
				if (i == j) == (level > -40) {
					return fmt.Errorf("phone %d hears %v Hz at %.0f dB", i, o.Tone, level)
				}
			}
			return nil
		}
		var err error
		for range 20 { // until the jitter buffers of all have settled
			if err = heard(); err == nil {
				break
			}
		}
		if err != nil {
			t.Error(err)
		}
	}
	for i, p := range phones {
		if err := p.Bye(short(t)); err != nil {
			t.Errorf("phone %d: %v", i, err)
		}
	}
	s.settled()
	if m := s.Media(); m.PacketsReceived < 100 || m.PacketsSent < 100 || m.Dropped.Unauthenticated > 0 || m.SendErrors != (transport.SendErrors{}) {
		t.Errorf("media totals are %+v", m)
	}
}

// The room learns, once, that nothing arrives from somebody, and that something does again;
// whoever holds is not missed.
func TestLostMediaIsTold(t *testing.T) {
	s := start(t)
	p, err := phone.Dial(short(t), phone.Options{URI: fmt.Sprintf("sip:quiet@%s", s.addr(0)), Tone: 440})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	d := s.only().confirmed(t)
	afterAWhile := func() {
		d.confirmedAgain(t)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.call.watchMedia(clock.Now()+int64(2*d.agent.cfg.Silence), d.agent.cfg.Silence)
	}
	lost := func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.call.lost }

	afterAWhile()
	afterAWhile()
	if e := s.await(rooms.MediaLost); e.Participant == nil || !e.Participant.Lost {
		t.Errorf("media lost: %+v", e)
	}
	wait.For(t, "the media to be noticed", func() bool { d.look(clock.Now()); return !lost() })
	if e := s.await(rooms.MediaResumed); e.Participant.Lost {
		t.Errorf("media resumed: %+v", e)
	}
	if err := p.Hold(short(t)); err != nil {
		t.Fatal(err)
	}
	if afterAWhile(); lost() {
		t.Error("who holds is missed")
	}
	if err := p.Resume(short(t)); err != nil {
		t.Fatal(err)
	}
	if afterAWhile(); !lost() {
		t.Error("who is back is not missed")
	}
	if n := s.registry.Counts().Events[rooms.MediaLost]; n != 2 {
		t.Errorf("media was lost %d times, want 2", n)
	}
}

// heardNear returns the level of a tone that may be up to 0.6 % off: on a busy machine
// inputs start with much sound in hand, and the mixer catches up by playing faster.
func heardNear(pcm []int16, rate int, freq float64) float64 {
	best := tone.Floor
	for k := -6; k <= 6; k++ {
		best = max(best, tone.Level(pcm, rate, freq*(1+float64(k)/1000)))
	}
	return best
}
