package tone

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestLevelOfASine(t *testing.T) {
	for _, rate := range []int{8000, 16000, 44100, 48000} {
		for _, level := range []float64{0, -20, -60} {
			pcm := Make(rate, time.Second, level, 997)
			if got := Level(pcm, rate, 997); math.Abs(got-level) > 0.2 {
				t.Errorf("%d Hz: level %.2f dB, want %.2f", rate, got, level)
			}
			if got := RMS(pcm); math.Abs(got-level) > 0.2 {
				t.Errorf("%d Hz: RMS %.2f dB, want %.2f", rate, got, level)
			}
		}
	}
}

func TestLevelTellsNeighboursApart(t *testing.T) {
	pcm := Make(8000, time.Second, -6, 1000)
	if got := Level(pcm, 8000, 1010); got > -90 {
		t.Errorf("10 Hz beside a tone of -6 dB: %.1f dB, want under -90", got)
	}
}

func TestGeneratorIsContinuous(t *testing.T) {
	whole := Make(8000, time.Second, -10, 433, 1471)
	g := New(8000, -10, 433, 1471)
	parts := make([]int16, len(whole))
	for i := 0; i < len(parts); {
		n := min(1+rand.IntN(300), len(parts)-i)
		g.Read(parts[i : i+n])
		i += n
	}
	for i := range whole {
		if whole[i] != parts[i] {
			t.Fatalf("sample %d is %d, want %d", i, parts[i], whole[i])
		}
	}
}

func TestCheck(t *testing.T) {
	pcm := Make(8000, time.Second, -20, 433, 797)
	if err := Check(pcm, 8000, Expect{Present: []float64{433, 797}, Absent: []float64{1471}}); err != nil {
		t.Error(err)
	}
	err := Check(pcm, 8000, Expect{Present: []float64{433, 1471}})
	if err == nil || !strings.Contains(err.Error(), "1471 Hz is missing") {
		t.Errorf("a missing tone gives %v", err)
	}
	err = Check(pcm, 8000, Expect{Present: []float64{433}, Absent: []float64{797}})
	if err == nil || !strings.Contains(err.Error(), "797 Hz is heard") {
		t.Errorf("a tone too many gives %v", err)
	}
	if Check(pcm, 8000, Expect{Absent: []float64{433}}) == nil {
		t.Error("a tone where none may be gives no error")
	}
}

func TestShift(t *testing.T) {
	pcm := Make(8000, time.Second, -20, 860*0.991)
	if err := Check(pcm, 8000, Expect{Present: []float64{860}, Absent: []float64{1000}, Shift: 0.01}); err != nil {
		t.Error(err)
	}
	for _, shift := range []float64{0, 0.005} {
		if Check(pcm, 8000, Expect{Present: []float64{860}, Shift: shift}) == nil {
			t.Errorf("a tone that is 0.9 %% off passes where %g is allowed", shift)
		}
	}
	if Check(pcm, 8000, Expect{Present: []float64{1000}, Absent: []float64{860}, Shift: 0.01}) == nil {
		t.Error("a shifted tone passes for an absent one")
	}
}

func TestTHDNOfClippingAndNoise(t *testing.T) {
	clean := Make(8000, time.Second, -10, 1000.3)
	if got := THDN(clean, 8000, 1000); got > 0.001 {
		t.Errorf("clean tone 0.3 Hz off: %.4f, want under 0.001", got)
	}
	if got := THDN(Make(8000, time.Second, -10, 990), 8000, 1000); got > 0.001 {
		t.Errorf("clean tone 1 %% off: %.4f, want under 0.001", got)
	}
	noisy := make([]int16, len(clean))
	for i := range clean {
		noisy[i] = clean[i] + int16(rand.NormFloat64()*0.05*fullScale*amplitude(-10)/math.Sqrt2)
	}
	if got := THDN(noisy, 8000, 1000); got < 0.045 || got > 0.055 {
		t.Errorf("5 %% of noise: %.4f", got)
	}
	clipped := make([]int16, len(clean))
	for i := range clean {
		clipped[i] = max(-7000, min(7000, clean[i]))
	}
	if got := THDN(clipped, 8000, 1000); got < 0.05 {
		t.Errorf("a clipped tone has only %.4f", got)
	}
}

func TestJumpFindsOneLostSample(t *testing.T) {
	pcm := Make(8000, time.Second, -10, 433, 797)
	clean, _ := Jump(pcm, 8000, 433, 797)
	if clean > 20 {
		t.Errorf("clean tones deviate by %.0f", clean)
	}
	cut := append(append([]int16{}, pcm[:4000]...), pcm[4003:]...)
	got, at := Jump(cut, 8000, 433, 797)
	if got < 20*clean || at < 3700 || at > 4300 {
		t.Errorf("three lost samples deviate by %.0f at %d; clean is %.0f", got, at, clean)
	}
}

func TestMaxStep(t *testing.T) {
	if step, at := MaxStep([]int16{0, 10, -32768, 32767, 5}); step != 65535 || at != 3 {
		t.Errorf("step %d at %d", step, at)
	}
}

func TestEnvelopeShowsAGap(t *testing.T) {
	pcm := Make(8000, time.Second, -10, 433)
	clear(pcm[3200:3360])
	for i, l := range Envelope(pcm, 8000, 20*time.Millisecond) {
		if gap := l < -60; gap != (i == 20) {
			t.Errorf("window %d is at %.1f dB", i, l)
		}
	}
}

func TestSpreadIsFreeOfBeats(t *testing.T) {
	f := Spread(16)
	for i := range f {
		for j := range f {
			for k := range f {
				if i == j || i == k || j == k {
					continue
				}
				for _, beat := range []float64{f[i] + f[j], math.Abs(f[i] - f[j]), 2*f[i] - f[j]} {
					if math.Abs(beat-f[k]) < 8 {
						t.Errorf("%g and %g beat at %g, beside %g", f[i], f[j], beat, f[k])
					}
				}
			}
		}
	}
}
