package sap

import (
	"net/netip"
	"time"
)

// maxHeard is how many announcements of others are told apart: more do not slow ours down
// further, so that a forger cannot silence us.
const maxHeard = 1024

// forget is after how long an announcement that is not repeated counts no more (RFC 2974
// section 4).
const forget = time.Hour

type name struct {
	source netip.Addr
	hash   uint16
}

// heard are the announcements of others in a scope.
type heard map[name]time.Time

// take notes a packet, and tells whether there was room.
func (h heard) take(p *Packet, now time.Time) bool {
	n := name{p.Source, p.Hash}
	if p.Delete {
		delete(h, n)
		return true
	}
	if _, known := h[n]; !known && len(h) >= maxHeard {
		if h.tidy(now); len(h) >= maxHeard {
			return false
		}
	}
	h[n] = now
	return true
}

func (h heard) tidy(now time.Time) {
	for n, at := range h {
		if now.Sub(at) > forget {
			delete(h, n)
		}
	}
}
