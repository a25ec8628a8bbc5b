// Package echo is a SIP peer that answers every call and sends back the sound that it
// hears. It shows that a phone or a test client works before a server is blamed.
package echo

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/pion/srtp/v3"
)

// Options say where to listen. The zero value is UDP and TCP on a free loopback port.
type Options struct {
	Address string      // host:port; "" means 127.0.0.1:0
	TLS     *tls.Config // listens for TLS as well, on a free port of its own
}

// Server answers calls.
type Server struct {
	ua      *sipgo.UserAgent
	client  *sipgo.Client
	udp     net.PacketConn
	tcp     net.Listener
	secure  net.Listener
	serving sync.WaitGroup

	mu    sync.Mutex
	calls map[string]*call // by Call-ID
	total int
}

// Listen starts a server. Close it.
func Listen(o Options) (*Server, error) {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("echo"))
	if err != nil {
		return nil, err
	}
	srv, err := sipgo.NewServer(ua, sipgo.WithServerLogger(quiet))
	if err != nil {
		return nil, err
	}
	s := &Server{ua: ua, calls: map[string]*call{}}
	if err := s.open(o); err != nil {
		s.Close()
		return nil, err
	}
	if s.client, err = sipgo.NewClient(ua, sipgo.WithClientConnectionAddr(s.udp.LocalAddr().String())); err != nil {
		s.Close()
		return nil, err
	}
	srv.OnInvite(s.invite)
	srv.OnAck(func(*sip.Request, sip.ServerTransaction) {})
	srv.OnBye(s.bye)
	srv.OnOptions(s.fine)
	srv.OnInfo(s.fine)
	s.serve(func() { _ = srv.ServeUDP(s.udp) })
	s.serve(func() { _ = srv.ServeTCP(s.tcp) })
	if s.secure != nil {
		s.serve(func() { _ = srv.ServeTLS(s.secure) })
	}
	return s, nil
}

// openTries is how often a port that is free for UDP may turn out to be taken for TCP.
const openTries = 20

func (s *Server) open(o Options) (err error) {
	for range openTries {
		if s.udp, err = net.ListenPacket("udp", o.Address); err != nil {
			return err
		}
		if s.tcp, err = net.Listen("tcp", s.udp.LocalAddr().String()); err == nil {
			break
		}
		s.udp.Close()
	}
	if err != nil {
		return err
	}
	if o.TLS != nil {
		host, _, _ := net.SplitHostPort(s.udp.LocalAddr().String())
		s.secure, err = tls.Listen("tcp", net.JoinHostPort(host, "0"), o.TLS)
	}
	return err
}

func (s *Server) serve(f func()) {
	s.serving.Add(1)
	go func() {
		defer s.serving.Done()
		f()
	}()
}

// Addr is where UDP and TCP are served.
func (s *Server) Addr() netip.AddrPort { return s.udp.LocalAddr().(*net.UDPAddr).AddrPort() }

// TLSAddr is where TLS is served.
func (s *Server) TLSAddr() string { return s.secure.Addr().String() }

// Calls is how many calls there are now, and how many there have been.
func (s *Server) Calls() (now, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls), s.total
}

// Close ends everything without a word to the callers.
func (s *Server) Close() error {
	if s.udp != nil {
		s.udp.Close()
	}
	for _, l := range []net.Listener{s.tcp, s.secure} {
		if l != nil {
			l.Close()
		}
	}
	s.ua.Close()
	s.serving.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, c := range s.calls {
		c.close()
		delete(s.calls, id)
	}
	return nil
}

func (s *Server) fine(req *sip.Request, tx sip.ServerTransaction) {
	_ = tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
}

func (s *Server) bye(req *sip.Request, tx sip.ServerTransaction) {
	s.mu.Lock()
	id := req.CallID().Value()
	c := s.calls[id]
	delete(s.calls, id)
	s.mu.Unlock()
	if c == nil {
		_ = tx.Respond(sip.NewResponseFromRequest(req, 481, "Call/Transaction Does Not Exist", nil))
		return
	}
	c.close()
	s.fine(req, tx)
}

// HangUp sends BYE to every caller and waits for the answers.
func (s *Server) HangUp(ctx context.Context) error {
	s.mu.Lock()
	calls := make([]*call, 0, len(s.calls))
	for id, c := range s.calls {
		calls = append(calls, c)
		delete(s.calls, id)
	}
	s.mu.Unlock()
	var faults []error
	for _, c := range calls {
		req := sip.NewRequest(sip.BYE, c.invite.Contact().Address)
		req.SetTransport(c.invite.Transport())
		req.SetDestination(c.invite.Source())
		from, to := c.answer.To().AsFrom(), c.answer.From().AsTo()
		id := *c.answer.CallID()
		req.AppendHeader(&from)
		req.AppendHeader(&to)
		req.AppendHeader(&id)
		req.AppendHeader(&sip.CSeqHeader{SeqNo: 1, MethodName: sip.BYE})
		_, err := s.client.Do(ctx, req)
		faults = append(faults, err)
		c.close()
	}
	return errors.Join(faults...)
}

func (s *Server) invite(req *sip.Request, tx sip.ServerTransaction) {
	id := req.CallID().Value()
	s.mu.Lock()
	c := s.calls[id]
	s.mu.Unlock()
	fresh := c == nil
	if fresh {
		var err error
		if c, err = newCall(s.Addr().Addr()); err != nil {
			_ = tx.Respond(sip.NewResponseFromRequest(req, 500, err.Error(), nil))
			return
		}
	}
	body, err := c.negotiate(string(req.Body()))
	if err != nil {
		if fresh {
			c.conn.Close()
		}
		_ = tx.Respond(sip.NewResponseFromRequest(req, 488, err.Error(), nil))
		return
	}
	res := sip.NewSDPResponseFromRequest(req, []byte(body))
	contact := fmt.Sprintf("<sip:echo@%s>", s.Addr())
	if t := strings.ToLower(req.Transport()); t == "tls" {
		contact = fmt.Sprintf("<sip:echo@%s;transport=tls>", s.TLSAddr())
	} else if t != "udp" {
		contact = fmt.Sprintf("<sip:echo@%s;transport=%s>", s.Addr(), t)
	}
	res.AppendHeader(sip.NewHeader("Contact", contact))
	if fresh {
		c.invite, c.answer = req, res
		s.mu.Lock()
		s.calls[id] = c
		s.total++
		s.mu.Unlock()
		go c.run()
	}
	_ = tx.Respond(res)
}

// call is one caller's media.
type call struct {
	invite *sip.Request
	answer *sip.Response
	conn   *net.UDPConn
	closed chan struct{}

	mu      sync.Mutex
	held    bool
	in, out *srtp.Context
}

func newCall(ip netip.Addr) (*call, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	return &call{conn: conn, closed: make(chan struct{})}, err
}

func (c *call) close() {
	c.conn.Close()
	<-c.closed
}

func (c *call) run() {
	defer close(c.closed)
	buf := make([]byte, 65536)
	for {
		n, from, err := c.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		c.mu.Lock()
		b := buf[:n]
		if c.in != nil {
			if b, err = c.in.DecryptRTP(nil, b, nil); err == nil {
				b, err = c.out.EncryptRTP(nil, b, nil)
			}
		}
		held := c.held
		c.mu.Unlock()
		if err == nil && !held {
			_, _ = c.conn.WriteToUDPAddrPort(b, from)
		}
	}
}

// known are the codecs that may be echoed, which is any; comfort noise and events are not
// enough for an answer.
var known = []string{"opus", "g722", "pcmu", "pcma", "l16"}

// negotiate answers an offer with its first known codec.
func (c *call) negotiate(body string) (string, error) {
	o, err := parse(body)
	if err != nil {
		return "", err
	}
	local := c.conn.LocalAddr().(*net.UDPAddr)
	profile, lines := o.profile, o.lines
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = o.direction == "sendonly" || o.direction == "inactive"
	if o.suite != "" {
		key := make([]byte, 30)
		if _, err := rand.Read(key); err != nil {
			return "", err
		}
		if c.in, err = srtp.CreateContext(o.key[:16], o.key[16:30], srtp.ProtectionProfileAes128CmHmacSha1_80); err != nil {
			return "", err
		}
		if c.out, err = srtp.CreateContext(key[:16], key[16:30], srtp.ProtectionProfileAes128CmHmacSha1_80); err != nil {
			return "", err
		}
		lines = append(lines, fmt.Sprintf("a=crypto:%s %s inline:%s", o.tag, o.suite, base64.StdEncoding.EncodeToString(key)))
	}
	direction := map[string]string{"sendonly": "recvonly", "recvonly": "sendonly"}[o.direction]
	if direction == "" {
		direction = o.direction
	}
	version := time.Now().UnixNano()
	return fmt.Sprintf("v=0\r\no=echo 1 %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d %s %s\r\n%s\r\na=%s\r\n",
		version, local.IP, local.IP, local.Port, profile, o.payload, strings.Join(lines, "\r\n"), direction), nil
}

type description struct {
	profile, payload, direction string
	suite, tag                  string
	key                         []byte
	lines                       []string
}

func parse(body string) (*description, error) {
	d := &description{direction: "sendrecv"}
	maps := map[string]string{"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000"}
	var types []string
	for _, l := range strings.Split(strings.ReplaceAll(body, "\r", ""), "\n") {
		f := strings.Fields(l)
		switch {
		case strings.HasPrefix(l, "m=") && types != nil:
			return d.choose(types, maps)
		case strings.HasPrefix(l, "m=audio") && len(f) > 3:
			d.profile, types = f[2], f[3:]
		case strings.HasPrefix(l, "a=rtpmap:") && len(f) == 2:
			maps[strings.TrimPrefix(f[0], "a=rtpmap:")] = f[1]
		case strings.HasPrefix(l, "a=crypto:") && len(f) > 2 && f[1] == "AES_CM_128_HMAC_SHA1_80":
			d.suite, d.tag = f[1], strings.TrimPrefix(f[0], "a=crypto:")
			key, _, _ := strings.Cut(strings.TrimPrefix(f[2], "inline:"), "|")
			var err error
			if d.key, err = base64.StdEncoding.DecodeString(key); err != nil || len(d.key) != 30 {
				return nil, fmt.Errorf("key %q", f[2])
			}
		case l == "a=sendonly" || l == "a=recvonly" || l == "a=inactive":
			d.direction = l[2:]
		}
	}
	return d.choose(types, maps)
}

func (d *description) choose(types []string, maps map[string]string) (*description, error) {
	for _, t := range types {
		name, _, _ := strings.Cut(strings.ToLower(maps[t]), "/")
		for _, k := range known {
			if name == k {
				d.payload = t
				d.lines = []string{"a=rtpmap:" + t + " " + maps[t]}
				_, err := strconv.Atoi(t)
				return d, err
			}
		}
	}
	return nil, fmt.Errorf("none of %v among %v", known, types)
}
