// Package histogram counts durations for the metrics, at the cost of two atomic additions.
package histogram

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// buckets is how many there are: powers of two from 1 µs up; the last holds the rest.
const buckets = 18

// Histogram counts durations in buckets that double: written by one worker or several,
// read by anyone, without a lock.
type Histogram struct {
	buckets [buckets]atomic.Uint64
	sum     atomic.Int64 // ns
}

// Observe counts one duration in nanoseconds.
func (h *Histogram) Observe(ns int64) {
	us := uint64(max(ns, 0)) / 1000
	h.buckets[min(bits.Len64(us), buckets-1)].Add(1)
	h.sum.Add(ns)
}

// Snapshot is a histogram at one moment. Bucket i counts what is at most
// Bounds()[i]; the last bucket counts the rest.
type Snapshot struct {
	Buckets [buckets]uint64
	Sum     time.Duration
}

// Snapshot copies the counts.
func (h *Histogram) Snapshot() (s Snapshot) {
	for i := range h.buckets {
		s.Buckets[i] = h.buckets[i].Load()
	}
	s.Sum = time.Duration(h.sum.Load())
	return s
}

// Count returns how many durations were observed.
func (s *Snapshot) Count() (n uint64) {
	for _, b := range s.Buckets {
		n += b
	}
	return n
}

// Bounds returns the upper edges of all buckets but the last, seconds.
func (s *Snapshot) Bounds() []float64 {
	bounds := make([]float64, buckets-1)
	for i := range bounds {
		bounds[i] = float64(uint64(1)<<i) * 1e-6
	}
	return bounds
}

// Quantile returns an upper bound of the q-quantile, 0 to 1.
func (s *Snapshot) Quantile(q float64) time.Duration {
	total := s.Count()
	if total == 0 {
		return 0
	}
	var seen uint64
	for i, b := range s.Buckets {
		seen += b
		if float64(seen) >= q*float64(total) {
			return time.Duration(uint64(1)<<i) * time.Microsecond
		}
	}
	return time.Duration(uint64(1)<<(buckets-1)) * time.Microsecond
}
