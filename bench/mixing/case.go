//go:build linux

package mixing

import (
	"fmt"
	"strings"
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// Limits of a Case.
const (
	MaxParticipants = 2000
	MaxTalkers      = 50
)

// Case is a room: how many are in it, how many of them talk, and what they speak in turn.
type Case struct {
	Participants int // 1 to MaxParticipants
	Talkers      int // 1 to MaxTalkers, and to Participants; they go on without a pause
	Formats      []media.Format
}

// Check says what is out of range.
func (c Case) Check() error {
	switch {
	case c.Participants < 1 || c.Participants > MaxParticipants:
		return fmt.Errorf("%d participants: right is 1 to %d", c.Participants, MaxParticipants)
	case c.Talkers < 1 || c.Talkers > MaxTalkers:
		return fmt.Errorf("%d talkers: right is 1 to %d", c.Talkers, MaxTalkers)
	case c.Talkers > c.Participants:
		return fmt.Errorf("%d talkers among %d participants: right is as many at most", c.Talkers, c.Participants)
	case len(c.Formats) == 0:
		return fmt.Errorf("no codec: right is at least one")
	}
	for _, f := range c.Formats {
		if f.PacketTime != c.period() || f.PacketTime != 10*time.Millisecond && f.PacketTime != 20*time.Millisecond {
			return fmt.Errorf("packets of %v: right is 10ms or 20ms, the same for all, since a tick is as long", f.PacketTime)
		}
		if _, err := codec.NewEncoder(f, codec.DefaultOptions()); err != nil {
			return err
		}
		if n := 2 * f.Samples(f.PacketTime); f.Codec == media.L16 && n > maxPayload {
			return fmt.Errorf("L16 of %v at %d samples per second is %d bytes: right is %d at most, what fits a datagram", f.PacketTime, f.SampleRate, n, maxPayload)
		}
	}
	return nil
}

// maxPayload is what fits a datagram on Ethernet beside the headers of IPv4, UDP and RTP.
const maxPayload = 1500 - 20 - 8 - 12

// period of the tick is the packets' time.
func (c Case) period() time.Duration { return c.Formats[0].PacketTime }

// format of a participant.
func (c Case) format(i int) media.Format { return c.Formats[i%len(c.Formats)] }

// Rate of the room, samples per second: the best that anyone has.
func (c Case) Rate() (rate int) {
	for i := range min(c.Participants, len(c.Formats)) {
		rate = max(rate, c.format(i).SampleRate)
	}
	return rate
}

// Codec names what is spoken.
func (c Case) Codec() string {
	names := make([]string, len(c.Formats))
	for i, f := range c.Formats {
		names[i] = strings.ToLower(f.Codec.String())
	}
	return strings.Join(names, "+")
}

// Codecs are the names that Format knows.
var Codecs = []string{"pcmu", "pcma", "g722", "opus", "l16"}

// Format returns a codec by its name, in packets of a time. A rate of 0 is the codec's own:
// of Opus 48 kHz and of L16 16 kHz, which alone have others.
func Format(name string, rate int, packetTime time.Duration) (media.Format, error) {
	f := media.Format{ClockRate: 8000, SampleRate: 8000, Channels: 1, PacketTime: packetTime}
	switch name {
	case "pcmu":
		f.Codec = media.PCMU
	case "pcma":
		f.Codec = media.PCMA
	case "g722":
		f.Codec, f.SampleRate = media.G722, 16000
	case "opus":
		f.Codec, f.ClockRate, f.SampleRate, f.Channels = media.Opus, 48000, 48000, 2
		f.Opus.Bitrate = 32000
	case "l16":
		f.Codec, f.ClockRate, f.SampleRate = media.L16, 16000, 16000
	default:
		return f, fmt.Errorf("codec %q: right is one of %s", name, strings.Join(Codecs, ", "))
	}
	if rate == 0 || rate == f.SampleRate {
		return f, nil
	}
	switch f.Codec {
	case media.Opus:
		f.SampleRate = rate
	case media.L16:
		f.SampleRate, f.ClockRate = rate, rate
	default:
		return f, fmt.Errorf("rate %d: %s has %d samples per second and no other", rate, name, f.SampleRate)
	}
	return f, nil
}
