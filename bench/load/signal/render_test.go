package signal

import (
	"math"
	"testing"
	"time"

	"github.com/confd/confd/codec"
)

// Within spurts the sound is as loud as said; between them there is none.
func TestRenderedSound(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, o := range []Options{{Talkers: 3, Seed: 1}, {Talkers: 50, Seed: 1, Mixed: 32}} {
			r := newRoom(t, o)
			pcm := r.Render(1, rate)
			if len(pcm) != rate*24 {
				t.Fatalf("%d samples", len(pcm))
			}
			spoken := make([]bool, len(pcm))
			for _, s := range r.Plan(1) {
				from, to := int(s.Start.Seconds()*float64(rate)+0.5), int(s.End().Seconds()*float64(rate)+0.5)
				var sum float64
				for i := from; i < to; i++ {
					spoken[i] = true
					sum += float64(pcm[i]) * float64(pcm[i])
				}
				level := math.Sqrt(2*sum/float64(to-from)) / r.amplitude
				if level < 0.93 || level > 1.01 {
					t.Errorf("%d: %v long at %.3f of its amplitude", rate, s.Length, level)
				}
			}
			for i, x := range pcm {
				if !spoken[i] && x != 0 || math.Abs(float64(x)) > r.amplitude+1 {
					t.Fatalf("%d: sample %d is %d, spoken %v", rate, i, x, spoken[i])
				}
			}
		}
	}
}

func TestRatesRenderTheSame(t *testing.T) {
	r := newRoom(t, Options{Talkers: 3, Seed: 1})
	slow, fast := r.Render(2, 8000), r.Render(2, 48000)
	for i, x := range slow {
		if d := int(x) - int(fast[6*i]); d < -1 || d > 1 {
			t.Fatalf("sample %d is %d and %d", i, x, fast[6*i])
		}
	}
}

// Those who are mixed do not sum up to what a limiter would touch.
func TestSumsHaveHeadroom(t *testing.T) {
	for _, mixed := range []int{1, 8, 16, 64, 200} {
		if a := amplitude(mixed); a*math.Sqrt(float64(mixed)/2)*4 > 27000 || mixed <= 8 && a*float64(mixed) > 27000 {
			t.Errorf("%d talkers with an amplitude of %.0f", mixed, a)
		}
	}
	r := newRoom(t, Options{Talkers: 32, Mixed: 32, Seed: 1, Continuous: true})
	sum := make([]int, 24*8000)
	for i := range 32 {
		for k, x := range r.Render(i, 8000) {
			sum[k] += int(x)
		}
	}
	for _, x := range sum {
		if x > 29900 || x < -29900 {
			t.Fatalf("32 talkers sum up to %d", x)
		}
	}
}

// Opus takes all of it for speech, even if it goes on without a pause: a server that trusts
// the flags hears it.
func TestOpusTakesItForSpeech(t *testing.T) {
	for _, continuous := range []bool{false, true} {
		r := newRoom(t, Options{Talkers: 1, Seed: 3, Continuous: continuous, Cycle: MinCycle})
		speech, silent := 0, 0
		packets := opus.packets(t, r.Render(0, 48000))
		for _, s := range r.Plan(0) {
			for at := s.Start; at < s.End(); at += packetTime {
				switch activity, _, _ := codec.Inspect(opus.format, packets[at/packetTime]); activity {
				case codec.ActivityVoice:
					speech++
				default:
					silent++
				}
			}
		}
		if speech == 0 || silent > speech/50 {
			t.Errorf("continuous %v: %d packets of speech, %d of silence", continuous, speech, silent)
		}
	}
}

func TestFrequenciesAreOnTheGrid(t *testing.T) {
	if lo, hi := frequency(0), frequency(gridSize-1); lo != 406.25 || hi != 2281.25 || hi+200 > chirpLow {
		t.Errorf("%v to %v Hz", lo, hi)
	}
	for k := range gridSize {
		for _, shift := range []time.Duration{10 * time.Millisecond, 20 * time.Millisecond} {
			turns := frequency(k) * shift.Seconds()
			if off := math.Abs(turns - math.Round(turns)); off < 0.06 {
				t.Errorf("%v Hz is off by %.2f turns after %v", frequency(k), off, shift)
			}
		}
	}
}
