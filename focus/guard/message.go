package guard

import "bytes"

// message is what the check learned of one message: slices of it, and the first fault.
// It lives on the stack of whoever checks.
type message struct {
	raw      []byte
	response bool
	method   []byte
	uri      []byte
	status   []byte // "200 OK": code and reason phrase
	top      via
	from, to address
	// fromRaw, toRaw, callID and cseq are the first value of each, trimmed, well-formed or not.
	fromRaw, toRaw, callID, cseq []byte
	number, cseqMethod           []byte
	viaReadable                  bool
	cseqReadable                 bool
	seen                         [kindCount]uint16 // header lines
	values                       [kindCount]uint16 // values of the list headers
	length                       int               // Content-Length, -1 if there is none
	headerEnd                    int               // index of the body
	size                         int               // bytes of the whole message, what follows in a datagram left off
	fault                        Reason
}

func (m *message) fail(r Reason) {
	if m.fault == OK {
		m.fault = r
	}
}

// kind is a header that the guard reads.
type kind uint8

const (
	kindOther kind = iota
	kindVia
	kindFrom
	kindTo
	kindCallID
	kindCSeq
	kindMaxForwards
	kindContentLength
	kindContentType
	kindContact
	kindRoute
	kindRecordRoute
	kindReferTo
	kindReferredBy
	kindCount
)

var kindNames = [kindCount]string{
	kindVia: "Via", kindFrom: "From", kindTo: "To", kindCallID: "Call-ID", kindCSeq: "CSeq",
	kindMaxForwards: "Max-Forwards", kindContentLength: "Content-Length", kindContentType: "Content-Type",
	kindContact: "Contact", kindRoute: "Route", kindRecordRoute: "Record-Route",
	kindReferTo: "Refer-To", kindReferredBy: "Referred-By",
}

var kindLower = [kindCount]string{
	kindVia: "via", kindFrom: "from", kindTo: "to", kindCallID: "call-id", kindCSeq: "cseq",
	kindMaxForwards: "max-forwards", kindContentLength: "content-length", kindContentType: "content-type",
	kindContact: "contact", kindRoute: "route", kindRecordRoute: "record-route",
	kindReferTo: "refer-to", kindReferredBy: "referred-by",
}

// kindOf knows the full and the compact names (RFC 3261 section 7.3.3, 3515, 3892).
func kindOf(name []byte) kind {
	if len(name) == 1 {
		switch name[0] | 0x20 {
		case 'v':
			return kindVia
		case 'f':
			return kindFrom
		case 't':
			return kindTo
		case 'i':
			return kindCallID
		case 'l':
			return kindContentLength
		case 'c':
			return kindContentType
		case 'm':
			return kindContact
		case 'r':
			return kindReferTo
		case 'b':
			return kindReferredBy
		}
		return kindOther
	}
	for k := kindVia; k < kindCount; k++ {
		if len(kindLower[k]) == len(name) && equalFold(name, kindLower[k]) {
			return k
		}
	}
	return kindOther
}

// line is one header line with its folded lines, without the line end behind it.
type line struct {
	name, value []byte
	ok          bool // it has a name and a colon
}

// nextLine reads the header line that begins at i. It returns the index behind its line
// end; end says that the line is the empty one. next is -1 if the line does not end.
func nextLine(raw []byte, i int) (l line, next int, end bool) {
	start := i
	for {
		n := bytes.IndexByte(raw[i:], '\n')
		if n < 0 {
			return l, -1, false
		}
		i += n + 1
		if i-2 >= start && raw[i-2] == '\r' && (i == len(raw) || i-2 == start || raw[i] != ' ' && raw[i] != '\t') {
			break
		}
	}
	text := raw[start : i-2]
	if len(text) == 0 {
		return l, i, true
	}
	end1 := span(text, 0, clToken)
	colon := end1
	for colon < len(text) && (text[colon] == ' ' || text[colon] == '\t') {
		colon++
	}
	if end1 > 0 && colon < len(text) && text[colon] == ':' {
		return line{name: text[:end1], value: trim(text[colon+1:]), ok: true}, i, false
	}
	return line{value: text}, i, false
}

// badControl tells whether the header line has a control character where none may be: any
// but a tab, a fold, or one that a backslash escapes in a quoted-string (RFC 3261 section
// 25.1; never CR or LF, bare or escaped).
func badControl(text []byte) bool {
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted && i+1 < len(text) && text[i+1] != '\r' && text[i+1] != '\n':
			i++
		case c == '\t' || c >= ' ' && c != 0x7f:
		case c == '\r' && i+2 < len(text) && text[i+1] == '\n' && (text[i+2] == ' ' || text[i+2] == '\t'):
			i++
		default:
			return true
		}
	}
	return false
}
