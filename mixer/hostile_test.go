package mixer

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
)

// The far end changes what it sends without a new SSRC, or stops its clock while it is
// muted: timestamps leap forwards or back, the sequence goes on. The sound that follows is
// heard at once, and whole.
func TestTimestampLeaps(t *testing.T) {
	formats := []media.Format{
		format(t, media.PCMU, 8000, 20*time.Millisecond), format(t, media.Opus, 48000, 20*time.Millisecond),
	}
	for _, f := range formats {
		for _, ms := range []int{-3600e3, -10e3, -1000, -600, -300, 300, 600, 1000, 3000, 3600e3} {
			t.Run(fmt.Sprintf("%v by %d ms", f, ms), func(t *testing.T) {
				b := newBed(t, Config{})
				p := b.phone(f, -20, 440, network{phase: 5e6}).join()
				l := b.phone(narrow(t), 0, 0, network{}).join()
				b.run(2 * time.Second)
				before := p.in.Stats()
				p.ts += uint32(ms * f.ClockRate / 1000)
				b.run(1500 * time.Millisecond)
				s := p.in.Stats()
				if d := tone.THDN(l.tail(time.Second), 8000, 440); d > 0.03 {
					t.Errorf("THD+N %.3f", d)
				}
				if s.Cuts-before.Cuts > 2 || s.Delay > 40*time.Millisecond {
					t.Errorf("before %+v, after %+v", before, s)
				}
			})
		}
	}
}

// Whatever a sender did, it is heard again once it behaves.
func TestRecoversFromNonsense(t *testing.T) {
	formats := []media.Format{
		format(t, media.PCMU, 8000, 20*time.Millisecond), format(t, media.Opus, 48000, 20*time.Millisecond),
		format(t, media.G722, 16000, 20*time.Millisecond),
	}
	for seed := range uint64(12) {
		f := formats[seed%3]
		b := newBed(t, Config{})
		p := b.phone(f, -20, 440, network{phase: 5e6})
		cfg := p.in.cfg
		cfg.Formats = map[uint8]media.Format{testPT: f, 0: formats[0], 111: formats[1], 9: formats[2]}
		p.in.configure(cfg)
		p.join()
		l := b.phone(narrow(t), 0, 0, network{}).join()
		rng := rand.New(rand.NewPCG(seed, 9))
		for range 100 {
			for range rng.IntN(40) {
				p.nonsense(rng)
			}
			odd := cfg
			odd.Held, odd.Muted = rng.IntN(20) == 0, rng.IntN(20) == 0
			b.conf.Apply(Configure(p.in, odd))
			b.tick()
		}
		b.conf.Apply(Configure(p.in, cfg))
		b.run(12 * time.Second)
		if d := tone.THDN(l.tail(time.Second), 8000, 440); d > 0.05 {
			t.Errorf("seed %d, %v: THD+N %.3f; %+v", seed, f, d, p.in.Stats())
		}
	}
}

// nonsense queues a packet that no sane sender sends.
func (p *testPhone) nonsense(rng *rand.Rand) {
	payload := make([]byte, rng.IntN(200))
	for i := range payload {
		payload[i] = byte(rng.Uint32())
	}
	types := []uint8{testPT, testPT, testPT, 0, 111, 9, 13, 101}
	pkt := media.Packet{Arrival: p.bed.due + rng.Int64N(20e6), SSRC: p.ssrc, Sequence: p.seq, Timestamp: p.ts,
		PayloadType: types[rng.IntN(len(types))], Payload: payload}
	switch rng.IntN(8) {
	case 0:
		pkt.SSRC++
	case 1:
		pkt.Timestamp = rng.Uint32()
	case 2:
		pkt.Sequence += uint16(rng.IntN(4000))
	case 3:
		pkt.Sequence -= uint16(rng.IntN(64))
	case 4:
		p.ts += 1<<31 - 1
	case 5:
		p.ts -= 1 << 30
	}
	p.seq++
	p.push(pkt)
}

// A path that doubles packets changes nothing.
func TestDuplicates(t *testing.T) {
	b := newBed(t, Config{})
	p := b.phone(narrow(t), -20, 440, network{phase: 5e6})
	p.in.source = doubled{p}
	p.join()
	l := b.phone(narrow(t), 0, 0, network{}).join()
	b.run(3 * time.Second)
	s := p.in.Stats()
	if s.Duplicate+s.Late != s.Packets/2 || s.Duplicate < s.Late || s.Concealed > 0 || s.Cuts > 0 {
		t.Errorf("%+v", s)
	}
	if d := tone.THDN(l.tail(time.Second), 8000, 440); d > 0.001 {
		t.Errorf("THD+N %.4f", d)
	}
}

// doubled hands each packet of a phone over twice.
type doubled struct{ p *testPhone }

func (d doubled) Poll(now int64, limit int, to media.Receiver) int {
	return d.p.Poll(now, limit, media.ReceiverFunc(func(p *media.Packet) {
		to.Receive(p)
		to.Receive(p)
	}))
}
