package sap

import (
	"net/netip"
	"time"
)

// Port is where sessions are announced.
const Port = 9875

var (
	local        = netip.MustParseAddr("239.255.255.255")
	organisation = netip.MustParseAddr("239.195.255.255")
	global       = netip.MustParseAddr("224.2.127.254")
)

// Address returns the group to which sessions of a group are announced (RFC 2974 section 3,
// the zones of RFC 2365), and the TTL. Zones of 239.0.0.0/8 that have no name of their own
// count to the one that would grow into them: 239.253.0.0/16 and up to the local one, the
// others to the organisation's. What has no administrative scope, source-specific groups of
// IPv4 among it, is announced no farther than the session itself goes: nobody beyond could
// hear it.
func Address(group netip.Addr, ttl int) (to netip.Addr, hops int) {
	if group.Is6() {
		b := group.As16()
		return netip.AddrFrom16([16]byte{0: 0xff, 1: b[1] & 15, 13: 2, 14: 0x7f, 15: 0xfe}), 255
	}
	switch b := group.As4(); {
	case b[0] == 239 && b[1] >= 253:
		return local, 255
	case b[0] == 239:
		return organisation, 255
	}
	return global, ttl
}

// interval returns how long to wait between two announcements of a packet of size bytes, in a
// scope with so many announcements whose announcers share limit bits per second (RFC 2974
// section 3.1).
func interval(announcements, size, limit int, least time.Duration) time.Duration {
	bits := 8 * int64(announcements) * int64(size)
	return max(least, time.Duration(bits)*time.Second/time.Duration(limit))
}

// spread moves an interval by up to a third either way, as random, 0 to 1, says.
func spread(interval time.Duration, random float64) time.Duration {
	return interval*2/3 + time.Duration(random*float64(interval)*2/3)
}
