package multicast

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strings"
)

// Pools are the addresses that groups are given from, by mode and family.
type Pools struct {
	ASM4, SSM4, ASM6, SSM6 Pool
}

// DefaultPools returns administratively scoped addresses for any-source groups (RFC 2365
// section 6.1; IPv6: of the site), and those for hosts to choose for source-specific ones.
// Where SAP and SSDP live is left out.
func DefaultPools() Pools {
	return Pools{
		ASM4: mustPool("239.255.0.0/16 !239.255.240.0/20"),
		SSM4: mustPool("232.0.1.0-232.255.255.255"),
		ASM6: mustPool("ff15::8000:0/97"),
		SSM6: mustPool("ff35::8000:0/97"),
	}
}

func (p *Pools) of(mode Mode, family int) *Pool {
	switch {
	case mode == SourceSpecific && family == 6:
		return &p.SSM6
	case mode == SourceSpecific:
		return &p.SSM4
	case family == 6:
		return &p.ASM6
	}
	return &p.ASM4
}

// Pool is a set of addresses. Its text is a list of prefixes, ranges FIRST-LAST and single
// addresses with blanks or commas between; a ! before one takes it out. The zero value is
// empty.
type Pool struct {
	text   string
	ranges []span // in order, apart from each other
	size   uint64
}

// span is a range of addresses, both ends included. Those of IPv6 have their first 96 bits
// in common: the others alone reach the hardware address of a group (RFC 2464 section 7).
type span struct {
	first, last netip.Addr
	before      uint64 // addresses in the spans that come first
}

// ParsePool reads the text of a pool.
func ParsePool(text string) (Pool, error) {
	p := Pool{text: text}
	var except []span
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\n' }) {
		bare, out := strings.CutPrefix(word, "!")
		s, err := parseSpan(bare)
		if err != nil {
			return Pool{}, fmt.Errorf("%q: %w", word, err)
		}
		if out {
			except = append(except, s)
		} else {
			p.ranges = append(p.ranges, s)
		}
	}
	p.settle(except)
	return p, nil
}

func mustPool(text string) Pool {
	p, err := ParsePool(text)
	if err != nil {
		panic(err)
	}
	return p
}

func parseSpan(word string) (s span, err error) {
	if first, last, is := strings.Cut(word, "-"); is {
		if s.first, err = netip.ParseAddr(first); err == nil {
			s.last, err = netip.ParseAddr(last)
		}
	} else if prefix, e := netip.ParsePrefix(word); e == nil {
		s.first, s.last = ends(prefix)
	} else {
		s.first, err = netip.ParseAddr(word)
		s.last = s.first
	}
	switch {
	case err != nil:
		return s, fmt.Errorf("want a prefix as 239.255.0.0/16, a range as 232.0.1.0-232.0.1.255, or an address: %w", err)
	case s.first.Zone() != "" || s.last.Zone() != "" || s.first.Is4In6():
		return s, fmt.Errorf("want addresses without zone, and IPv4 in its own form")
	case high(s.first) != high(s.last):
		return s, fmt.Errorf("want both ends of one family, and of one /96 in IPv6")
	case s.last.Less(s.first):
		return s, fmt.Errorf("want the lower address first")
	}
	return s, nil
}

// ends returns the first and last address of a prefix.
func ends(p netip.Prefix) (first, last netip.Addr) {
	first = p.Masked().Addr()
	b := first.AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ = netip.AddrFromSlice(b)
	return first, last
}

// settle puts the ranges in order, joins those that touch, and takes the exceptions out.
func (p *Pool) settle(except []span) {
	slices.SortFunc(p.ranges, func(a, b span) int { return a.first.Compare(b.first) })
	var joined []span
	for _, s := range p.ranges {
		if n := len(joined); n > 0 && !joined[n-1].last.Less(s.first) {
			joined[n-1] = span{first: joined[n-1].first, last: later(joined[n-1].last, s.last)}
			continue
		}
		joined = append(joined, s)
	}
	for _, e := range except {
		joined = without(joined, e)
	}
	p.ranges, p.size = joined, 0
	for i := range p.ranges {
		p.ranges[i].before = p.size
		p.size += uint64(low(p.ranges[i].last)-low(p.ranges[i].first)) + 1
	}
}

func later(a, b netip.Addr) netip.Addr {
	if a.Less(b) {
		return b
	}
	return a
}

// without returns what is left of the spans.
func without(spans []span, e span) (left []span) {
	for _, s := range spans {
		if e.last.Less(s.first) || s.last.Less(e.first) {
			left = append(left, s)
			continue
		}
		if s.first.Less(e.first) {
			left = append(left, span{first: s.first, last: e.first.Prev()})
		}
		if e.last.Less(s.last) {
			left = append(left, span{first: e.last.Next(), last: s.last})
		}
	}
	return left
}

// high returns all but the last 32 bits, low those.
func high(a netip.Addr) netip.Addr {
	b := a.AsSlice()
	if len(b) == 0 {
		return a
	}
	clear(b[len(b)-4:])
	h, _ := netip.AddrFromSlice(b)
	return h
}

func low(a netip.Addr) uint32 {
	b := a.AsSlice()
	return binary.BigEndian.Uint32(b[len(b)-4:])
}

// Size returns how many addresses the pool has.
func (p *Pool) Size() uint64 { return p.size }

// at returns address number i, which is less than Size.
func (p *Pool) at(i uint64) netip.Addr {
	n := sort.Search(len(p.ranges), func(n int) bool { return p.ranges[n].before > i }) - 1
	b := p.ranges[n].first.AsSlice()
	binary.BigEndian.PutUint32(b[len(b)-4:], low(p.ranges[n].first)+uint32(i-p.ranges[n].before))
	a, _ := netip.AddrFromSlice(b)
	return a
}

// Contains tells whether an address is in the pool.
func (p *Pool) Contains(a netip.Addr) bool {
	return slices.ContainsFunc(p.ranges, func(s span) bool { return !a.Less(s.first) && !s.last.Less(a) })
}

// String returns the text that the pool was made from.
func (p Pool) String() string { return p.text }

// MarshalText implements encoding.TextMarshaler.
func (p Pool) MarshalText() ([]byte, error) { return []byte(p.text), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Pool) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePool(string(b))
	return err
}

// check says which address of the pool no room of that mode and family could have.
func (p *Pool) check(field string, mode Mode, family int) *Error {
	for _, s := range p.ranges {
		for _, end := range []netip.Addr{s.first, s.last} {
			if err := checkAddress(field, end, mode, family); err != nil {
				return err
			}
		}
		for _, r := range reserved {
			first, _ := ends(r.block)
			if (r.mode == "" || r.mode == mode) && !first.Less(s.first) && first.Less(s.last) {
				return invalid(field, "%v %s: want it left out, by !%v", r.block, r.why, r.block)
			}
		}
	}
	return nil
}
