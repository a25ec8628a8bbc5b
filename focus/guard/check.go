package guard

import "bytes"

// Action is what to do with a message.
type Action uint8

// The actions.
const (
	Pass   Action = iota // hand it on
	Answer               // malformed request, but one that can be answered
	Drop                 // nothing that could be answered
)

// Verdict is the outcome of a check.
type Verdict struct {
	Action Action
	// Reason is OK for Pass, else the first thing that was wrong.
	Reason Reason
	// Status is the code to answer with, for Answer: 400, 416, 501, 505 or 513.
	Status int
	// Size is the bytes that the message takes of those given: less than all of them where
	// a datagram holds more than its Content-Length (RFC 3261 section 18.3). 0 if unknown.
	Size int
}

// Check checks one message under the default limits. stream says that it came over a stream,
// where Content-Length must be there (RFC 3261 section 18.3). It allocates nothing, keeps
// nothing of msg, and any goroutine may call it.
func Check(msg []byte, stream bool) Verdict {
	var m message
	return m.check(msg, stream, &defaultLimits)
}

var defaultLimits = DefaultLimits()

const maxSeqNumber = 1<<31 - 1 // RFC 3261 section 8.1.1.5

func (m *message) check(raw []byte, stream bool, l *Limits) Verdict {
	m.raw, m.length = raw, -1
	if len(raw) > l.MessageSize {
		m.fail(MessageTooLarge)
	}
	i := m.startLine(raw)
	if i < 0 {
		return Verdict{Action: Drop, Reason: m.fault}
	}
	m.headers(i, l)
	m.required()
	m.body(stream, l)
	return m.verdict()
}

func (m *message) verdict() Verdict {
	v := Verdict{Reason: m.fault, Size: m.size}
	switch {
	case m.fault == OK:
	case m.answerable():
		v.Action, v.Status = Answer, m.fault.status()
	default:
		v.Action = Drop
	}
	return v
}

// answerable tells whether a response could be addressed and matched. An ACK has none.
func (m *message) answerable() bool {
	return !m.response && m.viaReadable && len(m.fromRaw) > 0 && len(m.toRaw) > 0 && len(m.callID) > 0 &&
		m.cseqReadable && string(m.method) != "ACK" && string(m.cseqMethod) != "ACK"
}

// startLine returns the index of the first header, or -1 if this is no SIP at all.
func (m *message) startLine(raw []byte) int {
	end := bytes.Index(raw, crlf)
	if end < 0 {
		m.fail(NotSIP)
		return -1
	}
	first := raw[:end]
	if len(first) > 4 && equalFold(first[:4], "sip/") {
		m.response = true
		m.statusLine(first)
		return end + 2
	}
	if bytes.IndexByte(first, ' ') < 0 {
		m.fail(NotSIP)
		return -1
	}
	m.requestLine(first)
	return end + 2
}

var crlf = []byte("\r\n")

func (m *message) statusLine(first []byte) {
	// SIP/2.0 SP 3DIGIT SP Reason-Phrase, which may be empty.
	if len(first) < 12 || !version2(first[:7]) || first[7] != ' ' || first[11] != ' ' {
		m.fail(BadStatus)
		return
	}
	code, ok := number(first[8:11], 699)
	if !ok || code < 100 || badControl(first) {
		m.fail(BadStatus)
	}
	m.status = first[8:]
}

func version2(v []byte) bool { return string(v) == "SIP/2.0" || string(v) == "sip/2.0" }

func (m *message) requestLine(first []byte) {
	sp := bytes.IndexByte(first, ' ')
	m.method = first[:max(sp, 0)]
	if !all(m.method, clToken) {
		m.fail(BadMethod)
		return
	}
	rest := first[sp+1:]
	sp = bytes.IndexByte(rest, ' ')
	if sp < 1 || bytes.IndexByte(rest[sp+1:], ' ') >= 0 {
		m.fail(BadStartLine)
		return
	}
	m.uri = rest[:sp]
	if version := rest[sp+1:]; !version2(version) {
		if wellFormedVersion(version) {
			m.fail(BadVersion)
		}
		m.fail(BadStartLine)
	}
	if !checkURI(m.uri, false) {
		if unreadableScheme(m.uri) {
			m.fail(UnknownScheme)
		}
		m.fail(BadRequestURI)
	}
	if miscasedMethod(m.method) {
		m.fail(MethodCase)
	}
}

// wellFormedVersion takes "SIP/" 1*DIGIT "." 1*DIGIT.
func wellFormedVersion(v []byte) bool {
	if len(v) < 7 || !equalFold(v[:4], "sip/") {
		return false
	}
	major, minor, ok := bytes.Cut(v[4:], dot)
	return ok && all(major, clDigit) && all(minor, clDigit)
}

// miscasedMethod says that a known method is written in other case: methods are
// case-sensitive (RFC 3261 section 7.1), but the library would take "invite" for INVITE.
func miscasedMethod(method []byte) bool {
	for _, c := range method {
		if 'a' <= c && c <= 'z' {
			for _, known := range methods {
				if equalFold(method, known) {
					return true
				}
			}
			return false
		}
	}
	return false
}

var methods = [...]string{"invite", "ack", "bye", "cancel", "options", "register", "prack", "update", "info",
	"subscribe", "notify", "refer", "message", "publish"}

func (m *message) headers(i int, l *Limits) {
	for count := 0; ; count++ {
		h, next, end := nextLine(m.raw, i)
		switch {
		case next < 0:
			m.headerEnd = len(m.raw)
			if len(m.raw) > l.HeaderSize {
				m.fail(HeadersTooLarge)
			}
			m.fail(NoHeaderEnd)
			return
		case next > l.HeaderSize:
			m.fail(HeadersTooLarge)
		case next-i > l.HeaderLine:
			m.fail(HeaderTooLong)
		}
		if end {
			m.headerEnd = next
			return
		}
		if count >= l.Headers {
			m.fail(TooManyHeaders)
			m.headerEnd = len(m.raw)
			return
		}
		if badControl(m.raw[i : next-2]) {
			m.fail(ControlCharacter)
		}
		if !h.ok {
			m.fail(BadHeaderLine)
		} else {
			m.header(h, l)
		}
		i = next
	}
}

func (m *message) header(h line, l *Limits) {
	k := kindOf(h.name)
	if k == kindOther {
		return
	}
	m.seen[k]++
	once := m.seen[k] == 1
	switch k {
	case kindVia:
		m.via(h.value, once, l)
	case kindFrom:
		m.party(h.value, once, &m.fromRaw, &m.from, BadFrom)
	case kindTo:
		m.party(h.value, once, &m.toRaw, &m.to, BadTo)
	case kindCallID:
		m.callIdentity(h.value, once)
	case kindCSeq:
		m.sequence(h.value, once)
	case kindMaxForwards:
		if _, ok := number(h.value, 255); !ok || !once {
			m.fail(BadMaxForwards)
		}
	case kindContentLength:
		n, ok := number(h.value, 1<<31-1)
		if !ok || !once {
			m.fail(BadContentLength)
			m.length = -1
			return
		}
		m.length = int(n)
	case kindContentType:
		if !once || !checkMediaType(h.value) {
			m.fail(BadContentType)
		}
	case kindContact:
		m.contact(h.value, l)
	case kindRoute, kindRecordRoute:
		m.list(h.value, k, BadRoute)
		if int(m.values[kindRoute]+m.values[kindRecordRoute]) > l.Routes {
			m.fail(TooManyRoute)
		}
	case kindReferTo, kindReferredBy:
		a, next, ok := parseAddress(h.value, 0)
		if !once || !ok || next != len(h.value) || a.hidden {
			m.fail(BadRefer)
		}
	}
}

func (m *message) via(v []byte, first bool, l *Limits) {
	for i := 0; ; {
		h, next, readable, ok := parseVia(v, i)
		if first && i == 0 {
			m.top, m.viaReadable = h, readable
			if ok && h.badBranch() {
				m.fail(BadBranch)
			}
		}
		if !ok {
			m.fail(BadVia)
			return
		}
		m.values[kindVia]++
		if int(m.values[kindVia]) > l.Vias {
			m.fail(TooManyVia)
			return
		}
		if next == len(v) {
			return
		}
		i = next + 1
	}
}

// party reads From and To.
func (m *message) party(v []byte, first bool, raw *[]byte, into *address, bad Reason) {
	if !first {
		m.fail(bad)
		return
	}
	*raw = v
	a, next, ok := parseAddress(v, 0)
	if !ok || next != len(v) || a.hidden {
		m.fail(bad)
	}
	*into = a
}

func (m *message) callIdentity(v []byte, first bool) {
	if !first {
		m.fail(BadCallID)
		return
	}
	m.callID = v
	left, right, found := bytes.Cut(v, at)
	if !all(left, clWord) || found && !all(right, clWord) {
		m.fail(BadCallID)
	}
}

var at, dot = []byte("@"), []byte(".")

func (m *message) sequence(v []byte, first bool) {
	if !first {
		m.fail(BadCSeq)
		return
	}
	m.cseq = v
	end := span(v, 0, clDigit)
	m.number, m.cseqMethod = v[:end], v[skipLWS(v, end):]
	m.cseqReadable = end > 0 && len(v)-len(m.cseqMethod) > end && all(m.cseqMethod, clToken)
	if _, ok := number(m.number, maxSeqNumber); !ok || !m.cseqReadable {
		m.fail(BadCSeq)
		return
	}
	if !m.response && !bytes.Equal(m.cseqMethod, m.method) {
		m.fail(CSeqMismatch)
	}
}

func (m *message) contact(v []byte, l *Limits) {
	if len(v) == 1 && v[0] == '*' {
		if string(m.method) != "REGISTER" || m.seen[kindContact] > 1 {
			m.fail(BadContact)
		}
		return
	}
	m.list(v, kindContact, BadContact)
	if int(m.values[kindContact]) > l.Contacts {
		m.fail(TooManyContact)
	}
}

// list checks a comma-separated list of addresses.
func (m *message) list(v []byte, k kind, bad Reason) {
	for i := 0; ; {
		_, next, ok := parseAddress(v, i)
		if !ok {
			m.fail(bad)
			return
		}
		m.values[k]++
		if next == len(v) {
			return
		}
		i = next + 1
	}
}

// checkMediaType takes type "/" subtype *( ";" name "=" value ).
func checkMediaType(v []byte) bool {
	i := span(v, 0, clToken)
	if i == 0 {
		return false
	}
	if i = skipLWS(v, i); i == len(v) || v[i] != '/' {
		return false
	}
	start := skipLWS(v, i+1)
	if i = span(v, start, clToken); i == start {
		return false
	}
	for {
		if i = skipLWS(v, i); i == len(v) {
			return true
		}
		if v[i] != ';' {
			return false
		}
		p, next, ok := parseParam(v, i+1)
		if !ok || !p.hasValue {
			return false
		}
		i = next
	}
}

func (m *message) required() {
	for _, c := range [...]struct {
		k kind
		r Reason
	}{{kindVia, MissingVia}, {kindFrom, MissingFrom}, {kindTo, MissingTo}, {kindCallID, MissingCallID}, {kindCSeq, MissingCSeq}} {
		if m.seen[c.k] == 0 {
			m.fail(c.r)
		}
	}
	switch {
	case m.response && m.values[kindVia] > 1:
		m.fail(ResponseVia) // RFC 3261 section 8.1.3.3
	case len(m.from.tag) == 0:
		m.fail(NoFromTag)
	}
}

func (m *message) body(stream bool, l *Limits) {
	m.size = len(m.raw)
	have := len(m.raw) - m.headerEnd
	switch {
	case m.length >= 0:
		if m.length > l.MessageSize-m.headerEnd {
			m.fail(MessageTooLarge)
		}
		if m.length > have {
			m.fail(BodyShort)
			return
		}
		m.size = m.headerEnd + m.length
	case stream:
		m.fail(NoContentLength)
		return
	}
	if m.size > m.headerEnd && m.seen[kindContentType] == 0 {
		m.fail(NoContentType)
	}
}
