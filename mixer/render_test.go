package mixer

import (
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// TestNobodyIsLeftOutOfTheRotation: of inputs that seem to be silent each is listened to now
// and then, however many there are.
func TestNobodyIsLeftOutOfTheRotation(t *testing.T) {
	for _, n := range []int{1, 5, 37, 100} {
		b := newBed(t, Config{})
		f := format(t, media.G722, 16000, 20*time.Millisecond)
		phones := make([]*testPhone, n+1)
		for i := range phones {
			phones[i] = b.phone(f, 0, 0, network{}).join()
		}
		b.run(400 * time.Millisecond)
		round := len(phones) * sampleEvery
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

// TestRotationAllocatesNothing: peers with parameters of their own share decoders.
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
