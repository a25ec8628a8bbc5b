package transport

import (
	"sync/atomic"
	"time"

	"github.com/confd/confd/internal/clock"
)

// The kernel stamps packets with CLOCK_REALTIME; everything else here is on clock.Now's
// monotonic scale. One offset for the whole process leads from one to the other. Whoever
// polls refreshes it, at most ten times a second, so that slewing is followed to 50 ns and
// a step is noticed within 100 ms, or at once when a stamp makes no sense.
const (
	offsetAge      = int64(100 * time.Millisecond)
	stepSize       = int64(time.Millisecond)       // a larger change of offset is a step
	maxArrivalAge  = int64(500 * time.Millisecond) // nothing waits longer in a socket that is polled
	maxArrivalLead = int64(50 * time.Millisecond)  // a tick does not last longer than this
)

// stamper maps receive times. The zero value is ready; any goroutine may use it.
type stamper struct {
	offset    atomic.Int64 // realtime - monotonic
	refreshed atomic.Int64 // monotonic nanoseconds; 0 = never
	steps     atomic.Uint64
	realtime  func() int64 // for tests; nil = the system's
	monotonic func() int64
}

var stamps stamper

// ClockSteps returns how often the system's clock was seen to step since the process
// began. Receive times near a step are off by at most maxArrivalAge.
func ClockSteps() uint64 { return stamps.steps.Load() }

// keep refreshes the offset if it is old. It is called once a poll.
func (s *stamper) keep(now int64) {
	if now-s.refreshed.Load() >= offsetAge {
		s.refresh(now)
	}
}

// refresh reads both clocks. If two goroutines do so at once both are right.
func (s *stamper) refresh(now int64) {
	offset := s.measure()
	first := s.refreshed.Swap(now) == 0
	if d := offset - s.offset.Swap(offset); !first && (d > stepSize || d < -stepSize) {
		s.steps.Add(1)
	}
}

// measure returns the offset of the closest of a few pairs of readings, since the thread
// may be interrupted between two.
func (s *stamper) measure() int64 {
	mono, real := s.monotonic, s.realtime
	if mono == nil {
		mono, real = clock.Now, func() int64 { return time.Now().UnixNano() }
	}
	var offset int64
	best := int64(1<<63 - 1)
	for range 3 {
		a := mono()
		r := real()
		b := mono()
		if b-a < best {
			best, offset = b-a, r-(a+(b-a)/2)
		}
		if best < int64(2*time.Microsecond) {
			break
		}
	}
	return offset
}

// arrival maps a receive time. The result is never after now nor older than
// maxArrivalAge. A stamp that makes no sense has the offset measured again, at most once
// per poll time, because the clock may have been set.
func (s *stamper) arrival(stamp, now int64) int64 {
	if stamp == 0 {
		return now
	}
	t := stamp - s.offset.Load()
	if (t > now+maxArrivalLead || t < now-maxArrivalAge) && s.refreshed.Load() != now {
		s.refresh(now)
		t = stamp - s.offset.Load()
	}
	return max(min(t, now), now-maxArrivalAge)
}
