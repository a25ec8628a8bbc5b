package multicast

import "net/netip"

// reserved are IPv4 multicast addresses that no room gets, and why.
var reserved = []struct {
	block netip.Prefix
	mode  Mode // that may not have it; "" is both
	why   string
}{
	{netip.MustParsePrefix("224.0.0.0/24"), "", "belongs to the protocols of one link (RFC 5771 section 4)"},
	{netip.MustParsePrefix("224.0.1.0/24"), "", "belongs to network protocols (RFC 5771 section 5)"},
	{netip.MustParsePrefix("224.2.127.254/31"), "", "is where sessions are announced (RFC 2974)"},
	{netip.MustParsePrefix("232.0.0.0/24"), "", "is not for hosts to choose (RFC 4607 section 9)"},
	{netip.MustParsePrefix("232.0.0.0/8"), AnySource, "is source-specific and needs mode ssm"},
	{netip.MustParsePrefix("239.195.255.0/24"), "", "belongs to protocols such as SAP (RFC 2365 section 9)"},
	{netip.MustParsePrefix("239.255.255.0/24"), "", "belongs to protocols such as SAP and SSDP (RFC 2365 section 9)"},
}

var usual = map[Mode]string{AnySource: "239.255.0.0/17", SourceSpecific: "232.1.0.0/16"}

var sourceSpecific4 = netip.MustParsePrefix("232.0.0.0/8")

// checkAddress says why a room of that mode and family cannot have a group, nil if it can.
func checkAddress(field string, a netip.Addr, mode Mode, family int) *Error {
	switch {
	case a.Zone() != "":
		return invalid(field, "%v: want it without a zone; field interface names the interface", a)
	case a.Is4In6():
		return invalid(field, "%v: want plain IPv4, %v", a, a.Unmap())
	case !a.IsMulticast():
		return invalid(field, "%v is no multicast address: want one of 224.0.0.0/4 or ff00::/8, or none for one from the pool", a)
	case a.Is4() != (family == 4):
		return invalid(field, "%v is not of family %d: want family and group to agree", a, family)
	case a.Is4():
		return checkAddress4(field, a, mode)
	}
	return checkAddress6(field, a, mode)
}

func checkAddress4(field string, a netip.Addr, mode Mode) *Error {
	for _, r := range reserved {
		if (r.mode == "" || r.mode == mode) && r.block.Contains(a) {
			return invalid(field, "%v %s: want another, as of %s", a, r.why, usual[mode])
		}
	}
	if mode == SourceSpecific && !sourceSpecific4.Contains(a) {
		return invalid(field, "%v is not source-specific: want one of 232.0.1.0-232.255.255.255 (RFC 4607), or mode asm", a)
	}
	return nil
}

// checkAddress6 reads an address as RFC 4291 section 2.7, RFC 3306 and RFC 4607 section 1 lay
// it out: ff, flags, scope.
func checkAddress6(field string, a netip.Addr, mode Mode) *Error {
	b := a.As16()
	flags, scope := b[1]>>4, b[1]&15
	specific := flags == 3 && b[2] == 0 && b[3] == 0
	switch {
	case scope == 0 || scope == 15:
		return invalid(field, "%v has the reserved scope %x: want ff..2 (link) to ff..e (global), as ff15:: for a site", a, scope)
	case scope == 1:
		return invalid(field, "%v never leaves the machine (scope 1): want scope 2 (link) to e (global)", a)
	case flags&1 == 0:
		return invalid(field, "%v is permanently assigned by IANA: want a transient one, as of ff15::/16", a)
	case mode == SourceSpecific && !specific:
		return invalid(field, "%v is not source-specific: want one of ff3x::8000:0/97 (RFC 4607), or mode asm", a)
	case mode == SourceSpecific && (!zeros(b[4:12]) || b[12] < 0x40):
		return invalid(field, "%v is not for hosts to choose (RFC 4607 section 1): want one of ff3x::8000:0/97", a)
	case mode == AnySource && specific:
		return invalid(field, "%v is source-specific: want mode ssm, or another address, as of ff15::/16", a)
	}
	return nil
}

func zeros(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// flooded tells whether switches send a to everyone: it has the hardware address of one of
// 224.0.0.0/24, which snooping leaves alone (RFC 4541 section 2.1.2).
func flooded(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	b := a.As4()
	return b[1]&0x7f == 0 && b[2] == 0
}
