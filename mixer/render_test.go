package mixer

import (
	"testing"
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// TestNobodyIsLeftOutOfTheRotation: of inputs whose packets do not tell how loud they are,
// each is listened to once per round, however many there are.
func TestNobodyIsLeftOutOfTheRotation(t *testing.T) {
	const candidates = 4
	for _, n := range []int{1, 2, 3, 5, 10, 20, 37, 40} {
		b := newBed(t, Config{Candidates: candidates})
		f := format(t, media.G722, 16000, 20*time.Millisecond)
		phones := make([]*testPhone, n+1)
		for i := range phones {
			phones[i] = b.phone(f, 0, 0, network{}).join()
		}
		b.run(400 * time.Millisecond)
		round := (len(phones) + candidates - 1) / candidates
		for range 3 {
			began := b.due
			for range round {
				b.tick()
			}
			for i, p := range phones {
				if p.in.heardAt <= began {
					t.Errorf("%d inputs: number %d was not heard in %d ticks", n+1, i, round)
				}
			}
		}
	}
}

// TestClaimsOfSpeechDoNotStarveOthers: where many packets claim speech, every input is
// still heard in turn, whether or not it claims.
func TestClaimsOfSpeechDoNotStarveOthers(t *testing.T) {
	b := newBed(t, Config{Candidates: 4, Talkers: 1})
	f := format(t, media.G722, 16000, 20*time.Millisecond)
	phones := make([]*testPhone, 41)
	for i := range phones {
		phones[i] = b.phone(f, 0, 0, network{}).join()
	}
	b.run(400 * time.Millisecond)
	b.after = func() {
		for _, p := range phones[1:] {
			p.in.hint = codec.ActivityVoice
		}
	}
	b.tick()
	began := b.due
	b.run(500 * time.Millisecond)
	for i, p := range phones {
		if p.in.heardAt <= began {
			t.Errorf("number %d was not heard in half a second", i)
		}
	}
}

// Peers with parameters of their own share decoders: listening to them in turn allocates
// nothing.
func TestRotationAllocatesNothing(t *testing.T) {
	b := newBed(t, Config{})
	for i := range 20 {
		f := format(t, media.Opus, 48000, 20*time.Millisecond)
		f.Opus.Bitrate = 16000 + 1000*i
		p := b.phone(f, -90, float64(300+i*50), network{})
		p.in.source = newCanned(p, 400)
		p.out.sink = discard{}
		p.out.cfg.Format.Opus.Bitrate = 16000
		p.join()
	}
	b.run(4 * time.Second)
	if n := testing.AllocsPerRun(100, b.tick); n != 0 {
		t.Errorf("%v allocations per tick", n)
	}
}
