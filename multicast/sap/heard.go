package sap

import (
	"net/netip"
	"time"
)

// maxHeard is how many announcements of others are told apart: more do not slow ours down
// further, so that a forger cannot silence us.
const maxHeard = 1024

// maxRate is how many datagrams of a scope are read a second: a flood costs no more.
const maxRate = 1000

// forget is after how long an announcement that is not repeated counts no more (RFC 2974
// section 4).
const forget = time.Hour

type name struct {
	source netip.Addr
	hash   uint16
}

// heard are the announcements of others in a scope.
type heard struct {
	at     map[name]time.Time
	tidied time.Time
}

func (h *heard) len() int { return len(h.at) }

// take notes a packet, and tells whether there was room.
func (h *heard) take(p *Packet, now time.Time) bool {
	n := name{p.Source, p.Hash}
	if p.Delete {
		delete(h.at, n)
		return true
	}
	if _, known := h.at[n]; !known && len(h.at) >= maxHeard {
		if h.tidy(now); len(h.at) >= maxHeard {
			return false
		}
	}
	h.at[n] = now
	return true
}

// tidy forgets what is not repeated, once a second at most: it looks at all.
func (h *heard) tidy(now time.Time) {
	if now.Sub(h.tidied) < time.Second {
		return
	}
	h.tidied = now
	for n, at := range h.at {
		if now.Sub(at) > forget {
			delete(h.at, n)
		}
	}
}

// pace counts what is read within a second.
type pace struct {
	begin time.Time
	read  int
}

// pause counts one datagram more, and returns for how long none is to be read.
func (p *pace) pause(now time.Time) time.Duration {
	if now.Sub(p.begin) >= time.Second {
		*p = pace{begin: now}
	}
	if p.read++; p.read < maxRate {
		return 0
	}
	return time.Second - now.Sub(p.begin)
}
