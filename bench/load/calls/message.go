package calls

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// message is a request (status 0) or a response. Header fields keep their order and text.
type message struct {
	method, uri string // of a request
	status      int    // of a response
	phrase      string
	headers     []header
	body        string
}

type header struct{ name, value string } // name in lower case, long form

// maxMessage bounds what is read: no datagram is longer, and no server needs to be.
const maxMessage = 1 << 16

// longForms are the compact forms of RFC 3261 section 7.3.3 and of RFC 4028.
var longForms = map[string]string{
	"a": "accept-contact", "b": "referred-by", "c": "content-type", "e": "content-encoding", "f": "from", "i": "call-id",
	"k": "supported", "l": "content-length", "m": "contact", "o": "event", "r": "refer-to", "s": "subject", "t": "to",
	"u": "allow-events", "v": "via", "x": "session-expires",
}

var errMessage = errors.New("not a SIP message")

// parse reads a whole message. Bytes after the body that Content-Length gives are ignored
// (RFC 3261 section 18.3); without that field the body is all that follows.
func parse(text string) (*message, error) {
	head, body, ok := strings.Cut(text, "\r\n\r\n")
	if !ok {
		return nil, fmt.Errorf("%w: the header does not end", errMessage)
	}
	lines := strings.Split(head, "\r\n")
	m := &message{headers: make([]header, 0, len(lines)-1)}
	if err := m.parseStart(lines[0]); err != nil {
		return nil, err
	}
	for _, line := range lines[1:] {
		if err := m.parseHeader(line); err != nil {
			return nil, err
		}
	}
	if v := m.get("content-length"); v != "" {
		n, err := strconv.ParseUint(v, 10, 31)
		if err != nil || int(n) > len(body) {
			return nil, fmt.Errorf("%w: Content-Length is %q with %d bytes of body", errMessage, v, len(body))
		}
		body = body[:n]
	}
	m.body = body
	return m, m.check()
}

func (m *message) parseStart(line string) error {
	if rest, ok := strings.CutPrefix(line, "SIP/2.0 "); ok {
		code, phrase, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(code)
		if err != nil || len(code) != 3 || n < 100 || n > 699 {
			return fmt.Errorf("%w: status line %.40q", errMessage, line)
		}
		m.status, m.phrase = n, phrase
		return nil
	}
	parts := strings.Split(line, " ")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] != "SIP/2.0" {
		return fmt.Errorf("%w: first line %.40q", errMessage, line)
	}
	m.method, m.uri = parts[0], parts[1]
	return nil
}

func (m *message) parseHeader(line string) error {
	if line != "" && (line[0] == ' ' || line[0] == '\t') && len(m.headers) > 0 { // folded
		last := &m.headers[len(m.headers)-1]
		last.value = strings.TrimSpace(last.value + " " + strings.TrimSpace(line))
		return nil
	}
	name, value, ok := strings.Cut(line, ":")
	name = strings.ToLower(strings.TrimSpace(name))
	if !ok || name == "" {
		return fmt.Errorf("%w: header line %.40q", errMessage, line)
	}
	if long, ok := longForms[name]; ok {
		name = long
	}
	m.headers = append(m.headers, header{name, strings.TrimSpace(value)})
	return nil
}

// check wants what no message can be answered or placed without.
func (m *message) check() error {
	for _, name := range [...]string{"via", "from", "to", "call-id"} {
		if m.get(name) == "" {
			return fmt.Errorf("%w: it has no %s", errMessage, name)
		}
	}
	if _, method := m.cseq(); method == "" || m.method != "" && m.method != method {
		return fmt.Errorf("%w: CSeq is %q", errMessage, m.get("cseq"))
	}
	return nil
}

// get returns the first value of a header, "" if there is none.
func (m *message) get(name string) string {
	for _, h := range m.headers {
		if h.name == name {
			return h.value
		}
	}
	return ""
}

// list returns the elements of a comma-separated header over all its lines.
func (m *message) list(name string) []string {
	var all []string
	for _, h := range m.headers {
		if h.name == name {
			all = append(all, elements(h.value)...)
		}
	}
	return all
}

// has reports whether a comma-separated header has the element, in any case.
func (m *message) has(name, element string) bool {
	for _, e := range m.list(name) {
		if strings.EqualFold(e, element) {
			return true
		}
	}
	return false
}

// cseq returns number and method, "" if it cannot be read.
func (m *message) cseq() (uint32, string) {
	fields := strings.Fields(m.get("cseq"))
	if len(fields) != 2 {
		return 0, ""
	}
	n, err := strconv.ParseUint(fields[0], 10, 32)
	if err != nil {
		return 0, ""
	}
	return uint32(n), fields[1]
}

// branch is that of the topmost Via.
func (m *message) branch() string {
	if vias := elements(m.get("via")); len(vias) > 0 {
		return param(vias[0], "branch")
	}
	return ""
}

func (m *message) fromTag() string { return tag(m.get("from")) }
func (m *message) toTag() string   { return tag(m.get("to")) }
func (m *message) callID() string  { return m.get("call-id") }

func (m *message) success() bool { return m.status >= 200 && m.status < 300 }

// contact returns the URI of the first Contact, "" if there is none.
func (m *message) contact() string {
	if all := m.list("contact"); len(all) > 0 {
		uri, _ := nameAddr(all[0])
		return uri
	}
	return ""
}

// routes are the URIs of Record-Route with their brackets, in the order of the message.
func (m *message) routes() []string { return m.list("record-route") }

// sdp returns the session description in the body, "" if there is none.
func (m *message) sdp() string {
	kind, _, _ := strings.Cut(m.get("content-type"), ";")
	if strings.EqualFold(strings.TrimSpace(kind), "application/sdp") {
		return m.body
	}
	return ""
}

// elements splits at commas that are neither quoted nor in angle brackets.
func elements(value string) []string {
	var all []string
	add := func(e string) {
		if e = strings.TrimSpace(e); e != "" {
			all = append(all, e)
		}
	}
	from := 0
	scan(value, func(i int, c byte) bool {
		if c == ',' {
			add(value[from:i])
			from = i + 1
		}
		return true
	})
	add(value[from:])
	return all
}

// scan calls f with every byte of value that is neither within quotes nor within angle
// brackets; the brackets themselves are among them.
func scan(value string, f func(i int, c byte) bool) {
	quoted, bracketed := false, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quoted:
			if c == '\\' {
				i++
			}
			quoted = c != '"'
		case bracketed && c != '>':
		case c == '"':
			quoted = true
		default:
			bracketed = c == '<'
			if !f(i, c) {
				return
			}
		}
	}
}

// nameAddr reads `"Name" <uri>;params` or `uri;params` (RFC 3261 section 20.10: without
// brackets the parameters are the header's).
func nameAddr(value string) (uri, params string) {
	open, end, semicolon := -1, -1, -1
	scan(value, func(i int, c byte) bool {
		switch {
		case c == '<' && open < 0:
			open = i
		case c == '>' && open >= 0 && end < 0:
			end = i
		case c == ';' && semicolon < 0 && (open < 0 || end >= 0):
			semicolon = i
		}
		return semicolon < 0
	})
	if semicolon < 0 {
		semicolon = len(value)
	}
	if open >= 0 && end > open {
		return strings.TrimSpace(value[open+1 : end]), value[semicolon:]
	}
	return strings.TrimSpace(value[:semicolon]), value[semicolon:]
}

// tag returns the tag of a From or To.
func tag(value string) string {
	_, params := nameAddr(value)
	return param(params, "tag")
}

// param returns a parameter of a ;-separated value, "" if there is none; that of the first
// element is part of none.
func param(value, name string) string {
	_, rest, _ := strings.Cut(value, ";")
	for p := range strings.SplitSeq(rest, ";") {
		key, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
