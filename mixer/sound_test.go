package mixer

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
)

// Everyone hears everyone else and not themselves, in every codec.
func TestEveryoneHearsAllOthers(t *testing.T) {
	cases := []struct {
		name  string
		f     func(testing.TB) media.Format
		apart float64
	}{
		{"PCMU", func(t testing.TB) media.Format { return format(t, media.PCMU, 8000, 20*time.Millisecond) }, 40},
		{"PCMA", func(t testing.TB) media.Format { return format(t, media.PCMA, 8000, 20*time.Millisecond) }, 40},
		{"G722", func(t testing.TB) media.Format { return format(t, media.G722, 16000, 20*time.Millisecond) }, 40},
		{"L16/16000", func(t testing.TB) media.Format { return format(t, media.L16, 16000, 20*time.Millisecond) }, 70},
		{"L16/44100", func(t testing.TB) media.Format { return format(t, media.L16, 44100, 10*time.Millisecond) }, 60},
		{"L16/48000", func(t testing.TB) media.Format { return format(t, media.L16, 48000, 10*time.Millisecond) }, 60},
	}
	for _, c := range cases {
		for _, n := range []int{2, 3, 12} {
			t.Run(fmt.Sprintf("%s/%d", c.name, n), func(t *testing.T) {
				b := newBed(t, Config{Talkers: 12})
				freqs := tone.Spread(n)
				phones := make([]*testPhone, n)
				for i := range phones {
					net := network{phase: time.Duration(i*7%20) * time.Millisecond}
					phones[i] = b.phone(c.f(t), -26, freqs[i], net).join()
				}
				b.run(3 * time.Second)
				for i, p := range phones {
					others := append(append([]float64{}, freqs[:i]...), freqs[i+1:]...)
					err := tone.Check(p.tail(time.Second), p.recv.SampleRate,
						tone.Expect{Present: others, Absent: freqs[i : i+1], Apart: c.apart, AtLeast: -30})
					if err != nil {
						t.Errorf("phone %d: %v", i, err)
					}
					if p.breaks > 0 {
						t.Errorf("phone %d: %d breaks in media time", i, p.breaks)
					}
				}
			})
		}
	}
}

// With every codec, the mix before the encoder has nothing of one's own sound, and what
// Opus makes of it is what a bare encoder and decoder make of the same mix.
func TestOwnSoundIsRemovedBeforeTheEncoder(t *testing.T) {
	b := newBed(t, Config{Talkers: 12})
	freqs := tone.Spread(4)
	f := format(t, media.Opus, 48000, 20*time.Millisecond)
	phones := make([]*testPhone, len(freqs))
	for i := range phones {
		phones[i] = b.phone(f, -26, freqs[i], network{phase: time.Duration(i*5) * time.Millisecond}).join()
	}
	mixed := make([][]int16, len(phones))
	b.after = func() {
		for i, p := range phones {
			mixed[i] = append(mixed[i], p.out.class.coded...)
		}
	}
	b.run(4 * time.Second)
	for i, p := range phones {
		own := freqs[i]
		others := append(append([]float64{}, freqs[:i]...), freqs[i+1:]...)
		clean := mixed[i][len(mixed[i])-48000:]
		levels := tone.Heard(clean, 48000, freqs...)
		for j, l := range levels {
			if j == i {
				continue
			}
			if l < levels[i]+40 {
				t.Errorf("phone %d: own %.0f Hz at %.1f dB under %.0f Hz at %.1f dB", i, own, levels[i], freqs[j], l)
			}
		}
		want := tone.THDN(bare(t, f, mixed[i])[2*48000:3*48000], 48000, others...)
		got := tone.THDN(p.tail(time.Second), 48000, others...)
		if 20*math.Log10(got/want) > 3 {
			t.Errorf("phone %d: noise and distortion %.4f, a bare codec has %.4f", i, got, want)
		}
	}
}

// bare is a mix through an encoder and a decoder of its own.
func bare(t *testing.T, f media.Format, pcm []int16) []int16 {
	t.Helper()
	enc, err := codec.NewEncoder(f, codec.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	dec, err := codec.NewDecoder(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []int16
	buf := make([]int16, codec.MaxFrame)
	for n := f.Samples(f.PacketTime); len(pcm) >= n; pcm = pcm[n:] {
		payload, err := enc.Encode(nil, pcm[:n])
		if err != nil {
			t.Fatal(err)
		}
		m, err := dec.Decode(buf, payload)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, buf[:m]...)
	}
	return out
}

// Three codecs and three rates in one room.
func TestMixedCodecsInOneRoom(t *testing.T) {
	b := newBed(t, Config{})
	freqs := tone.Spread(4)
	fs := []media.Format{format(t, media.PCMU, 8000, 20*time.Millisecond), format(t, media.G722, 16000, 20*time.Millisecond),
		format(t, media.Opus, 48000, 20*time.Millisecond), format(t, media.L16, 44100, 10*time.Millisecond)}
	phones := make([]*testPhone, len(fs))
	for i, f := range fs {
		phones[i] = b.phone(f, -26, freqs[i], network{phase: time.Duration(i*5) * time.Millisecond}).join()
	}
	b.run(4 * time.Second)
	for i, p := range phones {
		apart := 40.0
		if p.recv.Codec == media.Opus {
			apart = 20 // what libopus itself spreads; see TestOwnSoundIsRemovedBeforeTheEncoder
		}
		others := append(append([]float64{}, freqs[:i]...), freqs[i+1:]...)
		err := tone.Check(p.tail(time.Second), p.recv.SampleRate,
			tone.Expect{Present: others, Absent: freqs[i : i+1], Apart: apart, AtLeast: -30})
		if err != nil {
			t.Errorf("%v: %v", p.recv, err)
		}
	}
	if b.conf.Rate() != 48000 {
		t.Errorf("room rate %d, want 48000 with Opus and L16/44100 in it", b.conf.Rate())
	}
}

// Ten talkers at full scale are limited, not clipped: little distortion, a steady level.
func TestTenFullScaleTalkersAreLimitedCleanly(t *testing.T) {
	for _, same := range []bool{true, false} {
		b := newBed(t, Config{Talkers: 12})
		f := format(t, media.L16, 16000, 20*time.Millisecond)
		freqs := tone.Spread(10)
		for i := range freqs {
			if same {
				freqs[i] = 440
			}
			b.phone(f, -0.1, freqs[i], network{}).join()
		}
		l := b.phone(f, 0, 0, network{}).join()
		b.run(3 * time.Second)
		pcm := l.tail(2900 * time.Millisecond)
		hot := 0
		for hot < len(pcm) && pcm[hot] < 1000 {
			hot++
		}
		pcm = pcm[hot+800:] // 50 ms after the sound sets in
		heard := freqs
		if same {
			heard = freqs[:1]
		}
		if d := tone.THDN(pcm[16000:32000], 16000, heard...); d > 0.03 {
			t.Errorf("same=%v: THD+N %.3f, want under 0.03", same, d)
		}
		lo, hi := 0.0, -200.0
		for _, l := range tone.Envelope(pcm, 16000, 100*time.Millisecond) {
			lo, hi = min(lo, l), max(hi, l)
		}
		if hi-lo > 1 {
			t.Errorf("same=%v: level between %.2f and %.2f dB, want within 1 dB", same, lo, hi)
		}
	}
}
