package transport

import "time"

// cadence decides when a poll may end without asking the socket for a packet that is
// probably not there: the answer "nothing" costs half as much as a packet.
//
// A leg that has been found with exactly one packet in each of steadyPolls polls in a row is
// taken to be steady, and a poll of it ends after one packet, unless that packet
//   - arrived before (or just after) the poll before this one: something is queued,
//   - is not the next in sequence: what it overtook may be right behind it, and is due, or
//   - comes at every probeEvery-th poll, which looks again.
//
// A poll that finds no packet, or two, makes the leg unsteady: it is drained to the end
// until it has been steady again. So a burst is read whole at the next poll but one at the
// latest, and nothing stays queued longer.
type cadence struct {
	ones uint8 // polls in a row that had exactly one packet
}

const (
	steadyPolls = 8
	probeEvery  = 8
	// A packet that came this soon after the start of the poll before may have been there
	// already when that poll came to this leg.
	pollSpan = int64(2 * time.Millisecond)
)

// enough is asked after the first packet of a poll; next tells that it is the one behind
// the last of the poll before.
func (c *cadence) enough(arrival, lastPoll int64, next bool) bool {
	if c.ones < steadyPolls || !next || arrival < lastPoll+pollSpan {
		return false
	}
	if c.ones++; c.ones < steadyPolls+probeEvery {
		return true
	}
	c.ones = steadyPolls - 1 // the drain that follows makes it steady again
	return false
}

// drained is told how many packets a poll had that ended with an empty socket.
func (c *cadence) drained(packets int) {
	if packets != 1 {
		c.ones = 0
	} else if c.ones < steadyPolls {
		c.ones++
	}
}

// cut is told that a poll ended with packets left.
func (c *cadence) cut() { c.ones = 0 }
