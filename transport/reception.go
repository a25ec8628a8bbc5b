package transport

import "time"

// reception follows one peer's stream: extended sequence numbers, loss and jitter as
// RFC 3550 appendices A.1, A.3 and A.8 compute them, and changes of SSRC.
type reception struct {
	ssrc    uint32
	active  bool
	maxSeq  uint16
	cycles  uint32 // wraps, shifted by 16
	base    uint32
	badSeq  uint32 // sequence number that would confirm a jump; past 16 bits = none
	got     uint32
	before  int64 // lost of sources before this one
	changes uint64

	priorExpected, priorGot uint32 // at the last report

	rate      uint32
	transit   uint32
	timed     bool
	lastTS    uint32
	jitter    uint32 // in 1/16 timestamp units
	rival     uint32 // SSRC that may replace the current
	rivalNext uint32 // its sequence number that would confirm it; past 16 bits = none
}

// Limits of RFC 3550 appendix A.1.
const (
	seqMod      = 1 << 16
	maxDropout  = 3000
	maxMisorder = 100
	noSeq       = seqMod + 1
)

// admit tells whether a packet belongs to the peer's stream. The first source counts at
// once, since it is the negotiated peer; another one replaces it after two packets in
// sequence with none of the current source between.
func (r *reception) admit(h *header) bool {
	if !r.active {
		r.start(h)
		return true
	}
	if h.ssrc == r.ssrc {
		r.rivalNext = noSeq
		return r.update(h.sequence)
	}
	if h.ssrc == r.rival && uint32(h.sequence) == r.rivalNext {
		r.replace(h)
		return true
	}
	r.rival, r.rivalNext = h.ssrc, uint32(h.sequence+1)
	return false
}

// replace goes on with the source of h.
func (r *reception) replace(h *header) {
	r.before += int64(r.lost())
	r.changes++
	r.start(h)
}

// start begins a source at h.
func (r *reception) start(h *header) {
	*r = reception{
		ssrc: h.ssrc, active: true, before: r.before, changes: r.changes,
		rivalNext: noSeq,
	}
	r.restart(h.sequence)
}

func (r *reception) restart(seq uint16) {
	r.base, r.maxSeq, r.badSeq = uint32(seq), seq, noSeq
	r.cycles, r.got, r.priorExpected, r.priorGot = 0, 1, 0, 0
}

// update is appendix A.1's update_seq without its probation at the start.
func (r *reception) update(seq uint16) bool {
	switch delta := seq - r.maxSeq; {
	case delta < maxDropout:
		if seq < r.maxSeq {
			r.cycles += seqMod
		}
		r.maxSeq = seq
	case uint32(delta) <= seqMod-maxMisorder:
		if uint32(seq) != r.badSeq {
			r.badSeq = uint32(seq + 1)
			return false
		}
		r.before += int64(r.lost()) // the other side began anew without saying so
		r.restart(seq)
		return true
	}
	r.got++
	return true
}

// measure takes a packet's timing (appendix A.8). Packets of one sampling instant, as
// telephone events are, say nothing about jitter.
func (r *reception) measure(ts uint32, rate uint32, arrival int64) {
	if rate == 0 || (r.timed && ts == r.lastTS && rate == r.rate) {
		return
	}
	transit := uint32(units(arrival, rate)) - ts
	if !r.timed || rate != r.rate {
		if r.rate != 0 {
			r.jitter = uint32(uint64(r.jitter) * uint64(rate) / uint64(r.rate))
		}
		r.timed, r.rate, r.transit, r.lastTS = true, rate, transit, ts
		return
	}
	d := int32(transit - r.transit)
	r.transit, r.lastTS = transit, ts
	if d < 0 {
		d = -d
	}
	// A step of the peer's timestamps is not jitter.
	if uint32(d) > 10*rate {
		return
	}
	r.jitter += uint32(d) - (r.jitter+8)>>4
}

// units converts nanoseconds to timestamp units without overflow.
func units(ns int64, rate uint32) int64 {
	return ns/int64(time.Second)*int64(rate) + ns%int64(time.Second)*int64(rate)/int64(time.Second)
}

func (r *reception) extended() uint32 { return r.cycles + uint32(r.maxSeq) }

func (r *reception) expected() uint32 {
	if !r.active {
		return 0
	}
	return r.extended() - r.base + 1
}

// lost is negative if there were more duplicates than losses (section 6.4.1).
func (r *reception) lost() int32 { return int32(r.expected() - r.got) }

// totalLost counts all sources.
func (r *reception) totalLost() int64 { return r.before + int64(r.lost()) }

// jitterTime returns the interarrival jitter.
func (r *reception) jitterTime() time.Duration {
	if r.rate == 0 {
		return 0
	}
	return time.Duration(uint64(r.jitter>>4) * uint64(time.Second) / uint64(r.rate))
}

// fraction returns the share lost since the last call in 1/256 (appendix A.3).
func (r *reception) fraction() uint8 {
	expected := r.expected()
	interval, got := expected-r.priorExpected, r.got-r.priorGot
	r.priorExpected, r.priorGot = expected, r.got
	lost := int32(interval - got)
	if interval == 0 || lost <= 0 {
		return 0
	}
	return uint8(min(uint64(lost)<<8/uint64(interval), 255))
}
