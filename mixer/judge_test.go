package mixer

import (
	"cmp"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// murmur is faint noise.
type murmur struct{ *rand.Rand }

func (m murmur) Read(pcm []int16) {
	for i := range pcm {
		pcm[i] = int16(m.IntN(17) - 8)
	}
}

// softly is speech at a share of its loudness.
type softly struct {
	speech
	share float64
}

func (s *softly) Read(pcm []int16) {
	s.speech.Read(pcm)
	for i, v := range pcm {
		pcm[i] = int16(float64(v) * s.share)
	}
}

// coded returns about five seconds of a sound in packets of f.
func coded(t *testing.T, f media.Format, sound interface{ Read([]int16) }) [][]byte {
	t.Helper()
	enc, err := codec.NewEncoder(f, codec.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	packets := make([][]byte, 256)
	pcm := make([]int16, f.Samples(f.PacketTime))
	for i := range packets {
		sound.Read(pcm)
		if packets[i], err = enc.Encode(nil, pcm); err != nil {
			t.Fatal(err)
		}
	}
	return packets
}

// loop sends packets again and again, one every tick.
type loop struct {
	packets [][]byte
	ticks   uint32 // of the RTP clock in a packet; 0 means Opus's
	packet  media.Packet
}

func (l *loop) Poll(now int64, _ int, to media.Receiver) int {
	p := &l.packet
	p.Arrival, p.PayloadType, p.Payload = now-5e6, testPT, l.packets[int(p.Sequence)%len(l.packets)]
	to.Receive(p)
	p.Sequence++
	p.Timestamp += cmp.Or(l.ticks, 960)
	return 1
}

// Among a hundred Opus callers of whom three speak and only three can be heard, one who
// begins to speak 6 dB louder takes a place within half a second in the mean: the few that
// are decoded in turn only to learn how loud they are, are judged well enough.
func TestLouderSpeakerFindsAPlaceSoon(t *testing.T) {
	f := format(t, media.Opus, 48000, 20*time.Millisecond)
	rng := rand.New(rand.NewPCG(1, 2))
	quiet := coded(t, f, murmur{rng})
	speech, louder := coded(t, f, &softly{speech{rate: 48000}, 0.15}), coded(t, f, &softly{speech{rate: 48000}, 0.3})
	cfg := InputConfig{Formats: map[uint8]media.Format{testPT: f}}
	const trials = 16
	ticks := 0
	for range trials {
		b := newBed(t, Config{Talkers: 3})
		sources, ins := make([]*loop, 100), make([]*Input, 100)
		for i := range sources {
			sources[i] = &loop{packets: quiet}
			if i < 3 {
				sources[i].packets = speech
			}
			sources[i].packet.Sequence = uint16(rng.IntN(256))
			ins[i] = NewInput(sources[i], cfg)
			b.conf.Apply(AddInput(ins[i]))
		}
		b.conf.Apply(Attach(NewOutput(discard{}, OutputConfig{Format: narrow(t)}), b.conf.full, nil))
		b.run(2500 * time.Millisecond)
		who := 3 + rng.IntN(97)
		sources[who].packets = louder
		for n := 0; ins[who].talking == 0 && n < 500; n++ {
			b.tick()
			ticks++
		}
	}
	if ticks > 25*trials {
		t.Errorf("%d ticks in the mean, want 25 at most", ticks/trials)
	}
}
