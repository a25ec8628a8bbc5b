package listen

import "time"

// Limits of RFC 3550 appendix A.1.
const (
	maxDropout  = 3000
	maxMisorder = 100
	noSequence  = 1 << 16
)

// source follows the group's stream: sequence numbers, restarts and changes of SSRC (RFC
// 3550 appendix A.1, without probation at the start), and jitter (A.8). It counts packets
// by a number that goes on whatever the sender does.
type source struct {
	ssrc   uint32
	active bool
	first  int64  // number of the SSRC's first packet
	base   uint32 // its sequence number
	last   int64  // highest number
	bad    uint32 // sequence number that would confirm a jump

	rival     uint32 // SSRC that may replace the current
	rivalNext uint32

	got     uint64 // of this SSRC
	before  tally  // of those before it
	changes uint64

	priorExpected, priorGot uint64 // at the last report

	transit int64
	timed   bool
	stamp   uint32
	jitter  float64 // timestamp units
}

type tally struct{ expected, got uint64 }

// verdict is what a packet is to a source.
type verdict uint8

const (
	stranger verdict = iota // of no source that counts, or a jump not yet confirmed
	member
	successor // the first of a new SSRC, or after a restart
)

// admit returns a packet's number.
func (s *source) admit(ssrc uint32, seq uint16) (number int64, v verdict) {
	switch {
	case !s.active:
		s.active = true
		s.begin(ssrc, seq)
		return s.last, successor
	case ssrc == s.ssrc:
		s.rivalNext = noSequence
		return s.follow(seq)
	case ssrc == s.rival && uint32(seq) == s.rivalNext:
		s.changes++
		s.begin(ssrc, seq)
		return s.last, successor
	}
	s.rival, s.rivalNext = ssrc, uint32(seq+1)
	return 0, stranger
}

// begin counts on from the highest number, as if nothing were lost between.
func (s *source) begin(ssrc uint32, seq uint16) {
	s.before.expected, s.before.got = s.before.expected+s.expected(), s.before.got+s.got
	s.ssrc, s.base = ssrc, uint32(seq)
	s.last++
	s.first, s.got = s.last, 1
	s.bad, s.rivalNext = noSequence, noSequence
	s.priorExpected, s.priorGot, s.timed = 0, 0, false
}

func (s *source) follow(seq uint16) (int64, verdict) {
	delta := seq - s.sequence(s.last)
	switch {
	case delta < maxDropout:
		s.last += int64(delta)
		s.got++
		s.bad = noSequence
		return s.last, member
	case int(delta) <= 1<<16-maxMisorder:
		if uint32(seq) != s.bad {
			s.bad = uint32(seq + 1)
			return 0, stranger
		}
		s.begin(s.ssrc, seq)
		return s.last, successor
	}
	s.got++
	return s.last - int64(-delta), member
}

// sequence returns the sequence number that goes with a number.
func (s *source) sequence(number int64) uint16 { return uint16(int64(s.base) + number - s.first) }

// number returns what a sequence number near the highest stands for.
func (s *source) number(seq uint16) int64 { return s.last + int64(int16(seq-s.sequence(s.last))) }

func (s *source) expected() uint64 {
	if s.got == 0 {
		return 0
	}
	return uint64(s.last - s.first + 1)
}

// total counts all sources.
func (s *source) total() tally {
	return tally{s.before.expected + s.expected(), s.before.got + s.got}
}

// duplicate takes back a packet that was counted twice.
func (s *source) duplicate() { s.got-- }

// extended is the highest sequence number with its cycles, for reports.
func (s *source) extended() uint32 { return s.base + uint32(s.last-s.first) }

// fraction returns the share lost since the last call, in 1/256 (appendix A.3).
func (s *source) fraction() uint8 {
	expected, got := s.expected()-s.priorExpected, s.got-s.priorGot
	s.priorExpected, s.priorGot = s.expected(), s.got
	if expected == 0 || got >= expected {
		return 0
	}
	return uint8(min((expected-got)<<8/expected, 255))
}

// lost is what this SSRC lost, as reports have it: at most 24 bits, negative for more
// duplicates than losses.
func (s *source) lost() uint32 {
	n := int64(s.expected()) - int64(s.got)
	return uint32(max(-1<<23, min(n, 1<<23-1))) & 0xffffff
}

// measure takes a packet's timing (appendix A.8).
func (s *source) measure(stamp uint32, arrival int64, rate int) {
	if s.timed && stamp == s.stamp {
		return
	}
	transit := units(arrival, rate) - int64(stamp)
	d := int64(int32(uint32(transit - s.transit)))
	known := s.timed
	s.transit, s.stamp, s.timed = transit, stamp, true
	if !known || d > 10*int64(rate) || d < -10*int64(rate) { // a step of the clock is not jitter
		return
	}
	s.jitter += (float64(max(d, -d)) - s.jitter) / 16
}

// units converts nanoseconds to samples or timestamp units without overflow.
func units(ns int64, rate int) int64 {
	const second = int64(time.Second)
	return ns/second*int64(rate) + ns%second*int64(rate)/second
}

// span converts samples or timestamp units to nanoseconds.
func span(n int64, rate int) int64 {
	const second = int64(time.Second)
	return n/int64(rate)*second + n%int64(rate)*second/int64(rate)
}
