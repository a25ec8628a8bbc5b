package bandwidth

import "time"

const (
	second      = int64(time.Second)
	millisecond = int64(time.Millisecond)
)

const (
	buckets    = 20
	bucketTime = 50 * millisecond
)

// meter is a bitrate over a sliding window.
type meter struct {
	bytes  [buckets]int64
	window int64 // buckets that count, 1 to buckets-1, without the current one
	now    int64 // number of the current bucket
	began  int64 // of the first
}

// add counts bytes. Time that runs backwards counts with the current bucket.
func (m *meter) add(now int64, bytes int) {
	m.turn(now / bucketTime)
	m.bytes[uint64(m.now)%buckets] += int64(bytes)
}

func (m *meter) turn(to int64) {
	if m.began == 0 {
		m.began, m.now = to, to
	}
	if to-m.now > buckets {
		m.now = to - buckets
	}
	for ; m.now < to; m.now++ {
		m.bytes[uint64(m.now+1)%buckets] = 0
	}
}

// rate returns bits/s over the buckets of the window, 0 before the first one is full.
func (m *meter) rate(now int64) float64 {
	if m.began == 0 {
		return 0
	}
	m.turn(now / bucketTime)
	n := min(m.now-m.began, m.window)
	if n < 1 {
		return 0
	}
	sum := int64(0)
	for i := m.now - n; i < m.now; i++ {
		sum += m.bytes[uint64(i)%buckets]
	}
	return float64(sum) * 8 * float64(second) / float64(n*bucketTime)
}

// empty forgets everything.
func (m *meter) empty() { *m = meter{window: m.window} }
