package resample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

var testRates = []int{8000, 12000, 16000, 24000, 44100, 48000}

func tone(n, rate int, hz, amplitude float64) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return pcm
}

// split returns the power of pcm at hz, and of the rest, by least squares.
func split(pcm []int16, rate int, hz float64) (at, rest float64) {
	var ss, cc, sc, xs, xc, xx float64
	for i, v := range pcm {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
		x := float64(v)
		ss, cc, sc = ss+s*s, cc+c*c, sc+s*c
		xs, xc, xx = xs+x*s, xc+x*c, xx+x*x
	}
	det := ss*cc - sc*sc
	a, b := (xs*cc-xc*sc)/det, (xc*ss-xs*sc)/det
	at = (a*xs + b*xc) / float64(len(pcm))
	return at, xx/float64(len(pcm)) - at
}

func db(ratio float64) float64 { return 10 * math.Log10(ratio) }

func convert(in, out int, src []int16) []int16 {
	c := NewConverter(in, out)
	dst := make([]int16, len(src)*out/in)
	frame := in / 50
	n := 0
	for ; len(src) >= frame; src = src[frame:] {
		n += c.Process(dst[n:], src[:frame])
	}
	return dst[:n]
}

// settled cuts off what a filter does at the start.
func settled(pcm []int16, rate int) []int16 { return pcm[rate/20:] }

func TestPassBandAndStopBand(t *testing.T) {
	for _, in := range testRates {
		for _, out := range testRates {
			t.Run(fmt.Sprintf("%d-%d", in, out), func(t *testing.T) {
				low := float64(min(in, out)) / 2
				for _, part := range []float64{0.01, 0.1, 0.3, 0.5, 0.7, 0.8, 0.85} {
					checkPassed(t, in, out, part*low)
				}
				for part := 1.15; part*low < float64(in)/2; part += 0.11 {
					checkStopped(t, in, out, part*low)
				}
			})
		}
	}
}

// checkPassed: the tone has its level, all else (images, aliases, noise) is 60 dB down.
func checkPassed(t *testing.T, in, out int, hz float64) {
	t.Helper()
	const amplitude = 20000
	pcm := settled(convert(in, out, tone(in/2, in, hz, amplitude)), out)
	at, rest := split(pcm, out, hz)
	if gain := db(at / (amplitude * amplitude / 2)); math.Abs(gain) > 0.5 {
		t.Errorf("%.0f Hz: gain %.2f dB, want within 0.5", hz, gain)
	}
	if noise := db(rest / at); noise > -60 {
		t.Errorf("%.0f Hz: all else %.1f dB, want below -60", hz, noise)
	}
}

func checkStopped(t *testing.T, in, out int, hz float64) {
	t.Helper()
	const amplitude = 20000
	var power float64
	pcm := settled(convert(in, out, tone(in/2, in, hz, amplitude)), out)
	for _, v := range pcm {
		power += float64(v) * float64(v)
	}
	if left := db(power / float64(len(pcm)) / (amplitude * amplitude / 2)); left > -60 {
		t.Errorf("%.0f Hz: %.1f dB, want below -60", hz, left)
	}
}

func TestEqualRatesAreTheIdentity(t *testing.T) {
	for _, rate := range testRates {
		k := KernelFor(rate, rate)
		src := noise(400)
		dst := make([]int16, 200)
		k.Interpolate(dst, src, 50<<32, 1<<32)
		for i, v := range dst {
			if v != src[50+i] {
				t.Fatalf("%d: sample %d is %d, want %d", rate, i, v, src[50+i])
			}
		}
		row := k.rows[:2*k.half]
		for i, c := range row {
			if want := int16(0); i == k.half-1 && c != unity || i != k.half-1 && c != want {
				t.Fatalf("%d: coefficient %d at fraction 0 is %d", rate, i, c)
			}
		}
	}
}

func noise(n int) []int16 {
	r := rand.New(rand.NewPCG(1, 2))
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(r.Uint32())
	}
	return pcm
}

// TestDrift: a step off by 300 ppm and moving leaves a tone clean, however the positions
// fall between the table's rows.
func TestDrift(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		k := KernelFor(rate, rate)
		hz := 0.3 * float64(rate)
		src := tone(rate+1000, rate, hz, 20000)
		step := uint64(math.Round((1 + 300e-6) * (1 << 32)))
		dst := make([]int16, rate)
		pos := uint64(100) << 32
		for at := 0; at < len(dst); at += rate / 100 {
			k.Interpolate(dst[at:at+rate/100], src, pos, step)
			pos += uint64(rate/100) * step
		}
		ratio := float64(step) / (1 << 32)
		at, rest := split(dst, rate, hz*ratio)
		if gain := db(at / (20000 * 20000 / 2)); math.Abs(gain) > 0.1 {
			t.Errorf("%d: gain %.2f dB", rate, gain)
		}
		if snr := db(at / rest); snr < 60 {
			t.Errorf("%d: signal to noise %.1f dB, want 60", rate, snr)
		}
	}
}

func TestSaturates(t *testing.T) {
	src := make([]int16, 200)
	for i := range src {
		src[i] = math.MaxInt16
		if i/3%2 == 0 {
			src[i] = math.MinInt16
		}
	}
	k := KernelFor(16000, 48000)
	dst := make([]int16, 300)
	k.Interpolate(dst, src, 50<<32, k.Step())
	high, low := int16(0), int16(0)
	for i, v := range dst {
		high, low = max(high, v), min(low, v)
		exact := reference(k, src, 50<<32+uint64(i)*k.Step())
		if math.Abs(exact-float64(v)) > 8 {
			t.Fatalf("sample %d: %d, want %.1f", i, v, exact)
		}
	}
	if high != math.MaxInt16 || low != math.MinInt16 {
		t.Errorf("%d to %d: the test does not reach the limits", low, high)
	}
}

// reference computes one sample from the formula, clipped.
func reference(k *Kernel, src []int16, pos uint64) float64 {
	stretch := math.Max(1, float64(k.in)/float64(k.out))
	x := float64(pos) / (1 << 32)
	sum, gain := 0.0, 0.0
	for i, v := range src {
		d := float64(i) - x
		c := sinc(d/stretch) * kaiser(d/float64(k.half))
		sum, gain = sum+c*float64(v), gain+c
	}
	return math.Min(math.Max(sum/gain, math.MinInt16), math.MaxInt16)
}

// TestBounds: the first and last positions allowed work, one beyond panics.
func TestBounds(t *testing.T) {
	for _, in := range testRates {
		for _, out := range testRates {
			k := KernelFor(in, out)
			src := noise(2*k.Half() + 1)
			first := uint64(k.Half()-1) << 32
			last := uint64(k.Half())<<32 | 0xffffffff
			k.Interpolate(make([]int16, 1), src, first, k.Step())
			k.Interpolate(make([]int16, 1), src, last, k.Step())
			mustPanic(t, func() { k.Interpolate(make([]int16, 1), src, first-1, k.Step()) })
			mustPanic(t, func() { k.Interpolate(make([]int16, 1), src, last+1, k.Step()) })
		}
	}
	mustPanic(t, func() { KernelFor(7999, 8000) })
	mustPanic(t, func() { KernelFor(8000, 48001) })
}

func mustPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}

// TestConverterInPieces: the sound does not depend on how it was cut up, and lengths are
// exact.
func TestConverterInPieces(t *testing.T) {
	for _, in := range testRates {
		for _, out := range testRates {
			src := noise(in / 5)
			whole := make([]int16, len(src)*out/in)
			if n := NewConverter(in, out).Process(whole, src); n != len(whole) {
				t.Fatalf("%d-%d: %d samples, want %d", in, out, n, len(whole))
			}
			c := NewConverter(in, out)
			pieces := make([]int16, len(whole)+1)
			n := 0
			for at, i := 0, 1; at < len(src); i++ {
				end := min(at+i*37%977, len(src))
				n += c.Process(pieces[n:], src[at:end])
				at = end
			}
			if n != len(whole) {
				t.Fatalf("%d-%d: %d samples in pieces, want %d", in, out, n, len(whole))
			}
			for i := range whole {
				if whole[i] != pieces[i] {
					t.Fatalf("%d-%d: sample %d is %d in pieces, %d in one", in, out, i, pieces[i], whole[i])
				}
			}
		}
	}
}

func TestConverterFramesAreExact(t *testing.T) {
	for _, in := range testRates {
		for _, out := range testRates {
			c := NewConverter(in, out)
			for range 7 {
				if n := c.Process(make([]int16, out/100), make([]int16, in/100)); n != out/100 {
					t.Fatalf("%d-%d: %d samples for 10 ms", in, out, n)
				}
			}
		}
	}
}

func TestConverterReset(t *testing.T) {
	c := NewConverter(44100, 48000)
	src := noise(441)
	first, second := make([]int16, 480), make([]int16, 480)
	c.Process(first, src)
	c.Process(second, src[:100])
	c.Reset()
	c.Process(second, src)
	for i := range first {
		if first[i] != second[i] {
			t.Fatalf("sample %d after Reset is %d, want %d", i, second[i], first[i])
		}
	}
}

func TestNoAllocations(t *testing.T) {
	src, dst := noise(960), make([]int16, 960)
	c := NewConverter(8000, 48000)
	k := KernelFor(48000, 48000)
	if n := testing.AllocsPerRun(100, func() {
		c.Process(dst, src[:160])
		k.Interpolate(dst[:800], src, 50<<32+7, 1<<32+12345)
		KernelFor(48000, 48000)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkConverter(b *testing.B) {
	for _, pair := range [][2]int{{8000, 48000}, {48000, 8000}, {16000, 48000}, {48000, 16000}, {44100, 48000}, {8000, 16000}} {
		b.Run(fmt.Sprintf("%d-%d", pair[0], pair[1]), func(b *testing.B) {
			c := NewConverter(pair[0], pair[1])
			src, dst := noise(pair[0]/50), make([]int16, pair[1]/50)
			for b.Loop() {
				c.Process(dst, src)
			}
		})
	}
}

func BenchmarkDrift(b *testing.B) {
	for _, rate := range []int{8000, 48000} {
		b.Run(fmt.Sprint(rate), func(b *testing.B) {
			k := KernelFor(rate, rate)
			src, dst := noise(rate/50+100), make([]int16, rate/50)
			for b.Loop() {
				k.Interpolate(dst, src, 50<<32+12345678, 1<<32+100000)
			}
		})
	}
}

func BenchmarkNewKernel(b *testing.B) {
	for b.Loop() {
		newKernel(48000, 48000)
	}
}

// TestConverterCopyFrom: the copy goes on as the original does; other rates are refused.
func TestConverterCopyFrom(t *testing.T) {
	a, b := NewConverter(44100, 48000), NewConverter(44100, 48000)
	src := noise(500)
	x, y := make([]int16, 600), make([]int16, 600)
	a.Process(x, src[:77])
	b.Process(y, src[100:433])
	if !b.CopyFrom(a) {
		t.Fatal("the same rates are refused")
	}
	n, m := a.Process(x, src), b.Process(y, src)
	for i := range x[:n] {
		if m != n || x[i] != y[i] {
			t.Fatalf("sample %d of %d is %d in the copy, want %d of %d", i, m, y[i], x[i], n)
		}
	}
	if b.CopyFrom(NewConverter(48000, 44100)) {
		t.Error("other rates are taken")
	}
}
