package rooms

import (
	"slices"

	"github.com/confd/confd/media"
)

// agreed returns the format that a room settles on: one of order, which comes by preference.
// cans is what each participant with video can, now what is in force. The zero format is for
// a room where nobody can any of order.
//
// A majority changes it only where another format serves more participants; a fixed one stays
// as long as it serves anybody.
func agreed(policy VideoPolicy, order []media.VideoFormat, now media.VideoFormat, cans [][]media.VideoFormat) media.VideoFormat {
	best, most := now, 0
	if slices.Contains(order, now) {
		most = served(now, cans)
	}
	if policy == VideoFixed && most > 0 {
		return now
	}
	for _, f := range order {
		if n := served(f, cans); n > most {
			best, most = f, n
			if policy == VideoFixed {
				break
			}
		}
	}
	if most == 0 {
		return media.VideoFormat{}
	}
	return best
}

// served counts who can a format.
func served(f media.VideoFormat, cans [][]media.VideoFormat) (n int) {
	for _, can := range cans {
		if slices.Contains(can, f) {
			n++
		}
	}
	return n
}

// videoHave is what a participant's lines have, as far as it matters to what its peer is asked.
type videoHave struct {
	can      []media.VideoFormat // what the peer can on any line
	accepted []media.VideoFormat // of each line that was accepted
	lacking  []media.VideoFormat // of lines that would be if there were ports
	refused  []media.VideoFormat // what the peer did not want to change to
}

// wants returns the format that the peer is to be asked to change to, given the room's, and
// whether there is anything to ask. Zero is to go without video.
func (h *videoHave) wants(room media.VideoFormat) (ask media.VideoFormat, anything bool) {
	if slices.Contains(h.can, room) && !slices.Contains(h.refused, room) {
		ask = room
	}
	switch {
	case slices.Contains(h.refused, ask):
		return ask, false
	case ask == media.VideoFormat{}:
		return ask, len(h.accepted) > 0
	}
	return ask, !slices.Contains(h.accepted, ask) && !slices.Contains(h.lacking, ask)
}

// votes are what the participant can and would change to.
func (h *videoHave) votes() []media.VideoFormat {
	return slices.DeleteFunc(slices.Clone(h.can), func(f media.VideoFormat) bool { return slices.Contains(h.refused, f) })
}
