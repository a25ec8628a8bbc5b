package mixer

import (
	"context"
	"errors"

	"github.com/confd/confd/media"
)

// ErrClosed is returned by ApplyWait when the engine stopped before the tick came.
var ErrClosed = errors.New("mixer: engine closed")

// Op is one change to a conference, made by the functions below and applied at a tick.
type Op struct {
	do    func(c *Conference)
	ready func(c *Conference) bool // until it is, this and all that was asked later waits; nil: at once
}

// anytime is a change that need not wait.
func anytime(do func(c *Conference)) Op { return Op{do: do} }

// batch is what one Apply asked for, or what is left of it.
type batch struct {
	ops  []Op
	done chan struct{}
}

// Apply queues changes for the next tick; all of one call happen at the same tick, in
// order: as it begins, but from a departure on when its packets are sent. Any goroutine may
// call it; it never waits for media.
func (c *Conference) Apply(ops ...Op) { c.enqueue(batch{ops: ops}) }

// ApplyWait is Apply, and returns once the tick has made the changes: then the media plane
// no longer touches what was removed. It returns ErrClosed if the engine stops first, once
// the last tick is over: then nothing is touched any more either.
func (c *Conference) ApplyWait(ctx context.Context, ops ...Op) error {
	done := make(chan struct{})
	c.enqueue(batch{ops: ops, done: done})
	select {
	case <-done:
		return nil
	case <-c.engine.done:
		return c.closed(done)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// closed waits until the last tick of an engine that closes is over, and tells whether the
// changes were still made in it.
func (c *Conference) closed(done chan struct{}) error {
	c.engine.wait.Wait()
	select {
	case <-done:
		return nil
	default:
		return ErrClosed
	}
}

func (c *Conference) enqueue(b batch) {
	c.queue.Add(b)
	if !c.queued.Swap(true) {
		c.engine.worker.adopt(c)
	}
}

// apply makes the queued changes as a tick begins. In steady state it costs one atomic load.
func (c *Conference) apply() {
	c.todo = c.queue.Take(c.todo)
	c.proceed()
}

// proceed makes changes in the order in which they were asked for, up to one that must wait.
func (c *Conference) proceed() {
	for len(c.todo) > 0 {
		b := c.todo[0]
		c.todo[0] = batch{}
		c.todo = c.todo[1:]
		if !b.run(c) {
			c.todo = append([]batch{b}, c.todo...)
			return
		}
	}
}

// run makes the changes of one call and reports false if the rest of them must wait. Who
// waits for them is let go even if one panics.
func (b *batch) run(c *Conference) bool {
	over := true
	defer func() {
		if over && b.done != nil {
			c.hand.flush()
			close(b.done)
		}
	}()
	for i, op := range b.ops {
		if op.ready != nil && !op.ready(c) {
			b.ops, over = b.ops[i:], false
			return false
		}
		c.hand.flush() // what was sent to who may leave now
		op.do(c)
	}
	return true
}

// sleeping lets a conference without members off the worker's list, and reports whether
// it went. A change that arrives meanwhile keeps it.
func (c *Conference) sleeping() bool {
	if c.members.Load() > 0 || len(c.todo) > 0 {
		return false
	}
	c.queued.Store(false)
	return c.queue.Empty() || c.queued.Swap(true) // who has set it meanwhile sees to us
}

// AddInput takes an input into the conference. An input of another conference must have
// been removed there first; see Move.
func AddInput(in *Input) Op {
	return Op{
		do:    func(c *Conference) { c.addInput(in) },
		ready: func(c *Conference) bool { return in.next <= c.next },
	}
}

func (c *Conference) addInput(in *Input) {
	if in.conf != nil {
		return
	}
	in.conf, in.index = c, len(c.inputs)
	c.inputs = append(c.inputs, in)
	in.catchUp()
	c.engine.stats.Inputs.Add(1)
	c.busy()
}

// RemoveInput takes an input out; its sound ends with this tick, smoothly for codecs that
// can, and its source is not polled again.
func RemoveInput(in *Input) Op { return anytime(func(c *Conference) { c.removeInput(in) }) }

func (c *Conference) removeInput(in *Input) {
	if in.conf != c {
		return
	}
	for _, m := range c.mixes {
		m.expel(in)
	}
	c.engine.voices.release(in)
	c.inputs = remove(c.inputs, in)
	for i, rest := range c.inputs {
		rest.index = i
	}
	in.conf, in.index, in.next = nil, -1, c.next
	c.engine.stats.Inputs.Add(-1)
	c.busy()
}

// Attach hangs an output on a mix. self is the input of the same participant, which the
// output does not get to hear, or nil.
func Attach(out *Output, m *Mix, self *Input) Op {
	return Op{
		do:    func(c *Conference) { c.attach(out, m, self) },
		ready: func(c *Conference) bool { return out.carry == nil || out.carry.next <= c.next },
	}
}

// Detach takes an output off its mix; its sink is not called again.
func Detach(out *Output) Op {
	return anytime(func(c *Conference) {
		if out.conf == c {
			c.detach(out, false)
			c.busy()
		}
	})
}

// Configure changes how an input's packets are understood, its gain, mute and hold.
func Configure(in *Input, cfg InputConfig) Op {
	warmKernels(cfg)
	return anytime(func(*Conference) { in.configure(cfg) })
}

// ConfigureOutput changes how a sink is served; another format is another class.
func ConfigureOutput(out *Output, cfg OutputConfig) Op {
	warmKernel(cfg.Format.SampleRate)
	return anytime(func(c *Conference) {
		same := out.cfg.Format == cfg.Format && out.next > 0
		out.cfg = cfg
		if out.conf != c || out.class != nil && out.class.key == out.key() {
			return
		}
		m, self := out.mix, out.self
		c.detach(out, same)
		c.attach(out, m, self)
	})
}

// AddTap lets t hear an input from this tick on, talker or not.
func AddTap(in *Input, t media.Tap) Op {
	return anytime(func(*Conference) { in.taps = append(in.taps, t) })
}

// RemoveTap ends it.
func RemoveTap(in *Input, t media.Tap) Op {
	return anytime(func(*Conference) { in.taps = remove(in.taps, t) })
}

// AddPacketTap lets t see an input's packets from this tick on.
func AddPacketTap(in *Input, t media.PacketTap) Op {
	return anytime(func(*Conference) { in.packets = append(in.packets, t) })
}

// RemovePacketTap ends it.
func RemovePacketTap(in *Input, t media.PacketTap) Op {
	return anytime(func(*Conference) { in.packets = remove(in.packets, t) })
}

// Do runs f on the owner of the conference at the tick: for changes to a leg that must not
// race with its polling. f must not block.
func Do(f func()) Op { return anytime(func(*Conference) { f() }) }

// Move takes an input and its outputs to a mix of another conference (or another mix of
// this one): this conference serves them once more, and the other from the period after
// that, with their jitter buffer, their decoder's and their encoders' state. For what was
// asked of this conference together with it or later, see Depart.
func Move(in *Input, outs []*Output, to *Conference, m *Mix) Op {
	op := Depart(in, outs)
	depart := op.do
	op.do = func(c *Conference) {
		depart(c)
		arrive := []Op{}
		if in != nil {
			arrive = append(arrive, AddInput(in))
		}
		for _, out := range outs {
			arrive = append(arrive, Attach(out, m, in))
		}
		to.Apply(arrive...)
	}
	return op
}

// Depart is the first half of Move: an input, or nil, and its outputs leave with all their
// state once the tick's packets are sent. All changes that were asked for behind it wait so
// long. Nothing else may be asked for who leaves until another conference has been asked to
// take them by AddInput and Attach, which may not happen before this op has.
func Depart(in *Input, outs []*Output) Op {
	leave := func(c *Conference) {
		for _, out := range outs {
			c.detach(out, true)
		}
		if in != nil {
			c.removeInput(in)
		}
		c.busy()
	}
	return Op{do: leave, ready: func(c *Conference) bool { return c.sent }}
}

// SetRate fixes the room's rate, 8000, 16000 or 48000 Hz, or with 0 lets it follow its
// members again. The change is faded as any other of the rate.
func SetRate(rate int) Op {
	return anytime(func(c *Conference) {
		c.cfg.Rate = rate
		c.pacing = rateChoice{}
	})
}

// NewMix makes another mix: a waiting room, a whisper, a sidebar. It is chosen and summed
// from the next tick on, as long as outputs hang on it.
func (c *Conference) NewMix(cfg MixConfig) *Mix {
	m := newMix(c, cfg)
	c.Apply(anytime(func(c *Conference) { c.mixes = append(c.mixes, m) }))
	return m
}

// ConfigureMix changes a mix's recipe; who comes and goes is faded.
func ConfigureMix(m *Mix, cfg MixConfig) Op { return anytime(func(*Conference) { m.configure(cfg) }) }

// RemoveMix ends a mix that no output hangs on; the full mix stays.
func RemoveMix(m *Mix) Op {
	return anytime(func(c *Conference) {
		if m == c.full || m.outputs > 0 {
			return
		}
		for i := range m.talkers {
			m.talkers[i].in.talking--
		}
		m.talkers = nil
		c.mixes = remove(c.mixes, m)
	})
}

// expel takes an input's talker out at once.
func (m *Mix) expel(in *Input) {
	for i := range m.talkers {
		if t := &m.talkers[i]; t.in == in {
			m.residue = append(m.residue, residue{in, int32(t.last)})
			m.talkers = append(m.talkers[:i], m.talkers[i+1:]...)
			m.conf.left(m, in)
			return
		}
	}
}
