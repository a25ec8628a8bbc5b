package rooms

import "github.com/confd/confd/media"

// bounds are the fields of a [media.VideoLimit]: level, width, height, size, rate. 0 is none.
type bounds [5]int

func boundsOf(l media.VideoLimit) bounds {
	return bounds{int(l.Level), l.Width, l.Height, l.FrameSize, l.FrameRate}
}

func (b bounds) limit() media.VideoLimit {
	return media.VideoLimit{Level: uint8(b[0]), Width: b[1], Height: b[2], FrameSize: b[3], FrameRate: b[4]}
}

// videoFloor is what nobody is held below, however little somebody else takes: 352x288 with 15
// pictures a second, and the level that has that. Else one odd phone has all others be stamps.
func videoFloor(c media.VideoCodec) bounds {
	levels := map[media.VideoCodec]int{media.H264: 13, media.H265: 60, media.AV1: 1}
	return bounds{levels[c], 352, 288, 22 * 18, 15}
}

// under tells whether b asks for less than told did.
func (b bounds) under(told bounds) bool {
	for i, n := range b {
		if n != 0 && (told[i] == 0 || n < told[i]) {
			return true
		}
	}
	return false
}

// least takes of each bound the lesser.
func (b bounds) least(o bounds) bounds {
	for i, n := range o {
		if n != 0 && (b[i] == 0 || n < b[i]) {
			b[i] = n
		}
	}
	return b
}

// atLeast raises the bounds that there are to a floor.
func (b bounds) atLeast(floor bounds) bounds {
	for i := range b {
		if b[i] != 0 {
			b[i] = max(b[i], floor[i])
		}
	}
	return b
}

// leasts are the least bounds of several participants, and the next to them.
type leasts struct{ first, second bounds }

func (s *leasts) add(b bounds) {
	for i, n := range b {
		switch {
		case n == 0:
		case s.first[i] == 0 || n < s.first[i]:
			s.first[i], s.second[i] = n, s.first[i]
		case s.second[i] == 0 || n < s.second[i]:
			s.second[i] = n
		}
	}
}

// without is the least of all but one that was added with b.
func (s *leasts) without(b bounds) bounds {
	rest := s.first
	for i, n := range b {
		if n == rest[i] {
			rest[i] = s.second[i]
		}
	}
	return rest
}

// What follows is called by the room's goroutine.

// takes is the least that the peer takes on lines that it is sent cameras on.
func (w *presence) takes(format media.VideoFormat) (b bounds) {
	for _, l := range w.lines {
		if l.Port != nil && l.Config.Format == format && l.Config.Send && !l.isSlides() {
			b = b.least(boundsOf(l.Takes))
		}
	}
	return b
}

// limits is what those present take of a format.
func (r *room) limits(format media.VideoFormat) (s leasts) {
	for _, p := range r.participants {
		if p.video != nil {
			s.add(p.video.takes(format))
		}
	}
	return s
}

// due is what a peer is to send of a format at most: what all others take. p is nil for who is to
// come.
func (r *room) due(p *Participant, format media.VideoFormat) bounds {
	var own bounds
	if p != nil && p.video != nil {
		own = p.video.takes(format)
	}
	all := &r.video.leasts
	if format != r.video.format {
		other := r.limits(format)
		all = &other
	}
	return all.without(own).atLeast(videoFloor(format.Codec))
}

// noteTold notes what an exchange told the peer.
func (w *presence) noteTold() {
	w.told, w.films = bounds{}, false
	for _, l := range w.lines {
		if l.Port != nil && l.Config.Receive && !l.isSlides() {
			w.told, w.films = w.told.least(boundsOf(l.Told)), true
		}
	}
}

// exceeds tells whether the peer's camera may send more than is due.
func (w *presence) exceeds(due bounds) bool { return w.films && due.under(w.told) }
