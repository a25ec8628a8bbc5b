package webhook

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// MaxURL is the longest URL of an endpoint, in bytes.
const MaxURL = 2048

// policy is where deliveries may go.
type policy struct {
	allowHTTP bool
	allowed   []netip.Prefix
}

// badPorts are the ports from 1024 up that speak a protocol which takes orders from whoever
// writes to it: those that browsers block, SIP among them.
var badPorts = []uint16{1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566,
	6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}

// parseURL returns the URL of an endpoint if it may be one: https, or http where that is
// allowed; a host in ASCII letters or a literal address that is not refused; port 80, 443 or
// 1024 and up less badPorts; no user, no fragment. Errors are of code Invalid, field "url".
// What the host resolves to is checked at each connection.
func (p policy) parseURL(raw string) (*url.URL, error) {
	if len(raw) > MaxURL {
		return nil, invalid("url", "is %d bytes long; at most %d", len(raw), MaxURL)
	}
	if i := strings.IndexFunc(raw, func(r rune) bool { return r <= ' ' || r >= 0x7f }); i >= 0 {
		return nil, invalid("url", "has a blank, a control or a non-ASCII character at byte %d; percent-encode it, and write an international host name as xn--", i+1)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, invalid("url", "cannot be read; write it like https://example.com/path")
	}
	return u, p.check(u)
}

func (p policy) check(u *url.URL) error {
	switch {
	case u.Scheme == "http" && !p.allowHTTP:
		return invalid("url", "is http, which the configuration does not allow; use https")
	case u.Scheme != "https" && u.Scheme != "http":
		return invalid("url", "has the scheme %q; use https", clip(u.Scheme, 20))
	case u.Opaque != "" || u.Host == "":
		return invalid("url", "has no host; write it like https://example.com/path")
	case u.User != nil:
		return invalid("url", "has a user name; requests are signed instead")
	case u.Fragment != "" || u.RawFragment != "":
		return invalid("url", "has a fragment (#…), which no server gets to see")
	}
	if err := checkPort(u); err != nil {
		return err
	}
	return p.checkHost(u.Hostname())
}

func checkPort(u *url.URL) error {
	s := u.Port()
	if s == "" {
		if strings.HasSuffix(u.Host, ":") {
			return invalid("url", "ends its host with ':' but names no port")
		}
		return nil
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return invalid("url", "has the port %q; a port is a number up to 65535", clip(s, 20))
	}
	return allowedPort(uint16(n))
}

func allowedPort(port uint16) error {
	if port == 80 || port == 443 || port >= 1024 && !slices.Contains(badPorts, port) {
		return nil
	}
	return invalid("url", "has the port %d, which is another protocol's; use 443, 80 or one from 1024 up", port)
}

func (p policy) checkHost(host string) error {
	if strings.Contains(host, ":") || lastLabelIsNumber(host) {
		a, err := netip.ParseAddr(host)
		if err != nil || a.Zone() != "" {
			return invalid("url", "has the host %q, which is neither a name nor an address like 192.0.2.1 or [2001:db8::1]", clip(host, 80))
		}
		if err := checkAddress(a, p.allowed); err != nil {
			return invalid("url", "%v", err)
		}
		return nil
	}
	if !isHostName(host) {
		return invalid("url", "has the host %q; a host name is labels of letters, digits and '-', parted by dots", clip(host, 80))
	}
	return p.checkLocalhost(host)
}

// checkLocalhost tells at once what every connection would be refused for.
func (p policy) checkLocalhost(host string) error {
	h := strings.ToLower(strings.TrimSuffix(host, "."))
	if h != "localhost" && !strings.HasSuffix(h, ".localhost") {
		return nil
	}
	v4, v6 := netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()
	if checkAddress(v4, p.allowed) != nil && checkAddress(v6, p.allowed) != nil {
		return invalid("url", "%v", checkAddress(v4, p.allowed))
	}
	return nil
}

// lastLabelIsNumber tells addresses, also the odd forms that some resolvers take (127.1,
// 0x7f.1, 2130706433), from names: no name ends in a number.
func lastLabelIsNumber(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" {
		return false
	}
	return strings.Trim(last, "0123456789") == "" ||
		len(last) >= 2 && (last[:2] == "0x" || last[:2] == "0X") && strings.Trim(last[2:], "0123456789abcdefABCDEF") == ""
}

// isHostName reports whether host is 1 to 253 bytes of labels of 1 to 63 letters, digits,
// '-' and '_' (which real names have), none beginning or ending in '-'.
func isHostName(host string) bool {
	host = strings.TrimSuffix(host, ".")
	if len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if len(label) < 1 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if !isWord(label[i]) && label[i] != '-' {
				return false
			}
		}
	}
	return true
}

// isWord reports whether c is an ASCII letter, a digit or '_'.
func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// clip returns at most n bytes of s.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
