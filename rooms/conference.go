package rooms

import (
	"slices"
	"sync"

	"github.com/confd/confd/mixer"
)

// conference is the stage that the mixer offers.
type conference struct {
	mix    *mixer.Conference
	tuning tuning
	on     map[*leg]*mixer.Mix    // who hangs on what, once all that was asked for has happened
	served map[*mixer.Mix]*recipe // the mixes beside the full one, and that one unless it is plain

	mu    sync.Mutex
	queue []*pending // while legs are on their way here
}

// pending is a set of changes that waits for a leg to arrive, or for the ones before it.
type pending struct {
	ops   []mixer.Op
	ready bool
}

func newConference(e *mixer.Engine, t tuning, events func(mixer.Event)) stage {
	c := &conference{
		mix:    e.NewConference(mixer.ConferenceConfig{Events: events, Rate: t.rate}),
		tuning: tuning{rate: t.rate},
		on:     make(map[*leg]*mixer.Mix),
		served: make(map[*mixer.Mix]*recipe),
	}
	c.tune(t)
	return c
}

func (c *conference) rate() int { return c.mix.Rate() }

// apply queues changes for the next tick, behind the legs that are on their way here.
func (c *conference) apply(ops ...mixer.Op) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		c.mix.Apply(ops...)
		return
	}
	c.queue = append(c.queue, &pending{ops, true})
}

// expect queues the arrival of a leg. It happens once the other conference has let go of
// the leg and calls land, on its media thread.
func (c *conference) expect(ops ...mixer.Op) (land func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &pending{ops: ops}
	c.queue = append(c.queue, p)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		p.ready = true
		for len(c.queue) > 0 && c.queue[0].ready {
			c.mix.Apply(c.queue[0].ops...)
			c.queue = c.queue[1:]
		}
	}
}

func (c *conference) tune(t tuning) {
	var ops []mixer.Op
	if t.rate != c.tuning.rate {
		ops = append(ops, mixer.SetRate(t.rate))
	}
	if t.talkers != c.tuning.talkers {
		c.tuning = t
		full := c.served[c.mix.Full()]
		if full == nil {
			full = &recipe{all: true}
		}
		ops = append(ops, mixer.ConfigureMix(c.mix.Full(), c.config(full)))
		for m, r := range c.served {
			ops = append(ops, mixer.ConfigureMix(m, c.config(r)))
		}
	}
	c.tuning = t
	if len(ops) > 0 {
		c.apply(ops...)
	}
}

func (c *conference) attach(l *leg, ch change) { c.apply(c.arrive(l, ch)...) }

// arrive returns what lets a leg be heard and hear.
func (c *conference) arrive(l *leg, ch change) []mixer.Op {
	var ops []mixer.Op
	if l.in != nil {
		ops = append(ops, mixer.AddInput(l.in))
	}
	if l.out != nil && ch.mixes == nil {
		c.on[l] = c.mix.Full()
		ops = append(ops, mixer.Attach(l.out, c.mix.Full(), l.in))
	}
	return append(ops, c.ops(l, ch)...)
}

func (c *conference) change(l *leg, ch change) { c.apply(c.ops(l, ch)...) }

func (c *conference) detach(l *leg, ch change) {
	delete(c.on, l)
	var ops []mixer.Op
	if l.out != nil {
		ops = append(ops, mixer.Detach(l.out))
	}
	if l.in != nil {
		ops = append(ops, mixer.RemoveInput(l.in))
	}
	c.apply(append(ops, c.ops(&leg{}, ch)...)...)
}

func (c *conference) move(l *leg, ch change, to stage, arrival change) {
	other := to.(*conference)
	delete(c.on, l)
	var outs []*mixer.Output
	if l.out != nil {
		outs = append(outs, l.out)
	}
	land := other.expect(other.arrive(l, arrival)...)
	ops := append([]mixer.Op{mixer.Depart(l.in, outs)}, c.ops(&leg{}, ch)...)
	c.apply(append(ops, mixer.Do(land))...)
}

// ops returns what ch is in the mixer's words.
func (c *conference) ops(l *leg, ch change) []mixer.Op {
	var ops []mixer.Op
	if ch.do != nil {
		ops = append(ops, mixer.Do(ch.do))
	}
	if ch.receive != nil && l.in != nil {
		ops = append(ops, mixer.Configure(l.in, *ch.receive))
	}
	if ch.send != nil && l.out != nil {
		ops = append(ops, mixer.ConfigureOutput(l.out, *ch.send))
	}
	if ch.mixes != nil {
		ops = append(ops, c.arrange(ch.mixes)...)
	}
	if ch.done != nil {
		ops = append(ops, mixer.Do(ch.done))
	}
	return ops
}

// arrange brings the mixes to new recipes: each takes over the mix that most of its
// listeners hang on, so that few have to change, and mixes that nobody needs are freed.
func (c *conference) arrange(recipes []recipe) []mixer.Op {
	var ops []mixer.Op
	served := make(map[*mixer.Mix]*recipe, len(recipes))
	for i := range recipes {
		r := &recipes[i]
		m := c.mixFor(r, served)
		served[m] = r
		if have := c.served[m]; have == nil || !have.same(r) {
			ops = append(ops, mixer.ConfigureMix(m, c.config(r)))
		}
	}
	if full := c.mix.Full(); served[full] == nil && c.served[full] != nil {
		ops = append(ops, mixer.ConfigureMix(full, c.config(&recipe{all: true})))
	}
	for m, r := range served {
		for _, l := range r.listeners {
			if c.on[l] != m {
				c.on[l] = m
				ops = append(ops, mixer.Attach(l.out, m, l.in))
			}
		}
	}
	for m := range c.served {
		if served[m] == nil {
			ops = append(ops, mixer.RemoveMix(m)) // but for the full one, which stays
		}
	}
	c.served = served
	return ops
}

// mixFor picks a mix for a recipe that none of the others has.
func (c *conference) mixFor(r *recipe, taken map[*mixer.Mix]*recipe) *mixer.Mix {
	if r.all && len(r.inputs) == 0 {
		return c.mix.Full()
	}
	count := make(map[*mixer.Mix]int)
	var best *mixer.Mix
	for _, l := range r.listeners {
		m := c.on[l]
		if m == nil || m == c.mix.Full() || taken[m] != nil {
			continue
		}
		count[m]++
		if best == nil || count[m] > count[best] {
			best = m
		}
	}
	if best == nil {
		best = c.mix.NewMix(c.config(r))
	}
	return best
}

// config returns the recipe in the mixer's words.
func (c *conference) config(r *recipe) mixer.MixConfig {
	cfg := mixer.MixConfig{All: r.all, Talkers: c.tuning.talkers}
	if r.all {
		cfg.Except = r.inputs
		for _, in := range r.pinned {
			cfg.Sources = append(cfg.Sources, mixer.MixSource{Input: in, Pinned: true})
		}
		return cfg
	}
	for _, in := range r.inputs {
		cfg.Sources = append(cfg.Sources, mixer.MixSource{Input: in, Pinned: slices.Contains(r.pinned, in)})
	}
	return cfg
}

// same tells whether two recipes make the same sound.
func (r *recipe) same(o *recipe) bool {
	return r.all == o.all && slices.Equal(r.inputs, o.inputs) && slices.Equal(r.pinned, o.pinned)
}
