//go:build linux

package fleet

import (
	"encoding/binary"
	"time"

	"github.com/confd/confd/bench/wire"
)

// Counts are a caller's packets in a window.
type Counts struct {
	Sent     int
	Withheld int // lost on purpose: Impairment.Loss
	Refused  int // not taken by the kernel, which an ICMP error may be the reason for
	GivenUp  int // never made, since the fleet was too late

	Received   int // RTP, of any payload type
	Lost       int // numbers missing in what was received
	Reordered  int // came behind a later one
	Duplicated int
	Restarts   int // a new SSRC, or a leap of the numbers: what is missing there is not Lost
	Comfort    int // comfort noise (RFC 3389, payload type 13)
	Events     int // telephone events
	Foreign    int // of payload types that were not agreed on
	Unparsable int // neither RTP nor RTCP
	RTCP       int // multiplexed on the RTP socket (RFC 5761)

	// Matched and Differing are the packets that were, or were not, like the reference's.
	Matched, Differing int
	// Jitter is that of RFC 3550 section 6.4.1, by the times at which the kernel took packets
	// in. These are only asked for while an ear listens: 0 if none did.
	Jitter time.Duration
}

// Add adds what another caller counted; Jitter is the larger one then.
func (c *Counts) Add(o *Counts) {
	c.Sent += o.Sent
	c.Withheld += o.Withheld
	c.Refused += o.Refused
	c.GivenUp += o.GivenUp
	c.Received += o.Received
	c.Lost += o.Lost
	c.Reordered += o.Reordered
	c.Duplicated += o.Duplicated
	c.Restarts += o.Restarts
	c.Comfort += o.Comfort
	c.Events += o.Events
	c.Foreign += o.Foreign
	c.Unparsable += o.Unparsable
	c.RTCP += o.RTCP
	c.Matched += o.Matched
	c.Differing += o.Differing
	c.Jitter = max(c.Jitter, o.Jitter)
}

const (
	comfortNoise = 13   // RFC 3551 section 6
	maxDropout   = 3000 // numbers; RFC 3550 appendix A.1
	maxMisorder  = 100
	history      = 64 // numbers of which it is known whether they came
)

// reception is what has come on a stream (RFC 3550 appendix A.1), on which numbers are
// extended to 32 bits.
type reception struct {
	begun   bool
	ssrc    uint32
	highest uint32
	seen    uint64 // bit n: highest-n came
	transit uint32 // of the packet before, RTP timestamp units; valid if stamped
	stamped bool
	jitter  float64 // RTP timestamp units
}

// firstNumber leaves room below a stream's first number for what was sent before it.
const firstNumber = 1 << 16

// outcome says what a packet was on its stream.
type outcome uint8

const (
	inOrder outcome = iota // or later than expected, the ones between being lost or late
	late                   // behind a later one
	again                  // a duplicate
	begins                 // the first of a stream
)

// take enters a packet's number. It returns the extended number.
func (r *reception) take(ssrc uint32, number uint16, c *Counts) (extended uint32, o outcome) {
	if !r.begun || ssrc != r.ssrc {
		if r.begun {
			c.Restarts++
		}
		return r.begin(ssrc, number), begins
	}
	ahead := int32(int16(number - uint16(r.highest)))
	extended = r.highest + uint32(ahead)
	switch {
	case ahead > maxDropout || ahead < -maxMisorder:
		c.Restarts++
		return r.begin(ssrc, number), begins
	case ahead > 0:
		r.seen = r.seen<<ahead | 1
		r.highest = extended
		c.Lost += int(ahead) - 1
		return extended, inOrder
	case ahead > -history && r.seen>>-ahead&1 != 0:
		c.Duplicated++
		return extended, again
	case ahead > -history:
		r.seen |= 1 << -ahead
		c.Lost--
	}
	c.Reordered++
	return extended, late
}

func (r *reception) begin(ssrc uint32, number uint16) uint32 {
	*r = reception{begun: true, ssrc: ssrc, highest: firstNumber | uint32(number), seen: ^uint64(0)}
	return r.highest
}

// spread takes a packet's arrival into the jitter, given nanoseconds and the clock rate.
func (r *reception) spread(arrival int64, stamp uint32, clock int64) {
	transit := uint32(arrival/1000*clock/1e6) - stamp
	if r.stamped {
		d := float64(int32(transit - r.transit))
		r.jitter += (max(d, -d) - r.jitter) / 16
	}
	r.transit, r.stamped = transit, true
}

// header is the part of an RTP header that matters here.
type header struct {
	kind   uint8
	number uint16
	stamp  uint32
	ssrc   uint32
}

// parse splits a datagram; payload is nil if it is not RTP.
func parse(datagram []byte) (h header, payload []byte) {
	payload = wire.Payload(datagram)
	if payload == nil {
		return h, nil
	}
	return header{kind: datagram[1] & 0x7f, number: binary.BigEndian.Uint16(datagram[2:]),
		stamp: binary.BigEndian.Uint32(datagram[4:]), ssrc: binary.BigEndian.Uint32(datagram[8:])}, payload
}

// isRTCP tells control packets from data on one port (RFC 5761 section 4).
func isRTCP(datagram []byte) bool {
	return len(datagram) >= 8 && datagram[0]>>6 == 2 && datagram[1] >= 192 && datagram[1] <= 223
}
