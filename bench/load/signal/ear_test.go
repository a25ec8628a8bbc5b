package signal

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Through every codec, twice, everybody is heard, at the right level and with the right
// delay, and nothing else.
func TestEverybodyIsHeard(t *testing.T) {
	for _, c := range codings {
		for _, n := range []int{1, 3, 8} {
			for _, continuous := range []bool{false, true} {
				if continuous && n < 8 {
					continue
				}
				t.Run(fmt.Sprintf("%s/%d/%v", c.name, n, continuous), func(t *testing.T) {
					h := newHall(t, c, Options{Talkers: n, Seed: 3, Continuous: continuous, Cycle: MinCycle})
					e := h.listen(h.mix())
					h.checkClean(e)
					h.checkDelays(h.delay, 1)
					s := e.Totals()
					if s.LevelLow < -c.level || s.LevelHigh > c.level || s.Levels == 0 {
						t.Errorf("levels of %d spurts are %.2f to %.2f dB", s.Levels, s.LevelLow, s.LevelHigh)
					}
					for i := range n {
						if y := e.Talker(i); y.Heard == 0 || y.Heard != y.Expected {
							t.Errorf("talker %d: heard %d of %d", i, y.Heard, y.Expected)
						}
					}
				})
			}
		}
	}
}

// checkDelays fails the test unless every delay is the one wanted, and there are as many
// as least times the talkers.
func (h *hall) checkDelays(want time.Duration, least int) {
	h.t.Helper()
	n := 0
	for _, f := range h.found {
		if f.Kind != Delayed {
			continue
		}
		n++
		if off := f.Time - want; off > h.coding.within || off < -h.coding.within {
			h.t.Errorf("%v, want %v", f, want)
		}
	}
	if n < least*len(h.room.plans) {
		h.t.Errorf("%d delays of %d talkers", n, len(h.room.plans))
	}
}

// No false alarm in minutes of sound.
func TestCleanSoundRaisesNoAlarm(t *testing.T) {
	for _, k := range []struct {
		coding coding
		seeds  uint64
	}{{pcmu, 4}, {pcma, 2}, {g722, 2}, {opus, 1}, {celt, 1}} {
		for _, n := range []int{2, 5, 8} {
			t.Run(fmt.Sprintf("%s/%d", k.coding.name, n), func(t *testing.T) {
				seeds := k.seeds
				if testing.Short() {
					seeds = 1
				}
				for seed := range seeds {
					h := newHall(t, k.coding, Options{Talkers: n, Seed: 100 + seed, Cycle: MinCycle})
					h.self = int(seed)%(n+1) - 1
					h.checkClean(h.listen(h.mix()))
				}
			})
		}
	}
}

func TestDelays(t *testing.T) {
	h := newHall(t, pcmu, Options{Talkers: 3, Seed: 5, Cycle: MinCycle})
	for _, d := range []time.Duration{0, 125 * time.Microsecond, 7777 * time.Microsecond, 20 * time.Millisecond,
		99 * time.Millisecond, 250 * time.Millisecond, 499 * time.Millisecond} {
		h.delay = d
		h.checkClean(h.listen(h.mix()))
		h.checkDelays(d, 3)
	}
	h.delay = MaxDelay + 100*time.Millisecond
	if s := h.listen(h.mix()).Totals(); s.Heard > 0 || s.Expected == 0 {
		t.Errorf("%d of %d heard with a delay of %v", s.Heard, s.Expected, h.delay)
	}
}

// A packet that waits on its way has that much more delay, the others have not.
func TestDelayIsThatOfThePacket(t *testing.T) {
	h := newHall(t, pcmu, Options{Talkers: 1, Seed: 5, Cycle: MinCycle})
	held := int(h.room.Plan(0)[2].Start/packetTime) + 600 // in the second cycle
	h.wait = func(k int) time.Duration {
		if k == held {
			return 9 * time.Millisecond
		}
		return 0
	}
	h.checkClean(h.listen(h.mix()))
	late := 0
	for _, f := range h.found {
		switch off := f.Time - h.delay; {
		case off > 9*time.Millisecond-h.coding.within && off < 9*time.Millisecond+h.coding.within:
			late++
		case off > h.coding.within || off < -h.coding.within:
			t.Error(f)
		}
	}
	if late != 1 {
		t.Errorf("%d spurts are 9 ms late, want 1", late)
	}
}

// What the network does to the ear's own stream is not the server's fault.
func TestNetworkBeforeTheEar(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	h := newHall(t, pcmu, Options{Talkers: 4, Seed: 6})
	h.wait = func(int) time.Duration { return time.Duration(random.Int64N(30e6)) }
	h.checkClean(h.listen(h.mix()))
	h.lost = func(int) bool { return random.Float64() < 0.05 }
	s := h.listen(h.mix()).Totals()
	for _, f := range h.faults() {
		t.Error(f)
	}
	if s.Heard != s.Expected || s.Heard < 60 {
		t.Errorf("heard %d of %d", s.Heard, s.Expected)
	}
	if s.Unjudged > s.Expected/4 {
		t.Errorf("%d of %d were not judged", s.Unjudged, s.Expected)
	}
}

// Talkers whose cycles are some packets off each other, and whose clocks drift, are heard as
// well, each with his own delay.
func TestTalkersOutOfStep(t *testing.T) {
	h := newHall(t, pcmu, Options{Talkers: 3, Seed: 7})
	e := h.ear()
	lead := []time.Duration{0, 60 * time.Millisecond, -40 * time.Millisecond}
	for i, d := range lead {
		// Sent earlier than it is said below: it takes longer.
		if err := e.Begin(i, Talk{Start: epoch - int64(d), From: epoch - 1e9, Drift: 500 * float64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	mix, n := h.mix(), pcmu.samples(packetTime)
	h.found = nil
	for k := 0; (k+1)*n <= len(mix); k++ {
		e.Hear(mix[k*n:(k+1)*n], epoch+int64(k)*int64(packetTime)+90e6)
	}
	heard := 0
	for _, f := range h.found {
		if f.Kind != Delayed {
			t.Error(f)
			continue
		}
		heard++
		since := time.Duration(f.At-epoch) - 90*time.Millisecond + time.Second
		want := 90*time.Millisecond + lead[f.Talker] - since*500*time.Duration(f.Talker)/1e6
		if off := f.Time - want; off > time.Millisecond || off < -time.Millisecond {
			t.Errorf("%v, want %v", f, want)
		}
	}
	if heard < 30 {
		t.Errorf("%d spurts", heard)
	}
}

// Who has not begun or has ended is not expected, and is unexpected if he is heard.
func TestBeginAndEnd(t *testing.T) {
	h := newHall(t, pcmu, Options{Talkers: 3, Seed: 8})
	from, until := epoch+int64(20*time.Second), epoch+int64(30*time.Second)
	for _, silent := range []bool{true, false} {
		e := h.ear()
		if err := e.Begin(1, Talk{Start: epoch, From: from}); err != nil {
			t.Fatal(err)
		}
		e.End(1, until)
		if silent {
			h.hurt(1, func(pcm []int16) {
				clear(pcm[:pcmu.samples(20*time.Second)])
				clear(pcm[pcmu.samples(30*time.Second):])
			})
		} else {
			h = newHall(t, pcmu, Options{Talkers: 3, Seed: 8})
		}
		h.found = nil
		pcm, n := h.mix(), pcmu.samples(packetTime)
		e.config.Found = func(f Finding) { h.found = append(h.found, f) }
		for k := 0; (k+1)*n <= len(pcm); k++ {
			e.Hear(pcm[k*n:(k+1)*n], epoch+int64(k)*int64(packetTime)+int64(h.delay))
		}
		inside := 0
		for _, s := range h.room.Plan(1) {
			for turn := range time.Duration(cycles) {
				if at := epoch + int64(turn*DefaultCycle); at+int64(s.Start) >= from && at+int64(s.End()) < until {
					inside++
				}
			}
		}
		if y := e.Talker(1); y.Expected != inside || y.Heard != inside || inside == 0 {
			t.Errorf("silent %v: %+v, want %d heard", silent, y, inside)
		}
		if n := h.counts()[Unexpected]; (n == 0) != silent || len(h.faults()) != n {
			t.Errorf("silent %v: %v", silent, h.faults())
		}
	}
}

// After a long gap, and after the stream's clock leapt, the ear begins anew.
func TestStreamBeginsAnew(t *testing.T) {
	h := newHall(t, pcmu, Options{Talkers: 3, Seed: 5})
	pcm, n := h.mix(), pcmu.samples(packetTime)
	e := h.ear()
	for k := 0; (k+1)*n <= len(pcm); k++ {
		at := epoch + int64(k)*int64(packetTime) + int64(h.delay)
		switch {
		case k == 600:
			e.Gap(400 * n) // 8 s
		case k > 600 && k < 1000:
		case k > 1500 && k < 1600: // a stream without a gap that says so
		default:
			e.Hear(pcm[k*n:(k+1)*n], at)
		}
	}
	s := e.Totals()
	for _, f := range h.faults() {
		if f.Kind == Missed && f.At > epoch+28e9 && f.At < epoch+33e9 {
			continue // said when nothing was heard, before the ear knew
		}
		t.Error(f)
	}
	if s.Heard < 20 {
		t.Errorf("heard %d of %d", s.Heard, s.Expected)
	}
	h.checkDelays(h.delay, 5)
}

func TestEarRefusesNonsense(t *testing.T) {
	r := newRoom(t, Options{Talkers: 2, Seed: 1})
	for _, c := range []EarConfig{{Rate: 44100}, {Rate: 0}, {Rate: 8000, Self: 2}, {Rate: 8000, Self: -2},
		{Rate: 8000, CodecDelay: -1}, {Rate: 8000, CodecDelay: MaxDelay + 1}} {
		if _, err := NewEar(r, c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	e, err := NewEar(r, EarConfig{Rate: 16000, Self: 1, CodecDelay: MaxDelay, Epoch: epoch})
	if err != nil {
		t.Fatal(err)
	}
	cycle := int64(DefaultCycle)
	for skew, ok := range map[int64]bool{0: true, 250e6: true, -250e6: true, 250e6 + 1: false, -250e6 - 1: false, cycle / 2: false,
		7*cycle + 250e6: true, -7*cycle - 250e6: true, cycle - 250e6: true, cycle - 251e6: false} {
		if err := e.Begin(0, Talk{Start: epoch + skew}); (err == nil) != ok {
			t.Errorf("a cycle %v off: %v", time.Duration(skew), err)
		}
	}
}

func TestEarAllocatesNothing(t *testing.T) {
	for _, c := range []coding{pcmu, g722, opus} {
		h := &hall{t: t, coding: c, room: newRoom(t, Options{Talkers: 8, Seed: 1}), self: 1}
		for i := range h.room.plans {
			h.voices = append(h.voices, h.room.Render(i, c.format.SampleRate))
		}
		h.self = NoOne
		pcm, n := h.mix(), c.samples(packetTime)
		h.self = 1 // who hears himself, too
		e := h.ear()
		e.config.Found = func(Finding) {}
		k := 0
		if a := testing.AllocsPerRun(1000, func() {
			if k%100 == 99 {
				e.Gap(n)
			} else {
				at := k * n % len(pcm)
				e.Hear(pcm[at:at+n], epoch+int64(k)*int64(packetTime))
			}
			k++
		}); a != 0 {
			t.Errorf("%s: %v allocations per packet", c.name, a)
		}
		if s := e.Totals(); s.Heard == 0 || s.Counts[Own] == 0 {
			t.Errorf("%s: only %d heard, %d own", c.name, s.Heard, s.Counts[Own])
		}
	}
}

func TestTotalsAdd(t *testing.T) {
	h := newHall(t, pcmu, Options{Talkers: 3, Seed: 21, Cycle: MinCycle})
	a := h.listen(h.mix()).Totals()
	h.hurt(1, func(pcm []int16) { clear(pcm) })
	b := h.listen(h.mix()).Totals()
	var sum Totals
	sum.Add(&a)
	if sum != a {
		t.Errorf("nothing and %+v are %+v", a, sum)
	}
	sum.Add(&b)
	if sum.Heard != a.Heard+b.Heard || sum.Counts[Missed] != b.Counts[Missed] || sum.Levels != a.Levels+b.Levels ||
		sum.LevelLow != min(a.LevelLow, b.LevelLow) || sum.PlacesHeard != a.PlacesHeard+b.PlacesHeard {
		t.Errorf("%+v and %+v are %+v", a, b, sum)
	}
	sum.Add(&Totals{})
	if sum.LevelHigh != max(a.LevelHigh, b.LevelHigh) || sum.LevelLow != min(a.LevelLow, b.LevelLow) {
		t.Errorf("nothing changes levels to %v and %v", sum.LevelLow, sum.LevelHigh)
	}
}

// Forget leaves what was said since, and nothing that was found before.
func TestForget(t *testing.T) {
	h := newHall(t, pcmu, Options{Talkers: 3, Seed: 3, Cycle: MinCycle})
	h.self = 2
	sound, at := h.mix(), epoch+int64(MinCycle)
	first := h.hear(sound[:len(sound)/2+8000*6/10]).Totals() // of a cycle; its end is silent
	both := h.hear(sound).Totals()
	for i := range len(sound) / 2 { // in the first cycle he hears himself, which is found in the second
		sound[i] += h.voices[2][i]
	}
	e, n := h.ear(), h.coding.samples(packetTime)
	for k := 0; (k+1)*n <= len(sound); k++ {
		due := epoch + int64(k)*int64(packetTime)
		if due == at {
			e.Forget(at)
			h.found = h.found[:0]
		}
		e.Hear(sound[k*n:(k+1)*n], due+int64(h.delay))
	}
	h.only()
	got := e.Totals()
	if got.Expected != both.Expected-first.Expected || got.Heard != got.Expected || got.Expected == 0 || got.UnexpectedTime != 0 {
		t.Errorf("after Forget %+v, want %d of %d spurts", got, both.Expected-first.Expected, both.Expected)
	}
	if got.PlacesDue == 0 || got.PlacesDue > both.PlacesDue*2/3 {
		t.Errorf("%v of places after Forget, %v in all", got.PlacesDue, both.PlacesDue)
	}
	if n := e.Talker(0).Expected + e.Talker(1).Expected; n != got.Expected {
		t.Errorf("talkers were expected %d times, want %d", n, got.Expected)
	}
}

// Somebody unexpected who goes on after Forget is found, once.
func TestForgetUnexpected(t *testing.T) {
	h := newHall(t, pcmu, Options{Talkers: 3, Seed: 3, Cycle: MinCycle})
	other := newHall(t, pcmu, Options{Talkers: 3, Seed: 4, Cycle: MinCycle, Continuous: true})
	sound, e, n := h.mix(), h.ear(), h.coding.samples(packetTime)
	add(sound, other.voices[0], 1)
	for k := 0; (k+1)*n <= len(sound); k++ {
		if k == 700 {
			e.Forget(epoch + int64(k)*int64(packetTime))
			h.found = h.found[:0]
		}
		e.Hear(sound[k*n:(k+1)*n], epoch+int64(k)*int64(packetTime)+int64(h.delay))
	}
	if got := e.Totals(); got.Counts[Unexpected] != 1 || h.counts()[Unexpected] != 1 || got.UnexpectedTime < time.Second {
		t.Errorf("%+v", got)
	}
}
