package control

import "sync/atomic"

// Stats are counts since Start.
type Stats struct {
	Reports uint64 // sent to the group
	Failed  uint64 // packets that the machine did not take

	Taken       uint64 // datagrams of feedback that were read
	Overrun     uint64 // that the kernel dropped, because they came faster than they are read
	Malformed   uint64 // not RTCP, or nothing in it that is known
	Forged      uint64 // not authentic under the group's key
	Foreign     uint64 // reports and requests about another stream than ours
	Unsampled   uint64 // reports of receivers that an estimate does without
	Byes        uint64
	Collisions  uint64 // senders of reports that use our SSRC
	Tokens      uint64 // given
	Unproven    uint64 // requests for packets without a good token
	Nacks       uint64 // requests with one
	Unknown     uint64 // packets asked for that are too old, or were not sent
	Repeated    uint64 // asked for again too soon
	Refused     uint64 // beyond the bandwidth for retransmissions, or for answers
	Unicast     uint64 // retransmissions to one listener
	Multicast   uint64 // to the group
	RepairBytes uint64 // of both, UDP payload
}

// counters are Stats that any goroutine may read.
type counters struct {
	reports, failed, taken, overrun, malformed, forged, foreign, unsampled, byes, collisions atomic.Uint64
	tokens, unproven, nacks, unknown, repeated, refused, unicast, multicast, repairBytes     atomic.Uint64
}

func (c *counters) stats() Stats {
	return Stats{
		Reports: c.reports.Load(), Failed: c.failed.Load(), Taken: c.taken.Load(), Overrun: c.overrun.Load(),
		Malformed: c.malformed.Load(), Forged: c.forged.Load(), Foreign: c.foreign.Load(),
		Unsampled: c.unsampled.Load(), Byes: c.byes.Load(), Collisions: c.collisions.Load(),
		Tokens: c.tokens.Load(), Unproven: c.unproven.Load(), Nacks: c.nacks.Load(), Unknown: c.unknown.Load(),
		Repeated: c.repeated.Load(), Refused: c.refused.Load(), Unicast: c.unicast.Load(),
		Multicast: c.multicast.Load(), RepairBytes: c.repairBytes.Load(),
	}
}
