//go:build linux

package fleet

import (
	"net/netip"
	"time"
)

// Way decides what happens to packets that others than the fleet send with the same
// impairments: each has a way of its own. It is for one goroutine at a time.
type Way struct{ link link }

// Check tells which figure of m is out of range.
func (m Impairment) Check() error { return m.check() }

// NewWay makes a way whose chances depend on the seed alone.
func (m Impairment) NewWay(seed uint64) *Way {
	return &Way{*newLink(m, time.Second, seed)}
}

// Lost tells whether the next packet is.
func (w *Way) Lost() bool { return w.link.lost() }

// Delay returns by how much the next packet is late, ns; the order is the caller's to keep.
func (w *Way) Delay() int64 {
	if w.link.jitter == 0 {
		return 0
	}
	return int64(w.link.random.chance() * w.link.jitter)
}

// Swapped tells whether the next packet leaves behind the one after it.
func (w *Way) Swapped() bool { return w.link.swap > 0 && w.link.random.chance() < w.link.swap }

// Talks returns when talker i, who is connected, speaks between two times, as spans from and
// to of clock.Now; nothing of any other caller.
func (f *Fleet) Talks(i int, from, to int64) (spans [][2]int64) {
	c, err := f.caller(i)
	if err != nil || c.track == nil {
		return nil
	}
	f.mu.Lock()
	talk := c.talking
	f.mu.Unlock()
	cycle := int64(f.config.Cycle)
	slow := func(at int64) int64 { return at + int64(talk.Drift*float64(at-talk.From)/1e6) }
	for begin := talk.Start + floorDiv(from-talk.Start, cycle)*cycle - cycle; begin < to; begin += cycle {
		for _, s := range c.room.plan.Plan(c.seat) {
			a, b := slow(begin+int64(s.Start)), slow(begin+int64(s.End()))
			if b > from && a < to && a >= talk.From {
				spans = append(spans, [2]int64{a, b})
			}
		}
	}
	return spans
}

// Host returns the address of caller i's sockets.
func (f *Fleet) Host(i int) netip.Addr { return f.Local(i).Addr() }
