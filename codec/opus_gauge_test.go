package codec

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/hraban/opus"

	"github.com/confd/confd/media"
)

// hum is noise of a level in dBov, of low frequencies mostly.
func hum(n int, level float64) []int16 {
	r := rand.New(rand.NewPCG(1, 2))
	pcm := make([]int16, n)
	y := 0.0
	for i := range pcm {
		y = 0.9*y + r.NormFloat64()
		pcm[i] = int16(math.Round(y * 32768 * math.Pow(10, level/20) * math.Sqrt(1-0.81)))
	}
	return pcm
}

func quieter(pcm []int16, dB float64) []int16 {
	out := make([]int16, len(pcm))
	for i, v := range pcm {
		out[i] = int16(float64(v) * math.Pow(10, -dB/20))
	}
	return out
}

var gauged = []struct {
	name  string
	pcm   []int16
	rough bool
}{
	{"speech", speechLike(2*48000, 48000), false},
	{"soft speech", quieter(speechLike(2*48000, 48000), 20), false},
	{"hum", hum(2*48000, -30), false},
	{"soft hum", hum(2*48000, -55), false},
	{"tone", sine(2*48000, 48000, 440, 3000), true},
}

// TestGaugeOfOpus: estimates are near what decoding gives, in every mode and frame size.
func TestGaugeOfOpus(t *testing.T) {
	for _, channels := range []int{1, 2} {
		for _, app := range []opus.Application{opus.AppVoIP, opus.AppRestrictedLowdelay} {
			for _, rate := range []int{12000, 32000} {
				for _, size := range []int{480, 960, 2880} {
					for _, s := range gauged {
						enc, err := opus.NewEncoder(48000, channels, app)
						if err != nil {
							t.Fatal(err)
						}
						enc.SetBitrate(rate * channels)
						mean, spread, mode := gaugeError(t, enc, channels, size, s.pcm)
						limit := 6.0
						if mode != opusCELT {
							limit = 14
						}
						if s.rough {
							limit = 27
						}
						if math.Abs(mean) > limit || spread > 10 {
							t.Errorf("%s, %d channels, application %v, %d bit/s, %d samples, mode %d: off by %.1f dB, give or take %.1f",
								s.name, channels, app, rate, size, mode, mean, spread)
						}
					}
				}
			}
		}
	}
}

// gaugeError compares estimates with decoded levels of frames that are not quiet.
func gaugeError(t *testing.T, enc *opus.Encoder, channels, size int, pcm []int16) (mean, spread float64, mode opusMode) {
	t.Helper()
	f := opusFormat(media.OpusParams{})
	d := newDecoder(t, f)
	var g Gauge
	var sum, squares, n float64
	wide := make([]int16, size*channels)
	out, data := make([]int16, MaxFrame), make([]byte, 4000)
	var before float64
	for i := 0; i+size <= len(pcm); i += size {
		for k, v := range pcm[i : i+size] {
			for c := range channels {
				wide[k*channels+c] = v
			}
		}
		m, err := enc.Encode(wide, data)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := g.Read(&f, data[:m])
		k, err := d.Decode(out, data[:m])
		if err != nil {
			t.Fatal(err)
		}
		var p opusPacket
		p.parse(data[:m])
		level := 20 * math.Log10(rms(out[:k])/32768+1e-9)
		if i > 48000/2 && ok && level > -65 && math.Abs(level-before) < 6 {
			e := float64(got) - level
			sum, squares, n, mode = sum+e, squares+e*e, n+1, p.mode
		}
		before = level
	}
	if n < 10 {
		t.Fatalf("%v of the packets gave an estimate", n)
	}
	return sum / n, math.Sqrt(squares/n - sum*sum/n/n), mode
}

// TestGaugeOfG722.
func TestGaugeOfG722(t *testing.T) {
	f := media.Format{Codec: media.G722, ClockRate: 8000, SampleRate: 16000, Channels: 1}
	for _, s := range []struct {
		name string
		pcm  []int16
	}{
		{"speech", speechLike(2*16000, 16000)},
		{"soft speech", quieter(speechLike(2*16000, 16000), 20)},
		{"hum", hum(2*16000, -30)},
		{"soft hum", hum(2*16000, -55)},
		{"tone", sine(2*16000, 16000, 440, 3000)},
	} {
		codes := encodeG722(t, s.pcm)
		var g Gauge
		var sum, n float64
		for i := 160; i+160 <= len(codes); i += 160 {
			got, ok := g.Read(&f, codes[i:i+160])
			want := 20 * math.Log10(rms(s.pcm[2*i:][:320])/32768+1e-9)
			if !ok {
				t.Fatal("no estimate")
			}
			if want > -65 {
				sum, n = sum+float64(got)-want, n+1
			}
		}
		limit := 10.0
		if s.name == "tone" {
			limit = 25
		}
		if e := sum / n; math.Abs(e) > limit {
			t.Errorf("%s: off by %.1f dB", s.name, e)
		}
	}
}

// TestGaugeOfSilence: neither DTX nor CELT's silence flag is taken for sound.
func TestGaugeOfSilence(t *testing.T) {
	f := opusFormat(media.OpusParams{})
	for _, p := range [][]byte{{toc(15, 0)}, {toc(9, 0), 0}, {19 << 3, 0xff, 0xfe}} {
		var g Gauge
		if l, ok := g.Read(&f, p); !ok || l != -127 {
			t.Errorf("% x: %v, %v", p, l, ok)
		}
	}
	var g Gauge
	if _, ok := g.Read(&f, nil); ok {
		t.Error("an estimate of nothing")
	}
}

// TestGaugeForgets: after some packets it does not matter what was missed.
func TestGaugeForgets(t *testing.T) {
	f := opusFormat(media.OpusParams{Bitrate: 48000})
	e, err := NewEncoder(f, Options{Complexity: 5, LowDelay: true})
	if err != nil {
		t.Fatal(err)
	}
	pcm := speechLike(48000, 48000)
	var all, late Gauge
	for i := range 50 {
		p := encode(t, e, pcm[i*960:][:960])
		want, _ := all.Read(&f, p)
		if i < 30 {
			continue
		}
		if got, _ := late.Read(&f, p); i > 38 && math.Abs(float64(got-want)) > 1 {
			t.Errorf("packet %d after: %.1f, want %.1f", i-30, got, want)
		}
	}
}

// FuzzGauge: no payload makes it panic, run away or estimate what is no level.
func FuzzGauge(f *testing.F) {
	formats := []media.Format{opusFormat(media.OpusParams{}), {Codec: media.G722}}
	seed(f, formats[0])
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		var g Gauge
		for range 3 {
			if l, _ := g.Read(&formats[int(kind)%2], data); !(l >= -127 && l <= 6) {
				t.Fatalf("level %v", l)
			}
		}
	})
}

func BenchmarkGauge(b *testing.B) {
	for _, o := range []Options{{Complexity: 5}, {Complexity: 5, LowDelay: true}} {
		f := opusFormat(media.OpusParams{Bitrate: 32000})
		e, err := NewEncoder(f, o)
		if err != nil {
			b.Fatal(err)
		}
		p := encode(b, e, speechLike(960, 48000))
		b.Run(map[bool]string{false: "hybrid", true: "CELT"}[o.LowDelay], func(b *testing.B) {
			var g Gauge
			for b.Loop() {
				g.Read(&f, p)
			}
		})
	}
}
