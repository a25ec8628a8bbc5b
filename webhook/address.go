package webhook

import (
	"fmt"
	"net/netip"
)

// refusedRange is a part of the address space that no subscriber's endpoint is in.
type refusedRange struct {
	prefix netip.Prefix
	what   string
}

func ranges(what string, prefixes ...string) []refusedRange {
	var all []refusedRange
	for _, p := range prefixes {
		all = append(all, refusedRange{netip.MustParsePrefix(p), what})
	}
	return all
}

// refusedRanges is the IANA special-purpose registries (RFC 6890), multicast and what is
// reserved. Of IPv6 only 2000::/3 is global; what lies outside of it needs no entry but for
// a better word.
var refusedRanges = concat(
	ranges("loopback", "127.0.0.0/8", "::1/128"),
	ranges("private", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
	ranges("link-local", "169.254.0.0/16", "fe80::/10"),
	ranges("carrier NAT", "100.64.0.0/10"),
	ranges("unspecified", "0.0.0.0/8", "::/128"),
	ranges("multicast", "224.0.0.0/4", "ff00::/8"),
	ranges("reserved", "240.0.0.0/4", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "2001::/23", "5f00::/16"),
	ranges("for documentation", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"),
	// The following wrap an IPv4 address, which may be any of the above.
	ranges("IPv4-mapped", "::ffff:0:0/96"),
	ranges("NAT64", "64:ff9b::/96", "64:ff9b:1::/48"),
	ranges("6to4", "2002::/16"),
)

var global6 = netip.MustParsePrefix("2000::/3")

func concat(lists ...[]refusedRange) (all []refusedRange) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// addressError is an address that deliveries must not go to.
type addressError struct {
	addr netip.Addr
	what string
}

func (e *addressError) Error() string {
	return fmt.Sprintf("the address %s is %s, to which webhooks do not go unless the configuration allows its network", e.addr, e.what)
}

// checkAddress returns an *addressError unless a is a global unicast address or in one of
// allowed. An IPv4 prefix allows no IPv4-mapped IPv6 address.
func checkAddress(a netip.Addr, allowed []netip.Prefix) error {
	plain := a.WithZone("")
	for _, p := range allowed {
		if p.Contains(plain) {
			return nil
		}
	}
	for _, r := range refusedRanges {
		if contains(r.prefix, plain) {
			return &addressError{a, r.what}
		}
	}
	if a.Is6() && !global6.Contains(plain) || !a.IsValid() {
		return &addressError{a, "not global"}
	}
	return nil
}

// contains is Prefix.Contains, but for IPv4-mapped addresses in an IPv6 prefix.
func contains(p netip.Prefix, a netip.Addr) bool {
	if a.Is4In6() {
		return p == netip.MustParsePrefix("::ffff:0:0/96")
	}
	return p.Contains(a)
}
