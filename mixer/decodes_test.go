package mixer

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// chatter is speech without a pause: harmonics that swell and fade a little.
type chatter struct {
	share float64
	rate  int
	pitch float64
	n     int
}

func (c *chatter) Read(pcm []int16) {
	for i := range pcm {
		at := float64(c.n) / float64(c.rate)
		c.n++
		x := 0.0
		for h := 1.0; h < 16; h++ {
			x += math.Sin(2*math.Pi*c.pitch*h*at+h*h) / h
		}
		pcm[i] = int16(4000 * c.share * (0.85 + 0.15*math.Sin(2*math.Pi*3*at)) * x)
	}
}

// crowd is a room of many who send Opus, and one who hears it.
type crowd struct {
	*bed
	ins     []*Input
	sources []*loop
	most    uint64 // decodes in a tick
}

// sender is a way to send.
type sender struct {
	name    string
	codec   media.Codec
	bitrate int
	low     bool
	levels  bool
}

var senders = []sender{
	{"SILK", media.Opus, 12000, false, false},
	{"hybrid", media.Opus, 32000, false, false},
	{"CELT", media.Opus, 48000, true, false},
	{"hybrid with levels", media.Opus, 32000, false, true},
	{"CELT with levels", media.Opus, 48000, true, true},
	{"G.722", media.G722, 0, false, false},
	{"G.711", media.PCMU, 0, false, false},
}

func (s *sender) format(t testing.TB) media.Format {
	if s.codec == media.PCMU {
		return format(t, s.codec, 8000, 20*time.Millisecond)
	}
	f := format(t, s.codec, 48000, 20*time.Millisecond)
	if s.codec == media.Opus {
		f.Opus.Bitrate = s.bitrate
	}
	return f
}

// recorded is how many packets a recording has, turn where in it another sound begins.
const recorded, turn = 256, 32

// record returns packets of a sound, or of one that follows another, and its level.
func (s *sender) record(t testing.TB, sounds ...interface{ Read([]int16) }) *loop {
	t.Helper()
	f := s.format(t)
	o := codec.DefaultOptions()
	o.LowDelay = s.low
	enc, err := codec.NewEncoder(f, o)
	if err != nil {
		t.Fatal(err)
	}
	l := &loop{ticks: uint32(f.Ticks(f.PacketTime))}
	pcm := make([]int16, f.Samples(f.PacketTime))
	for i := range recorded {
		sounds[min(i/turn, len(sounds)-1)].Read(pcm)
		p, err := enc.Encode(nil, pcm)
		if err != nil {
			t.Fatal(err)
		}
		l.packets = append(l.packets, p)
	}
	if l.packet.HasLevel = s.levels; s.levels {
		l.packet.Level = levelOf(pcm)
	}
	return l
}

func (s *sender) crowd(t testing.TB, cfg Config, loops ...*loop) *crowd {
	c := &crowd{bed: newBed(t, cfg)}
	in := InputConfig{Formats: map[uint8]media.Format{testPT: s.format(t)}}
	for i, l := range loops {
		own := *l
		own.packet.Sequence = uint16(i * 7)
		c.sources = append(c.sources, &own)
		c.ins = append(c.ins, NewInput(&own, in))
		c.conf.Apply(AddInput(c.ins[i]))
	}
	c.conf.Apply(Attach(NewOutput(discard{}, OutputConfig{Format: narrow(t)}), c.conf.full, nil))
	before := uint64(0)
	c.after = func() {
		now := c.eng.stats.Decoded.Load()
		c.most, before = max(c.most, now-before), now
	}
	return c
}

// TestDecodesAreBounded: not more packets are decoded in any tick than one for each place
// and four, those that warm a decoder among them, from the first tick on. Of G.722, where four
// cost what one of Opus does, they are four times as many.
func TestDecodesAreBounded(t *testing.T) {
	for _, s := range senders {
		t.Run(s.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 1))
			var talk []*loop
			for i := range 10 {
				talk = append(talk, s.record(t, &chatter{share: 0.2, rate: s.format(t).SampleRate, pitch: 100 + 20*float64(i)}),
					s.record(t, &speech{rate: s.format(t).SampleRate, n: 4000 * i}))
			}
			quiet := s.record(t, murmur{rng})
			all := make([]*loop, 50)
			for i := range all {
				all[i] = talk[i%len(talk)]
			}
			few := make([]*loop, 200)
			for i := range few {
				if few[i] = quiet; i%70 == 0 {
					few[i] = talk[i/70]
				}
			}
			for _, loops := range [][]*loop{all, few} {
				c := s.crowd(t, Config{}, loops...)
				c.run(4 * time.Second)
				limit := uint64(8 + 4)
				if s.codec == media.G722 {
					limit = 8 + 4*4
				}
				if c.most > limit || c.most == 0 {
					t.Errorf("%d callers: %d packets decoded in a tick, want 1 to %d", len(loops), c.most, limit)
				}
			}
		})
	}
}

// TestSilenceIsNotDecoded: of who is silent one is heard now and then, and no more.
func TestSilenceIsNotDecoded(t *testing.T) {
	for _, s := range senders[:3] {
		quiet := s.record(t, murmur{rand.New(rand.NewPCG(3, 1))})
		loops := make([]*loop, 100)
		for i := range loops {
			loops[i] = quiet
		}
		c := s.crowd(t, Config{}, loops...)
		c.run(time.Second)
		before := c.eng.stats.Decoded.Load()
		c.run(10 * time.Second)
		if n := c.eng.stats.Decoded.Load() - before; n > 500*4/sampleEvery+4 {
			t.Errorf("%s: %d packets of silence decoded in 500 ticks", s.name, n)
		}
	}
}

// TestNewcomerIsSoonHeard: who begins to speak 10 dB louder than others is in the mix in the
// tick of its first packet where packets tell levels, and within 250 ms where they do not.
func TestNewcomerIsSoonHeard(t *testing.T) {
	for _, s := range senders {
		t.Run(s.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, 1))
			rate := s.format(t).SampleRate
			var soft, louder []*loop
			for i := range 10 {
				low := &chatter{share: 0.1, rate: rate, pitch: 100 + 20*float64(i)}
				soft = append(soft, s.record(t, low))
				louder = append(louder, s.record(t, low, &chatter{share: 0.33, rate: rate, pitch: low.pitch}))
			}
			quiet := s.record(t, murmur{rng})
			loud := s.record(t, murmur{rng}, &chatter{share: 0.33, rate: rate, pitch: 170})
			for _, c := range []struct {
				name          string
				callers, talk int
				ticks         int
			}{
				{"all talk", 50, 50, 12},
				{"eight talk", 200, 8, 12},
				{"eight of many talk", 400, 8, 12},
				{"nobody talks", 200, 0, 3},
			} {
				loops := make([]*loop, c.callers)
				for i := range loops {
					if loops[i] = quiet; i < c.talk {
						loops[i] = soft[i%len(soft)]
					}
				}
				room := s.crowd(t, Config{}, loops...)
				room.run(3 * time.Second)
				limit := c.ticks
				if s.levels || s.codec == media.PCMU {
					limit = 1
				}
				for range 2 {
					who := rng.IntN(c.callers)
					for room.ins[who].talking > 0 {
						who = rng.IntN(c.callers)
					}
					src, says := room.sources[who], loud
					was := src.packets
					if who < c.talk {
						says = louder[who%len(louder)]
					}
					src.packets, src.packet.Level = make([][]byte, recorded), says.packet.Level
					for k := range recorded {
						src.packets[(int(src.packet.Sequence)+k)%recorded] = says.packets[(turn+k)%recorded]
					}
					n := 0
					for ; room.ins[who].talking == 0 && n < 100; n++ {
						room.tick()
					}
					if n > limit {
						t.Errorf("%s among %d: heard after %d ticks, want %d", c.name, c.callers, n, limit)
					}
					room.run(200 * time.Millisecond)
					src.packets, src.packet.Level = was, loops[who].packet.Level
					room.run(2500 * time.Millisecond)
				}
			}
		})
	}
}
