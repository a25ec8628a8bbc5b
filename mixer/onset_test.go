package mixer

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// said is a recording of talk spurts in packets, and where in it they begin.
type said struct {
	packets [][]byte // nil where nothing is sent
	levels  []media.Level
	onsets  []time.Duration
	ticks   uint32 // of a packet
}

// spurts codes talk spurts with pauses of faint noise between them, which begin anywhere in a packet.
func spurts(t *testing.T, f media.Format, o codec.Options, rng *rand.Rand) (s said) {
	t.Helper()
	enc, err := codec.NewEncoder(f, o)
	if err != nil {
		t.Fatal(err)
	}
	s.ticks = uint32(f.Ticks(f.PacketTime))
	const length = 12 * time.Second
	pcm := make([]int16, f.Samples(length))
	murmur{rng}.Read(pcm)
	for at := 2 * time.Second; ; {
		long := time.Duration(300+rng.IntN(600)) * time.Millisecond
		if at+long > length {
			break
		}
		from := f.Samples(at) + rng.IntN(f.SampleRate/50)
		s.onsets = append(s.onsets, time.Duration(from)*time.Second/time.Duration(f.SampleRate))
		voice := &speech{rate: f.SampleRate, n: f.SampleRate / 12} // in the middle of a syllable
		voice.Read(pcm[from : from+f.Samples(long)])
		at += long + time.Duration(500+rng.IntN(1500))*time.Millisecond
	}
	for n := f.Samples(f.PacketTime); len(pcm) >= n; pcm = pcm[n:] {
		p, err := enc.Encode(nil, pcm[:n])
		if err != nil {
			t.Fatal(err)
		}
		if len(p) == 0 {
			p = nil
		}
		s.packets, s.levels = append(s.packets, p), append(s.levels, levelOf(pcm[:n]))
	}
	return s
}

func levelOf(pcm []int16) media.Level { return media.LevelOf(power(pcm)) }

func power(pcm []int16) (p float64) {
	for _, v := range pcm {
		p += float64(v) * float64(v)
	}
	return p / float64(len(pcm)) / (1 << 30)
}

// player sends what was said, once, in packets of 20 ms.
type player struct {
	said
	begin  int64
	n      int
	levels bool // in the packets
}

func (p *player) Poll(now int64, _ int, to media.Receiver) int {
	for ; p.n < len(p.packets); p.n++ {
		at := p.begin + int64(p.n)*20e6
		if at > now {
			break
		}
		if data := p.packets[p.n]; data != nil {
			to.Receive(&media.Packet{Arrival: at, PayloadType: testPT, Payload: data, Sequence: uint16(p.n),
				Timestamp: uint32(p.n) * p.ticks, Level: p.said.levels[p.n], HasLevel: p.levels})
		}
	}
	return 0
}

// renumber gives packets that are sent sequence numbers without gaps. DTX takes none.
type renumber struct {
	*player
	seq uint16
	to  media.Receiver
}

func (r *renumber) Poll(now int64, n int, to media.Receiver) int {
	r.to = to
	return r.player.Poll(now, n, r)
}

func (r *renumber) Receive(p *media.Packet) {
	p.Sequence = r.seq
	r.seq++
	r.to.Receive(p)
}

// onset is a room of one who speaks in spurts and many who are silent.
func onset(t *testing.T, f media.Format, s said, levels, tapped bool, phase int64) []int16 {
	t.Helper()
	b := newBed(t, Config{})
	b.conf = b.eng.NewConference(ConferenceConfig{Rate: 48000})
	cfg := InputConfig{Formats: map[uint8]media.Format{testPT: f}}
	in := NewInput(&renumber{player: &player{said: s, begin: b.due + phase, levels: levels}}, cfg)
	l := b.phone(format(t, media.L16, 48000, 20*time.Millisecond), 0, 0, network{})
	b.conf.Apply(AddInput(in), Attach(l.out, b.conf.full, nil))
	tap := &pcmTap{}
	if tapped {
		b.conf.Apply(AddTap(in, tap))
	}
	others := format(t, media.Opus, 48000, 20*time.Millisecond)
	quiet := coded(t, others, murmur{rand.New(rand.NewPCG(1, 2))})
	for i := range 10 {
		src := &loop{packets: quiet}
		src.packet.Sequence = uint16(i)
		b.conf.Apply(AddInput(NewInput(src, InputConfig{Formats: map[uint8]media.Format{testPT: others}})))
	}
	b.run(11 * time.Second)
	if tapped {
		return tap.pcm
	}
	return l.heard
}

// TestOnsetIsIntact: the first 40 ms of a talk spurt are in the mix as loud as where the
// talker is always decoded, without levels in the packets and with them.
func TestOnsetIsIntact(t *testing.T) {
	for _, c := range []struct {
		name   string
		codec  media.Codec
		rate   int // of Opus
		low    bool
		dtx    bool
		levels bool
	}{
		{"SILK", media.Opus, 12000, false, false, false},
		{"SILK, DTX", media.Opus, 12000, false, true, false},
		{"hybrid", media.Opus, 32000, false, false, false},
		{"hybrid, DTX", media.Opus, 32000, false, true, false},
		{"hybrid, levels", media.Opus, 32000, false, false, true},
		{"CELT", media.Opus, 32000, true, false, false},
		{"CELT, 96 kbit/s", media.Opus, 96000, true, false, false},
		{"CELT, levels", media.Opus, 32000, true, false, true},
		{"G.722", media.G722, 0, false, false, false},
		{"G.722, levels", media.G722, 0, false, false, true},
		{"G.711", media.PCMU, 0, false, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, 6))
			f := (&sender{codec: c.codec, bitrate: c.rate}).format(t)
			f.Opus.DTX = c.dtx
			o := codec.DefaultOptions()
			o.LowDelay = c.low
			s := spurts(t, f, o, rng)
			phase := rng.Int64N(20e6)
			got := onset(t, f, s, c.levels, false, phase)
			want := onset(t, f, s, c.levels, true, phase)
			within := 1.0
			if c.codec != media.Opus {
				within = 0.2 // they keep the wave
			}
			compareOnsets(t, s, got, want, within)
		})
	}
}

func compareOnsets(t *testing.T, s said, got, want []int16, within float64) {
	t.Helper()
	for i, at := range s.onsets {
		// The sound comes out later than it went in, by packet, tick and codec.
		n := int(at * 48 / time.Millisecond)
		for k := n; k < n+48*80 && k+1920 < len(want); k++ {
			if want[k] > 800 || want[k] < -800 {
				n = k
				break
			}
		}
		if n+1920 > len(want) || n+1920 > len(got) {
			break
		}
		d := 10 * math.Log10(power(got[n:n+1920])/power(want[n:n+1920]))
		if math.Abs(d) > within {
			t.Errorf("spurt %d at %v: its first 40 ms are off by %.2f dB", i, at, d)
		}
	}
}
