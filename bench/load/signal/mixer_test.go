package signal

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
)

// bridge is a room on confd's mixer, in fake time, and one who listens.
type bridge struct {
	*hall // of which the findings are used
	conf  *mixer.Conference
	talk  []*mixer.Input
	ear   *Ear
	dec   codec.Decoder
	pcm   []int16
	due   int64
}

const mixerPT = 96

// mouth sends a talker's packets, over and over.
type mouth struct {
	packets [][]byte
	start   int64
	period  float64
	ticks   int
	ssrc    uint32
	sent    int
	jitter  func() int64
}

// Poll implements media.Source.
func (m *mouth) Poll(now int64, limit int, to media.Receiver) (n int) {
	for ; n < limit; n++ {
		at := m.start + int64(float64(m.sent)*m.period)
		if at > now {
			return n
		}
		if m.jitter != nil {
			at = min(at+m.jitter(), now)
		}
		to.Receive(&media.Packet{Arrival: at, SSRC: m.ssrc, Sequence: uint16(m.sent), PayloadType: mixerPT,
			Timestamp: uint32(m.sent * m.ticks), Payload: m.packets[m.sent%len(m.packets)]})
		m.sent++
	}
	return n
}

// Send implements media.Sink: it is the listener's phone.
func (b *bridge) Send(o *media.Outgoing) {
	n, err := b.dec.Decode(b.pcm, o.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	b.ear.Hear(b.pcm[:n], b.due)
}

// network is between talkers and mixer.
type network struct {
	drift  float64       // of every other talker's clock, ppm; the rest have the opposite
	jitter time.Duration // uniform
}

// phase is by how much a talker's packets leave after the tick.
func phase(talker int) time.Duration { return time.Duration(talker*7%20) * time.Millisecond }

// newBridge puts a room on a mixer; its listener is talker self.
func newBridge(t testing.TB, c coding, o Options, self int, net network) *bridge {
	t.Helper()
	eng, err := mixer.New(mixer.Config{Talkers: o.Mixed, Codec: c.options})
	if err != nil {
		t.Fatal(err)
	}
	b := &bridge{hall: &hall{t: t, coding: c, room: newRoom(t, o), self: self}, dec: c.decoder(t),
		conf: eng.NewConference(mixer.ConferenceConfig{}), pcm: make([]int16, codec.MaxFrame), due: epoch}
	b.ear = b.hall.ear()
	random := rand.New(rand.NewPCG(4, 4))
	var own *mixer.Input
	for i := range b.room.plans {
		m := b.mouth(i, c.packets(t, b.room.Render(i, c.format.SampleRate)))
		drift := net.drift * float64(1-2*(i%2))
		m.period *= 1 + drift*1e-6
		if net.jitter > 0 {
			m.jitter = func() int64 { return random.Int64N(int64(net.jitter)) }
		}
		if err := b.ear.Begin(i, Talk{Start: m.start, From: m.start, Drift: drift}); err != nil {
			t.Fatal(err)
		}
		b.talk = append(b.talk, b.join(m))
		if i == self {
			own = b.talk[i]
		}
	}
	if own == nil {
		own = b.join(b.mouth(0, c.packets(t, make([]int16, c.format.SampleRate))[:1]))
	}
	out := mixer.NewOutput(b, mixer.OutputConfig{Format: c.format, PayloadType: mixerPT})
	b.conf.Apply(mixer.Attach(out, b.conf.Full(), own))
	return b
}

func (b *bridge) mouth(i int, packets [][]byte) *mouth {
	return &mouth{packets: packets, start: epoch + int64(packetTime+phase(i)), period: float64(packetTime),
		ticks: b.coding.format.Ticks(packetTime), ssrc: uint32(1 + i)}
}

func (b *bridge) join(m *mouth) *mixer.Input {
	in := mixer.NewInput(m, mixer.InputConfig{Formats: map[uint8]media.Format{mixerPT: b.coding.format}})
	b.conf.Apply(mixer.AddInput(in))
	return in
}

func (b *bridge) run(d time.Duration) {
	for range int(d / packetTime) {
		b.due += int64(packetTime)
		b.conf.Tick(b.due, b.due)
	}
}

// On confd's mixer everybody hears everybody else, and the delay is the time to the tick.
func TestMixer(t *testing.T) {
	for _, c := range codings {
		for _, n := range []int{1, 3, 8} {
			for _, self := range []int{NoOne, 0} {
				if n == 1 && self == 0 {
					continue
				}
				t.Run(fmt.Sprintf("%s/%d/%d", c.name, n, self), func(t *testing.T) {
					b := newBridge(t, c, Options{Talkers: n, Seed: 31, Cycle: MinCycle}, self, network{})
					b.run(2*MinCycle + 4*time.Second)
					b.checkMixed()
				})
			}
		}
	}
}

// checkMixed fails the test if anything is wrong. Those whose packets do not tell how loud
// they are may be some ticks late.
func (b *bridge) checkMixed() {
	b.t.Helper()
	s := b.ear.Totals()
	if s.Heard != s.Expected || s.Expected == 0 {
		b.t.Errorf("heard %d of %d", s.Heard, s.Expected)
	}
	if b.coding.format.SampleRate == earRate {
		b.only()
	} else {
		// In its first second a room finds its rate, which moves sound by some samples.
		b.found = slices.DeleteFunc(b.found, func(f Finding) bool { return f.Kind == Jump && f.At < epoch+1e9 })
		b.only(Clipped)
	}
	if b.coding.format.SampleRate == earRate {
		b.checkTicks(0)
	} else {
		b.checkTicks(4 * time.Millisecond) // what the mixer does not resample for
	}
	if b.counts()[Delayed] < s.Expected*3/4 {
		b.t.Errorf("%d delays of %d spurts", b.counts()[Delayed], s.Expected)
	}
	b.t.Logf("%d spurts, onset %v each, level %.2f to %.2f dB", s.Heard, s.Onset/time.Duration(max(s.Heard, 1)), s.LevelLow, s.LevelHigh)
}

// checkTicks fails the test if a delay is not the time from a talker's packet to the tick.
func (b *bridge) checkTicks(within time.Duration) {
	b.t.Helper()
	for _, f := range b.found {
		if f.Kind != Delayed {
			continue
		}
		want := packetTime - phase(f.Talker)
		if off := f.Time - want; off > max(within, b.coding.within) || off < -max(within, b.coding.within) {
			b.t.Errorf("%v, want %v", f, want)
		}
	}
}

// When more speak than are mixed, all places are taken, by those who speak.
func TestMixerInACrowd(t *testing.T) {
	for _, c := range []coding{pcmu, opus} {
		for _, k := range []struct {
			talkers    int
			continuous bool
			least      float64 // share of the places that are heard
		}{{20, false, 0.85}, {50, false, 0.65}, {50, true, 0.6}} {
			if c.name != pcmu.name && k.talkers > 20 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d/%v", c.name, k.talkers, k.continuous), func(t *testing.T) {
				b := newBridge(t, c, Options{Talkers: k.talkers, Mixed: 8, Seed: 5, Cycle: MinCycle, Continuous: k.continuous}, 0, network{})
				b.run(2*MinCycle + 4*time.Second)
				s := b.ear.Totals()
				if c.name == pcmu.name {
					b.only()
				} else {
					b.only(Click, Clipped)
				}
				share := float64(s.PlacesHeard) / float64(s.PlacesDue)
				t.Logf("heard %d of %d crowded, %d of %d others; %v of %v places, %d delays", s.CrowdHeard, s.Crowded,
					s.Heard, s.Expected, s.PlacesHeard, s.PlacesDue, b.counts()[Delayed])
				if s.Crowded == 0 || s.Heard != s.Expected || share < k.least || share > 1 {
					t.Errorf("places %v of %v; heard %d of %d when there was room", s.PlacesHeard, s.PlacesDue, s.Heard, s.Expected)
				}
				if most := s.Crowded * 2 * 8 / k.talkers; k.continuous && (s.CrowdHeard > most || s.CrowdHeard < most/4) {
					t.Errorf("%d of %d crowded spurts heard, though 8 of %d are mixed", s.CrowdHeard, s.Crowded, k.talkers)
				}
				b.checkTicks(2 * packetTime)
			})
		}
	}
}

// A mixer with fewer places than asked for is found out.
func TestMixerWithTooFewPlaces(t *testing.T) {
	b := newBridge(t, pcmu, Options{Talkers: 20, Mixed: 3, Seed: 5, Cycle: MinCycle, Continuous: true}, NoOne, network{})
	b.ear.room.options.Mixed = 8
	b.run(2 * MinCycle)
	if s := b.ear.Totals(); s.PlacesHeard > s.PlacesDue/2 || s.PlacesHeard < s.PlacesDue/4 {
		t.Errorf("%v of %v places", s.PlacesHeard, s.PlacesDue)
	}
}

// The mixer leaves one out.
func TestMixerLeavesOneOut(t *testing.T) {
	b := newBridge(t, pcmu, Options{Talkers: 4, Seed: 31, Cycle: MinCycle}, NoOne, network{})
	b.run(8 * time.Second)
	b.conf.Apply(mixer.RemoveInput(b.talk[2]))
	b.run(2 * MinCycle)
	b.only(Missed, Gap) // Gap: the spurt in which that happens
	n := 0
	for _, f := range b.faults() {
		if f.Talker != 2 || f.At < epoch+7e9 {
			t.Error(f)
		}
		n++
	}
	if n < len(b.room.Plan(2)) {
		t.Errorf("missed %d times", n)
	}
}

// The mixer gives one his own voice.
func TestMixerEchoes(t *testing.T) {
	b := newBridge(t, opus, Options{Talkers: 4, Seed: 31, Cycle: MinCycle}, NoOne, network{})
	b.ear.config.Self = 1
	b.ear.echoes.spurts = slices.DeleteFunc(slices.Clone(b.room.spurts), func(s *Spurt) bool { return s.Talker != 1 })
	b.run(2*MinCycle + 8*time.Second)
	b.only(Own, Clipped)
	if n := b.counts()[Own]; n < len(b.room.Plan(1)) {
		t.Errorf("found %d times", n)
	}
}

// Jitter and clocks that drift make the mixer stretch sound; what is heard is still whole.
func TestMixerStretches(t *testing.T) {
	for _, net := range []network{{drift: 300}, {jitter: 12 * time.Millisecond}, {drift: 100, jitter: 8 * time.Millisecond}} {
		for _, c := range []coding{pcmu, g722} {
			t.Run(fmt.Sprintf("%s/%v", c.name, net), func(t *testing.T) {
				b := newBridge(t, c, Options{Talkers: 3, Seed: 31, Cycle: MinCycle}, NoOne, net)
				b.run(time.Minute)
				s := b.ear.Totals()
				t.Logf("%d of %d, %v", s.Heard, s.Expected, s.Counts)
				if net.jitter == 0 {
					b.only(Gap, Jump) // the frame in which a mixer begins to stretch may be off pitch
				} else {
					b.only()
				}
				if s.Counts[Gap] > 2 || s.Counts[Jump] > 2 {
					t.Errorf("%d gaps and %d jumps", s.Counts[Gap], s.Counts[Jump])
				}
				if s.Heard != s.Expected || s.Expected == 0 {
					t.Errorf("heard %d of %d", s.Heard, s.Expected)
				}
			})
		}
	}
}
