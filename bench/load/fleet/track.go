//go:build linux

package fleet

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/confd/confd/bench/load/signal"
	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// track is what a caller sends over and over, one payload per packet, its header extension before it
// if there is one.
type track struct {
	data  []byte
	ends  []uint32 // of each payload, in data
	sends []sends
}

// sends says what becomes of a packet.
type sends uint8

const (
	always   sends = iota
	beginner       // and it begins a talk spurt after a pause
	leftOut        // it is within a pause
)

func (t *track) length() int { return len(t.ends) }

func (t *track) payload(k uint32) []byte {
	from := uint32(0)
	if k > 0 {
		from = t.ends[k-1]
	}
	return t.data[from:t.ends[k]]
}

const (
	// silence is how long the track of silence is.
	silence = 10 * signal.CycleUnit
	// warmUp is how much of the end of a cycle an encoder codes before its begin.
	warmUp = 10 * signal.CycleUnit
	// comfort is how often a packet is sent in a pause (RFC 7587 section 3.1.3 has 400 ms).
	comfort = 400 * time.Millisecond
)

// encode codes a cycle that comes round for ever.
func (c Coding) encode(pcm []int16) (*track, error) {
	enc, err := codec.NewEncoder(c.Format, c.Options)
	if err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	frame := c.Format.Samples(c.Format.PacketTime)
	if c.remembers() {
		var scrap []byte
		for at := max(0, len(pcm)-c.Format.Samples(warmUp)); at < len(pcm); at += frame {
			if scrap, err = enc.Encode(scrap[:0], pcm[at:at+frame]); err != nil {
				return nil, fmt.Errorf("fleet: %w", err)
			}
		}
	}
	t := &track{}
	for at := 0; at+frame <= len(pcm); at += frame {
		if c.Level != 0 {
			t.data = append(t.data, wire.LevelExtension(c.Level, levelOf(pcm[at:at+frame]))...)
		}
		if t.data, err = enc.Encode(t.data, pcm[at:at+frame]); err != nil {
			return nil, fmt.Errorf("fleet: %w", err)
		}
		t.ends = append(t.ends, uint32(len(t.data)))
	}
	t.sends = make([]sends, len(t.ends))
	return t, nil
}

// levelOf returns how loud pcm is, in -dBov.
func levelOf(pcm []int16) uint8 {
	var sum float64
	for _, x := range pcm {
		sum += float64(x) * float64(x)
	}
	return uint8(media.LevelOf(sum / float64(len(pcm)) / (1 << 30)))
}

// quiet is what is heard where nobody speaks: with Opus noise of a few steps of 16 bits, as of a
// quiet room, since an encoder makes less of nothing at all than of what any phone gives it.
func (c Coding) quiet() []int16 {
	pcm := make([]int16, c.Format.Samples(silence))
	if c.Format.Codec == media.Opus {
		dice := random(1)
		for i := range pcm {
			pcm[i] = int16(dice.next()%7) - 3
		}
	}
	return pcm
}

// pause leaves out of a track what is in none of the spurts, given packets' length and by how
// much the encoder is late.
func (t *track) pause(spurts []signal.Spurt, packet, late time.Duration) {
	spoke := false // in the packet before
	for range 2 {  // the second time it is known what is before the first packet
		i := 0
		for k := range t.ends {
			from, to := time.Duration(k)*packet, time.Duration(k+1)*packet
			for i < len(spurts) && spurts[i].End()+late <= from {
				i++
			}
			speaks := i < len(spurts) && spurts[i].Start < to
			switch {
			case speaks && !spoke:
				t.sends[k] = beginner
			case speaks || from/comfort != (from-packet)/comfort || k == 0:
				t.sends[k] = always
			default:
				t.sends[k] = leftOut
			}
			spoke = speaks
		}
	}
}

// tracks are what all callers of a fleet send.
type tracks struct {
	talkers [][]*track // by plan and talker
	silence *track
}

// newTracks encodes what the plans have said, on all processors.
func newTracks(c Config, plans []*signal.Room) (t tracks, err error) {
	if t.silence, err = c.Codec.encode(c.Codec.quiet()); err != nil {
		return t, err
	}
	packet := c.Codec.Format.PacketTime
	if c.Impair.DTX {
		t.silence.pause(nil, packet, 0)
	}
	t.talkers = make([][]*track, len(plans))
	var wait sync.WaitGroup
	free := make(chan struct{}, runtime.NumCPU())
	failed := make(chan error, 1)
	for p, plan := range plans {
		t.talkers[p] = make([]*track, c.Talkers)
		for i := range t.talkers[p] {
			free <- struct{}{}
			wait.Go(func() {
				defer func() { <-free }()
				one, err := c.Codec.encode(plan.Render(i, c.Codec.Format.SampleRate))
				if err != nil {
					select {
					case failed <- err:
					default:
					}
					return
				}
				if c.Impair.DTX {
					one.pause(plan.Plan(i), packet, c.Codec.lookAhead())
				}
				t.talkers[p][i] = one
			})
		}
	}
	wait.Wait()
	select {
	case err = <-failed:
	default:
	}
	return t, err
}
