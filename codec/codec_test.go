package codec

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/media"
)

var allFormats = append([]media.Format{
	opusFormat(media.OpusParams{Bitrate: 32000, FEC: true, Loss: 10}),
	{Codec: media.Opus, ClockRate: 48000, SampleRate: 16000, Channels: 2, PacketTime: 20 * time.Millisecond, Opus: media.OpusParams{Bitrate: 24000}},
}, pcmFormats...)

func with(f media.Format, change func(*media.Format)) media.Format {
	change(&f)
	return f
}

func TestFormatsAtTheEdge(t *testing.T) {
	o := opusFormat(media.OpusParams{})
	u := pcmFormats[0]
	ms := time.Millisecond
	for _, c := range []struct {
		f    media.Format
		want string // part of the error; empty: none
	}{
		{with(o, func(f *media.Format) { f.PacketTime = 2500 * time.Microsecond }), ""},
		{with(o, func(f *media.Format) { f.PacketTime = 120 * ms }), ""},
		{with(o, func(f *media.Format) { f.PacketTime = 30 * ms }), "packet time"},
		{with(o, func(f *media.Format) { f.PacketTime = 140 * ms }), "packet time"},
		{with(o, func(f *media.Format) { f.SampleRate = 44100 }), "samples 44100"},
		{with(o, func(f *media.Format) { f.ClockRate = 8000 }), "clock 8000"},
		{with(o, func(f *media.Format) { f.Channels = 3 }), "3 channels"},
		{with(o, func(f *media.Format) { f.Opus.Bitrate = 5999 }), "bitrate"},
		{with(o, func(f *media.Format) { f.Opus.Bitrate = 6000 }), ""},
		{with(o, func(f *media.Format) { f.Opus.Bitrate = 510000 }), ""},
		{with(o, func(f *media.Format) { f.Opus.Bitrate = 510001 }), "bitrate"},
		{with(o, func(f *media.Format) { f.Opus.Loss = 101 }), "loss"},
		{with(u, func(f *media.Format) { f.PacketTime = 0 }), "packet time"},
		{with(u, func(f *media.Format) { f.PacketTime = 30 * ms }), ""},
		{with(u, func(f *media.Format) { f.PacketTime = 10*ms + 1 }), "whole number"},
		{with(u, func(f *media.Format) { f.Channels = 2 }), "1 channel"},
		{with(u, func(f *media.Format) { f.SampleRate = 16000 }), "samples 16000"},
		{with(g722Format, func(f *media.Format) { f.ClockRate = 16000 }), "clock 16000"},
		{with(g722Format, func(f *media.Format) { f.PacketTime = 10*ms + 62500 }), "pairs"},
		{with(pcmFormats[5], func(f *media.Format) { f.PacketTime = 10 * ms }), ""},
		{with(pcmFormats[5], func(f *media.Format) { f.PacketTime = 5 * ms }), "whole number"},
		{with(pcmFormats[3], func(f *media.Format) { f.SampleRate, f.ClockRate = 32000, 32000 }), "32000"},
		{media.Format{}, "no such codec"},
	} {
		_, err := NewEncoder(c.f, DefaultOptions())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c.f, err, c.want)
		}
	}
	if _, err := NewEncoder(o, Options{Complexity: 11}); err == nil {
		t.Error("complexity 11 is taken")
	}
	if _, err := NewDecoder(media.Format{}); err == nil {
		t.Error("a decoder of no codec is made")
	}
}

// TestRoundTrip: every format at every packet time gives the sound back, with a delay.
func TestRoundTrip(t *testing.T) {
	for _, f := range allFormats {
		for _, ms := range []int{10, 20, 30, 40, 60} {
			f := f
			if f.PacketTime = time.Duration(ms) * time.Millisecond; f.Codec == media.Opus && ms == 30 {
				continue
			}
			t.Run(fmt.Sprintf("%v %d ms", f, ms), func(t *testing.T) {
				pcm := sine(f.SampleRate, f.SampleRate, 440, 8000)
				out := throughLoss(t, f, pcm, never)
				got := rms(out[len(out)/2:])
				if change := 20 * math.Log10(got*math.Sqrt2/8000); math.Abs(change) > 1 {
					t.Errorf("level changed by %.2f dB", change)
				}
			})
		}
	}
}

func TestPacketSamplesIsWhatDecodeGives(t *testing.T) {
	pcm := make([]int16, MaxFrame)
	for _, f := range allFormats {
		for _, ms := range []int{10, 20, 40, 60} {
			f.PacketTime = time.Duration(ms) * time.Millisecond
			want := f.Samples(f.PacketTime)
			p := encode(t, newEncoder(t, f, DefaultOptions()), speechLike(want, f.SampleRate))
			if got := PacketSamples(f, p); got != want {
				t.Errorf("%v, %d ms: %d samples, want %d", f, ms, got, want)
			}
			d := newDecoder(t, f)
			if n, err := d.Decode(pcm, p); n != want || err != nil {
				t.Errorf("%v, %d ms: decoded %d samples (%v), want %d", f, ms, n, err, want)
			}
			if n, err := d.Decode(pcm[:want], p); n != want || err != nil {
				t.Errorf("%v, %d ms: %d samples (%v) into a buffer that just fits", f, ms, n, err)
			}
			if _, err := d.Decode(pcm[:want-1], p); err == nil {
				t.Errorf("%v, %d ms: decoded into too short a buffer", f, ms)
			}
		}
	}
}

func TestPacketSamplesLimits(t *testing.T) {
	for i, f := range pcmFormats {
		unit := []int{1, 1, 1, 2, 4, 2, 4}[i] // bytes per step
		per := []int{1, 1, 2, 1, 1, 1, 1}[i]  // samples per step
		most := f.Samples(120*time.Millisecond) / per * unit
		for _, c := range []struct{ bytes, want int }{
			{0, 0}, {unit, per}, {most, f.Samples(120 * time.Millisecond)}, {most + unit, 0},
		} {
			if got := PacketSamples(f, make([]byte, c.bytes)); got != c.want {
				t.Errorf("%v: %d bytes are %d samples, want %d", f, c.bytes, got, c.want)
			}
		}
		if unit > 1 && PacketSamples(f, make([]byte, unit+1)) != 0 {
			t.Errorf("%v: a broken sample is taken", f)
		}
	}
}

// TestInspectLevel: the level is that of the decoded sound.
func TestInspectLevel(t *testing.T) {
	for _, f := range pcmFormats {
		e, d := newEncoder(t, f, Options{}), newDecoder(t, f)
		for _, amplitude := range []float64{0, 3, 40, 500, 6000, 32767} {
			pcm := sine(f.Samples(f.PacketTime), f.SampleRate, 700, amplitude)
			p := encode(t, e, pcm)
			_, level, exact := Inspect(f, p)
			if f.Codec == media.G722 {
				if exact {
					t.Error("G.722 claims an exact level")
				}
				continue
			}
			n, err := d.Decode(pcm, p)
			if err != nil || n != len(pcm) {
				t.Fatal(n, err)
			}
			r := rms(pcm) / 32768
			if want := media.LevelOf(r * r); level != want || !exact {
				t.Errorf("%v, amplitude %.0f: level %d (exact: %v), want %d", f, amplitude, level, exact, want)
			}
		}
		if _, _, exact := Inspect(f, nil); exact {
			t.Errorf("%v: an empty payload has an exact level", f)
		}
	}
}

func TestCopyFromOtherFormat(t *testing.T) {
	for i, f := range allFormats {
		for j, g := range allFormats {
			err := newEncoder(t, f, DefaultOptions()).CopyFrom(newEncoder(t, g, DefaultOptions()))
			if (err == nil) != (i == j) {
				t.Errorf("%v from %v: %v", f, g, err)
			}
		}
	}
}

// TestCopyFrom: the copy writes what the original writes.
func TestCopyFrom(t *testing.T) {
	for _, f := range allFormats {
		a, b := newEncoder(t, f, DefaultOptions()), newEncoder(t, f, DefaultOptions())
		n := f.Samples(f.PacketTime)
		pcm := speechLike(40*n, f.SampleRate)
		for i := range 20 {
			encode(t, a, pcm[i*n:][:n])
		}
		if err := b.CopyFrom(a); err != nil {
			t.Fatal(err)
		}
		for i := 20; i < 40; i++ {
			sameBytes(t, f.String(), encode(t, b, pcm[i*n:][:n]), encode(t, a, pcm[i*n:][:n]))
		}
	}
}

// TestReset: after it, both directions do what new ones do. (libopus's encoder keeps
// whether it was writing copies at the last bit rate, so without FEC.)
func TestReset(t *testing.T) {
	for _, f := range allFormats {
		f.Opus.FEC = false
		n := f.Samples(f.PacketTime)
		pcm := speechLike(20*n, f.SampleRate)
		e, d := newEncoder(t, f, DefaultOptions()), newDecoder(t, f)
		run := func() (packets []byte, sound []int16) {
			for i := range 20 {
				p := encode(t, e, pcm[i*n:][:n])
				packets = append(packets, p...)
				o := make([]int16, n)
				if i%7 == 5 {
					if err := d.Conceal(o); err != nil {
						t.Fatal(err)
					}
				} else if _, err := d.Decode(o, p); err != nil {
					t.Fatal(err)
				}
				sound = append(sound, o...)
			}
			return packets, sound
		}
		packets, sound := run()
		if err := e.Reset(); err != nil {
			t.Fatal(err)
		}
		if err := d.Reset(); err != nil {
			t.Fatal(err)
		}
		again, heard := run()
		sameBytes(t, f.String(), again, packets)
		sameSamples(t, heard, sound)
	}
}

func TestEncodeWantsOnePacketTime(t *testing.T) {
	for _, f := range allFormats {
		e := newEncoder(t, f, DefaultOptions())
		n := f.Samples(f.PacketTime)
		for _, wrong := range []int{0, n - 1, n + 1} {
			if p, err := e.Encode([]byte{1}, make([]int16, wrong)); err == nil || len(p) != 1 {
				t.Errorf("%v: %d samples: %d bytes, %v", f, wrong, len(p), err)
			}
		}
		p, err := e.Encode([]byte{1, 2}, make([]int16, n))
		if err != nil || len(p) < 3 || p[0] != 1 || p[1] != 2 {
			t.Errorf("%v: does not append: %d bytes, %v", f, len(p), err)
		}
	}
}

// TestErrorsLeaveTheDecoderUsable: refused packets do not change what is heard.
func TestErrorsLeaveTheDecoderUsable(t *testing.T) {
	for _, f := range allFormats {
		n := f.Samples(f.PacketTime)
		pcm := speechLike(20*n, f.SampleRate)
		e := newEncoder(t, f, DefaultOptions())
		a, b := newDecoder(t, f), newDecoder(t, f)
		x, y := make([]int16, n), make([]int16, n)
		for i := range 20 {
			p := encode(t, e, pcm[i*n:][:n])
			if _, err := b.Decode(y, nil); err == nil {
				t.Fatalf("%v: an empty payload is decoded", f)
			}
			if _, err := b.Decode(y[:3], p); err == nil {
				t.Fatalf("%v: decoded into 3 samples", f)
			}
			if _, err := a.Decode(x, p); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Decode(y, p); err != nil {
				t.Fatal(err)
			}
			sameSamples(t, y, x)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	for _, f := range allFormats {
		n := f.Samples(f.PacketTime)
		e, other, d := newEncoder(t, f, DefaultOptions()), newEncoder(t, f, DefaultOptions()), newDecoder(t, f)
		pcm := speechLike(n, f.SampleRate)
		buffer := make([]byte, 0, max(MaxPayload, 4*n))
		out := make([]int16, MaxFrame)
		p := encode(t, e, pcm)
		broken := p[:0]
		steps := []struct {
			name string
			run  func() error
		}{
			{"Encode", func() error { _, err := e.Encode(buffer, pcm); return err }},
			{"CopyFrom", func() error { return other.CopyFrom(e) }},
			{"Encoder.Reset", func() error { return e.Reset() }},
			{"Decode", func() error { _, err := d.Decode(out, p); return err }},
			{"Conceal", func() error { return d.Conceal(out[:n]) }},
			{"Recover", func() error { _, err := d.Recover(out[:n], p); return err }},
			{"Decoder.Reset", func() error { return d.Reset() }},
			{"Inspect", func() error { Inspect(f, p); PacketSamples(f, p); return nil }},
			{"Decode of nonsense", func() error { d.Decode(out, broken); return nil }},
		}
		for _, s := range steps {
			if allocs := testing.AllocsPerRun(50, func() {
				if err := s.run(); err != nil {
					t.Fatal(err)
				}
			}); allocs != 0 {
				t.Errorf("%v: %s: %v allocations, want none", f, s.name, allocs)
			}
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, f := range allFormats {
		b.Run(fmt.Sprintf("%v@%d", f, f.SampleRate), func(b *testing.B) {
			benchmarkEncode(b, f, DefaultOptions())
		})
	}
	b.Run("opus low delay", func(b *testing.B) {
		benchmarkEncode(b, opusFormat(media.OpusParams{Bitrate: 32000}), Options{Complexity: 5, LowDelay: true})
	})
}

func benchmarkEncode(b *testing.B, f media.Format, o Options) {
	n := f.Samples(f.PacketTime)
	e := newEncoder(b, f, o)
	pcm := speechLike(50*n, f.SampleRate)
	buffer := make([]byte, 0, max(MaxPayload, 4*n))
	i := 0
	for b.Loop() {
		if _, err := e.Encode(buffer, pcm[i*n:][:n]); err != nil {
			b.Fatal(err)
		}
		i = (i + 1) % 50
	}
}

// packetsOf codes a second of something like speech.
func packetsOf(t testing.TB, f media.Format) [][]byte {
	n := f.Samples(f.PacketTime)
	e := newEncoder(t, f, DefaultOptions())
	pcm := speechLike(50*n, f.SampleRate)
	packets := make([][]byte, 50)
	for i := range packets {
		packets[i] = encode(t, e, pcm[i*n:][:n])
	}
	return packets
}

func BenchmarkDecode(b *testing.B) {
	for _, f := range allFormats {
		b.Run(fmt.Sprintf("%v@%d", f, f.SampleRate), func(b *testing.B) {
			packets, d, out := packetsOf(b, f), newDecoder(b, f), make([]int16, MaxFrame)
			i := 0
			for b.Loop() {
				if _, err := d.Decode(out, packets[i]); err != nil {
					b.Fatal(err)
				}
				i = (i + 1) % len(packets)
			}
		})
	}
}

// BenchmarkLoss is one packet concealed and the next one decoded.
func BenchmarkLoss(b *testing.B) {
	for _, f := range allFormats {
		b.Run(fmt.Sprintf("%v@%d", f, f.SampleRate), func(b *testing.B) {
			packets, d, out := packetsOf(b, f), newDecoder(b, f), make([]int16, MaxFrame)
			i := 0
			for b.Loop() {
				if err := d.Conceal(out[:f.Samples(f.PacketTime)]); err != nil {
					b.Fatal(err)
				}
				if _, err := d.Decode(out, packets[i]); err != nil {
					b.Fatal(err)
				}
				i = (i + 2) % len(packets)
			}
		})
	}
}

func BenchmarkInspect(b *testing.B) {
	for _, f := range allFormats {
		b.Run(fmt.Sprintf("%v@%d", f, f.SampleRate), func(b *testing.B) {
			p := packetsOf(b, f)[20]
			for b.Loop() {
				Inspect(f, p)
			}
		})
	}
}
