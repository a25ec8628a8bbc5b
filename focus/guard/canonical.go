package guard

import (
	"bytes"
	"net/netip"
	"strconv"
)

// appendCanonical appends the checked message in the form that is handed on: the same
// headers in the same order under their full names, one Via value a line, no folds, no white
// space around separators. The top Via of a request gets a received parameter where its
// sent-by is not the source (RFC 3261 section 18.2.1); one that it claims for itself goes.
// The body is untouched.
func (m *message) appendCanonical(dst []byte, src netip.Addr) []byte {
	if m.response {
		dst = append(dst, "SIP/2.0 "...)
		dst = append(dst, m.status...)
	} else {
		dst = append(dst, m.method...)
		dst = append(dst, ' ')
		dst = append(dst, m.uri...)
		dst = append(dst, " SIP/2.0"...)
	}
	dst = append(dst, crlf...)
	top := !m.response
	for i := bytes.Index(m.raw, crlf) + 2; ; {
		h, next, end := nextLine(m.raw, i)
		if end {
			break
		}
		if kindOf(h.name) == kindVia {
			dst = appendVias(dst, h.value, src, 0, top)
			top = false
		} else {
			dst = m.appendHeader(dst, h)
		}
		i = next
	}
	dst = append(dst, crlf...)
	return append(dst, m.raw[m.headerEnd:m.size]...)
}

func (m *message) appendHeader(dst []byte, h line) []byte {
	k := kindOf(h.name)
	if k == kindOther {
		dst = append(dst, h.name...)
	} else {
		dst = append(dst, kindNames[k]...)
	}
	dst = append(dst, ':', ' ')
	switch k {
	case kindFrom, kindTo, kindReferTo, kindReferredBy:
		dst = appendAddresses(dst, h.value, false)
	case kindContact, kindRoute, kindRecordRoute:
		if len(h.value) == 1 { // *
			dst = append(dst, '*')
		} else {
			dst = appendAddresses(dst, h.value, true)
		}
	case kindCSeq:
		dst = append(dst, m.number...)
		dst = append(dst, ' ')
		dst = append(dst, m.cseqMethod...)
	default:
		dst = appendUnfolded(dst, h.value)
	}
	return append(dst, crlf...)
}

// appendVias appends the values of one Via line, each as a line of its own. port is written
// as rport where the top one asks for it, unless it is 0.
func appendVias(dst, v []byte, src netip.Addr, port uint16, top bool) []byte {
	for i := 0; ; {
		h, next, readable, ok := parseVia(v, i)
		dst = append(dst, "Via: "...)
		if readable {
			dst = h.appendValue(dst, src, port, top)
			i = h.paramsStart
		}
		if !ok {
			// Only in an answer to a malformed request: the rest as it came.
			dst = appendUnfolded(dst, v[i:])
		}
		dst = append(dst, crlf...)
		if !ok || next == len(v) {
			return dst
		}
		i, top = next+1, false
	}
}

func (h *via) appendValue(dst []byte, src netip.Addr, port uint16, top bool) []byte {
	dst = append(dst, h.protocol...)
	dst = append(dst, '/')
	dst = append(dst, h.version...)
	dst = append(dst, '/')
	dst = append(dst, h.transport...)
	dst = append(dst, ' ')
	dst = append(dst, h.host...)
	if len(h.port) > 0 {
		dst = append(dst, ':')
		dst = append(dst, h.port...)
	}
	src = src.WithZone("") // means nothing to the peer
	if top && src.IsValid() && (port != 0 && h.rport || !h.sentBy(src)) {
		dst = append(dst, ";received="...)
		dst = src.AppendTo(dst)
	}
	for i := 0; i < len(h.params); {
		p, next, ok := parseParam(h.params, i+1)
		if !ok {
			break
		}
		i = skipLWS(h.params, next)
		switch {
		case top && equalFold(p.name, "received"):
		case top && port != 0 && equalFold(p.name, "rport"):
			dst = append(dst, ";rport="...)
			dst = strconv.AppendUint(dst, uint64(port), 10)
		default:
			dst = appendParam(dst, p, false)
		}
	}
	return dst
}

// sentBy tells whether the host of the value is the address src itself.
func (h *via) sentBy(src netip.Addr) bool {
	var buf [64]byte
	text := src.AppendTo(buf[:0])
	host := h.host
	if len(host) > 1 && host[0] == '[' {
		host = host[1 : len(host)-1]
	}
	return bytes.EqualFold(host, text)
}

// appendAddresses appends one value, or a list with the commas between.
func appendAddresses(dst, v []byte, list bool) []byte {
	for i := 0; ; {
		a, next, ok := parseAddress(v, i)
		if !ok {
			return dst
		}
		dst = a.append(dst, list)
		if next == len(v) {
			return dst
		}
		dst = append(dst, ',')
		i = next + 1
	}
}

// append writes the value. plain replaces escaped quotes by apostrophes: in the headers that
// may be lists the library counts quotes without regard to escapes.
func (a *address) append(dst []byte, plain bool) []byte {
	if a.angle {
		if len(a.display) > 0 {
			if plain && a.display[0] == '"' {
				dst = appendPlainQuotes(dst, a.display)
			} else {
				dst = appendUnfolded(dst, a.display)
			}
			dst = append(dst, ' ')
		}
		dst = append(dst, '<')
		dst = append(dst, a.uri...)
		dst = append(dst, '>')
	} else {
		dst = append(dst, a.uri...)
	}
	for i := 0; i < len(a.params); {
		p, next, ok := parseParam(a.params, i+1)
		if !ok {
			break
		}
		dst = appendParam(dst, p, plain)
		i = skipLWS(a.params, next)
	}
	return dst
}

func appendParam(dst []byte, p param, plain bool) []byte {
	dst = append(dst, ';')
	dst = appendParamName(dst, p.name)
	switch {
	case !p.hasValue:
		return dst
	case p.quoted && plain:
		return appendPlainQuotes(append(dst, '='), p.value)
	}
	return appendUnfolded(append(dst, '='), p.value)
}

// appendParamName writes the parameters that the library looks for in the case that it
// looks for, others as they came.
func appendParamName(dst, name []byte) []byte {
	for _, known := range [...]string{"tag", "branch", "rport", "received", "maddr", "ttl", "expires"} {
		if equalFold(name, known) {
			return append(dst, known...)
		}
	}
	return append(dst, name...)
}

// appendUnfolded appends v with each fold, the white space around it included, as one
// space. It writes no line end, whatever v holds.
func appendUnfolded(dst, v []byte) []byte {
	for {
		i := bytes.IndexAny(v, "\r\n")
		if i < 0 {
			return append(dst, v...)
		}
		dst = append(dst, v[:i]...)
		for len(dst) > 0 && (dst[len(dst)-1] == ' ' || dst[len(dst)-1] == '\t') {
			dst = dst[:len(dst)-1]
		}
		dst = append(dst, ' ')
		v = v[skipLWS(v, i):]
	}
}

func appendPlainQuotes(dst, v []byte) []byte {
	start := len(dst)
	dst = appendUnfolded(dst, v)
	for i := start; i+1 < len(dst); i++ {
		if dst[i] == '\\' {
			if dst[i+1] == '"' {
				dst[i], dst[i+1] = '\'', '\''
			}
			i++
		}
	}
	return dst
}
