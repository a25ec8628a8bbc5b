package focus

import (
	"sync"
	"sync/atomic"

	"github.com/emiago/sipgo/sip"
)

// Stats are totals since the start, and gauges of now.
type Stats struct {
	Requests  map[string]uint64 // received, by method; unknown methods under "other"
	Responses map[int]uint64    // sent final responses, by status code
	Refused   map[string]uint64 // initial INVITEs turned away, by reason
	DialOuts  map[string]uint64 // calls that the server made, by outcome; "answered" among them

	Calls   int // that have a leg in a room, or are about to
	Dialogs int // known, including those that are ending
	Dialing int // calls that the server makes and nobody has answered yet

	Answered    uint64 // calls that were given a 200
	NoACK       uint64 // 200s given up on: no ACK within 64*T1
	Expired     uint64 // session timers that ran out
	Unreachable uint64 // calls ended because a probe, refresh or BYE found nobody
	Resent      uint64 // 200s sent again
	Merged      uint64 // requests that came twice by different paths
	// Of peers that were to listen to a multicast group: those that do since, that answered
	// with something else, refused or did not answer, and that never reported.
	GroupJoined, GroupRefused, GroupUnreported uint64
	// Key frames asked of peers by INFO, those of them that were refused, and those that peers
	// asked for.
	KeyFramesAsked, KeyFramesRefused, KeyFramesWanted uint64
	VideoNoPorts                                      uint64 // video lines that were refused for want of ports
	Panics                                            uint64 // faults of confd itself while it handled a request
	Unparsable                                        uint64 // messages that sipgo could not parse or place
}

var knownMethods = []sip.RequestMethod{
	sip.INVITE, sip.ACK, sip.CANCEL, sip.BYE, sip.REGISTER, sip.OPTIONS, sip.SUBSCRIBE,
	sip.NOTIFY, sip.REFER, sip.INFO, sip.MESSAGE, sip.PRACK, sip.UPDATE, sip.PUBLISH,
}

func isKnownMethod(m sip.RequestMethod) bool {
	for _, k := range knownMethods {
		if k == m {
			return true
		}
	}
	return false
}

// counters is what Stats is read from. Maps are keyed by small closed sets only, so that
// nobody can grow them from outside.
type counters struct {
	mu       sync.Mutex
	requests map[string]uint64
	refused  map[string]uint64
	dialOuts map[string]uint64

	responses [700]atomic.Uint64

	calls       atomic.Int64
	answered    atomic.Uint64
	noACK       atomic.Uint64
	expired     atomic.Uint64
	unreachable atomic.Uint64
	resent      atomic.Uint64
	merged      atomic.Uint64
	panics      atomic.Uint64

	groupJoined, groupRefused, groupUnreported atomic.Uint64

	keyFramesAsked, keyFramesRefused, keyFramesWanted atomic.Uint64
	videoNoPorts                                      atomic.Uint64

	unparsable atomic.Uint64
}

func newCounters() *counters {
	return &counters{requests: map[string]uint64{}, refused: map[string]uint64{}, dialOuts: map[string]uint64{}}
}

func (c *counters) request(m sip.RequestMethod) {
	name := "other"
	if isKnownMethod(m) {
		name = string(m)
	}
	c.mu.Lock()
	c.requests[name]++
	c.mu.Unlock()
}

func (c *counters) response(code int) {
	if code >= 0 && code < len(c.responses) {
		c.responses[code].Add(1)
	}
}

// refuse counts an initial INVITE turned away; why is one of a closed set.
func (c *counters) refuse(why string) {
	c.mu.Lock()
	c.refused[why]++
	c.mu.Unlock()
}

// dialled counts what a dial-out came to: "answered", or an outcome.
func (c *counters) dialled(outcome string) {
	c.mu.Lock()
	c.dialOuts[outcome]++
	c.mu.Unlock()
}

// Stats returns the counters. Any goroutine may call it at any time.
func (a *Agent) Stats() Stats {
	c := a.count
	s := Stats{
		Requests: map[string]uint64{}, Responses: map[int]uint64{}, Refused: map[string]uint64{},
		DialOuts: map[string]uint64{}, Dialing: a.dials.size(),
		Calls: int(c.calls.Load()), Dialogs: a.dialogs.size(),
		Answered: c.answered.Load(), NoACK: c.noACK.Load(), Expired: c.expired.Load(),
		Unreachable: c.unreachable.Load(), Resent: c.resent.Load(), Merged: c.merged.Load(),
		GroupJoined: c.groupJoined.Load(), GroupRefused: c.groupRefused.Load(), GroupUnreported: c.groupUnreported.Load(),
		KeyFramesAsked: c.keyFramesAsked.Load(), KeyFramesRefused: c.keyFramesRefused.Load(), KeyFramesWanted: c.keyFramesWanted.Load(),
		VideoNoPorts: c.videoNoPorts.Load(),
		Panics:       c.panics.Load(), Unparsable: c.unparsable.Load() + unplaced.Load(),
	}
	c.mu.Lock()
	for k, v := range c.requests {
		s.Requests[k] = v
	}
	for k, v := range c.refused {
		s.Refused[k] = v
	}
	for k, v := range c.dialOuts {
		s.DialOuts[k] = v
	}
	c.mu.Unlock()
	for code := range c.responses {
		if n := c.responses[code].Load(); n > 0 {
			s.Responses[code] = n
		}
	}
	return s
}
