package mixer

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
)

// house is several rooms on workers that may be a period apart. In every room the same tone
// is spoken at the same time and somebody stays who hears it.
type house struct {
	*bed
	rooms   []*Conference
	workers [][]*Conference
	behind  []int // ticks that a worker has yet to make up for
	lag     bool
	rng     *rand.Rand
	mixes   []*Mix
}

const (
	houseTone  = 440.0
	houseLevel = -20.0
)

// newHouse makes a room for each rate, on workers in turn. Each room has the full mix, one
// with a recipe of its own that somebody hears, and one that nobody does.
func newHouse(t testing.TB, cfg Config, seed uint64, workers int, rates ...int) *house {
	h := &house{bed: newBed(t, cfg), workers: make([][]*Conference, workers), behind: make([]int, workers),
		lag: workers > 1, rng: rand.New(rand.NewPCG(seed, 3))}
	for i, rate := range rates {
		c := h.eng.NewConference(ConferenceConfig{Rate: rate})
		w := &h.workers[i%workers]
		*w = append(*w, c)
		h.rooms = append(h.rooms, c)
		talker := h.phone(narrow(t), houseLevel, houseTone, network{phase: 5e6})
		recipe := MixConfig{Sources: []MixSource{{Input: talker.in}}}
		heard, unheard := c.NewMix(recipe), c.NewMix(recipe)
		stays, also := h.phone(narrow(t), 0, 0, network{}), h.phone(narrow(t), 0, 0, network{})
		c.Apply(AddInput(talker.in), AddInput(stays.in),
			Attach(stays.out, c.Full(), stays.in), Attach(also.out, heard, nil))
		h.mixes = append(h.mixes, c.Full(), heard, unheard)
	}
	return h
}

// step runs a period: workers in any order, each late by up to a period if they may be.
func (h *house) step() {
	h.due += int64(h.eng.cfg.Period)
	for _, w := range h.rng.Perm(len(h.workers)) {
		keep := 0
		if h.behind[w]++; h.lag {
			keep = h.rng.IntN(2)
		}
		for ; h.behind[w] > keep; h.behind[w]-- {
			due := h.due - int64(h.behind[w]-1)*int64(h.eng.cfg.Period)
			for _, c := range h.workers[w] {
				c.tick(due+100e3, due, due, &h.timer)
			}
		}
	}
}

func (h *house) run(d time.Duration) {
	for range int(d / h.eng.cfg.Period) {
		h.step()
	}
}

// guests join the mixes in turn, one each period, so that their packets begin at different
// times. Every other only listens; nobody says anything.
func (h *house) guests(formats ...media.Format) []*testPhone {
	all := make([]*testPhone, len(formats))
	for i, f := range formats {
		p := h.phone(f, 0, 0, network{phase: 7e6})
		p.keep = true
		m := h.mixes[i%len(h.mixes)]
		if i%2 == 0 {
			p.in = nil
		} else {
			m.conf.Apply(AddInput(p.in))
		}
		m.conf.Apply(Attach(p.out, m, p.in))
		h.step()
		all[i] = p
	}
	return all
}

// move takes a guest to a mix, of its room or of another.
func (h *house) move(p *testPhone, m *Mix) {
	if p.out.conf == m.conf {
		m.conf.Apply(Attach(p.out, m, p.in))
		return
	}
	p.out.conf.Apply(Move(p.in, []*Output{p.out}, m.conf, m))
}

// wander moves each guest to and fro, at random.
func (h *house) wander(d time.Duration, guests ...*testPhone) {
	wait := make([]int, len(guests))
	for range int(d / h.eng.cfg.Period) {
		for i, p := range guests {
			if wait[i]--; wait[i] < 0 {
				wait[i] = 4 + h.rng.IntN(12) // in which it has arrived
				h.move(p, h.mixes[h.rng.IntN(len(h.mixes))])
			}
		}
		h.step()
		h.prompt(guests)
	}
}

// prompt tells who has not been sent in this period what was due in it.
func (h *house) prompt(guests []*testPhone) {
	if h.lag {
		return
	}
	now := h.due + int64(h.eng.cfg.Period)
	for _, p := range guests {
		if p.next+int64(p.recv.PacketTime) <= now {
			h.t.Fatalf("%v of %v: at %d ms the last packet ended at %d ms", p.recv, p.recv.PacketTime, now/1e6, p.next/1e6)
		}
	}
}

// unbroken tells where a stream is not one packet after another of the same length.
func unbroken(t *testing.T, p *testPhone) {
	t.Helper()
	if p.breaks > 0 || len(p.heard) != len(p.sent)*p.recv.Samples(p.recv.PacketTime) {
		t.Errorf("%v of %v: %d breaks; %d samples in %d packets", p.recv, p.recv.PacketTime, p.breaks, len(p.heard), len(p.sent))
	}
}

// heardAt returns what p heard between two media times.
func (p *testPhone) heardAt(from, to int64) []int16 {
	n := func(t int64) int { return int((t - p.sent[0].Time) * int64(p.recv.SampleRate) / 1e9) }
	return p.heard[n(from):n(to)]
}

var unbrokenRooms = []struct {
	name    string
	cfg     Config
	workers int
	rates   []int
}{
	{"one rate", Config{}, 1, []int{8000, 8000, 8000}},
	{"one rate, two workers", Config{}, 2, []int{8000, 8000, 8000}},
	{"one rate, 10 ms", Config{Period: 10 * time.Millisecond}, 2, []int{8000, 8000, 8000}},
	{"many rates", Config{}, 1, []int{8000, 16000, 48000}},
	{"many rates, three workers", Config{}, 3, []int{48000, 8000, 16000}},
}

func unbrokenFormats(t *testing.T) (all []media.Format) {
	for _, ms := range []time.Duration{10, 20, 30, 40, 60} {
		for _, c := range []struct {
			codec media.Codec
			rate  int
		}{{media.PCMU, 8000}, {media.L16, 8000}, {media.G722, 0}, {media.Opus, 48000}, {media.L16, 16000}} {
			if c.codec != media.Opus || ms != 30 {
				all = append(all, format(t, c.codec, c.rate, ms*time.Millisecond))
			}
		}
	}
	return all
}

// Whoever is moved between rooms and mixes, however often, whichever is served first, gets
// one packet after the other, and sound without a seam: where the rates are one, sample for
// sample what a listener got who stayed.
func TestMovesAreUnbroken(t *testing.T) {
	for _, r := range unbrokenRooms {
		t.Run(r.name, func(t *testing.T) {
			for seed := range uint64(3) {
				h := newHouse(t, r.cfg, seed, r.workers, r.rates...)
				formats := unbrokenFormats(t)
				h.rng.Shuffle(len(formats), func(i, j int) { formats[i], formats[j] = formats[j], formats[i] })
				moved, stay := h.guests(formats[:8]...), h.guests(formats[:8]...)
				h.run(time.Second)
				from := h.due
				h.wander(4*time.Second, moved...)
				h.run(500 * time.Millisecond)
				to := h.due - int64(200*time.Millisecond)
				for i, p := range moved {
					unbroken(t, p)
					exact := r.workers == 1 && r.rates[0] == r.rates[1]
					seamless(t, p.heardAt(from, to), stay[i].heardAt(from, to), p.recv, exact)
				}
			}
		})
	}
}

// seamless compares what somebody heard who was moved with what one heard who stayed.
func seamless(t *testing.T, got, want []int16, f media.Format, exact bool) {
	t.Helper()
	if exact && f.Codec != media.Opus && f.Codec != media.G722 {
		same(t, f.String(), got, want)
		return
	}
	// Between rates the tone has another phase: what is left of it is bent off over 4 ms.
	limit, _ := tone.MaxStep(want)
	limit = limit*7/4 + int(2*32768*math.Pow(10, houseLevel/20)*healTime/float64(f.SampleRate))
	if step, at := tone.MaxStep(got); step > limit {
		t.Errorf("%v of %v: a step of %d at sample %d, want %d at most", f, f.PacketTime, step, at, limit)
	}
}

// same compares sounds sample for sample.
func same(t *testing.T, what string, got, want []int16) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d samples, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s: sample %d is %d, want %d", what, i, got[i], want[i])
			return
		}
	}
}

// A tap hears an input that is moved, talker or not, as one that stays.
func TestMovedInputIsUnbroken(t *testing.T) {
	for seed := range uint64(4) {
		h := newHouse(t, Config{}, seed, 1+int(seed)%2, 8000, 8000, 8000)
		var taps [2]pcmTap
		var talk [2]*testPhone
		for i := range talk {
			talk[i] = h.phone(narrow(t), houseLevel, 917, network{phase: 11e6})
			h.rooms[0].Apply(AddInput(talk[i].in), AddTap(talk[i].in, &taps[i]), Attach(talk[i].out, h.mixes[0], talk[i].in))
		}
		h.run(time.Second)
		h.wander(3*time.Second, talk[0])
		h.lag = false
		h.run(500 * time.Millisecond)
		if taps[0].breaks > 0 {
			t.Errorf("%d breaks in what the tap got", taps[0].breaks)
		}
		same(t, "the tap", taps[0].pcm, taps[1].pcm)
	}
}

// Whoever was moved shares an encoder again before long, with those whose packets begin when
// its own do; where the room has as many encoders as it may, too.
func TestMovedClassesMerge(t *testing.T) {
	for _, cfg := range []Config{{}, {MaxClasses: 1, MaxPersonal: 1}} {
		h := newHouse(t, cfg, 5, 2, 8000, 8000)
		linear, opus := format(t, media.L16, 16000, 60*time.Millisecond), format(t, media.Opus, 8000, 40*time.Millisecond)
		guests := h.guests(linear, opus, linear, opus, linear, opus, linear, opus, opus, linear, linear, opus)
		h.run(200 * time.Millisecond)
		h.wander(2*time.Second, guests...)
		h.run(time.Second)
		for _, p := range guests {
			if k := p.out.class; cfg.MaxClasses == 0 && k.returning && k.key.format.Codec == media.L16 {
				t.Error("a codec without memory waits")
			}
		}
		h.run((lowTicks + 100) * 20 * time.Millisecond) // the tone never pauses
		for i, c := range h.rooms {
			if len(c.back) > 0 {
				t.Errorf("room %d: %d classes still wait", i, len(c.back))
			}
			for _, m := range c.mixes {
				distinct(t, m)
			}
		}
		for _, p := range guests {
			unbroken(t, p)
		}
	}
}

// distinct tells of classes that do the same.
func distinct(t *testing.T, m *Mix) {
	t.Helper()
	type what struct {
		classKey
		less *Input
		wait int
	}
	have := map[what]bool{}
	for _, k := range m.classes {
		w := what{k.key, k.less, len(k.wait)}
		if have[w] {
			t.Errorf("two encoders for %v of %v", k.key.format, k.key.format.PacketTime)
		}
		have[w] = true
	}
}

// What is asked for together with a departure, or later, happens once the tick's packets are
// sent; what was asked for before happens as the tick begins.
func TestDepartureWaitsForTheEndOfTheTick(t *testing.T) {
	b := newBed(t, Config{})
	p, l := b.phone(narrow(t), -20, 440, network{}).join(), b.phone(narrow(t), -20, 0, network{}).join()
	b.run(200 * time.Millisecond)
	var order []int64
	note := Do(func() { order = append(order, l.next-b.due) })
	other := b.eng.NewConference(ConferenceConfig{})
	b.conf.Apply(note)
	b.conf.Apply(note, Depart(l.in, []*Output{l.out}), note, Do(func() { other.Apply(AddInput(l.in), Attach(l.out, other.full, l.in)) }))
	b.conf.Apply(note)
	b.tick()
	want := []int64{0, 0, 20e6, 20e6} // what was sent, against when the tick began
	for i := range want {
		if len(order) != len(want) || order[i] != want[i] {
			t.Fatalf("sent %v, want %v", order, want)
		}
	}
	b.tickAll(other, b.conf)
	if l.out.conf != other || l.in.conf != other || l.breaks > 0 {
		t.Errorf("%d breaks, arrived: %v", l.breaks, l.out.conf == other)
	}
	_ = p
}

// Another gain does not change a listener's encoder under it, nor break its packets.
func TestGainOfAnOutputChangesWithoutASeam(t *testing.T) {
	for _, f := range []media.Format{
		format(t, media.PCMU, 8000, 60*time.Millisecond), format(t, media.G722, 16000, 40*time.Millisecond),
		format(t, media.Opus, 48000, 60*time.Millisecond),
	} {
		b := newBed(t, Config{})
		b.phone(narrow(t), -20, 440, network{phase: 3e6}).join()
		b.phone(f, -20, 0, network{phase: 3e6}).join()
		l := b.phone(f, -20, 0, network{phase: 7e6})
		cfg := l.out.cfg
		l.out.cfg.Gain = 3
		b.conf.Apply(Attach(l.out, b.conf.full, nil), ConfigureOutput(l.out, cfg))
		b.tick()
		if k := l.out.class; k.returning || len(k.outputs) != 2 {
			t.Errorf("%v: who just came does not share the encoder", f)
		}
		l.keep = true
		for _, gain := range []float32{0.8, 1.1, 1, 0.9} {
			cfg.Gain = gain
			steps(t, b, l, f.String(), func() { b.run(20 * time.Millisecond); b.conf.Apply(ConfigureOutput(l.out, cfg)) })
		}
		if l.breaks > 0 {
			t.Errorf("%v: %d breaks", f, l.breaks)
		}
	}
}
