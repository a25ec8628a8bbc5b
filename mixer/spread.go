package mixer

import "slices"

// The stages of a tick that are loops over things that do not depend on one another. In a
// conference that is worth several threads each is done in parts; what comes of it is the same,
// sample for sample and packet for packet.

// How many things one part has: enough that claiming it costs nothing beside it, few enough
// that nobody has to wait long for the last. A thread that loses its processor delays one part.
const (
	callChunk  = 32  // with a system call each, some microseconds
	quickChunk = 128 // with some ten to some hundred nanoseconds each
)

// spread does a loop over n things: in parts of at most chunk, on all threads there are, if the
// conference is split, else all at once. Events of the stage are told when it is over.
func (c *Conference) spread(n, chunk int, do part) {
	if !c.split {
		do(c, c.hand, 0, n)
		return
	}
	if c.engine.forced {
		chunk = 1
	}
	c.parted = true
	defer c.rejoined()
	c.engine.crew.run(c, n, chunk, do)
}

// rejoined tells of the events of a stage that several threads were at, in the order in which
// one alone would have: by input, and those of each input as they came.
func (c *Conference) rejoined() {
	c.parted = false
	if c.held.Empty() {
		return
	}
	c.events = c.held.Take(c.events[:0])
	slices.SortStableFunc(c.events, func(a, b Event) int { return a.Input.index - b.Input.index })
	for _, e := range c.events {
		c.cfg.Events(e)
	}
	clear(c.events)
}

// render moves every stream on and makes the sound of those that were nominated. Those cost a
// hundred times what the others do, and are done one by one.
func (c *Conference) render() {
	if !c.split {
		c.renderSome(c.hand, 0, len(c.inputs))
		return
	}
	c.made = c.made[:0]
	for _, in := range c.inputs {
		if in.made {
			c.made = append(c.made, in)
		}
	}
	c.spread(len(c.made), 1, (*Conference).renderMade)
	c.spread(len(c.inputs), quickChunk, (*Conference).renderUnheard)
}

func (c *Conference) renderSome(_ *hand, from, to int) {
	some := c.inputs[from:to]
	for i, in := range some {
		ahead(some, i)
		c.renderOne(in)
	}
}

func (c *Conference) renderMade(_ *hand, from, to int) {
	for _, in := range c.made[from:to] {
		c.renderOne(in)
	}
}

func (c *Conference) renderUnheard(_ *hand, from, to int) {
	some := c.inputs[from:to]
	for i, in := range some {
		ahead(some, i)
		if !in.made {
			c.renderOne(in)
		}
	}
}

// send makes each class's packets and hands them to its outputs. A split conference hands those
// of large classes out in parts, when all are made.
func (c *Conference) send() {
	c.spread(len(c.classes), 1, (*Conference).encodeSome)
	if !c.split {
		return
	}
	for _, k := range c.classes {
		if len(k.held) > 0 {
			c.sender = k
			c.spread(len(k.outputs), callChunk, (*Conference).sendSome)
			k.release()
		}
	}
}

func (c *Conference) encodeSome(h *hand, from, to int) {
	for _, k := range c.classes[from:to] {
		k.run(h, &c.beat, c.old)
	}
}

func (c *Conference) sendSome(h *hand, from, to int) {
	k := c.sender
	for i := range k.held {
		p := &k.held[i]
		h.out = p.out
		h.out.Outbox = h.outbox
		send(k.outputs[from:to], &h.out, p.end)
	}
}
