package offeranswer

import (
	"net/netip"
	"strconv"
	"strings"
)

const connGrammar = "c= is IN IP4 or IN IP6 and a literal unicast address"

// remote is where a peer wants its media; rtp is invalid if it wants none (0.0.0.0, ::).
type remote struct {
	rtp, rtcp netip.AddrPort
	mux       bool
}

// MediaAddress returns the address that a description wants audio at, so that the local
// address of the route to it, of the same family, can be found before Negotiate: phones on
// two networks may signal over IPv4 and want media over IPv6. It is false where the
// description names no such address, or none at all while it holds.
func MediaAddress(sdp []byte) (netip.Addr, bool) {
	d, err := parse(sdp)
	if err != nil {
		return netip.Addr{}, false
	}
	for i := range d.media {
		m := &d.media[i]
		if !strings.EqualFold(m.media, "audio") || m.port == 0 {
			continue
		}
		addr, err := parseConnection(d.connection(m))
		if err == nil && !addr.IsUnspecified() {
			return addr, true
		}
	}
	return netip.Addr{}, false
}

// connection is the c= line that holds for m; its line is 0 if there is none.
func (d *description) connection(m *section) field {
	if m.conn.line > 0 {
		return m.conn
	}
	return d.conn
}

// remote reads the addresses of an m= line that has a port.
func (d *description) remote(m *section, local netip.Addr, mux bool) (remote, *Error) {
	conn := d.connection(m)
	if conn.line == 0 {
		return remote{}, malformed(m.line, connGrammar, "there is no c= line for m=%s", m.media)
	}
	addr, err := parseConnection(conn)
	if err != nil {
		return remote{}, err
	}
	r := remote{}
	_, r.mux = m.attr("rtcp-mux")
	r.mux = r.mux && mux
	if addr.IsUnspecified() {
		return r, nil
	}
	if addr.Is4() != local.Unmap().Is4() {
		return remote{}, refused(WarnAddressFormat, conn.line, "our media address is "+local.String(),
			"%s is of the other address family", addr)
	}
	r.rtp = netip.AddrPortFrom(addr, uint16(m.port))
	return r, r.control(m)
}

// control finds where RTCP goes: with RTP (RFC 5761), where a=rtcp says (RFC 3605), or to
// the next port.
func (r *remote) control(m *section) *Error {
	if r.mux {
		r.rtcp = r.rtp
		return nil
	}
	if a, ok := m.attr("rtcp"); ok {
		if to, ok := parseRTCP(a.value, r.rtp.Addr()); ok {
			r.rtcp = to
			return nil
		}
	}
	if m.port == 65535 {
		return refused(0, m.line, "use an even port, a=rtcp or a=rtcp-mux",
			"port 65535 leaves no port for RTCP")
	}
	r.rtcp = netip.AddrPortFrom(r.rtp.Addr(), uint16(m.port+1))
	return nil
}

// parseConnection reads "IN IP4 192.0.2.1", with the forms that mean "nowhere" (RFC 3264
// section 8.4, RFC 6157 section 4.2.1) as an unspecified address. Whether the word says IP4
// or IP6 is not checked: the address shows it.
func parseConnection(f field) (netip.Addr, *Error) {
	words := strings.Fields(f.text)
	if len(words) != 3 || !strings.EqualFold(words[0], "IN") ||
		!strings.EqualFold(words[1], "IP4") && !strings.EqualFold(words[1], "IP6") {
		return netip.Addr{}, malformed(f.line, connGrammar, "c=%s", quote(f.text))
	}
	host, _, _ := strings.Cut(words[2], "/") // a TTL says nothing on a unicast address
	if strings.HasSuffix(strings.ToLower(host), ".invalid") {
		return netip.IPv4Unspecified(), nil
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil && isHostName(host):
		return netip.Addr{}, refused(WarnAddressFormat, f.line, connGrammar+"; names are not looked up",
			"c= names the host %s", quote(host))
	case err != nil || addr.Zone() != "":
		return netip.Addr{}, malformed(f.line, connGrammar, "%s is no address", quote(host))
	}
	addr = addr.Unmap()
	if addr.IsMulticast() || addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return netip.Addr{}, refused(WarnMulticast, f.line, connGrammar, "%s is no unicast address", addr)
	}
	return addr, nil
}

// isHostName tells a name (RFC 1123) from a broken address, for a better message.
func isHostName(s string) bool {
	letter := false
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		switch {
		case c >= 'a' && c <= 'z':
			letter = true
		case s[i] != '.' && s[i] != '-' && (s[i] < '0' || s[i] > '9'):
			return false
		}
	}
	return letter
}

// parseRTCP reads "53020" or "53020 IN IP4 192.0.2.1". An address that we would refuse in
// c= gives way to that of c=.
func parseRTCP(value string, rtp netip.Addr) (netip.AddrPort, bool) {
	words := strings.Fields(value)
	if len(words) != 1 && len(words) != 4 {
		return netip.AddrPort{}, false
	}
	port, err := strconv.ParseUint(words[0], 10, 16)
	if err != nil || port == 0 {
		return netip.AddrPort{}, false
	}
	addr := rtp
	if len(words) == 4 {
		given, err := parseConnection(field{strings.Join(words[1:], " "), 1})
		if err == nil && !given.IsUnspecified() && given.Is4() == rtp.Is4() {
			addr = given
		}
	}
	return netip.AddrPortFrom(addr, uint16(port)), true
}
