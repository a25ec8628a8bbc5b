package player

import (
	"encoding/binary"
	"time"
)

// read decodes ahead until the sound ends or nobody wants it, then waits until all of it
// was taken.
func (p *Player) read() {
	f := feeder{p: p, pcm: make([]int16, 0, 2*p.format.Samples(p.format.PacketTime))}
	defer func() { p.finish(f.err) }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	stop := p.stop
	for {
		select {
		case <-p.closing:
			return
		case <-stop:
			stop, f.ended = nil, true
		case <-timer.C:
		}
		if p.over.Load() {
			return
		}
		f.fill()
		timer.Reset(p.rest(f.ended, stop == nil))
	}
}

// rest is how long the reader may look away: while it reads, a quarter of what the ring
// holds; at the end, as long as it will take at least until all was taken.
func (p *Player) rest(ended, stopped bool) time.Duration {
	switch {
	case stopped:
		return p.format.PacketTime
	case ended:
		return time.Duration(max(p.ring.len(), 1)) * p.format.PacketTime
	}
	return aheadTime / 4
}

// feeder cuts the sound into packets. It keeps one back, because the end is faded out and
// the end is known only when there is no more.
type feeder struct {
	p     *Player
	pcm   []int16 // up to two packets that wait
	ended bool
	err   error
}

// fill fills the ring.
func (f *feeder) fill() {
	packet := cap(f.pcm) / 2
	for !f.ended && f.p.ring.len() < cap(f.p.ring.slots)-1 { // room for two: the last may be two
		f.more()
		if f.ended {
			fade(f.pcm, f.p.format.Samples(endFade))
			if len(f.pcm) > packet {
				f.push(false)
			}
			f.push(true)
			return
		}
		f.push(false)
	}
}

// more reads until there are two packets or no more sound.
func (f *feeder) more() {
	for len(f.pcm) < cap(f.pcm) {
		n, err := f.p.sound.Read(f.pcm[len(f.pcm):cap(f.pcm)])
		f.pcm = f.pcm[:len(f.pcm)+n]
		if err != nil {
			f.ended, f.err = true, err
			return
		}
		if f.p.closed.Load() {
			f.ended = true
			return
		}
	}
}

// push moves one packet to the ring, filled up with silence.
func (f *feeder) push(last bool) {
	s := f.p.ring.back()
	n := min(cap(f.pcm)/2, len(f.pcm))
	clear(s.payload)
	for i, v := range f.pcm[:n] {
		binary.BigEndian.PutUint16(s.payload[2*i:], uint16(v))
	}
	s.samples, s.last = n, last
	f.pcm = f.pcm[:copy(f.pcm, f.pcm[n:])]
	f.p.ring.push()
}

// fade leads the last n samples to silence.
func fade(pcm []int16, n int) {
	n = min(n, len(pcm))
	tail := pcm[len(pcm)-n:]
	for i := range tail {
		tail[i] = int16(int(tail[i]) * (n - 1 - i) / n)
	}
}
