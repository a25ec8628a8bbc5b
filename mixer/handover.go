package mixer

import (
	"time"

	"github.com/confd/confd/media"
)

const (
	// sameTicks is how long a low-delay Opus encoder must have heard the same sound as the
	// shared one before their states are near enough to be exchanged in mid-sound.
	sameTicks = 50
	// lowTicks is how long a returning class waits for a pause before it takes the quietest
	// frame that comes.
	lowTicks = 500
	// lowMargin widens that search by so many dB every window.
	lowMargin = 3
)

// entered moves the outputs of a new talker to a class that leaves its sound out.
func (c *Conference) entered(m *Mix, in *Input) {
	in.talking++
	for _, out := range in.outputs {
		if out.mix == m && out.class != nil {
			c.part(out, in)
		}
	}
}

// part gives out a class less in, which goes on where its class stands.
func (c *Conference) part(out *Output, in *Input) {
	k := out.class
	switch {
	case k.less == in:
		k.returning = false
		c.back = remove(c.back, k)
	case len(k.outputs) == 1:
		k.less, k.returning = in, false
		c.back = remove(c.back, k)
	default:
		k.outputs = remove(k.outputs, out)
		out.class = nil
		c.personal(out, k.key, in, k)
	}
}

// left is called when a talker's sound has faded out of m: its class now hears what the
// shared one hears, and goes back when nobody can tell.
func (c *Conference) left(m *Mix, in *Input) {
	in.talking--
	for _, k := range m.classes {
		if k.less == in && !k.returning {
			c.sendBack(k)
		}
	}
}

func (c *Conference) sendBack(k *class) {
	k.returning, k.same, k.lowest = true, 0, 0
	c.back = append(c.back, k)
}

// rejoin moves returning classes into the shared ones where that is not heard. One whose
// packets begin at other times than those of all that it could go to stays.
func (c *Conference) rejoin() {
	for i := 0; i < len(c.back); i++ {
		k := c.back[i]
		if k.mix.left(k.less) != 0 {
			continue // the sum still has what its source left behind
		}
		k.same++
		shared := k.mix.class(k.key, nil, k)
		if shared == nil && len(c.classes) > c.engine.cfg.MaxClasses {
			shared = k.mix.nearest(k.key, k)
		}
		force := len(c.back) > c.engine.cfg.MaxPersonal
		switch {
		case shared == nil:
			k.less, k.returning = nil, false
			c.back = remove(c.back, k)
			i--
		case k.between(shared) && (force || k.ready(shared)):
			c.merge(k, shared)
			i--
		}
	}
}

// meets reports whether k and other are ever between two packets at the same tick.
func (k *class) meets(other *class) bool {
	apart := k.waiting() - other.waiting()
	return apart%gcd(int64(k.key.format.PacketTime), int64(other.key.format.PacketTime)) == 0
}

// waiting returns how long the sound is, ns, that waits for the next packet.
func (k *class) waiting() int64 {
	return int64(len(k.wait)) * int64(time.Second) / int64(k.key.format.SampleRate)
}

// between reports that neither k nor shared is in the middle of a packet, nor k in that of
// bending off the step to another mix.
func (k *class) between(shared *class) bool {
	return len(k.wait)+len(shared.wait) == 0 && k.step == 0 && !k.broken
}

// ready reports whether exchanging k for shared is inaudible now.
func (k *class) ready(shared *class) bool {
	window := lowTicks * k.mix.conf.pace
	if !near(k.limit, shared.limit) {
		return k.same > 2*window
	}
	switch k.key.format.Codec {
	case media.PCMU, media.PCMA, media.L16:
		return true
	case media.Opus:
		if k.mix.conf.engine.cfg.Codec.LowDelay && k.same > sameTicks*k.mix.conf.pace {
			return true
		}
	}
	if k.mix.quiet >= 2 {
		return true
	}
	return k.low()
}

// low looks for the quietest frame once a pause did not come.
func (k *class) low() bool {
	window := lowTicks * k.mix.conf.pace
	if k.same%window != 0 && k.same < window {
		k.lowest = max(k.lowest, k.mix.level)
		return false
	}
	slack := media.Level(k.same / window * lowMargin)
	return k.same >= window && k.mix.level+slack >= k.lowest
}

// near reports limiters whose gains are the same to the ear.
func near(a, b limiter) bool {
	ga, gb := a.gain, b.gain
	if ga == 0 {
		ga = 1
	}
	if gb == 0 {
		gb = 1
	}
	return ga < gb*1.01 && gb < ga*1.01
}

// merge moves k's outputs to shared.
func (c *Conference) merge(k, shared *class) {
	for _, out := range k.outputs {
		out.class = shared
		shared.outputs = append(shared.outputs, out)
	}
	k.outputs = k.outputs[:0]
	c.drop(k)
}
