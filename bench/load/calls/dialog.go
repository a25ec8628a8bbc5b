package calls

import (
	"net/netip"
	"slices"
	"strings"
)

// dialog is what requests within a call are written from (RFC 3261 section 12).
type dialog struct {
	callID        string
	local, remote string // From and To of our requests, with their tags
	target        string // URI of who answered
	routes        []string
	peer          netip.AddrPort // where requests are sent to
}

// dialogOf returns the dialog that a 2xx to an INVITE of ours makes. It keeps no part of the
// message.
func (l *line) dialogOf(m *message) dialog {
	d := dialog{callID: strings.Clone(m.callID()), local: strings.Clone(m.get("from")), remote: strings.Clone(m.get("to"))}
	for _, r := range m.routes() {
		d.routes = append(d.routes, strings.Clone(r))
	}
	slices.Reverse(d.routes)
	d.retarget(l, m)
	return d
}

// retarget takes the Contact of a request or 2xx that may name another one (section 12.2).
func (d *dialog) retarget(l *line, m *message) {
	if uri := m.contact(); uri != "" && uri != d.target {
		d.target = strings.Clone(uri)
	}
	if d.target == "" {
		d.target, _ = nameAddr(d.remote)
	}
	hop := d.target
	if len(d.routes) > 0 {
		hop, _ = nameAddr(d.routes[0])
	}
	d.peer = nextHop(hop, l.agent.config.Server)
}

// nextHop returns the address in a URI. A name, or an address that cannot be the right one
// seen from here, is the server: it knows where it sits, or what it is behind.
func nextHop(uri string, server netip.AddrPort) netip.AddrPort {
	host, port, err := hostOf(uri)
	if err != nil {
		return server
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return server
	}
	ip = ip.Unmap()
	s := server.Addr().Unmap()
	if ip.Is4() != s.Is4() || ip.IsUnspecified() || ip.IsMulticast() || ip.IsLoopback() && !s.IsLoopback() || ip.IsPrivate() && !s.IsPrivate() && !s.IsLoopback() {
		return server
	}
	return netip.AddrPortFrom(ip, port)
}

// request returns a request within the dialog.
func (d *dialog) request(l *line, method string, seq uint32, headers ...string) *request {
	return &request{
		method: method, uri: d.target, branch: l.newBranch(), routes: d.routes,
		from: d.local, to: d.remote, callID: d.callID, seq: seq, headers: headers,
	}
}
