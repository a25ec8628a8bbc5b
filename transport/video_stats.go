package transport

import "sync/atomic"

// videoCounters are what a VideoLeg counts beside its Leg.
type videoCounters struct {
	repairsIn, repairsOut, probes atomic.Uint64
	held, stale, uncut            atomic.Uint64
	changes                       atomic.Uint64
	feedbackIn                    [FeedbackBye + 1]atomic.Uint64
	unknown, foreign              atomic.Uint64
	repeated, malformed           atomic.Uint64
	feedbackOut                   atomic.Uint64
	pliOut, firOut, nackOut       atomic.Uint64
	nackedOut                     atomic.Uint64
}

// VideoStats is a snapshot of a VideoLeg. Stats holds for all its streams together, but for
// loss and jitter, which are of the first encoding, and what the peer reports, which is of
// egress without retransmissions.
type VideoStats struct {
	Stats
	RepairsReceived uint64 `json:"repairs_received"` // as retransmissions (RFC 4588)
	RepairsSent     uint64 `json:"repairs_sent"`     // in whatever way
	Probes          uint64 `json:"probes"`           // retransmissions of nothing, received
	Runs            uint64 `json:"runs"`             // of packets sent at once
	Uncut           uint64 `json:"uncut"`            // runs that the system refused: sent singly
	Held            uint64 `json:"held"`             // packets not sent: the peer wants none
	Stale           uint64 `json:"stale"`            // packets not sent: SRTP forbids their number

	FeedbackReceived FeedbackReceived `json:"feedback_received"`
	FeedbackSent     FeedbackSent     `json:"feedback_sent"`
}

// FeedbackReceived counts messages of the peer.
type FeedbackReceived struct {
	NACK        uint64 `json:"nack"`
	PLI         uint64 `json:"pli"`
	FIR         uint64 `json:"fir"`
	REMB        uint64 `json:"remb"`
	TMMBR       uint64 `json:"tmmbr"`
	TMMBN       uint64 `json:"tmmbn"`
	TransportCC uint64 `json:"transport_cc"`
	Reports     uint64 `json:"reports"`   // blocks about our streams
	Repeated    uint64 `json:"repeated"`  // FIR whose number was not new
	Foreign     uint64 `json:"foreign"`   // about streams that are not ours
	Unknown     uint64 `json:"unknown"`   // formats that are not read
	Malformed   uint64 `json:"malformed"` // lengths that contradict each other
}

// FeedbackSent counts what the peer was told.
type FeedbackSent struct {
	Datagrams uint64 `json:"datagrams"` // of feedback; reports are not among them
	PLI       uint64 `json:"pli"`
	FIR       uint64 `json:"fir"`
	NACK      uint64 `json:"nack"`   // messages
	NACKed    uint64 `json:"nacked"` // packets asked for in them
}

// Stats returns a snapshot. Any goroutine may call it, after Close too. Loss and jitter are
// those of the last report.
func (v *VideoLeg) Stats() VideoStats {
	c := &v.count
	in := func(k FeedbackKind) uint64 { return c.feedbackIn[k].Load() }
	return VideoStats{
		Stats:           v.leg.Stats(),
		RepairsReceived: c.repairsIn.Load(), RepairsSent: c.repairsOut.Load(), Probes: c.probes.Load(),
		Runs: v.wire.runs.Load(), Uncut: c.uncut.Load(), Held: c.held.Load(), Stale: c.stale.Load(),
		FeedbackReceived: FeedbackReceived{
			NACK: in(FeedbackNACK), PLI: in(FeedbackPLI), FIR: in(FeedbackFIR), REMB: in(FeedbackREMB),
			TMMBR: in(FeedbackTMMBR), TMMBN: in(FeedbackTMMBN), TransportCC: in(FeedbackTransportCC), Reports: in(FeedbackReport),
			Repeated: c.repeated.Load(), Foreign: c.foreign.Load(), Unknown: c.unknown.Load(), Malformed: c.malformed.Load(),
		},
		FeedbackSent: FeedbackSent{
			Datagrams: c.feedbackOut.Load(), PLI: c.pliOut.Load(), FIR: c.firOut.Load(),
			NACK: c.nackOut.Load(), NACKed: c.nackedOut.Load(),
		},
	}
}

// publish makes what the owner computes visible to Stats.
func (v *VideoLeg) publish() {
	c, first := &v.leg.count, &v.sources[0]
	c.lost.Store(first.totalLost())
	c.jitter.Store(int64(first.jitterTime()))
	c.sources.Store(v.count.changes.Load())
}
