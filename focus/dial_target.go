package focus

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// maxURI bounds an address to call, or to call from, in bytes.
const maxURI = 512

// parseTarget reads an address to call: sip:, sips: or tel:. Headers in it are refused, so
// that an address cannot say more than where to call.
func parseTarget(s string) (sip.Uri, error) {
	var u sip.Uri
	if err := checkURI(s); err != nil {
		return u, err
	}
	if rest, ok := cutScheme(s, "tel"); ok {
		number, err := parseNumber(rest)
		return sip.Uri{Scheme: "tel", User: number}, err
	}
	if err := parseSIP(s, &u); err != nil {
		return u, err
	}
	for _, p := range u.UriParams {
		switch strings.ToLower(p.K) {
		case "maddr", "method", "ttl", "lr":
			return u, fmt.Errorf("%q has the parameter %s, which no address to call may have", s, p.K)
		}
	}
	_, err := networkOf(u)
	return u, err
}

// parseSIP reads a SIP or SIPS URI and checks what sipgo's parser takes as it comes.
func parseSIP(s string, u *sip.Uri) error {
	if _, ok := cutScheme(s, "sip"); !ok {
		if _, ok = cutScheme(s, "sips"); !ok {
			return fmt.Errorf("%q is no address to call: want sip:USER@HOST, sips:USER@HOST or tel:+NUMBER", s)
		}
	}
	if err := sip.ParseUri(s, u); err != nil {
		return fmt.Errorf("%q cannot be read as sip:USER@HOST[:PORT][;PARAMETER=VALUE]: %w", s, err)
	}
	switch {
	case u.HierarhicalSlashes:
		return fmt.Errorf("%q has //, which a SIP address has not", s)
	case u.Password != "":
		return fmt.Errorf("an address must not hold a password; give user name and password apart")
	case !isUser(u.User):
		return fmt.Errorf("%q is no user of a SIP address; write other characters as %%XX, as %%23 for #", u.User)
	case !isHost(u.Host):
		return fmt.Errorf("%q is no host name and no IP address", u.Host)
	case u.Port < 0 || u.Port > 65535:
		return fmt.Errorf("%d is no port: want 1 to 65535", u.Port)
	}
	for _, p := range u.UriParams {
		if !isToken(p.K) || !isParamValue(p.V) {
			return fmt.Errorf("%q has a parameter that cannot be read: want ;NAME=VALUE", s)
		}
	}
	return nil
}

// checkURI refuses what no URI holds (RFC 3986), and headers, before a parser sees it.
func checkURI(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("there is no address to call; give sip:USER@HOST")
	case len(s) > maxURI:
		return fmt.Errorf("the address has %d bytes; at most %d are taken", len(s), maxURI)
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ' || c >= 0x7f || strings.IndexByte("<>\"\\^`{|},", c) >= 0:
			return fmt.Errorf("the address has the byte %#02x at %d; write it as %%%02X", c, i+1, c)
		case c == '?':
			return fmt.Errorf("an address to call cannot hold headers (?); give headers apart")
		case c == '%' && (i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2])):
			return fmt.Errorf("the address has a %% at %d without two hexadecimal digits", i+1)
		}
	}
	return nil
}

// cutScheme returns what comes after "scheme:".
func cutScheme(s, scheme string) (string, bool) {
	head, rest, ok := strings.Cut(s, ":")
	return rest, ok && strings.EqualFold(head, scheme)
}

// parseNumber reads a telephone number (RFC 3966): digits, with a + before if it is a global
// one. Visual separators are taken out; parameters are refused.
func parseNumber(s string) (string, error) {
	var n []byte
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c == '+' && i == 0, c == '*' || c == '#':
			n = append(n, c)
		case strings.IndexByte("-.()", c) >= 0:
		default:
			return "", fmt.Errorf("%q is no telephone number: want digits, with + before a country code", s)
		}
	}
	if digits := strings.TrimPrefix(string(n), "+"); len(digits) == 0 || len(digits) > 32 {
		return "", fmt.Errorf("%q is no telephone number: want 1 to 32 digits", s)
	}
	return string(n), nil
}

// networkOf returns the transport that an address asks for.
func networkOf(u sip.Uri) (string, error) {
	name, _ := u.UriParams.Get("transport")
	network := strings.ToUpper(name)
	switch {
	case u.Scheme == "sips" && network == "UDP":
		return "", fmt.Errorf("sips: needs TLS; leave transport=udp out")
	case u.Scheme == "sips" && (network == "" || network == "TCP"):
		return "TLS", nil
	case network == "":
		return "UDP", nil
	case network == "UDP" || network == "TCP" || network == "TLS":
		return network, nil
	}
	return "", fmt.Errorf("%q is no transport that calls can be made over: want udp, tcp or tls", name)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func consistsOf(s, others string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte(others, s[i]) < 0 {
			return false
		}
	}
	return true
}

// isToken reports whether s is a token (RFC 3261 section 25.1).
func isToken(s string) bool { return s != "" && consistsOf(s, "-.!%*_+`'~") }

// isUser and isParamValue know the characters of user and pvalue, escapes included.
func isUser(s string) bool       { return consistsOf(s, "-_.!~*'()%&=+$;/") }
func isParamValue(s string) bool { return consistsOf(s, "-_.!~*'()%[]/:&+$") }

// isHost takes host names and IP addresses, IPv6 in brackets.
func isHost(s string) bool {
	if strings.HasPrefix(s, "[") {
		ip, err := netip.ParseAddr(unbracket(s))
		return err == nil && ip.Is6() && ip.Zone() == "" && strings.HasSuffix(s, "]")
	}
	if s == "" || len(s) > 253 || !consistsOf(s, "-.") {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}
