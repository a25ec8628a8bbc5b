package mixer

import (
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// lag is by how much later than its packet a sample is heard, on average.
func (p *testPhone) lag() time.Duration {
	play := &p.in.play
	consumed := scale((play.endTS<<32-play.ahead)>>16, 1e9, int64(play.format.SampleRate)<<16)
	return time.Duration(p.bed.due-p.start-consumed) - p.net.phase + p.send.PacketTime
}

// What a hiccup adds to the delay is given back soon, but for what a resampler looks ahead, and but to
// packets that come just before the tick.
func TestAHiccupIsForgotten(t *testing.T) {
	b := newBed(t, Config{Talkers: 20})
	var phones []*testPhone
	for phase := range 20 {
		p := b.phone(format(t, media.PCMU, 8000, 20*time.Millisecond), -20, 300,
			network{phase: time.Duration(phase)*time.Millisecond + 100*time.Microsecond}).join()
		p.hold = held(p.start+1e9, 4*time.Millisecond)
		phones = append(phones, p)
	}
	b.run(900 * time.Millisecond)
	calm := lags(phones)
	if calm[19] > time.Millisecond {
		t.Errorf("who comes 0.9 ms before the tick is %v late at first", calm[19])
	}
	b.run(1100 * time.Millisecond)
	if later := lags(phones); later[17]-calm[17] < 15*time.Millisecond {
		t.Fatalf("the hiccup made nobody wait: %v", later)
	}
	b.run(8 * time.Second)
	again := lags(phones)
	for i := range 19 {
		if calm[i] > 20*time.Millisecond || again[i]-calm[i] > 2250*time.Microsecond {
			t.Errorf("phase %d: %v late, want at most 2.25 ms more than %v", i, again[i], calm[i])
		}
	}
	if again[19] < 20*time.Millisecond || again[19] > 21250*time.Microsecond {
		t.Errorf("who comes 0.9 ms before the tick is %v late, want the 20.9 ms of the tick after it", again[19])
	}
}

// lags returns how late each is heard.
func lags(phones []*testPhone) (all []time.Duration) {
	for _, p := range phones {
		all = append(all, p.lag())
	}
	return all
}

// held returns a path that lets one packet that comes after the time from through so much later.
func held(from int64, by time.Duration) func(at int64) int64 {
	return func(at int64) int64 {
		if at >= from && at < from+20e6 {
			return at + int64(by)
		}
		return at
	}
}

// Who misses a packet every ten seconds, too seldom to call it jitter, soon has delay enough not to; and
// gives it back when that is long over.
func TestHiccupsAreRemembered(t *testing.T) {
	if testing.Short() {
		t.Skip("25 minutes of fake time")
	}
	b := newBed(t, Config{})
	p := b.phone(format(t, media.PCMU, 8000, 20*time.Millisecond), -20, 300, network{phase: 18 * time.Millisecond}).join()
	b.run(time.Second)
	tight := p.lag()
	begin, over := b.due, b.due+int64(15*time.Minute)
	p.hold = func(at int64) int64 {
		if (at-begin)%10e9 < 20e6 && at < over {
			return at + 4e6
		}
		return at
	}
	b.run(15 * time.Minute)
	few := p.in.Stats().Concealed
	if gaps := few / 160; gaps < 2 || gaps > 15 {
		t.Errorf("%d gaps of 90 hiccups, want some, and few", gaps)
	}
	if p.lag() < tight+10*time.Millisecond {
		t.Errorf("%v late at the end of the hiccups, %v before", p.lag(), tight)
	}
	b.run(10 * time.Minute)
	if p.lag() > tight+time.Millisecond {
		t.Errorf("%v late long after the hiccups, %v before", p.lag(), tight)
	}
	if more := p.in.Stats().Concealed; more > few {
		t.Errorf("%d samples concealed after the hiccups", more-few)
	}
}

// A slow clock is allowed for by what it loses in a window; a path that became longer is not a clock.
func TestRiseIsThatOfAClock(t *testing.T) {
	for _, c := range []struct{ window, want int64 }{{1.2e6, 1.2e6}, {50e6, maxRise}, {-1.2e6, 0}, {0, 0}} {
		var a arrival
		for now := int64(0); now < 5*arrivalWindow; now += 20e6 {
			a.observe(now/arrivalWindow*c.window, now)
		}
		if a.rise != c.want {
			t.Errorf("base rises by %d ns a window: %d allowed for, want %d", c.window, a.rise, c.want)
		}
	}
}

// Every delay is in a bin that ends above it, by no more than the bin's width.
func TestJitterBins(t *testing.T) {
	for bin := range jitterBins - 1 {
		if got := jitterBin(jitterCeil(bin) - 1); got != bin {
			t.Errorf("just below %v: bin %d, want %d", time.Duration(jitterCeil(bin)), got, bin)
		}
		if got := jitterBin(jitterCeil(bin)); got != bin+1 {
			t.Errorf("%v: bin %d, want %d", time.Duration(jitterCeil(bin)), got, bin+1)
		}
	}
	if end := jitterCeil(jitterBins - 1); end != 320e6 || jitterBin(end) != jitterBins-1 || jitterBin(1e12) != jitterBins-1 {
		t.Errorf("the last bin ends at %v", time.Duration(end))
	}
	if jitterBin(0) != 0 || jitterBin(-1e9) != 0 {
		t.Error("what is early is not in the first bin")
	}
}
