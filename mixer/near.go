package mixer

import (
	"unsafe"

	"github.com/confd/confd/internal/cache"
	"github.com/confd/confd/media"
)

// A tick visits every input and output, and what they hold was last touched a period ago. So
// the memory of who comes next is asked for while the one before is at work.

const (
	// fetchInput is how much of an input every tick touches, bytes.
	fetchInput = unsafe.Offsetof(Input{}.play) + unsafe.Offsetof(playout{}.arr) +
		unsafe.Offsetof(arrival{}.bins) + cache.Line
	// fetchAhead is how many inputs ahead is looked where little is done with each.
	fetchAhead = 4
)

// poll drains the source of each input.
func (c *Conference) poll(inputs []*Input) {
	n := len(inputs)
	few := !c.parted && n <= fewInputs
	for i, in := range inputs {
		if few {
			c.bring(i)
		}
		if i+2 < n {
			cache.Fetch(inputs[i+2], fetchInput)
		}
		if i+1 < n {
			inputs[i+1].near()
		}
		in.source.Poll(c.now, drainLimit, in)
	}
}

// near has fetched what the next packet will touch beside the input itself, which is here.
func (in *Input) near() {
	if in.nearer != nil {
		in.nearer.Near()
	}
	in.play.buf.near()
}

// ahead has an input fetched that comes a little later in a walk over all.
func ahead(inputs []*Input, i int) {
	if i += fetchAhead; i < len(inputs) {
		cache.Fetch(inputs[i], fetchInput)
	}
}

// send hands one payload, whose sound ends at a media time, to each output.
func send(outputs []*Output, p *media.Outgoing, end int64) {
	n := len(outputs)
	for i, out := range outputs {
		if i+2 < n {
			cache.Fetch(outputs[i+2], cache.Line)
		}
		if i+1 < n && outputs[i+1].nearer != nil {
			outputs[i+1].nearer.Near()
		}
		out.send(p, end)
	}
}
