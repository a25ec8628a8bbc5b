package offeranswer

import (
	"github.com/confd/confd/media"
)

// The steps that Opus parameters are quantised to, so that a room has few encoders however
// many phones describe themselves. Rates are those of RFC 6716 section 2.
var (
	opusRates    = []int{8000, 12000, 16000, 24000, 48000}
	opusBitrates = []int{6000, 8000, 12000, 16000, 24000, 32000, 48000, 64000}
)

// opusBudget is the bitrate for mono speech at each of opusRates: what is used where the
// peer names none, and what is never passed.
var opusBudget = []struct{ usual, most int }{
	{16000, 16000}, {16000, 24000}, {24000, 32000}, {32000, 48000}, {32000, 64000},
}

// step returns the index of the highest step that is not above value, 0 if all are.
func step(steps []int, value int) int {
	for i := len(steps) - 1; i > 0; i-- {
		if steps[i] <= value {
			return i
		}
	}
	return 0
}

// opusRate quantises a maxplaybackrate or sprop-maxcapturerate, 0 for none.
func opusRate(hertz int) int {
	if hertz == 0 {
		return 48000
	}
	return opusRates[step(opusRates, hertz)]
}

// opusSend turns what the peer says it wants to receive (RFC 7587 section 6.1) into an
// egress format, never above what it allows.
func (c *Capabilities) opusSend(p payload) media.Format {
	f := media.Format{Codec: media.Opus, ClockRate: 48000, Channels: 1}
	f.SampleRate = opusRate(p.count("maxplaybackrate"))
	budget := opusBudget[step(opusRates, f.SampleRate)]
	bitrate := budget.usual
	if peer := p.count("maxaveragebitrate"); peer > 0 {
		bitrate = min(peer, budget.most)
	}
	limit := c.MaxOpusBitrate
	if limit <= 0 {
		limit = defaultMaxBitrate
	}
	f.Opus = media.OpusParams{
		Bitrate: opusBitrates[step(opusBitrates, min(bitrate, limit))],
		FEC:     p.flag("useinbandfec"),
		DTX:     p.flag("usedtx"),
		CBR:     p.flag("cbr"),
	}
	if f.Opus.FEC {
		f.Opus.Loss = expectedLoss
	}
	return f
}

// Plain returns what a peer that names no wishes is sent in a codec, at the highest rate of ours, less the
// packet time. ok is false for a codec that is not among ours.
func (c *Capabilities) Plain(codec media.Codec) (f media.Format, ok bool) {
	for _, a := range c.Audio {
		p, known := a.payload()
		if a.Codec != codec || !known || ok && p.clock <= f.ClockRate {
			continue
		}
		if f, ok = a.format(p), true; codec == media.Opus {
			f = c.opusSend(p)
		}
	}
	return f, ok
}
