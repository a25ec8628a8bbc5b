package mixer

import "github.com/confd/confd/codec/resample"

const (
	minRate = 8000
	// rateEvery is how often the rate is reconsidered, ticks.
	rateEvery = 8
	// fallAfter is how many times in a row less must do before the rate falls.
	fallAfter = 60
)

// rateChoice is the memory of the room's rate: it rises as soon as someone could hear
// better and someone else could supply it, and falls slowly.
type rateChoice struct {
	wait  int // ticks to the next look
	lower int // looks in a row at which less would have done
}

// follow adapts the room's rate and returns the one before if it changed now, else 0.
func (c *Conference) follow() (old int) {
	if fixed := c.cfg.Rate; fixed != 0 {
		if fixed == c.rate {
			return 0
		}
		return c.turn(fixed)
	}
	if c.pacing.wait--; c.pacing.wait > 0 {
		return 0
	}
	c.pacing.wait = rateEvery * c.pace
	want := c.bestRate()
	switch {
	case want == 0 || want == c.rate:
		c.pacing.lower = 0
		return 0
	case want < c.rate:
		if c.pacing.lower++; c.pacing.lower < fallAfter {
			return 0
		}
	}
	c.pacing.lower = 0
	return c.turn(want)
}

// turn changes the room's rate and returns the one before.
func (c *Conference) turn(rate int) (old int) {
	old, c.rate = c.rate, rate
	c.live.Store(int64(rate))
	c.emit(Event{Kind: RateChanged, Rate: rate})
	return old
}

// bestRate returns the rate that some listener can hear and someone else supplies, or 0 if
// nobody hears anybody.
func (c *Conference) bestRate() int {
	var best, second int // of the supply
	var top *Input
	for _, in := range c.inputs {
		switch r := in.supply(); {
		case r > best:
			best, second, top = r, best, in
		case r > second:
			second = r
		}
	}
	want := 0
	for _, k := range c.classes {
		for _, out := range k.outputs {
			offer := best
			if out.self == top {
				offer = second
			}
			want = max(want, min(roomRate(k.key.format.SampleRate), offer))
		}
	}
	return want
}

// supply is the rate that an input's stream brings, 0 before it has sent anything.
func (in *Input) supply() int {
	if f := in.play.format; f != nil {
		return roomRate(f.SampleRate)
	}
	return 0
}

// roomRate returns the room rate that holds a codec's rate.
func roomRate(rate int) int {
	switch {
	case rate <= 8000:
		return 8000
	case rate <= 16000:
		return 16000
	}
	return 48000
}

// warmKernel has the resampling tables between a codec's rate and every room's made by the
// caller, so that no tick has to: the first of each takes milliseconds.
func warmKernel(rate int) {
	if rate == 0 {
		return
	}
	for _, room := range []int{8000, 16000, 48000} {
		resample.KernelFor(rate, room)
		resample.KernelFor(room, rate)
	}
}

func warmKernels(cfg InputConfig) {
	last := 0
	for _, f := range cfg.Formats {
		if r := f.SampleRate; r != last {
			warmKernel(r)
			last = r
		}
	}
}
