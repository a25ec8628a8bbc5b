package codec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// pcmFormats are the formats with our own concealment.
var pcmFormats = []media.Format{
	{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1, PacketTime: 20 * time.Millisecond},
	{Codec: media.PCMA, ClockRate: 8000, SampleRate: 8000, Channels: 1, PacketTime: 20 * time.Millisecond},
	g722Format,
	{Codec: media.L16, ClockRate: 8000, SampleRate: 8000, Channels: 1, PacketTime: 20 * time.Millisecond},
	{Codec: media.L16, ClockRate: 16000, SampleRate: 16000, Channels: 2, PacketTime: 20 * time.Millisecond},
	{Codec: media.L16, ClockRate: 44100, SampleRate: 44100, Channels: 1, PacketTime: 20 * time.Millisecond},
	{Codec: media.L16, ClockRate: 48000, SampleRate: 48000, Channels: 2, PacketTime: 20 * time.Millisecond},
}

// throughLoss codes pcm and decodes it, concealing the packets that lost names.
func throughLoss(t testing.TB, f media.Format, pcm []int16, lost func(packet int) bool) []int16 {
	t.Helper()
	e, d := newEncoder(t, f, DefaultOptions()), newDecoder(t, f)
	frame := f.Samples(f.PacketTime)
	out := make([]int16, len(pcm)/frame*frame)
	for i := range len(pcm) / frame {
		packet := encode(t, e, pcm[i*frame:][:frame])
		o := out[i*frame:][:frame]
		if lost(i) {
			if err := d.Conceal(o); err != nil {
				t.Fatal(err)
			}
		} else if n, err := d.Decode(o, packet); err != nil || n != frame {
			t.Fatalf("packet %d: %d samples, %v", i, n, err)
		}
	}
	return out
}

func never(int) bool { return false }

func sine(n, rate int, hz, amplitude float64) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return pcm
}

func largestStep(pcm []int16) int {
	most := 0
	for i := 1; i < len(pcm); i++ {
		step := int(pcm[i]) - int(pcm[i-1])
		most = max(most, step, -step)
	}
	return most
}

// toneEnergy is the power of the part of pcm at hz, 20 ms at a time, so that the phase
// need not hold from packet to packet.
func toneEnergy(pcm []int16, rate int, hz float64) float64 {
	total := 0.0
	frame := rate / 50
	for ; len(pcm) >= frame; pcm = pcm[frame:] {
		var re, im float64
		for i, v := range pcm[:frame] {
			s, c := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
			re, im = re+c*float64(v), im+s*float64(v)
		}
		total += (re*re + im*im)
	}
	return total
}

// TestConcealedTone: 5 % of a tone's packets lost leaves its energy and makes no clicks.
func TestConcealedTone(t *testing.T) {
	for _, f := range pcmFormats {
		for _, hz := range []float64{400, 440, 997, 1000} {
			t.Run(fmt.Sprintf("%v %.0f Hz", f, hz), func(t *testing.T) {
				pcm := sine(f.SampleRate*8, f.SampleRate, hz, 8000)
				r := rand.New(rand.NewPCG(1, uint64(hz)))
				count := 0
				clean := throughLoss(t, f, pcm, never)
				lossy := throughLoss(t, f, pcm, func(i int) bool {
					lost := i > 5 && r.IntN(20) == 0
					if lost {
						count++
					}
					return lost
				})
				if count < 10 {
					t.Fatalf("only %d packets lost", count)
				}
				skip := f.SampleRate / 25 // the start of the stream itself is a step
				clean, lossy = clean[skip:], lossy[skip:]
				change := 10 * math.Log10(toneEnergy(lossy, f.SampleRate, hz)/toneEnergy(clean, f.SampleRate, hz))
				if math.Abs(change) > 1 {
					t.Errorf("energy changed by %.2f dB, want within 1", change)
				}
				if got, limit := largestStep(lossy), largestStep(clean)*3/2; got > limit {
					t.Errorf("step of %d, want at most %d", got, limit)
				}
			})
		}
	}
}

// TestLongLossFades: full for 10 ms, silent from 60 ms on, back within 5 ms.
func TestLongLossFades(t *testing.T) {
	for _, f := range pcmFormats {
		rate := f.SampleRate
		pcm := sine(rate, rate, 400, 8000)
		out := throughLoss(t, f, pcm, func(i int) bool { return i >= 10 && i < 20 })
		ms := func(from, to int) []int16 { return out[(200+from)*rate/1000 : (200+to)*rate/1000] }
		if got := rms(ms(0, 10)); math.Abs(got/5657-1) > 0.08 {
			t.Errorf("%v: first 10 ms at %.0f, want 5657", f, got)
		}
		if got := rms(ms(30, 40)); got < 1500 || got > 4000 {
			t.Errorf("%v: 30 to 40 ms at %.0f, want it half faded", f, got)
		}
		if got := rms(ms(61, 200)); got != 0 {
			t.Errorf("%v: %.0f after 60 ms, want silence", f, got)
		}
		if got := rms(ms(220, 300)); math.Abs(got/5657-1) > 0.05 {
			t.Errorf("%v: %.0f after the loss, want 5657", f, got)
		}
		if got, limit := largestStep(out[rate/25:]), largestStep(pcm)*3/2; got > limit {
			t.Errorf("%v: step of %d, want at most %d", f, got, limit)
		}
	}
}

func rms(pcm []int16) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(pcm)))
}

// TestConcealSpeech: on something like speech, what is made up is nearer to what was lost
// than silence is, though the pitch moves by some percent in a packet.
func TestConcealSpeech(t *testing.T) {
	for _, f := range pcmFormats {
		pcm := speechLike(f.SampleRate*6, f.SampleRate)
		lost := func(i int) bool { return i > 5 && i%10 == 0 }
		clean := throughLoss(t, f, pcm, never)
		lossy := throughLoss(t, f, pcm, lost)
		frame := f.Samples(f.PacketTime)
		var signal, wrong float64
		for i := range clean {
			if lost(i / frame) {
				d := float64(lossy[i]) - float64(clean[i])
				signal, wrong = signal+float64(clean[i])*float64(clean[i]), wrong+d*d
			}
		}
		if snr := 10 * math.Log10(signal/wrong); snr < 1.5 {
			t.Errorf("%v: %.1f dB, want 1.5 at least", f, snr)
		}
	}
}

// TestConcealAnyLength: pieces of any length, and before anything was decoded.
func TestConcealAnyLength(t *testing.T) {
	formats := append([]media.Format{opusFormat(media.OpusParams{})}, pcmFormats...)
	for _, f := range formats {
		d := newDecoder(t, f)
		for n := range 300 {
			pcm := make([]int16, n+1)
			pcm[n] = 77
			if err := d.Conceal(pcm[:n]); err != nil {
				t.Fatalf("%v: %d samples: %v", f, n, err)
			}
			if pcm[n] != 77 {
				t.Fatalf("%v: wrote beyond %d samples", f, n)
			}
		}
	}
}
