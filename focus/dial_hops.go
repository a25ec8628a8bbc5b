package focus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"
)

const (
	resolveTimeout = 5 * time.Second
	maxHops        = 4 // addresses of a host that are tried
)

// resolver is what is asked of DNS.
type resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// hop is an address that a request can be sent to.
type hop struct {
	network string // "UDP", "TCP" or "TLS"
	addr    netip.AddrPort
	host    string // whose certificate TLS must show
}

// services are the names of SRV records by transport (RFC 3263 section 4.1).
var services = map[string][2]string{"UDP": {"sip", "udp"}, "TCP": {"sip", "tcp"}, "TLS": {"sips", "tcp"}}

// hops returns where u can be reached, best first, at most maxHops: by SRV records if it
// names a host without a port, else by its addresses (RFC 3263 section 4.2).
func (a *Agent) hops(ctx context.Context, u sip.Uri, network string) ([]hop, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	host, port := unbracket(u.Host), u.Port
	if _, err := netip.ParseAddr(host); err != nil && port == 0 {
		if list := a.servers(ctx, host, network); len(list) > 0 {
			return list, nil
		}
	}
	if port == 0 {
		port = sip.DefaultPort(network)
	}
	return a.hopsTo(ctx, host, host, port, network)
}

// servers follows SRV records; nil if there are none that lead anywhere.
func (a *Agent) servers(ctx context.Context, host, network string) []hop {
	s := services[network]
	_, records, err := a.resolver.LookupSRV(ctx, s[0], s[1], host)
	if err != nil {
		return nil
	}
	var list []hop
	for _, r := range records {
		if more, err := a.hopsTo(ctx, r.Target, host, int(r.Port), network); err == nil {
			list = append(list, more...)
		}
		if len(list) >= maxHops {
			return list[:maxHops]
		}
	}
	return list
}

// hopsTo returns the addresses of a host; its certificate is to name owner.
func (a *Agent) hopsTo(ctx context.Context, host, owner string, port int, network string) ([]hop, error) {
	ips, err := a.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	var list []hop
	for _, ip := range ips[:min(len(ips), maxHops)] {
		list = append(list, hop{network, netip.AddrPortFrom(ip, uint16(port)), owner})
	}
	return list, nil
}

// locate resolves a destination, HOST:PORT as a dialog has it: where the port may be but the
// default, the host may have SRV records alone.
func (a *Agent) locate(ctx context.Context, network, destination string) (hop, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	host, p, err := net.SplitHostPort(destination)
	if err != nil {
		return hop{}, err
	}
	port, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return hop{}, fmt.Errorf("%q is no port", p)
	}
	list, err := a.hopsTo(ctx, host, host, int(port), network)
	if err != nil {
		if list = a.servers(ctx, host, network); len(list) == 0 {
			return hop{}, err
		}
	}
	return list[0], nil
}

// addresses returns a host's addresses, at least one, IPv4 first: SIP over IPv6 is rare
// enough that an AAAA record often leads nowhere.
func (a *Agent) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(unbracket(host)); err == nil {
		return []netip.Addr{ip.Unmap()}, nil
	}
	found, err := a.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var v4, v6 []netip.Addr
	for _, ip := range found {
		if ip = ip.Unmap(); ip.Is4() {
			v4 = append(v4, ip)
		} else {
			v6 = append(v6, ip)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no address", host)
	}
	return append(v4, v6...), nil
}

// errNoSocket says that a peer cannot be reached from any listener.
var errNoSocket = errors.New("no SIP listener")

// socketTo returns the listener that requests to a peer leave from: local is the address of
// the route to it. bound is the socket's own address, here the one that the peer sees.
func (a *Agent) socketTo(network string, local netip.Addr) (bound sip.Addr, here netip.AddrPort, err error) {
	best := 0
	for _, l := range a.listeners {
		if !equalNetwork(l.network, network) {
			continue
		}
		raw, err := netip.ParseAddrPort(l.addr().String())
		if err != nil {
			continue
		}
		ip, seen, rank := raw.Addr(), local, 0
		switch {
		case ip.Unmap() == local:
			rank = 3
		case ip.IsUnspecified() && (ip.Is6() || local.Is4()):
			rank = 2
		case ip.Is4() == local.Is4() && ip.IsLoopback() == local.IsLoopback() && !ip.IsUnspecified():
			rank, seen = 1, ip.Unmap()
		}
		if rank > best {
			best = rank
			bound = sip.Addr{IP: ip.AsSlice(), Port: int(raw.Port())}
			here = netip.AddrPortFrom(seen, raw.Port())
		}
	}
	if best == 0 {
		return bound, here, fmt.Errorf("%w for %s leads to the peer from %v; add one, or name another transport", errNoSocket, network, local)
	}
	return bound, here, nil
}

func equalNetwork(listener, network string) bool {
	return sip.NetworkToUpper(listener) == network
}
