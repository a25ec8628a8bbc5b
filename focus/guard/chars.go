package guard

// Character classes of RFC 3261 section 25.1, one bit each.
const (
	clToken    uint16 = 1 << iota // token
	clWord                        // word, as in Call-ID
	clHost                        // hostname and IPv4address, and the underscore that the field knows
	clUser                        // unreserved and user-unreserved
	clPassword                    // unreserved and what a password may add
	clParam                       // paramchar without the escape
	clHeader                      // hname and hvalue without the escape
	clURI                         // uric without the escape
	clDigit
	clHex
	clAlpha
	clValue // gen-value: token or host, with the brackets and colons of IPv6
)

var classes = buildClasses()

func buildClasses() (t [256]uint16) {
	const (
		alpha = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		digit = "0123456789"
		mark  = "-_.!~*'()"
	)
	add := func(class uint16, chars ...string) {
		for _, s := range chars {
			for i := range len(s) {
				t[s[i]] |= class
			}
		}
	}
	add(clAlpha, alpha)
	add(clDigit, digit)
	add(clHex, digit, "abcdefABCDEF")
	add(clToken, alpha, digit, "-.!%*_+`'~")
	add(clWord, alpha, digit, "-.!%*_+`'~()<>:\\\"/[]?{}")
	add(clHost, alpha, digit, "-._")
	add(clUser, alpha, digit, mark, "&=+$,;?/")
	add(clPassword, alpha, digit, mark, "&=+$,")
	add(clParam, alpha, digit, mark, "[]/:&+$")
	add(clHeader, alpha, digit, mark, "[]/?:+$")
	add(clURI, alpha, digit, mark, ";/?:@&=+$,")
	add(clValue, alpha, digit, "-.!%*_+`'~[]:")
	return t
}

func is(c byte, class uint16) bool { return classes[c]&class != 0 }

// isLWS takes a line end for white space too: the line splitter let through only those
// that fold a header line (RFC 3261 section 7.3.1).
func isLWS(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func skipLWS(v []byte, i int) int {
	for i < len(v) && isLWS(v[i]) {
		i++
	}
	return i
}

// span returns the end of the run of class that begins at i.
func span(v []byte, i int, class uint16) int {
	for i < len(v) && classes[v[i]]&class != 0 {
		i++
	}
	return i
}

func all(v []byte, class uint16) bool { return len(v) > 0 && span(v, 0, class) == len(v) }

// trim cuts white space, line folds included, from both ends.
func trim(v []byte) []byte {
	v = v[skipLWS(v, 0):]
	for len(v) > 0 && isLWS(v[len(v)-1]) {
		v = v[:len(v)-1]
	}
	return v
}

// equalFold compares v without case to lower, which must be in lower case.
func equalFold(v []byte, lower string) bool {
	if len(v) != len(lower) {
		return false
	}
	for i, c := range v {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// number reads decimal digits up to limit; ok is false for anything else.
func number(v []byte, limit uint64) (n uint64, ok bool) {
	if !all(v, clDigit) {
		return 0, false
	}
	for _, c := range v {
		n = n*10 + uint64(c-'0')
		if n > limit {
			return 0, false
		}
	}
	return n, true
}

// escaped tells whether v consists of class and well-formed %HH escapes.
func escaped(v []byte, class uint16) bool {
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case is(c, class):
		case c == '%' && i+2 < len(v) && is(v[i+1], clHex) && is(v[i+2], clHex):
			i += 2
		default:
			return false
		}
	}
	return true
}

// quotedEnd returns the index after the quoted-string that begins at i, or -1 if it does
// not end (RFC 3261 section 25.1).
func quotedEnd(v []byte, i int) int {
	for i++; i < len(v); i++ {
		switch v[i] {
		case '"':
			return i + 1
		case '\\':
			i++
			if i < len(v) && (v[i] == '\r' || v[i] == '\n') {
				return -1
			}
		}
	}
	return -1
}
