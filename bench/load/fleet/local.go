//go:build linux

package fleet

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/confd/confd/bench/wire"
)

// locals returns the addresses that callers have in turn.
func (c Config) locals() ([]netip.Addr, error) {
	prefixes := c.Local
	if len(prefixes) == 0 {
		p, err := towards(c.Server)
		if err != nil {
			return nil, err
		}
		prefixes = []netip.Prefix{p}
	}
	per := max(1, (c.Callers+PerAddress*len(prefixes)-1)/(PerAddress*len(prefixes))) // addresses of each prefix
	var all []netip.Addr
	for _, p := range prefixes {
		if !p.IsValid() || p.Addr().Unmap().Is4() != c.Server.Is4() {
			return nil, fmt.Errorf("fleet: local addresses %v for a server at %v, want the same IP version", p, c.Server)
		}
		all = append(all, within(p, per)...)
	}
	return all, nil
}

// within returns the first n addresses of a prefix from the one that it is written with, or
// as many as there are.
func within(p netip.Prefix, n int) (all []netip.Addr) {
	for a := p.Addr(); len(all) < n && p.Contains(a); a = a.Next() {
		all = append(all, a)
	}
	return all
}

// towards returns the addresses from which a server is reached.
func towards(server netip.Addr) (netip.Prefix, error) {
	if server.Is4() && server.IsLoopback() {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 8), nil
	}
	own, err := wire.Route(server)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("fleet: %w", err)
	}
	return netip.PrefixFrom(own, own.BitLen()), nil
}

// evenTries is how often a free port may turn out to be odd.
const evenTries = 100

// listenEven opens a socket on a free port that is even, as RTP's should be (RFC 3550 section 11).
func listenEven(a netip.Addr) (*wire.Socket, error) {
	for range evenTries {
		s, err := wire.ListenOn(netip.AddrPortFrom(a, 0))
		if err != nil || s.Local().Port()%2 == 0 {
			return s, err
		}
		s.Close()
	}
	return nil, fmt.Errorf("fleet: no even port is free on %v: %w", a, unix.EADDRINUSE)
}
