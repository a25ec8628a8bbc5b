package offeranswer

import (
	"slices"
	"strings"

	"github.com/confd/confd/media"
)

// agreed is a payload type that both sides know. Egress goes under its number; ingress
// comes under own, which differs only where an answer renumbers our offer.
type agreed struct {
	payload
	own    uint8
	format media.Format // of ingress; zero for events and noise
}

// lineup is what both sides speak on an m= line, most preferred codec first.
type lineup struct {
	audio, events, noise []agreed
}

// lineup picks what we know from the payload types of a peer.
func (c *Capabilities) lineup(list []agreed, peersOrder bool) lineup {
	var l lineup
	ranks := map[uint8]int{}
	for _, a := range list {
		rank, format, ok := c.codec(a.payload)
		if ok {
			a.format = format
			ranks[a.number] = rank
			l.audio = append(l.audio, a)
		}
	}
	if !peersOrder {
		slices.SortStableFunc(l.audio, func(a, b agreed) int { return ranks[a.number] - ranks[b.number] })
	}
	if c.TelephoneEvent {
		l.events = l.pickEvents(list)
	}
	if c.ComfortNoise {
		l.noise = l.pickNoise(list)
	}
	return l
}

// pickEvents takes one telephone-event for each clock of a codec, and the one at 8000
// where the first codec's clock has none: some phones offer only that.
func (l *lineup) pickEvents(list []agreed) []agreed {
	var events []agreed
	for _, a := range list {
		if a.is("telephone-event") && a.channels == 1 && l.hasClock(a.clock) && atClock(events, a.clock) == nil {
			events = append(events, a)
		}
	}
	if len(l.audio) > 0 && atClock(events, l.audio[0].clock) == nil && atClock(events, 8000) == nil {
		for _, a := range list {
			if a.is("telephone-event") && a.channels == 1 && a.clock == 8000 {
				return append(events, a)
			}
		}
	}
	return events
}

// pickNoise takes one CN for each clock of a codec that has no silence of its own.
func (l *lineup) pickNoise(list []agreed) []agreed {
	var noise []agreed
	for _, a := range list {
		if !a.is("CN") || a.channels != 1 || atClock(noise, a.clock) != nil {
			continue
		}
		if slices.ContainsFunc(l.audio, func(c agreed) bool { return c.format.Codec != media.Opus && c.clock == a.clock }) {
			noise = append(noise, a)
		}
	}
	return noise
}

func (l *lineup) hasClock(clock int) bool { return atClock(l.audio, clock) != nil }

func atClock(list []agreed, clock int) *agreed {
	for i := range list {
		if list[i].clock == clock {
			return &list[i]
		}
	}
	return nil
}

// payloads returns the line-up as it is written: codecs, noise, events.
func (l *lineup) payloads() []payload {
	var list []payload
	for _, a := range slices.Concat(l.audio, l.noise, l.events) {
		p := a.canonical()
		p.number = a.own
		list = append(list, p)
	}
	return list
}

// sender chooses the egress: the first codec that fits into packets.
func (c *Capabilities) sender(l *lineup, m *section) (pt uint8, f media.Format, ok bool) {
	for _, a := range l.audio {
		f := a.format
		if f.Codec == media.Opus {
			f = c.opusSend(a.payload)
		}
		f.PacketTime = c.packetTime(f, m.packetWish(a.payload))
		if f.PacketTime > 0 {
			return a.number, f, true
		}
	}
	return 0, media.Format{}, false
}

// describeAll lists encodings for an error.
func describeAll(list []payload) string {
	var names []string
	for i, p := range list {
		if i == 12 {
			names = append(names, "...")
			break
		}
		switch {
		case p.encoding == "":
			names = append(names, "an unnamed type")
		case len(p.encoding) > 24:
			names = append(names, p.encoding[:24]+"...")
		default:
			names = append(names, p.rtpmap())
		}
	}
	if names == nil {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// supported lists our codecs for an error.
func (c *Capabilities) supported() string {
	var list []payload
	for _, a := range c.Audio {
		if p, ok := a.payload(); ok {
			list = append(list, p)
		}
	}
	return describeAll(list)
}
