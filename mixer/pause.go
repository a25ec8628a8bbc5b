package mixer

import (
	"time"

	"github.com/confd/confd/internal/pcm"
	"github.com/confd/confd/media"
)

const (
	// pauseAfter is how long a class must be silent before comfort noise takes over.
	pauseAfter = 200 * time.Millisecond
	// noiseEvery is how often comfort noise is told again.
	noiseEvery = time.Second
	// noisePower is what counts as silence, mean square: -65 dBov.
	noisePower = 3.2e-7
)

// pause is the silence of a class that may stop sending (RFC 3389, RFC 7587 DTX).
type pause struct {
	quiet time.Duration // silence so far
	told  time.Duration // since comfort noise was last sent; 0 in sound
	level media.Level
	off   bool // the last packet time went unsent or as comfort noise
}

// silent follows the sound and reports whether comfort noise stands for this packet.
func (p *pause) silent(sound []int16, f media.Format) bool {
	power := pcm.MeanSquare(sound)
	if power > noisePower {
		p.quiet, p.told = 0, 0
		return false
	}
	p.quiet += f.PacketTime
	if p.quiet < pauseAfter {
		return false
	}
	p.level = max(media.LevelOf(power), 70)
	p.told += f.PacketTime
	return true
}

// due reports whether comfort noise is to be sent now: at once, then every second.
func (p *pause) due() bool {
	if p.off && p.told < noiseEvery {
		return false
	}
	p.told, p.off = 0, true
	return true
}

// resume takes whether a packet of sound is sent and reports whether it is the first after
// a pause.
func (p *pause) resume(sent bool) bool {
	first := p.off && sent
	p.off = !sent
	return first
}
