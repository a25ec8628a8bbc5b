package feedback

import (
	"math"
	"math/rand/v2"
	"time"
)

// Minimum is the shortest time between regular reports, before chance (RFC 3550 section
// 6.2). Before the first report half of it serves.
const Minimum = 5 * time.Second

// compensation makes up for reconsideration, which comes down to less than the mean: e - 3/2
// (section 6.3.1).
const compensation = math.E - 1.5

// Never is a time that does not come: who has no bandwidth does not report (RFC 3556
// section 2).
const Never int64 = math.MaxInt64

// fewMembers may leave at once (section 6.3.7).
const fewMembers = 50

// sizeWeight is how slowly the average of packet sizes moves (section 6.3.3).
const sizeWeight = 1.0 / 16

// Overhead is what UDP and IPv4 or IPv6 headers add to a packet; sizes count it (section
// 6.2).
func Overhead(v6 bool) int {
	if v6 {
		return 48
	}
	return 28
}

// Bandwidth is what all senders and all receivers of a group may use for RTCP, bits per
// second: b=RS and b=RR of RFC 3556.
type Bandwidth struct{ Senders, Receivers float64 }

// Interval returns the time between reports of one of n members that share a bandwidth, for
// an average size of their packets in bytes, before chance (RFC 3550 section 6.3.1). It is
// negative without bandwidth.
func Interval(n int, bandwidth, size float64, least time.Duration) time.Duration {
	if bandwidth <= 0 {
		return -1
	}
	seconds := float64(max(n, 1)) * size * 8 / bandwidth
	return max(least, time.Duration(min(seconds, 1e6)*float64(time.Second)))
}

// Timer says when one member of a group reports, by RFC 3550 sections 6.3 and A.7. Senders
// share one bandwidth, receivers the other. The size of the group is what the member
// knows: from RSI, or as the sender counts it. Times are nanoseconds on any scale.
//
// The zero value is not ready: call Start.
type Timer struct {
	Bandwidth Bandwidth
	Sender    bool           // shares the senders' bandwidth
	Random    func() float64 // 0 to 1; nil is math/rand/v2

	previous, next int64
	members        int // that share our bandwidth, we included
	counted        int // members when next was computed
	size           float64
	first          bool // no report has gone out
	leaving        bool
	free           bool // to leave without a wait
}

// Start begins at now with a group of n that share the bandwidth (1 if unknown) and a likely
// packet size in bytes, headers of UDP and IP included.
func (t *Timer) Start(now int64, n, size int) {
	t.previous, t.members, t.counted = now, max(n, 1), max(n, 1)
	t.size, t.first, t.leaving, t.free = float64(size), true, false, false
	t.next = t.after(now)
}

// Next returns when Due is to be asked.
func (t *Timer) Next() int64 { return t.next }

// Due tells at a time that Next returned or later whether a report is to be sent now. If
// not, because the group grew, Next has moved (timer reconsideration, section 6.3.6).
func (t *Timer) Due(now int64) bool {
	if now < t.next {
		return false
	}
	if t.free {
		return true
	}
	t.next, t.counted = t.after(t.previous), t.members
	return t.next <= now
}

// Sent counts a report of a size in bytes, headers included, that Due asked for, and
// schedules the next.
func (t *Timer) Sent(now int64, size int) {
	t.Heard(size)
	t.previous, t.first = now, false
	t.next, t.counted = t.after(now), t.members
}

// Heard moves the average size of packets by one (section 6.3.3).
func (t *Timer) Heard(size int) { t.size += (float64(size) - t.size) * sizeWeight }

// Sized sets the average, as RSI tells it.
func (t *Timer) Sized(size int) { t.size = float64(size) }

// Size returns the average size of packets in bytes, headers included.
func (t *Timer) Size() float64 { return t.size }

// Members sets how many share the bandwidth. Where they have become fewer the next report
// comes nearer in proportion (reverse reconsideration, section 6.3.4).
func (t *Timer) Members(now int64, n int) {
	n = max(n, 1)
	if t.leaving {
		return
	}
	if n < t.counted && t.next != Never {
		share := float64(n) / float64(t.counted)
		t.next = now + int64(share*float64(t.next-now))
		t.previous = now - int64(share*float64(now-t.previous))
		t.counted = n
	}
	t.members = n
}

// Leave says that a BYE of a size in bytes is to go out when Due next says so: at once in a
// small group, else after a back-off (section 6.3.7). By the RFC that counts the BYEs of
// others; a receiver that reports by unicast does not hear them, so hears is false and
// it reckons with the whole group leaving. Who does not care to wait may leave without.
func (t *Timer) Leave(now int64, size int, hears bool) {
	t.leaving, t.previous, t.first, t.size = true, now, true, float64(size)
	if t.free = t.members < fewMembers; t.free {
		t.next = now
		return
	}
	if hears {
		t.members = 1
	}
	t.counted = t.members
	t.next = t.after(now)
}

// Left counts the BYE of another while this one waits to say its own.
func (t *Timer) Left(size int) {
	if t.leaving {
		t.Heard(size)
		t.members++
	}
}

// after returns the end of a random interval that begins at from.
func (t *Timer) after(from int64) int64 {
	least, bandwidth := Minimum, t.Bandwidth.Receivers
	if t.first {
		least /= 2
	}
	if t.Sender {
		bandwidth = t.Bandwidth.Senders
	}
	d := Interval(t.members, bandwidth, t.size, least)
	if d < 0 {
		return Never
	}
	random := rand.Float64
	if t.Random != nil {
		random = t.Random
	}
	return from + int64(float64(d)*(random()+0.5)/compensation)
}
