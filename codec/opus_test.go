package codec

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hraban/opus"

	"github.com/confd/confd/media"
)

func opusFormat(p media.OpusParams) media.Format {
	return media.Format{Codec: media.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 1, PacketTime: 20 * time.Millisecond, Opus: p}
}

// speechLike is a buzz with moving pitch and loudness over some noise: enough for an
// encoder to be busy with.
func speechLike(n, rate int) []int16 {
	r := rand.New(rand.NewPCG(3, 4))
	pcm := make([]int16, n)
	phase := 0.0
	for i := range pcm {
		at := float64(i) / float64(rate)
		phase += (140 + 40*math.Sin(2*math.Pi*1.3*at)) / float64(rate)
		loud := 0.5 + 0.5*math.Sin(2*math.Pi*3*at)
		x := 0.0
		for h := 1; h < 20; h++ {
			x += math.Sin(2*math.Pi*phase*float64(h)) / float64(h)
		}
		pcm[i] = int16(5000*loud*x + 60*r.NormFloat64())
	}
	return pcm
}

func TestOpusStateIsWhereWeThinkItIs(t *testing.T) {
	enc, err := opus.NewEncoder(48000, 1, opus.AppVoIP)
	if err != nil {
		t.Fatal(err)
	}
	state, err := opusState(enc)
	if err != nil {
		t.Fatal(err)
	}
	if len(state) < 10000 {
		t.Errorf("encoder state of %d bytes, libopus's has more than 10,000", len(state))
	}
	dec, err := opus.NewDecoder(48000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if state, err = opusState(dec); err != nil || len(state) < 10000 {
		t.Errorf("decoder state of %d bytes (%v), libopus's has more than 10,000", len(state), err)
	}
}

func TestOpusCloneWritesTheSamePackets(t *testing.T) {
	for _, o := range []Options{{Complexity: 5}, {Complexity: 5, LowDelay: true}} {
		f := opusFormat(media.OpusParams{Bitrate: 32000, FEC: !o.LowDelay, Loss: 10})
		a, b := newEncoder(t, f, o), newEncoder(t, f, o)
		pcm := speechLike(48000*3, 48000)
		for i := range 30 {
			encode(t, a, pcm[i*960:][:960])
		}
		encode(t, b, pcm[:960]) // it was at something else
		if err := b.CopyFrom(a); err != nil {
			t.Fatal(err)
		}
		for i := 30; i < 130; i++ {
			x, y := encode(t, a, pcm[i*960:][:960]), encode(t, b, pcm[i*960:][:960])
			if !bytes.Equal(x, y) {
				t.Fatalf("%+v: packet %d after the copy: %d and %d bytes, or others", o, i-30, len(x), len(y))
			}
		}
	}
}

func newEncoder(t testing.TB, f media.Format, o Options) Encoder {
	t.Helper()
	e, err := NewEncoder(f, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newDecoder(t testing.TB, f media.Format) Decoder {
	t.Helper()
	d, err := NewDecoder(f)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func encode(t testing.TB, e Encoder, pcm []int16) []byte {
	t.Helper()
	p, err := e.Encode(nil, pcm)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
