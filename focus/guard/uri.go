package guard

import "bytes"

// maxIPv6Text is as far as the library looks for the bracket that ends an IPv6 address.
const maxIPv6Text = 40

// checkURI tells whether u is a SIP or SIPS URI (RFC 3261 section 19.1.1; headers says
// whether ?name=value may follow), or an absolute URI of another scheme.
func checkURI(u []byte, headers bool) bool {
	colon := bytes.IndexByte(u, ':')
	if colon < 1 || colon == len(u)-1 || !is(u[0], clAlpha) || len(u) < 3 {
		return false
	}
	scheme, rest := u[:colon], u[colon+1:]
	if equalFold(scheme, "sip") || equalFold(scheme, "sips") {
		return checkSIPURI(rest, headers)
	}
	// The library reads schemes of letters only; unreadableScheme tells the others.
	return all(scheme, clAlpha) && escaped(rest, clURI)
}

// unreadableScheme tells whether u is an absolute URI whose scheme is well-formed but has
// other characters than letters (RFC 3986 section 3.1), as soap.beep has.
func unreadableScheme(u []byte) bool {
	colon := bytes.IndexByte(u, ':')
	if colon < 1 || !is(u[0], clAlpha) || all(u[:colon], clAlpha) || !escaped(u[colon+1:], clURI) {
		return false
	}
	for _, c := range u[:colon] {
		if !is(c, clAlpha|clDigit) && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func checkSIPURI(u []byte, headers bool) bool {
	if at := bytes.IndexByte(u, '@'); at >= 0 {
		if !checkUserinfo(u[:at]) {
			return false
		}
		u = u[at+1:]
	}
	i := hostEnd(u, 0)
	if i <= 0 {
		return false
	}
	if i < len(u) && u[i] == ':' {
		end := span(u, i+1, clDigit)
		if !validPort(u[i+1 : end]) {
			return false
		}
		i = end
	}
	u = u[i:]
	if q := bytes.IndexByte(u, '?'); q >= 0 {
		if !headers || !checkURIHeaders(u[q+1:]) {
			return false
		}
		u = u[:q]
	}
	return checkURIParams(u)
}

// checkUserinfo takes user[:password], without the @.
func checkUserinfo(v []byte) bool {
	if colon := bytes.IndexByte(v, ':'); colon >= 0 {
		if !escaped(v[colon+1:], clPassword) {
			return false
		}
		v = v[:colon]
	}
	return len(v) > 0 && escaped(v, clUser)
}

// hostEnd returns the end of the host at i: a name, an IPv4 address, or an IPv6 address in
// brackets; -1 or i if there is none.
func hostEnd(v []byte, i int) int {
	if i >= len(v) || v[i] != '[' {
		return span(v, i, clHost)
	}
	end := i + 1
	for end < len(v) && (is(v[end], clHex) || v[end] == ':' || v[end] == '.') {
		end++
	}
	if end == len(v) || v[end] != ']' || end-i-1 < 2 || end-i-1 > maxIPv6Text {
		return -1
	}
	return end + 1
}

func validPort(v []byte) bool {
	n, ok := number(v, 65535)
	return ok && n > 0
}

// checkURIParams takes *( ";" name [ "=" value ] ).
func checkURIParams(v []byte) bool {
	for len(v) > 0 {
		if v[0] != ';' {
			return false
		}
		v = v[1:]
		end := bytes.IndexByte(v, ';')
		if end < 0 {
			end = len(v)
		}
		name, value, found := bytes.Cut(v[:end], equals)
		if len(name) == 0 || !escaped(name, clParam) || found && (len(value) == 0 || !escaped(value, clParam)) {
			return false
		}
		v = v[end:]
	}
	return true
}

var equals = []byte("=")

// checkURIHeaders takes name=value *( "&" name=value ).
func checkURIHeaders(v []byte) bool {
	for {
		end := bytes.IndexByte(v, '&')
		last := end < 0
		if last {
			end = len(v)
		}
		name, value, found := bytes.Cut(v[:end], equals)
		if !found || len(name) == 0 || !escaped(name, clHeader) || !escaped(value, clHeader) {
			return false
		}
		if last {
			return true
		}
		v = v[end+1:]
	}
}
