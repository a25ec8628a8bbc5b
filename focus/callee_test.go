package focus

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/rooms"
)

// callee is who is called. It reads what the server sends and answers what the test writes;
// it answers nothing by itself. Repetitions of requests are passed over, but for ACK.
type callee struct {
	t         *testing.T
	transport string
	addr      netip.AddrPort
	in        chan heard
	seen      map[string]bool
	close     func()

	mu    sync.Mutex
	reply func([]byte) error // the way back of the last message
	conn  net.Conn           // the last connection
	count map[sip.RequestMethod]int
}

type heard struct {
	msg   sip.Message
	reply func([]byte) error
}

// listen waits for calls on loopback.
func listen(t *testing.T, transport string, cert ...tls.Certificate) *callee {
	t.Helper()
	c := &callee{
		t: t, transport: transport, in: make(chan heard, 10000), seen: map[string]bool{},
		count: map[sip.RequestMethod]int{},
	}
	var work sync.WaitGroup
	if transport == "UDP" {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c.addr, c.close = addrPort(conn.LocalAddr()), func() { conn.Close() }
		work.Go(func() { c.readPackets(conn) })
	} else {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c.addr = addrPort(l.Addr())
		if transport == "TLS" {
			l = tls.NewListener(l, &tls.Config{Certificates: cert})
		}
		c.close = func() { l.Close() }
		work.Go(func() { c.accept(l, &work) })
	}
	t.Cleanup(func() {
		c.close()
		c.hangUpConnection()
		work.Wait()
	})
	return c
}

func (c *callee) readPackets(conn net.PacketConn) {
	buf := make([]byte, 65536)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if msg, err := sip.ParseMessage(append([]byte(nil), buf[:n]...)); err == nil {
			c.in <- heard{msg, func(b []byte) error { _, err := conn.WriteTo(b, from); return err }}
		}
	}
}

func (c *callee) accept(l net.Listener, work *sync.WaitGroup) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		c.conn = conn
		c.mu.Unlock()
		work.Go(func() {
			defer conn.Close()
			buf := make([]byte, 65536)
			stream := sip.NewParser().NewSIPStream()
			for {
				n, err := conn.Read(buf)
				if err != nil {
					return
				}
				_ = stream.ParseSIPStream(buf[:n], func(m sip.Message) {
					c.in <- heard{m, func(b []byte) error { _, err := conn.Write(b); return err }}
				})
			}
		})
	}
}

func (c *callee) hangUpConnection() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Close()
	}
}

// next returns the next message that is no repetition.
func (c *callee) next() sip.Message {
	c.t.Helper()
	for {
		select {
		case h := <-c.in:
			c.reply = h.reply
			if req, ok := h.msg.(*sip.Request); ok {
				branch, _ := req.Via().Params.Get("branch")
				key := string(req.Method) + " " + branch
				again := c.seen[key]
				c.seen[key] = true
				if again && req.Method != sip.ACK {
					continue
				}
			}
			return h.msg
		case <-time.After(patience):
			c.t.Fatal("the callee hears nothing")
		}
	}
}

// await returns the next request of a method; what else comes is passed over.
func (c *callee) await(method sip.RequestMethod) *sip.Request {
	c.t.Helper()
	for {
		if req, ok := c.next().(*sip.Request); ok && req.Method == method {
			return req
		}
	}
}

// expect returns the next request, which must be of the method.
func (c *callee) expect(method sip.RequestMethod) *sip.Request {
	c.t.Helper()
	m := c.next()
	req, ok := m.(*sip.Request)
	if !ok || req.Method != method {
		c.t.Fatalf("got\n%v\nwant %s", m, method)
	}
	return req
}

// send writes a message the way that the last one came.
func (c *callee) send(msg string) {
	c.t.Helper()
	msg = strings.ReplaceAll(strings.ReplaceAll(msg, "\r\n", "\n"), "\n", "\r\n")
	if err := c.reply([]byte(msg)); err != nil {
		c.t.Fatal(err)
	}
}

// answer responds to a request, as the branch of a fork that the tag names; an empty tag
// leaves that of the request.
func (c *callee) answer(req *sip.Request, code int, tag, extra, body string) {
	c.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d Whatever\n", code)
	for _, name := range []string{"via", "from", "call-id", "cseq"} {
		for _, h := range req.GetHeaders(name) {
			fmt.Fprintf(&b, "%s: %s\n", h.Name(), h.Value())
		}
	}
	to, user := req.To().Value(), tagOf(req.To().Params)
	if user == "" {
		user = tag
	}
	if tag != "" && !strings.Contains(to, ";tag=") {
		to += ";tag=" + tag
	}
	fmt.Fprintf(&b, "To: %s\n", to)
	if !strings.Contains(extra, "Contact:") && code > 100 && code < 400 {
		extra += fmt.Sprintf("Contact: <sip:%s@%s;transport=%s>\n", user, c.addr, strings.ToLower(c.transport))
	}
	b.WriteString(extra)
	if body != "" {
		b.WriteString("Content-Type: application/sdp\n")
	}
	body = strings.ReplaceAll(body, "\n", "\r\n")
	fmt.Fprintf(&b, "Content-Length: %d\n\n%s", len(body), body)
	c.send(b.String())
}

// pickUp answers an INVITE with 200 and waits for the ACK.
func (c *callee) pickUp(invite *sip.Request, tag, extra string) (ack *sip.Request) {
	c.t.Helper()
	c.answer(invite, 200, tag, extra, offer(c.addr.String(), "sendrecv"))
	return c.await(sip.ACK)
}

// request writes a request of the callee's within the dialog of an INVITE.
func (c *callee) request(invite *sip.Request, tag, method string, cseq int, extra, body string) {
	c.t.Helper()
	if body != "" {
		extra += "Content-Type: application/sdp\n"
	}
	body = strings.ReplaceAll(body, "\n", "\r\n")
	c.send(fmt.Sprintf("%s %s SIP/2.0\nVia: SIP/2.0/%s %s;branch=z9hG4bKcallee%d;rport\nMax-Forwards: 70\n"+
		"From: %s;tag=%s\nTo: %s\nCall-ID: %s\nCSeq: %d %s\nContact: <sip:%s@%s>\n%sContent-Length: %d\n\n%s",
		method, invite.Contact().Address.String(), c.transport, c.addr, peers.Add(1),
		strings.Split(invite.To().Value(), ";tag=")[0], tag, invite.From().Value(), invite.CallID().Value(), cseq, method,
		tag, c.addr, extra, len(body), body))
}

// code returns the status of the next final response to a request of the callee's.
func (c *callee) code() int {
	c.t.Helper()
	for {
		if res, ok := c.next().(*sip.Response); ok && !res.IsProvisional() {
			return res.StatusCode
		}
	}
}

// watcher is told how a dial-out comes along, and lets who answers into the room.
type watcher struct {
	t        *testing.T
	registry *rooms.Registry
	room     rooms.Name
	ringing  chan bool
	joined   chan *rooms.Participant
	failed   chan rooms.DialFailure
	answered func() // called by Answered first
	refuse   error  // what Answered returns
}

func (w *watcher) Ringing(early bool) { w.ringing <- early }

func (w *watcher) Answered(i rooms.Info, m rooms.Media, c rooms.Call) (*rooms.Participant, error) {
	if w.answered != nil {
		w.answered()
	}
	if w.refuse != nil {
		return nil, w.refuse
	}
	p, err := w.registry.Join(w.t.Context(), rooms.JoinRequest{Room: w.room, Info: i, Trusted: true, Media: m, Call: c})
	if err == nil {
		w.joined <- p
	}
	return p, err
}

func (w *watcher) Failed(f rooms.DialFailure) { w.failed <- f }

func (s *server) watcher() *watcher {
	return &watcher{
		t: s.t, registry: s.registry, room: rooms.Name(fmt.Sprintf("room%d", peers.Add(1))),
		ringing: make(chan bool, 100), joined: make(chan *rooms.Participant, 1), failed: make(chan rooms.DialFailure, 2),
	}
}

// call has the server call c; change may alter the request.
func (s *server) call(c *callee, change ...func(*rooms.DialRequest)) (rooms.Outgoing, *watcher) {
	s.t.Helper()
	to := "sip:bob@" + c.addr.String()
	if c.transport != "UDP" {
		to += ";transport=" + strings.ToLower(c.transport)
	}
	w := s.watcher()
	req := rooms.DialRequest{To: to, Room: w.room, ParticipantID: "p1"}
	for _, f := range change {
		f(&req)
	}
	out, err := s.Dial(s.t.Context(), req, w)
	if err != nil {
		s.t.Fatal(err)
	}
	return out, w
}

// failure returns what the dial-out came to.
func (w *watcher) failure() rooms.DialFailure {
	w.t.Helper()
	return receive(w.t, w.failed, "the failure")
}

func (w *watcher) participant() *rooms.Participant {
	w.t.Helper()
	return receive(w.t, w.joined, "the participant")
}

func receive[T any](t *testing.T, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatalf("timed out waiting for %s", what)
	}
	return v
}

// undialled waits until nothing of any dial-out is left.
func (s *server) undialled() {
	s.t.Helper()
	select {
	case <-s.dials.whenEmpty():
	case <-time.After(patience):
		s.t.Fatalf("%d dial-outs are left", s.dials.size())
	}
	s.settled()
}
