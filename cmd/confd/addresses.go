package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Addresses is where a server listens.
type Addresses struct {
	SIP  []SIPAddr
	HTTP net.Addr // nil if there is none
	TLS  bool     // HTTP is HTTPS
}

// SIPAddr is one SIP listener.
type SIPAddr struct {
	Network string // udp, tcp or tls
	Addr    net.Addr
}

func (s *server) addresses() Addresses {
	var a Addresses
	networks := s.config.sipNetworks()
	for i, addr := range s.agent.Addrs() {
		a.SIP = append(a.SIP, SIPAddr{networks[i], addr})
	}
	if s.web != nil {
		a.HTTP, a.TLS = s.web.Addr(), s.config.HTTP.TLSCert != ""
	}
	return a
}

// sipNetworks returns the transports of the listeners, in their order.
func (c *Config) sipNetworks() []string {
	var all []string
	for _, l := range c.SIP.Listen {
		all = append(all, l.networks()...)
	}
	return all
}

// String tells a person where to call, with addresses that can be dialled: in place of a
// wildcard, the local address of the default route.
func (a Addresses) String() string {
	var order []string
	networks := make(map[string][]string)
	for _, l := range a.SIP {
		at := dialable(l.Addr)
		if networks[at] == nil {
			order = append(order, at)
		}
		networks[at] = append(networks[at], l.Network)
	}
	var b strings.Builder
	b.WriteString("call ")
	for i, at := range order {
		if i > 0 {
			b.WriteString(" or ")
		}
		fmt.Fprintf(&b, "sip:anyroom@%s (%s)", at, strings.Join(networks[at], ", "))
	}
	if a.HTTP != nil {
		scheme := "http"
		if a.TLS {
			scheme = "https"
		}
		fmt.Fprintf(&b, "; the API at %s://%s, explained at %[1]s://%[2]s/docs", scheme, a.HTTP)
	}
	return b.String()
}

// dialable returns HOST:PORT under which others reach a listener.
func dialable(addr net.Addr) string {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil || !ap.Addr().IsUnspecified() {
		return addr.String()
	}
	ip := routeAddr("udp4", "192.0.2.1:9")
	if !ip.IsValid() && ap.Addr().Is6() {
		ip = routeAddr("udp6", "[2001:db8::1]:9")
	}
	if !ip.IsValid() {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.AddrPortFrom(ip, ap.Port()).String()
}

// routeAddr returns the local address of the route to a place, which is an example address
// (RFC 5737, RFC 3849): connecting a UDP socket sends nothing.
func routeAddr(network, to string) netip.Addr {
	c, err := net.Dial(network, to)
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close()
	ap, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr()
}
