package codec

import (
	"github.com/confd/confd/media"
)

// waveform is a decoder that knows nothing of loss. Its caller has checked the payload
// and the length of pcm.
type waveform interface {
	samples(payload []byte) int // 0: malformed
	decode(pcm []int16, payload []byte)
	reset()
}

// concealer makes a Decoder of a waveform decoder. What is lost it replaces by repeating
// the last pitch cycle, in the spirit of ITU-T G.711 Appendix I but without its delay:
//
//   - the cycle is the lag of 5 to 15 ms at which the last 20 ms are most like themselves;
//   - its end is blended into what came before its start, so that it can go round;
//   - sound that does not meet the cycle's start is led there within a quarter of a cycle;
//   - after 10 ms it fades, until it is silent at 60 ms;
//   - the first packet after it is blended in for 5 ms.
type concealer struct {
	// What every packet touches comes first.
	wave  waveform
	limit int     // samples in 120 ms
	lost  int     // samples made up since the last packet
	keep  int     // samples in 35 ms
	said  []int16 // what was given out, concealed too: those last, and some before them
	rate  int
	cycle []int16
	at    int // next sample in cycle

	bridge []int16 // room for the sound that is blended into the first packet
	lead   int     // what the last sample before the loss was off the cycle
}

// The times of concealment, in fractions of a second.
const (
	perSecondMinLag = 200 // 5 ms
	concealFull     = 10  // ms at full level
	concealSilent   = 60  // ms, nothing is left
)

func newConcealer(f media.Format, w waveform) *concealer {
	ms := f.SampleRate / 1000
	keep := searchWindow(f.SampleRate) + maxLag(f.SampleRate)
	return &concealer{
		wave: w, rate: f.SampleRate, limit: f.Samples(maxDuration),
		keep:   keep,
		said:   make([]int16, keep, saidSize*keep),
		cycle:  make([]int16, 0, maxLag(f.SampleRate)),
		bridge: make([]int16, 5*ms),
	}
}

func (c *concealer) Decode(pcm []int16, payload []byte) (int, error) {
	n := c.wave.samples(payload)
	switch {
	case n == 0 || n > c.limit:
		return 0, errPayload
	case n > len(pcm):
		return 0, errShortPCM
	}
	pcm = pcm[:n]
	c.wave.decode(pcm, payload)
	if c.lost > 0 {
		c.join(pcm)
	}
	c.remember(pcm)
	return n, nil
}

// saidSize is how many times what concealment needs is stored, so that it is rarely moved.
const saidSize = 4

// remember takes note of what was given out.
func (c *concealer) remember(pcm []int16) {
	pcm = pcm[max(len(pcm)-c.keep, 0):]
	if len(c.said)+len(pcm) > cap(c.said) {
		c.said = c.said[:copy(c.said, c.history())]
	}
	c.said = append(c.said, pcm...)
}

// history is the last 35 ms that were given out.
func (c *concealer) history() []int16 { return c.said[len(c.said)-c.keep:] }

// join blends the packet after a loss into the sound made up for it.
func (c *concealer) join(pcm []int16) {
	n := min(len(pcm), len(c.bridge))
	bridge := c.bridge[:n]
	c.fill(bridge)
	for i, old := range bridge {
		pcm[i] = blend(old, pcm[i], i+1, n+1)
	}
	c.lost = 0
}

// blend is part/whole of the way from a to b.
func blend(a, b int16, part, whole int) int16 {
	return int16(int(a) + (int(b)-int(a))*part/whole)
}

func (c *concealer) Conceal(pcm []int16) error {
	if c.lost == 0 {
		c.findCycle()
	}
	c.fill(pcm)
	c.remember(pcm)
	return nil
}

// findCycle takes the last pitch cycle from the history and makes it one that can go
// round.
func (c *concealer) findCycle() {
	h := c.history()
	period := findLag(h, c.rate)
	start := len(h) - period
	c.cycle = append(c.cycle[:0], h[start:]...)
	overlap := period / 4
	for i := range overlap {
		k := period - overlap + i
		c.cycle[k] = blend(c.cycle[k], h[start-period+k], i+1, overlap+1)
	}
	c.at = 0
	c.lead = int(h[len(h)-1]) - int(h[start-1])
}

// fill goes on round the cycle.
func (c *concealer) fill(pcm []int16) {
	c.repeat(pcm)
	if overlap := len(c.cycle) / 4; c.lost < overlap {
		for i := range pcm[:min(len(pcm), overlap-c.lost)] {
			rest := c.lead * (overlap - 1 - c.lost - i) / overlap
			pcm[i] = int16(clip16(int32(pcm[i]) + int32(rest)))
		}
	}
	c.fade(pcm)
	c.lost = min(c.lost+len(pcm), c.rate) // whatever is past the end is the same
}

func (c *concealer) repeat(pcm []int16) {
	if c.lost >= c.rate*concealSilent/1000 {
		return // fade clears it
	}
	for len(pcm) > 0 {
		n := copy(pcm, c.cycle[c.at:])
		pcm = pcm[n:]
		if c.at += n; c.at == len(c.cycle) {
			c.at = 0
		}
	}
}

// fade lowers what was made up by how long the loss has lasted.
func (c *concealer) fade(pcm []int16) {
	full, end := c.rate*concealFull/1000, c.rate*concealSilent/1000
	if c.lost+len(pcm) <= full {
		return
	}
	scale := 1 / float32(end-full)
	for i, s := range pcm {
		left := end - c.lost - i
		if left <= 0 {
			clear(pcm[i:])
			return
		}
		if left < end-full {
			pcm[i] = int16(float32(s) * float32(left) * scale)
		}
	}
}

// Recover has nothing to recover from: these codings carry no copies.
func (c *concealer) Recover([]int16, []byte) (bool, error) { return false, nil }

func (c *concealer) Reset() error {
	c.wave.reset()
	c.said = c.said[:c.keep]
	clear(c.said)
	c.lost = 0
	return nil
}
