package focus

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// peer is a caller that writes its messages itself, so that it can write wrong ones. It
// answers nothing by itself.
type peer struct {
	t         *testing.T
	conn      net.Conn
	transport string // UDP, TCP, TLS
	remote    string // host:port of the server
	local     string // host:port of ours
	contact   string // host:port in Contact; local unless changed
	room      string
	callID    string
	from, to  string // tags
	cseq      int
	branch    string // of the last request
	pending   string // CSeq of the last request but ACK
	in        chan sip.Message
}

var peers atomic.Int64

func dial(t *testing.T, transport string, to netip.AddrPort) *peer {
	t.Helper()
	return dialFrom(t, "", transport, to)
}

// dialFrom is dial from a host, for UDP.
func dialFrom(t *testing.T, host, transport string, to netip.AddrPort) *peer {
	t.Helper()
	n := peers.Add(1)
	p := &peer{
		t: t, transport: transport, remote: to.String(), room: fmt.Sprintf("room%d", n),
		callID: fmt.Sprintf("call-%d", n), from: fmt.Sprintf("from-%d", n), in: make(chan sip.Message, 1000),
	}
	var err error
	switch transport {
	case "UDP":
		from := &net.UDPAddr{IP: net.ParseIP(host)}
		p.conn, err = net.DialUDP("udp", from, net.UDPAddrFromAddrPort(to))
	case "TCP":
		p.conn, err = net.Dial("tcp", to.String())
	case "TLS":
		p.conn, err = tls.Dial("tcp", to.String(), &tls.Config{InsecureSkipVerify: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	p.local = p.conn.LocalAddr().String()
	p.contact = p.local
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.read()
	}()
	t.Cleanup(func() {
		p.conn.Close()
		<-done
	})
	return p
}

func (p *peer) read() {
	defer close(p.in)
	buf := make([]byte, 65536)
	stream := sip.NewParser().NewSIPStream()
	for {
		n, err := p.conn.Read(buf)
		if err != nil {
			return
		}
		if p.transport == "UDP" {
			if msg, err := sip.ParseMessage(append([]byte(nil), buf[:n]...)); err == nil {
				p.in <- msg
			}
			continue
		}
		_ = stream.ParseSIPStream(buf[:n], func(m sip.Message) { p.in <- m })
	}
}

// send writes a message; lines end as they should.
func (p *peer) send(msg string) {
	p.t.Helper()
	msg = strings.ReplaceAll(strings.ReplaceAll(msg, "\r\n", "\n"), "\n", "\r\n")
	if _, err := io.WriteString(p.conn, msg); err != nil {
		p.t.Fatal(err)
	}
}

// request makes a request of the next CSeq, in the dialog if there is one. extra is header
// lines, each with its line end.
func (p *peer) request(method, extra, body string) string {
	p.cseq++
	return p.build(method, p.cseq, extra, body)
}

func (p *peer) build(method string, cseq int, extra, body string) string {
	p.branch = fmt.Sprintf("z9hG4bK%s-%s-%d-%d", p.callID, method, cseq, peers.Add(1))
	return p.buildBranch(p.branch, method, cseq, extra, body)
}

func (p *peer) buildBranch(branch, method string, cseq int, extra, body string) string {
	if method != "ACK" {
		p.pending = fmt.Sprint(cseq, " ", method)
	}
	to := ""
	if p.to != "" {
		to = ";tag=" + p.to
	}
	if body != "" && !strings.Contains(extra, "Content-Type") {
		extra += "Content-Type: application/sdp\n"
	}
	body = strings.ReplaceAll(body, "\n", "\r\n")
	return fmt.Sprintf("%s sip:%s@%s SIP/2.0\nVia: SIP/2.0/%s %s;branch=%s;rport\nMax-Forwards: 70\n"+
		"From: \"A \\\"B\\\"\" <sip:caller@%s>;tag=%s\nTo: <sip:%s@%s>%s\nCall-ID: %s\nCSeq: %d %s\n"+
		"Contact: <sip:caller@%s;transport=%s>\n%sContent-Length: %d\n\n%s",
		method, p.room, p.remote, p.transport, p.local, branch, p.local, p.from, p.room, p.remote, to,
		p.callID, cseq, method, p.contact, strings.ToLower(p.transport), extra, len(body), body)
}

// next returns the next message.
func (p *peer) next() sip.Message {
	p.t.Helper()
	select {
	case m, ok := <-p.in:
		if !ok {
			p.t.Fatal("the server closed the connection")
		}
		return m
	case <-time.After(patience):
		p.t.Fatal("nothing came")
		return nil
	}
}

// final returns the next final response to the last request; other responses (a 200 that is
// sent again) and requests are passed over.
func (p *peer) final() *sip.Response {
	p.t.Helper()
	for {
		res, ok := p.next().(*sip.Response)
		if ok && !res.IsProvisional() && res.CSeq().Value() == p.pending {
			return res
		}
	}
}

// expect sends a request and returns the final response, which must have the code.
func (p *peer) expect(code int, request string) *sip.Response {
	p.t.Helper()
	p.send(request)
	res := p.final()
	if res.StatusCode != code {
		p.t.Fatalf("got %d, want %d\n%s", res.StatusCode, code, res)
	}
	return res
}

// await returns the next request of a method; responses and repetitions are passed over.
func (p *peer) await(method sip.RequestMethod) *sip.Request {
	p.t.Helper()
	for {
		if req, ok := p.next().(*sip.Request); ok && req.Method == method {
			return req
		}
	}
}

// answer responds to a request of the server's.
func (p *peer) answer(req *sip.Request, code int, extra, body string) {
	p.t.Helper()
	res := sip.NewResponseFromRequest(req, code, "Whatever", nil)
	for line := range strings.Lines(extra) {
		name, val, _ := strings.Cut(strings.TrimSpace(line), ":")
		res.AppendHeader(sip.NewHeader(name, strings.TrimSpace(val)))
	}
	if body != "" {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		res.SetBody([]byte(strings.ReplaceAll(body, "\n", "\r\n")))
	}
	p.send(res.String())
}

// invite sets up a call as far as the 200, whose tag it takes.
func (p *peer) invite(extra, body string) *sip.Response {
	p.t.Helper()
	res := p.expect(200, p.request("INVITE", extra, body))
	p.to, _ = res.To().Params.Get("tag")
	return res
}

func (p *peer) ack(body string) { p.t.Helper(); p.send(p.build("ACK", p.cseq, "", body)) }

// call sets up a call and acknowledges it.
func (p *peer) call(extra string) *sip.Response {
	p.t.Helper()
	res := p.invite(extra, offer(p.local, "sendrecv"))
	p.ack("")
	return res
}

// offer is a plain G.711 description.
func offer(local, direction string) string {
	host, _, _ := net.SplitHostPort(local)
	family := "IP4"
	if strings.Contains(host, ":") {
		family = "IP6"
	}
	return fmt.Sprintf("v=0\no=- 1 %d IN %s %s\ns=-\nc=IN %s %s\nt=0 0\nm=audio 40000 RTP/AVP 0 8 101\n"+
		"a=rtpmap:101 telephone-event/8000\na=%s\n", peers.Add(1), family, host, family, host, direction)
}

func header(t *testing.T, m interface{ GetHeader(string) sip.Header }, name string) string {
	t.Helper()
	h := m.GetHeader(name)
	if h == nil {
		t.Fatalf("no %s in\n%v", name, m)
	}
	return h.Value()
}
