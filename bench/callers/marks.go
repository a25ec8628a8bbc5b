//go:build linux

package callers

import (
	"math/rand/v2"
	"time"

	"github.com/confd/confd/bench/coding"
)

// A mark is one sample of a talker's µ-law that stands out from all speech together. The
// delay of a mark is from the send of the packet that carries it into the server to the
// kernel's receive time of the packet that carries it out (on loopback a send and its
// receipt are one event).
const (
	markLevel     = 16000 // of the sample that is put in
	markThreshold = 11000 // of the sample that is taken for it
	markAmplitude = 1200  // peak of talkers' sound, so that eight of them stay below the threshold
	markSpacing   = 100 * time.Millisecond
)

// marks has one mark at a time on its way through a room. Signs alternate, so that a mark
// delayed beyond the next one's departure is not taken for it.
type marks struct {
	random  *rand.Rand
	talkers int
	turn    int   // the talker that puts the next mark
	due     int64 // when
	sign    int16
	sent    int64 // when the pending mark left; 0 if none is pending
	delays  []time.Duration
	missed  int // marks that never came out
	strange int // marks that came out unexpected
}

func newMarks(talkers int, random *rand.Rand) *marks {
	return &marks{random: random, talkers: talkers, sign: 1}
}

// put writes a mark into a talker's packet if it is that talker's turn. now is the time of
// the send.
func (m *marks) put(now int64, talker int, payload []byte) {
	if talker != m.turn || now < m.due {
		return
	}
	if m.sent != 0 {
		m.missed++
	}
	m.sign = -m.sign
	payload[m.random.IntN(len(payload))] = coding.Code[uint16(m.sign*markLevel)]
	m.sent = now
	m.due = now + int64(markSpacing)
	m.turn = (m.turn + 1) % m.talkers
}

// hear looks for the pending mark in what the room's ear received at that time.
func (m *marks) hear(at int64, payload []byte) {
	for _, code := range payload {
		if coding.Magnitude[code] < markThreshold {
			continue
		}
		if x := coding.Linear[code]; m.sent == 0 || (x > 0) != (m.sign > 0) {
			m.strange++
			return
		}
		m.delays = append(m.delays, time.Duration(at-m.sent))
		m.sent = 0
		return
	}
}

// forget drops what was measured so far.
func (m *marks) forget() { m.delays, m.missed, m.strange = nil, 0, 0 }
