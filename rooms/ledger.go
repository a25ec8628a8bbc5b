package rooms

import "sync"

// MediaTotals are what all participants, past and present, sent and got.
type MediaTotals struct {
	Received  uint64 // RTP packets that reached an input
	Sent      uint64 // RTP packets handed to sinks
	Malformed uint64 // received, with a payload that the codec does not have
	Unknown   uint64 // received, of a payload type that was not negotiated
	Held      uint64 // received while the call was on hold, and dropped
	Duplicate uint64
	Late      uint64 // received after their tick
	Lost      uint64 // packets concealed because a later one came
	Recovered uint64 // of the lost, from redundancy
	Concealed uint64 // samples made up because nothing came
	Cuts      uint64 // times that too much delay was given up at once
	Restarts  uint64 // changes of SSRC or rate, leaps of sequence or timestamps
}

// ledger adds up the media counters of participants. What a leg counts after it has been
// told to leave is not in it.
type ledger struct {
	mu   sync.Mutex
	live map[*Participant]struct{}
	past MediaTotals
}

func (l *ledger) open(p *Participant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live == nil {
		l.live = make(map[*Participant]struct{})
	}
	l.live[p] = struct{}{}
}

func (l *ledger) close(p *Participant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.live, p)
	l.past.add(p)
}

func (l *ledger) totals() MediaTotals {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.past
	for p := range l.live {
		t.add(p)
	}
	return t
}

func (t *MediaTotals) add(p *Participant) {
	if p.leg.out != nil {
		t.Sent += p.leg.out.Sent()
	}
	if p.leg.in == nil {
		return
	}
	s := p.leg.in.Stats()
	t.Received += s.Packets
	t.Malformed += s.Malformed
	t.Unknown += s.Unknown
	t.Held += s.Held
	t.Duplicate += s.Duplicate
	t.Late += s.Late
	t.Lost += s.Lost
	t.Recovered += s.Recovered
	t.Concealed += s.Concealed
	t.Cuts += s.Cuts
	t.Restarts += s.Restarts
}
