package listen

import "time"

// Stats is how a group is heard. Counts are of packets, since the start.
type Stats struct {
	Received         uint64 `json:"received"`           // from the sender, in time or not, without those sent again
	LostBefore       uint64 `json:"lost_before_repair"` // that the network lost
	ByRedundancy     uint64 `json:"repaired_by_redundancy"`
	ByRetransmission uint64 `json:"repaired_by_retransmission"`
	Lost             uint64 `json:"lost"` // that were not there when their time came
	Late             uint64 `json:"late"` // of those, the ones that came too late
	Duplicates       uint64 `json:"duplicates"`
	Foreign          uint64 `json:"foreign"`         // not from the sender
	Unauthentic      uint64 `json:"unauthenticated"` // of SRTP: forged, replayed, or under a key not held
	AwaitingKey      int    `json:"awaiting_key"`    // the newest packets, if they are under a key that did not come yet
	Malformed        uint64 `json:"malformed"`
	Unknown          uint64 `json:"unknown_payload_type"`

	Retransmissions uint64 `json:"retransmissions"`         // received
	Useless         uint64 `json:"retransmissions_useless"` // that came twice or too late
	Requests        uint64 `json:"requests"`                // messages that asked for packets
	Requested       uint64 `json:"requested"`               // packets asked for
	KeyFrames       uint64 `json:"key_frames_requested"`    // of video
	Reports         uint64 `json:"reports"`                 // sent
	Refused         uint64 `json:"tokens_refused"`
	Sources         uint64 `json:"source_changes"`
	Rejoins         uint64 `json:"rejoins"`

	SSRC      uint32        `json:"ssrc"`
	GroupSize int           `json:"group_size"` // as the sender tells it; 0 if it does not
	Jitter    time.Duration `json:"-"`
	JitterMS  float64       `json:"jitter_ms"`
	Played    float64       `json:"played_seconds"`  // of sound
	Concealed float64       `json:"concealed_share"` // of what was played, 0 to 1: made up for what was lost

	played, concealed uint64 // samples
}

// LossBefore says what part of what was sent the network lost, 0 to 1.
func (s *Stats) LossBefore() float64 { return share(s.LostBefore, s.Received+s.LostBefore) }

// LossAfter says what part was not there when its time came.
func (s *Stats) LossAfter() float64 { return share(s.Lost, s.Received+s.LostBefore) }

func share(part, of uint64) float64 {
	if of == 0 {
		return 0
	}
	return min(float64(part)/float64(of), 1)
}

// stats completes a track's counts.
func (t *track) stats() Stats {
	s, rate := t.totals(t.line.rate), float64(t.line.rate)
	s.Played = float64(s.played) / rate
	s.Concealed = share(s.concealed, s.played)
	return s
}
