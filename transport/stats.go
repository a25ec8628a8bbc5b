package transport

import (
	"math"
	"net/netip"
	"sync/atomic"
	"time"
)

// dropReason says why an ingress packet was not handed over.
type dropReason uint8

const (
	dropStranger        dropReason = iota // not from the peer
	dropMalformed                         // not RTP version 2, lengths that contradict each other
	dropTooLong                           // longer than a frame of Ethernet
	dropPayloadType                       // not negotiated
	dropUnauthenticated                   // SRTP tag does not fit
	dropReplayed                          // SRTP index seen before, or too old
	dropSource                            // SSRC that is not (yet) the peer's stream
	dropSequence                          // jump in sequence numbers that is not (yet) confirmed
	dropLoop                              // our own SSRC comes back
	dropHeld                              // the peer may not speak now
	dropEmpty                             // no payload: a keep-alive
	dropOverrun                           // more than the tick may take, polls in a row
	dropReasons
)

// counters are what any goroutine may read; the owner alone writes.
type counters struct {
	packetsIn, octetsIn     atomic.Uint64 // first what every packet counts: see Leg
	packetsOut, octetsOut   atomic.Uint64
	heard, lastPacket       atomic.Int64 // monotonic nanoseconds
	dropped                 [dropReasons]atomic.Uint64
	refused, noRoom, failed atomic.Uint64
	oversize, trimmed       atomic.Uint64
	withheld                atomic.Uint64
	rtcpIn, rtcpOut         atomic.Uint64
	rtcpMalformed           atomic.Uint64
	rtcpUnauthenticated     atomic.Uint64
	byes                    atomic.Uint64
	collisions, sources     atomic.Uint64
	relatches               atomic.Uint64
	timeSteps               atomic.Uint64
	lost                    atomic.Int64
	jitter, roundTrip       atomic.Int64 // nanoseconds
	remoteJitter            atomic.Int64
	remoteLost              atomic.Int64
	remoteFraction          atomic.Uint32 // of 256
	remote                  atomic.Pointer[netip.AddrPort]
	latched                 atomic.Bool
}

// Stats is a snapshot of a leg. Counts are since the leg was opened; directions are the
// server's.
type Stats struct {
	PacketsReceived uint64 `json:"packets_received"` // handed to the receiver
	OctetsReceived  uint64 `json:"octets_received"`  // their payload
	PacketsSent     uint64 `json:"packets_sent"`
	OctetsSent      uint64 `json:"octets_sent"` // their payload

	Lost          int64   `json:"lost"`            // RFC 3550 section 6.4.1; negative if duplicates prevail
	Jitter        float64 `json:"jitter"`          // seconds, RFC 3550 appendix A.8
	RoundTrip     float64 `json:"round_trip"`      // seconds, 0 until the peer reported
	PeerLost      int64   `json:"peer_lost"`       // as the peer tells
	PeerFraction  float64 `json:"peer_lost_share"` // 0 to 1, of its last interval
	PeerJitter    float64 `json:"peer_jitter"`     // seconds
	SourceChanges uint64  `json:"source_changes"`  // the peer's SSRC changed
	Collisions    uint64  `json:"collisions"`      // our SSRC changed for it was the peer's

	LastHeard  int64          `json:"-"` // monotonic nanoseconds of the last RTP or RTCP of the peer; 0 = never
	LastPacket int64          `json:"-"` // the same for RTP that was handed over
	Remote     netip.AddrPort `json:"remote"`
	Latched    bool           `json:"latched"` // media came from Remote
	Relatches  uint64         `json:"relatches"`

	Dropped    Dropped    `json:"dropped"`
	SendErrors SendErrors `json:"send_errors"`
	RTCP       RTCPStats  `json:"rtcp"`
}

// Dropped counts ingress packets that were not handed over, by reason.
type Dropped struct {
	Stranger        uint64 `json:"stranger"`
	Malformed       uint64 `json:"malformed"`
	TooLong         uint64 `json:"too_long"`
	PayloadType     uint64 `json:"payload_type"`
	Unauthenticated uint64 `json:"unauthenticated"`
	Replayed        uint64 `json:"replayed"`
	Source          uint64 `json:"source"`
	Sequence        uint64 `json:"sequence"`
	Loop            uint64 `json:"loop"`
	Held            uint64 `json:"held"`
	Empty           uint64 `json:"empty"`
	Overrun         uint64 `json:"overrun"`
}

// SendErrors counts egress packets that did not leave as they should have.
type SendErrors struct {
	Refused  uint64 `json:"refused"`   // the peer's port or host is unreachable
	NoRoom   uint64 `json:"no_room"`   // socket or device queue full
	Failed   uint64 `json:"failed"`    // anything else
	Oversize uint64 `json:"oversize"`  // payload too long for 1,400 bytes: not sent
	Withheld uint64 `json:"withheld"`  // RTP and RTCP for an address that was not heard in time: not sent
	Trimmed  uint64 `json:"trimmed"`   // sent with a shortened contributor list
	TimeStep uint64 `json:"time_step"` // media time ran backwards
}

// RTCPStats counts control packets (compound ones).
type RTCPStats struct {
	Received        uint64 `json:"received"`
	Sent            uint64 `json:"sent"`
	Malformed       uint64 `json:"malformed"`
	Unauthenticated uint64 `json:"unauthenticated"`
	Byes            uint64 `json:"byes"` // received
}

// Stats returns a snapshot. Any goroutine may call it, after Close too. Lost and jitter
// are as of at most ten polls ago.
func (l *Leg) Stats() Stats {
	c := &l.count
	s := Stats{
		PacketsReceived: c.packetsIn.Load(), OctetsReceived: c.octetsIn.Load(),
		PacketsSent: c.packetsOut.Load(), OctetsSent: c.octetsOut.Load(),
		Lost: c.lost.Load(), Jitter: seconds(c.jitter.Load()), RoundTrip: seconds(c.roundTrip.Load()),
		PeerLost: c.remoteLost.Load(), PeerJitter: seconds(c.remoteJitter.Load()),
		PeerFraction:  math.Round(float64(c.remoteFraction.Load())/256*1e4) / 1e4,
		SourceChanges: c.sources.Load(), Collisions: c.collisions.Load(),
		LastHeard: c.heard.Load(), LastPacket: c.lastPacket.Load(),
		Latched: c.latched.Load(), Relatches: c.relatches.Load(),
		Dropped: c.drops(),
		SendErrors: SendErrors{
			Refused: c.refused.Load(), NoRoom: c.noRoom.Load(), Failed: c.failed.Load(),
			Oversize: c.oversize.Load(), Withheld: c.withheld.Load(), Trimmed: c.trimmed.Load(), TimeStep: c.timeSteps.Load(),
		},
		RTCP: RTCPStats{
			Received: c.rtcpIn.Load(), Sent: c.rtcpOut.Load(), Malformed: c.rtcpMalformed.Load(),
			Unauthenticated: c.rtcpUnauthenticated.Load(), Byes: c.byes.Load(),
		},
	}
	if r := c.remote.Load(); r != nil {
		s.Remote = *r
	}
	return s
}

func (c *counters) drops() Dropped {
	n := func(r dropReason) uint64 { return c.dropped[r].Load() }
	return Dropped{
		Stranger: n(dropStranger), Malformed: n(dropMalformed), TooLong: n(dropTooLong),
		PayloadType: n(dropPayloadType), Unauthenticated: n(dropUnauthenticated),
		Replayed: n(dropReplayed), Source: n(dropSource), Sequence: n(dropSequence),
		Loop: n(dropLoop), Held: n(dropHeld), Empty: n(dropEmpty), Overrun: n(dropOverrun),
	}
}

func seconds(ns int64) float64 { return time.Duration(ns).Seconds() }

// sent counts what became of a packet that was written.
func (c *counters) sent(v verdict, payload int) {
	switch v {
	case ioDone:
		c.packetsOut.Add(1)
		c.octetsOut.Add(uint64(payload))
	case ioEmpty:
		c.noRoom.Add(1)
	case ioRefused:
		c.refused.Add(1)
	default:
		c.failed.Add(1)
	}
}
