package mixer

import (
	"unsafe"

	"github.com/confd/confd/internal/cache"
)

// A small room has more to a caller than its leg: who talks, has a decoder, and hears an encoder
// of its own. That is asked for while the room's first inputs are in their system calls, each
// step being what the one before has led to.

const (
	// fewInputs is how many a small room has at most.
	fewInputs  = 16
	fetchClass = unsafe.Offsetof(class{}.returning)
	fetchVoice = unsafe.Offsetof(voice{}.format)
	fetchSound = 2 * minRate / 50 // a frame of narrow sound
)

// bring has what the stages behind the drain touch brought near, in three steps.
func (c *Conference) bring(step int) {
	switch step {
	case 0:
		for _, k := range c.classes {
			cache.Fetch(k, fetchClass)
		}
		for _, m := range c.mixes {
			cache.Fetch(m, unsafe.Sizeof(*m))
		}
	case 1:
		for _, k := range c.classes {
			cache.Fetch(unsafe.SliceData(k.outputs), cache.Line)
		}
		for _, m := range c.mixes {
			cache.Fetch(unsafe.SliceData(m.talkers), uintptr(len(m.talkers))*unsafe.Sizeof(talker{}))
			cache.Fetch(unsafe.SliceData(m.before), uintptr(len(m.before))*4)
		}
		for _, in := range c.inputs {
			cache.Fetch(in.voice, fetchVoice)
		}
	case 2:
		for _, k := range c.classes {
			for _, out := range k.outputs {
				cache.Fetch(out, cache.Line)
			}
		}
		for _, in := range c.inputs {
			if v := in.voice; v != nil {
				cache.Fetch(unsafe.SliceData(v.pcm[v.end:]), fetchSound)
			}
		}
	}
}

// approach has the room that the same thread ticks next brought near, in steps of this room's tick: what one
// leads to must have come before the next.
func (c *Conference) approach(step int) {
	n := c.after
	if n == nil {
		return
	}
	switch step {
	case 0:
		cache.Fetch(n, unsafe.Sizeof(*n))
	case 1:
		cache.Fetch(unsafe.SliceData(n.inputs), cache.Line)
		cache.Fetch(unsafe.SliceData(n.classes), cache.Line)
		cache.Fetch(unsafe.SliceData(n.mixes), cache.Line)
	case 2:
		for _, in := range n.firsts() {
			cache.Fetch(in, fetchInput)
		}
	case 3:
		for _, in := range n.firsts() {
			in.near()
		}
	}
}

// firsts are the inputs that poll does not have the time to fetch.
func (c *Conference) firsts() []*Input { return c.inputs[:min(2, len(c.inputs))] }
