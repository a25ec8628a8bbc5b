package report

import (
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/rooms"
)

// Line is how one caller hears: what the E-model makes a score of.
type Line struct {
	Codec       media.Codec
	PacketTime  time.Duration
	LossPercent float64       // of the packets that should have come to it
	BurstRatio  float64       // 1 or less: lost at random
	Delay       time.Duration // as reported: mouth to ear without phones and codecs
}

// coding is what the E-model asks of a codec: the equipment impairment factor without loss,
// the robustness against loss (ITU-T G.113 appendix I), and its look-ahead.
type coding struct {
	ie, bpl   float64
	lookAhead time.Duration
}

// codings. G.113 tells G.711's: Ie 0, and Bpl 25.1 with concealment, 4.3 without. The scale
// is that of narrowband telephony, which has no figures for G.722 and Opus, and on which
// neither can be better than G.711: so 0 and 25.1 are assumed for them, too, and that they
// sound better than that without loss does not show. What FEC recovers counts as lost. L16
// is played as if nothing concealed what is missing.
var codings = map[media.Codec]coding{
	media.PCMU: {0, 25.1, 0},
	media.PCMA: {0, 25.1, 0},
	media.G722: {0, 25.1, 1375 * time.Microsecond},
	media.Opus: {0, 25.1, 6500 * time.Microsecond},
	media.L16:  {0, 4.3, 0},
}

// EModel returns the inputs of the E-model for the line. To the delay it adds what phones do:
// a packet time at the talker, until a packet is full, another at the listener, for what is
// kept to play, and the codec's look-ahead. It assumes that phones cancel echo.
func (l Line) EModel() rooms.EModel {
	c := codings[l.Codec]
	delay := max(l.Delay, 0) + 2*l.PacketTime + c.lookAhead
	m := rooms.DefaultEModel()
	m.Delay, m.TalkerDelay, m.RoundTrip = delay, delay, 2*delay
	m.Equipment, m.Robustness = c.ie, max(c.bpl, 1)
	m.Loss, m.Burstiness = min(max(l.LossPercent, 0), 100), max(l.BurstRatio, 1)
	return m
}

// MOS estimates the mean opinion score of the line, 1 to 4.5.
func (l Line) MOS() float64 { return l.EModel().MOS() }
