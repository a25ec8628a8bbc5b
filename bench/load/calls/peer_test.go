package calls

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/leak"
)

// patience is how long a test waits for what should come at once, on a busy machine.
const patience = 20 * time.Second

// testT1 makes a transaction give up after 1.28 s.
const testT1 = 20 * time.Millisecond

// peer is a server that does what a test says with each request, over UDP or TCP.
type peer struct {
	t       *testing.T
	at      netip.AddrPort
	udp     *net.UDPConn
	handle  func(*visit)
	mu      sync.Mutex
	visits  chan *visit // all requests, for tests that wait for them
	answers chan *message
}

// visit is a request at the peer, or a response to one of its own.
type visit struct {
	*message
	peer  *peer
	write func(string)
}

// newPeer serves until the test ends; handle runs for one message after the other.
func newPeer(t *testing.T, transport string, handle func(*visit)) *peer {
	t.Helper()
	leak.Check(t)
	p := &peer{t: t, handle: handle, visits: make(chan *visit, 10000), answers: make(chan *message, 10000)}
	var done sync.WaitGroup
	if transport == "udp" {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadBuffer(4 << 20)
		p.udp, p.at = conn, conn.LocalAddr().(*net.UDPAddr).AddrPort()
		done.Go(func() { p.serveUDP(conn) })
		t.Cleanup(func() { conn.Close(); done.Wait() })
		return p
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.at = listener.Addr().(*net.TCPAddr).AddrPort()
	done.Go(func() { p.serveTCP(listener, &done) })
	t.Cleanup(func() { listener.Close(); done.Wait() })
	return p
}

func (p *peer) serveUDP(conn *net.UDPConn) {
	buf := make([]byte, maxMessage)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		p.take(string(buf[:n]), func(s string) { _, _ = conn.WriteToUDPAddrPort([]byte(s), from) })
	}
}

func (p *peer) serveTCP(listener net.Listener, done *sync.WaitGroup) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		done.Go(func() {
			defer conn.Close()
			in := bufio.NewReaderSize(conn, maxMessage)
			for {
				text, err := readMessage(in)
				if err != nil {
					return
				}
				p.take(text, func(s string) { _, _ = conn.Write([]byte(s)) })
			}
		})
	}
}

func (p *peer) take(text string, write func(string)) {
	m, err := parse(text)
	if err != nil {
		p.t.Errorf("the agent sent what is no message: %v\n%s", err, text)
		return
	}
	if m.status != 0 {
		p.answers <- m
		return
	}
	v := &visit{m, p, write}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.visits <- v
	if p.handle != nil {
		p.handle(v)
	}
}

// answer responds to the visit. Lines are "Name: value"; a body is SDP.
func (v *visit) answer(status int, phrase, body string, lines ...string) {
	if status > 100 && !strings.Contains(strings.Join(lines, "\n"), "Contact:") {
		lines = append(lines, fmt.Sprintf("Contact: <sip:far@%v>", v.peer.at))
	}
	v.write(string(v.response(status, phrase, "far-"+v.callID(), lines, body)))
}

// accept is a server that takes every call, and every other request.
func accept(v *visit) {
	switch v.method {
	case "INVITE":
		v.answer(100, "Trying", "")
		v.answer(180, "Ringing", "")
		v.answer(200, "OK", goodAnswer)
	case "ACK":
	default:
		v.answer(200, "OK", "")
	}
}

// send sends a request of the peer within the call that v has begun.
func (v *visit) send(method string, seq int, body string, lines ...string) {
	var b strings.Builder
	put(&b, method, " ", v.contact(), " SIP/2.0\r\n")
	put(&b, fmt.Sprintf("Via: SIP/2.0/UDP %v;branch=z9hG4bKpeer%d%s\r\n", v.peer.at, seq, method))
	put(&b, "From: ", v.get("to"), ";tag=far-", v.callID(), "\r\nTo: ", v.get("from"), "\r\nCall-ID: ", v.callID(), "\r\n")
	put(&b, fmt.Sprintf("CSeq: %d %s\r\nMax-Forwards: 70\r\nContact: <sip:far@%v>\r\n", seq, method, v.peer.at))
	for _, l := range lines {
		put(&b, l, "\r\n")
	}
	putBody(&b, body)
	v.write(b.String())
}

// wait returns the next visit with that method, leaving out others.
func (p *peer) wait(method string) *visit {
	p.t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case v := <-p.visits:
			if v.method == method {
				return v
			}
		case <-deadline:
			p.t.Fatalf("no %s came", method)
		}
	}
}

// waitAnswer returns the agent's next response to a request of that method.
func (p *peer) waitAnswer(method string) *message {
	p.t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case m := <-p.answers:
			if _, of := m.cseq(); of == method {
				return m
			}
		case <-deadline:
			p.t.Fatalf("no answer to %s came", method)
		}
	}
}

// quiet fails the test if a request of that method has come.
func (p *peer) quiet(method string) {
	p.t.Helper()
	for {
		select {
		case v := <-p.visits:
			if v.method == method {
				p.t.Fatalf("%s came, and should not have", method)
			}
		default:
			return
		}
	}
}

func (p *peer) uri() string { return "sip:room@" + p.at.String() }

// agent opens one whose server is the peer.
func (p *peer) agent(change ...func(*Config)) *Agent {
	p.t.Helper()
	transport := "tcp"
	if p.udp != nil {
		transport = "udp"
	}
	return open(p.t, p.at, append([]func(*Config){func(c *Config) { c.Transport = transport }}, change...)...)
}

func open(t *testing.T, server netip.AddrPort, change ...func(*Config)) *Agent {
	t.Helper()
	config := Config{Server: server, Lines: 1, Timeouts: Timeouts{T1: testT1, Trying: patience, Answer: patience}}
	for _, c := range change {
		c(&config)
	}
	a, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// call has a make a call that must come about.
func (p *peer) call(a *Agent) *Call {
	p.t.Helper()
	c, err := a.Call(deadline(p.t), p.uri(), someOffer())
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func someOffer() Offer {
	return Offer{
		Media:   netip.MustParseAddrPort("127.0.0.1:3000"),
		Formats: []Format{{PayloadType: 0, Name: "PCMU/8000"}},
		Event:   101,
	}
}

const goodAnswer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n" +
	"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"

var transports = []string{"udp", "tcp"}
