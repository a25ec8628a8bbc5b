package signal

import "time"

// moment is 80 ms in which somebody may be heard.
type moment struct {
	speaking uint16  // talkers who have spoken for a while
	own      bool    // oneself is speaking, and may have one of the mix's places
	heard    float32 // power, of a talker's, sum of
	columns  uint16
}

const (
	momentTime = int64(80e6)
	moments    = 128
	// momentLag is by when everyone who spoke has been judged, ns.
	momentLag = int64(3800e6)
	// placeAfter is how long after it began a talker should have a place.
	placeAfter = 400 * time.Millisecond
)

func (e *Ear) moment(at int64) *moment { return &e.moments[uint64(at/momentTime)%moments] }

// speakers notes where a spurt should be heard if there is a place for it.
func (e *Ear) speakers(s *Spurt, begin int64) {
	delay := int64(e.usual.lo)
	for t := s.Start + placeAfter; t < s.End(); t += time.Duration(momentTime) {
		e.moment(begin+int64(t)+delay).speaking++
	}
}

// ownPlaces notes when oneself spoke.
func (e *Ear) ownPlaces(s *Spurt, begin int64, spoke bool) {
	if !spoke {
		return
	}
	for t := s.Start; t < s.End(); t += time.Duration(momentTime) {
		e.moment(begin + int64(t)).own = true
	}
}

// countPlaces sums up moments that are past. How many were heard is told by the power of it
// all, whoever they were.
func (e *Ear) countPlaces(now int64) {
	for ; (e.counted+1)*momentTime < now-momentLag; e.counted++ {
		m := &e.moments[uint64(e.counted)%moments]
		due := e.room.options.Mixed
		if m.own {
			due--
		}
		if due = min(due, int(m.speaking)); due > 0 && m.columns > 0 && e.counted*momentTime >= e.counting {
			heard := min(float64(due), float64(m.heard/float32(m.columns)))
			e.totals.PlacesDue += time.Duration(int64(due) * momentTime)
			e.totals.PlacesHeard += time.Duration(heard * float64(momentTime))
		}
		*m = moment{}
	}
}
