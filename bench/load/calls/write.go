package calls

import (
	"strconv"
	"strings"
)

// request is one of ours. Its fields are as they are written.
type request struct {
	method, uri string
	branch      string
	routes      []string // with their brackets
	from, to    string
	callID      string
	seq         uint32
	headers     []string // further lines, "Name: value"
	body        string   // a session description, or ""
}

// What we can do, and say that we can.
const (
	allowed   = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO"
	supported = "timer"
)

// bytes returns the request as line l sends it.
func (r *request) bytes(l *line) []byte {
	var b strings.Builder
	b.Grow(700 + len(r.body))
	uri, routes := r.uri, r.routes
	if len(routes) > 0 && !isLoose(routes[0]) { // RFC 3261 section 12.2.1.1
		uri, routes = strings.Trim(routes[0], "<>"), append(routes[1:len(routes):len(routes)], "<"+uri+">")
	}
	put(&b, r.method, " ", uri, " SIP/2.0\r\nVia: SIP/2.0/", l.protocol, " ", l.local(), ";branch=", r.branch, ";rport\r\n")
	for _, route := range routes {
		put(&b, "Route: ", route, "\r\n")
	}
	put(&b, "Max-Forwards: 70\r\nFrom: ", r.from, "\r\nTo: ", r.to, "\r\nCall-ID: ", r.callID,
		"\r\nCSeq: ", strconv.FormatUint(uint64(r.seq), 10), " ", r.method, "\r\n")
	for _, h := range r.headers {
		put(&b, h, "\r\n")
	}
	put(&b, "User-Agent: ", l.agent.config.UserAgent, "\r\n")
	putBody(&b, r.body)
	return []byte(b.String())
}

func isLoose(route string) bool {
	uri, _ := nameAddr(route)
	for p := range strings.SplitSeq(uri, ";") {
		if strings.EqualFold(p, "lr") || strings.HasPrefix(strings.ToLower(p), "lr=") {
			return true
		}
	}
	return false
}

func put(b *strings.Builder, parts ...string) {
	for _, p := range parts {
		b.WriteString(p)
	}
}

func putBody(b *strings.Builder, sdp string) {
	if sdp != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	put(b, "Content-Length: ", strconv.Itoa(len(sdp)), "\r\n\r\n", sdp)
}

// response answers m, a request. ownTag is put into To if it has none; lines are further
// header lines.
func (m *message) response(status int, phrase, ownTag string, lines []string, sdp string) []byte {
	var b strings.Builder
	put(&b, "SIP/2.0 ", strconv.Itoa(status), " ", phrase, "\r\n")
	for _, h := range m.headers {
		switch h.name {
		case "via":
			put(&b, "Via: ", h.value, "\r\n")
		case "record-route":
			put(&b, "Record-Route: ", h.value, "\r\n")
		}
	}
	to := m.get("to")
	if tag(to) == "" && ownTag != "" {
		to += ";tag=" + ownTag
	}
	put(&b, "From: ", m.get("from"), "\r\nTo: ", to, "\r\nCall-ID: ", m.callID(), "\r\nCSeq: ", m.get("cseq"), "\r\n")
	for _, h := range lines {
		put(&b, h, "\r\n")
	}
	putBody(&b, sdp)
	return []byte(b.String())
}
