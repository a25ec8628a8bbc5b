package focus

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

// What is refused, and how. Nothing of it may leave a call behind.
func TestRefusals(t *testing.T) {
	s := start(t, func(c *Config) { c.SessionExpires = minSessionInterval })
	sdp := offer("127.0.0.1:1", "sendrecv")
	for name, c := range map[string]struct {
		method, extra, body string
		edit                func(string) string
		to                  string // tag
		code                int
		header, has         string // of the response
	}{
		"required extension":       {method: "INVITE", extra: "Require: 100rel, timer\n", body: sdp, code: 420, header: "Unsupported", has: "100rel"},
		"another scheme":           {method: "INVITE", body: sdp, edit: replace("INVITE sip:", "INVITE urn:service:"), code: 416},
		"no user":                  {method: "INVITE", body: sdp, edit: noUser, code: 484},
		"a user that is no room":   {method: "INVITE", body: sdp, edit: replace("INVITE sip:", "INVITE sip:%2F"), code: 404, header: "Warning", has: "a room name is"},
		"type of body":             {method: "INVITE", extra: "Content-Type: text/plain\n", body: "hello", code: 415, header: "Accept", has: "application/sdp"},
		"encoding of body":         {method: "INVITE", extra: "Content-Encoding: gzip\n", body: sdp, code: 415, header: "Accept-Encoding", has: "identity"},
		"multipart, no boundary":   {method: "INVITE", extra: "Content-Type: multipart/mixed\n", body: "--x\n", code: 400},
		"codecs":                   {method: "INVITE", body: strings.Replace(sdp, "0 8 101", "18", 1), code: 488, header: "Warning", has: "305 127.0.0.1"},
		"no audio":                 {method: "INVITE", body: strings.Replace(sdp, "m=audio", "m=video", 1), code: 488, header: "Warning", has: "304"},
		"SDP nonsense":             {method: "INVITE", body: "v=7\nnonsense", code: 400, header: "Warning", has: "399"},
		"session interval":         {method: "INVITE", extra: "Supported: timer\nSession-Expires: 30\n", body: sdp, code: 422, header: "Min-SE", has: "90"},
		"session interval, number": {method: "INVITE", extra: "x: soon\n", body: sdp, code: 400},
		"refresher":                {method: "INVITE", extra: "Session-Expires: 1800;refresher=me\n", body: sdp, code: 400},
		"Min-SE":                   {method: "INVITE", extra: "Min-SE: -1\n", body: sdp, code: 400},
		"INVITE to no call":        {method: "INVITE", body: sdp, to: "stranger", code: 481},
		"BYE to no call":           {method: "BYE", to: "stranger", code: 481},
		"BYE outside":              {method: "BYE", code: 481},
		"UPDATE to no call":        {method: "UPDATE", to: "stranger", code: 481},
		"INFO outside":             {method: "INFO", code: 481},
		"OPTIONS to no call":       {method: "OPTIONS", to: "stranger", code: 481},
		"CANCEL of nothing":        {method: "CANCEL", code: 481},
		"known method":             {method: "REGISTER", code: 405, header: "Allow", has: "INVITE, ACK"},
		"known method in a dialog": {method: "REFER", to: "stranger", code: 405, header: "Allow", has: "UPDATE"},
		"unknown method":           {method: "FROBNICATE", code: 501, header: "Allow", has: "BYE"},
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, "UDP", s.addr(0))
			p.to = c.to
			req := p.request(c.method, c.extra, c.body)
			if c.edit != nil {
				req = c.edit(req)
			}
			res := p.expect(c.code, req)
			if c.header != "" && !strings.Contains(header(t, res, c.header), c.has) {
				t.Errorf("%s is %q, want %q in it", c.header, header(t, res, c.header), c.has)
			}
			if tag, _ := res.To().Params.Get("tag"); tag == "" {
				t.Error("the response has no To tag")
			}
			if c.method == "INVITE" {
				p.send(p.buildBranch(p.branch, "ACK", p.cseq, "", ""))
			}
		})
	}
	s.settled()
}

func replace(old, new string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, new, 1) }
}

func noUser(s string) string {
	start, rest, _ := strings.Cut(s, "sip:")
	_, rest, _ = strings.Cut(rest, "@")
	return start + "sip:" + rest
}

func TestMaxForwardsZeroIsForUs(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.expect(200, replace("Max-Forwards: 70", "Max-Forwards: 0")(p.request("OPTIONS", "", "")))
}

// Every code of the rooms has a status; none is forgotten when one is added.
func TestRoomErrorsHaveAStatus(t *testing.T) {
	for code, want := range map[rooms.ErrorCode]int{
		rooms.Invalid: 404, rooms.NoRoomName: 484, rooms.NotFound: 404, rooms.Forbidden: 403,
		rooms.Full: 486, rooms.Locked: 480, rooms.Overloaded: 503, rooms.Draining: 503,
		rooms.TimedOut: 503, rooms.Internal: 500, "new": 500,
	} {
		s := statusOf(&rooms.Error{Code: code, Op: "join", Message: "no"}, "h")
		if s.code != want {
			t.Errorf("%s: %d, want %d", code, s.code, want)
		}
		retry := false
		for _, h := range s.headers {
			retry = retry || h.Name() == "Retry-After"
		}
		if retry != (want == 503) {
			t.Errorf("%s: Retry-After %v", code, retry)
		}
	}
}

// A machine without room for one more socket is a matter of time, not a fault of ours.
func TestLackOfSocketsIsUnavailable(t *testing.T) {
	for _, err := range []error{transport.ErrNoPorts, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS} {
		if s := statusOf(fmt.Errorf("cannot listen: %w", err), "h"); s.code != 503 || len(s.headers) != 1 || s.headers[0].Name() != "Retry-After" {
			t.Errorf("%v: %d with %v, want 503 with Retry-After", err, s.code, s.headers)
		}
	}
}

func TestRoomPolicy(t *testing.T) {
	s := start(t, func(c *Config) {
		c.Registry = rooms.New(rooms.Config{Engine: nil, Open: rooms.OpenNobody})
	})
	p := dial(t, "UDP", s.addr(0))
	p.expect(404, p.request("INVITE", "", offer(p.local, "sendrecv")))
	s.settled()
	if s.Stats().Refused["room"] != 1 {
		t.Errorf("refused is %v", s.Stats().Refused)
	}
}

func TestOptions(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	res := p.expect(200, p.request("OPTIONS", "", ""))
	for name, want := range map[string]string{"Allow": allowValue, "Accept": acceptValue, "Supported": "timer"} {
		if got := header(t, res, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	p.call("")
	res = p.expect(200, p.request("OPTIONS", "", ""))
	if got := header(t, res, "Contact"); !strings.Contains(got, "isfocus") {
		t.Errorf("Contact is %s", got)
	}
}
