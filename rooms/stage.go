package rooms

import (
	"github.com/confd/confd/mixer"
)

// stage is what a room needs of the media plane: a conference whose changes are queued and
// happen at a tick. None of its methods blocks. A stage without legs costs nothing and
// need not be given back.
type stage interface {
	// attach lets l be heard and hear.
	attach(l *leg)
	// change reconfigures l; everything in c happens at one tick, done last.
	change(l *leg, c change)
	// detach takes l out and then calls done: the plane no longer touches its source
	// and sink.
	detach(l *leg, done func())
}

// leg is a participant's media inside the plane; either half may be nil.
type leg struct {
	in  *mixer.Input
	out *mixer.Output
}

// change is what happens to a leg at one tick; nil fields change nothing. do runs before
// the rest and done after it, both on the media thread.
type change struct {
	do      func()
	receive *mixer.InputConfig
	send    *mixer.OutputConfig
	deaf    *bool
	done    func()
}

// conference is the stage that the mixer offers.
type conference struct {
	mix   *mixer.Conference
	quiet *mixer.Mix // what the deaf hear; made with the first of them
}

func newConference(e *mixer.Engine, events func(mixer.Event)) stage {
	return &conference{mix: e.NewConference(mixer.ConferenceConfig{Events: events})}
}

func (c *conference) attach(l *leg) {
	var ops []mixer.Op
	if l.in != nil {
		ops = append(ops, mixer.AddInput(l.in))
	}
	if l.out != nil {
		ops = append(ops, mixer.Attach(l.out, c.mix.Full(), l.in))
	}
	c.mix.Apply(ops...)
}

func (c *conference) change(l *leg, ch change) {
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
	if ch.deaf != nil && l.out != nil {
		ops = append(ops, mixer.Attach(l.out, c.recipe(*ch.deaf), l.in))
	}
	if ch.done != nil {
		ops = append(ops, mixer.Do(ch.done))
	}
	c.mix.Apply(ops...)
}

// recipe returns the mix that a leg hears.
func (c *conference) recipe(deaf bool) *mixer.Mix {
	if !deaf {
		return c.mix.Full()
	}
	if c.quiet == nil {
		c.quiet = c.mix.NewMix(mixer.MixConfig{})
	}
	return c.quiet
}

func (c *conference) detach(l *leg, done func()) {
	var ops []mixer.Op
	if l.out != nil {
		ops = append(ops, mixer.Detach(l.out))
	}
	if l.in != nil {
		ops = append(ops, mixer.RemoveInput(l.in))
	}
	c.mix.Apply(append(ops, mixer.Do(done))...)
}
