package decode

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
)

func sine(t float64, _ int) float64 { return 0.1 * math.Sin(2*math.Pi*440*t) }

// Every coding, number of channels and rate gives the tone at its level, as long as it was
// and where it was: the output is compared with the tone itself, sample by sample.
func TestWave(t *testing.T) {
	type coding struct{ tag, bits int }
	for _, c := range []coding{{tagPCM, 8}, {tagPCM, 16}, {tagPCM, 24}, {tagPCM, 32}, {tagFloat, 32}} {
		for _, channels := range []int{1, 2, 8} {
			checkWave(t, c.tag, c.bits, channels, 16000, 0)
		}
	}
	for _, rate := range fileRates {
		checkWave(t, tagPCM, 16, 1, rate, 0)
		for _, out := range []int{8000, 16000, 48000} {
			checkWave(t, tagPCM, 16, 2, rate, out)
		}
	}
}

func checkWave(t *testing.T, tag, bits, channels, rate, out int) {
	name := fmt.Sprintf("%d of %d bits, %d channels, %d to %d Hz", tag, bits, channels, rate, out)
	frames := rate*3/10 + 7
	d, pcm, err := all(waveOf(tag, bits, channels, rate, frames, sine), Options{Rate: out})
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if out == 0 {
		out = roomRate(rate)
	}
	want := (frames*out + rate - 1) / rate // and one more where two filters round up
	if d.Rate() != out || len(pcm) < want || len(pcm) > want+rate/64000 {
		t.Errorf("%s: %d samples at %d Hz, want %d at %d", name, len(pcm), d.Rate(), want, out)
	}
	if want := time.Duration(frames) * time.Second / time.Duration(rate); d.Length() != want {
		t.Errorf("%s: length %v, want %v", name, d.Length(), want)
	}
	// A filter that starts or ends with the sound rings for some milliseconds.
	edge := out / 100
	noise := 0.01
	if bits == 8 {
		noise = 0.05
	}
	if n := tone.THDN(pcm[edge:len(pcm)-edge], out, 440); n > noise {
		t.Errorf("%s: noise and distortion %.4f, want at most %.4f", name, n, noise)
	}
	// A filter is late by a fraction of a sample at most: what half of one makes.
	allowed := 20 + 3277*2*math.Pi*440*0.5/float64(out)
	if bits == 8 || out == rate {
		allowed = 32768 * math.Pow(2, -float64(min(bits, 16)-1))
	}
	off := 0.0
	for i := edge; i < len(pcm)-edge; i++ {
		off = max(off, math.Abs(float64(pcm[i])-32767*sine(float64(i)/float64(out), 0)))
	}
	if off > allowed {
		t.Errorf("%s: up to %.0f off the tone, want at most %.0f", name, off, allowed)
	}
}

func TestSixteenBitsAreExact(t *testing.T) {
	want := []int16{0, 1, -1, 32767, -32768, 1234}
	b := waveOf(tagPCM, 16, 1, 48000, len(want), func(at float64, _ int) float64 {
		return (float64(want[int(math.Round(at*48000))])) / 32767
	})
	if _, pcm, err := all(b, Options{}); err != nil || !slices.Equal(pcm, want) {
		t.Errorf("%v %v, want %v", pcm, err, want)
	}
}

func TestChannelsAreAveraged(t *testing.T) {
	b := waveOf(tagPCM, 16, 3, 8000, 100, func(_ float64, c int) float64 { return []float64{0.3, -0.1, 0.1}[c] })
	_, pcm, err := all(b, Options{})
	if err != nil || math.Abs(float64(pcm[50])-3277) > 1 {
		t.Errorf("mean %d %v, want 3277", pcm[50], err)
	}
}

// Floating point may hold anything.
func TestFloatSaturates(t *testing.T) {
	values := []float64{2, -2, math.NaN(), math.Inf(1), math.Inf(-1), 1, -1}
	b := waveOf(tagFloat, 32, 1, 8000, len(values), func(at float64, _ int) float64 { return values[int(math.Round(at*8000))] })
	want := []int16{32767, -32768, 0, 32767, -32768, 32767, -32768}
	if _, pcm, err := all(b, Options{}); err != nil || !slices.Equal(pcm, want) {
		t.Errorf("%v %v, want %v", pcm, err, want)
	}
}

// Chunks that are not known, odd ones, an extensible format, sizes that a pipe leaves.
func TestWaveLayouts(t *testing.T) {
	sound := make([]byte, 1600)
	plain := fmtChunk(tagPCM, 16, 1, 8000)
	for name, b := range map[string][]byte{
		"lists": riff(chunk("LIST", make([]byte, 33)), chunk("fmt ", plain), chunk("fact", make([]byte, 4)),
			chunk("data", sound), chunk("id3 ", make([]byte, 100))),
		"extensible":  riff(chunk("fmt ", extensible(plain)), chunk("data", sound)),
		"odd end":     riff(chunk("fmt ", plain), chunk("data", append(sound[:1600:1600], 1))),
		"killed":      patchSize(riff(chunk("fmt ", plain), chunk("data", sound)), 0),
		"pipe":        patchSize(riff(chunk("fmt ", plain), chunk("data", sound)), 0xffffffff),
		"pipe of sox": patchSize(riff(chunk("fmt ", plain), chunk("data", sound)), 0x7ffff000),
	} {
		d, pcm, err := all(b, Options{})
		if err != nil || len(pcm) != 800 || d.Length() != 100*time.Millisecond {
			t.Errorf("%s: %d samples, %v, want 800", name, len(pcm), err)
		}
	}
}

// patchSize sets the size of the data chunk of a file whose fmt chunk is the first.
func patchSize(b []byte, n uint32) []byte {
	for i := range 4 {
		b[40+i] = byte(n >> (8 * i))
	}
	return b
}

// A loop goes on as if the file had no end, resampled or not.
func TestLoopHasNoSeam(t *testing.T) {
	for _, rate := range []int{16000, 44100, 88200} {
		frames := rate / 10 // 44 periods of 440 Hz
		d, err := open(waveOf(tagPCM, 16, 1, rate, frames, sine), Options{Loop: true})
		if err != nil {
			t.Fatal(err)
		}
		pcm, err := drain(d, d.Rate())
		if err != nil {
			t.Fatal(err)
		}
		if off, at := tone.Jump(pcm[d.Rate()/50:], d.Rate(), 440); off > 40 {
			t.Errorf("%d Hz: a jump of %.0f at sample %d", rate, off, at)
		}
	}
}
