package control

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pion/rtcp"

	"github.com/confd/confd/multicast/feedback"
)

// maxListeners is how many receivers are followed one by one. Beyond that a random half of them is,
// then a quarter, and so on (as in RFC 2762).
const maxListeners = 16384

// timeouts is how many intervals of silence make a receiver gone (RFC 3550 section 6.3.5).
const timeouts = 5

// longestSilence bounds that, since an interval grows with the group, which may be a lie. It is
// enough for 10,000 receivers of a stream of 50 kbit/s.
const longestSilence = 8 * time.Hour

// Percentiles are what half, 90 and 99 of 100 listeners do not pass.
type Percentiles struct{ P50, P90, P99 float64 }

// Audience is what the receivers' reports say.
type Audience struct {
	Estimate  int         // of receivers that report
	Reporting int         // receivers whose reports are at hand
	Loss      Percentiles // of the last report's interval, 0 to 1
	Jitter    Percentiles // seconds
	Updated   time.Time   // of the last report; zero if there was none
}

// listener is one receiver's last report.
type listener struct {
	last   int64 // when something came from it
	jitter uint32
	lost   uint32 // in all
	loss   uint8
	told   bool  // it has sent a report block about our stream
	shift  uint8 // it stands for 2^shift receivers
}

// audience is the table of receivers by SSRC.
type audience struct {
	all      map[uint32]listener
	multiply uint32 // odd and secret: nobody can choose an SSRC that is in the sample
	shift    uint8  // one of 2^shift SSRCs is followed
	estimate int    // sum of what they stand for
	updated  time.Time
	changed  bool

	loss, jitter []uint32 // sorted, of the last summary
	mostLost     uint32
}

func newAudience() *audience {
	return &audience{all: make(map[uint32]listener), multiply: rand.Uint32() | 1}
}

// sampled tells whether an SSRC is one of those that are followed.
func (a *audience) sampled(ssrc uint32) bool {
	return a.shift == 0 || ssrc*a.multiply>>(32-a.shift) == 0
}

// heard takes a sign of life, with a report on our stream or nil. It tells whether the
// receiver is followed.
func (a *audience) heard(ssrc uint32, r *rtcp.ReceptionReport, now int64) bool {
	if !a.sampled(ssrc) {
		return false
	}
	l, known := a.all[ssrc]
	if !known && len(a.all) >= maxListeners {
		if a.thin(); !a.sampled(ssrc) {
			return false
		}
	}
	if known {
		a.estimate -= 1 << l.shift
	}
	l.last, l.shift = now, a.shift
	a.estimate += 1 << l.shift
	if r != nil {
		l.told, l.loss, l.jitter = true, r.FractionLost, r.Jitter
		l.lost = uint32(max(0, int32(r.TotalLost<<8)>>8)) // 24 bits, negative where packets came twice
		a.updated = time.Now()
	}
	a.all[ssrc] = l
	a.changed = true
	return true
}

// thin halves the sample until there is room.
func (a *audience) thin() {
	for len(a.all) >= maxListeners && a.shift < 16 {
		a.shift++
		for ssrc, l := range a.all {
			if a.sampled(ssrc) {
				a.estimate += 1 << l.shift
				l.shift++
				a.all[ssrc] = l
			} else {
				a.remove(ssrc)
			}
		}
	}
}

// remove forgets a receiver that has left.
func (a *audience) remove(ssrc uint32) {
	if l, ok := a.all[ssrc]; ok {
		a.estimate -= 1 << l.shift
		delete(a.all, ssrc)
		a.changed = true
	}
}

// expire forgets receivers that were silent for too long. Where few are left the sample
// grows again; those who come into it are counted as they report.
func (a *audience) expire(now int64, interval time.Duration) {
	if interval < 0 {
		return
	}
	silence := int64(min(timeouts*interval, longestSilence))
	for ssrc, l := range a.all {
		if now-l.last > silence {
			a.remove(ssrc)
		}
	}
	if a.shift > 0 && len(a.all) < maxListeners/4 {
		a.shift--
	}
}

// summarise sorts what was reported.
func (a *audience) summarise() {
	a.loss, a.jitter, a.mostLost = a.loss[:0], a.jitter[:0], 0
	for _, l := range a.all {
		if l.told {
			a.loss, a.jitter = append(a.loss, uint32(l.loss)), append(a.jitter, l.jitter)
			a.mostLost = max(a.mostLost, l.lost)
		}
	}
	slices.Sort(a.loss)
	slices.Sort(a.jitter)
	a.changed = false
}

// view returns the audience as of the last summary; rate is the clock's of jitter.
func (a *audience) view(rate uint32) *Audience {
	return &Audience{Estimate: a.estimate, Reporting: len(a.loss), Updated: a.updated,
		Loss: percentiles(a.loss, 1.0/256), Jitter: percentiles(a.jitter, 1/float64(max(rate, 1)))}
}

func percentiles(sorted []uint32, unit float64) Percentiles {
	if len(sorted) == 0 {
		return Percentiles{}
	}
	at := func(percent int) float64 { return float64(sorted[(len(sorted)*percent-1)/100]) * unit }
	return Percentiles{at(50), at(90), at(99)}
}

const buckets = 8

// describe adds the summary to an RSI packet (RFC 5760 section 7.1).
func (a *audience) describe(s *feedback.Summary) {
	if len(a.loss) == 0 {
		return
	}
	s.Loss, s.Jitter = distribution(a.loss), distribution(a.jitter)
	s.Statistics = &feedback.Statistics{MedianLoss: uint8(a.loss[(len(a.loss)-1)/2]),
		MedianJitter: a.jitter[(len(a.jitter)-1)/2], MostLost: a.mostLost}
}

func distribution(sorted []uint32) *feedback.Distribution {
	last := sorted[len(sorted)-1]
	d := &feedback.Distribution{Low: min(sorted[0], 1<<32-2), High: max(last, last+1), Buckets: make([]uint32, buckets)}
	for _, v := range sorted {
		d.Add(v)
	}
	return d
}
