package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"github.com/confd/confd/api"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
)

// callee answers every call, as a trunk that takes all does, once the caller has proved
// itself, if it has to.
type callee struct {
	t              *testing.T
	addr           netip.AddrPort
	code           int // what it asks for proof with, 401 or 407; 0: it does not; another: it refuses with that
	user, password string
	calls          chan *sip.Request // that it has answered
	media          net.PacketConn
}

func newCallee(t *testing.T, code int, user, password string, cert ...tls.Certificate) *callee {
	t.Helper()
	c := &callee{t: t, code: code, user: user, password: password, calls: make(chan *sip.Request, 10)}
	ua, err := sipgo.NewUA()
	if err != nil {
		t.Fatal(err)
	}
	s, err := sipgo.NewServer(ua, sipgo.WithServerLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	s.OnInvite(c.invite)
	s.OnAck(func(*sip.Request, sip.ServerTransaction) {})
	s.OnBye(func(req *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
	})
	if c.media, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	var socket interface{ Close() error }
	if len(cert) > 0 {
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: cert})
		if err != nil {
			t.Fatal(err)
		}
		socket, c.addr = l, netip.MustParseAddrPort(l.Addr().String())
		go func() { defer close(served); _ = s.ServeTLS(l) }()
	} else {
		l, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		socket, c.addr = l, netip.MustParseAddrPort(l.LocalAddr().String())
		go func() { defer close(served); _ = s.ServeUDP(l) }()
	}
	t.Cleanup(func() {
		socket.Close()
		ua.Close()
		c.media.Close()
		<-served
	})
	return c
}

func (c *callee) invite(req *sip.Request, tx sip.ServerTransaction) {
	if asks := c.code == 401 || c.code == 407; c.code != 0 && !asks {
		_ = tx.Respond(sip.NewResponseFromRequest(req, c.code, "No", nil))
		return
	} else if asks && !c.proved(req) {
		res := sip.NewResponseFromRequest(req, c.code, "Who are you", nil)
		res.AppendHeader(sip.NewHeader(map[int]string{401: "WWW-Authenticate", 407: "Proxy-Authenticate"}[c.code], c.challenge()))
		_ = tx.Respond(res)
		return
	}
	res := sip.NewSDPResponseFromRequest(req, fmt.Appendf(nil,
		"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n",
		c.media.LocalAddr().(*net.UDPAddr).Port))
	transport := strings.ToLower(req.Transport())
	res.AppendHeader(sip.NewHeader("Contact", fmt.Sprintf("<sip:callee@%s;transport=%s>", c.addr, transport)))
	c.calls <- req
	_ = tx.Respond(res)
}

func (c *callee) challenge() string { return `Digest realm="callee", nonce="n", qop="auth"` }

// proved tells whether a request has the right credentials.
func (c *callee) proved(req *sip.Request) bool {
	h := req.GetHeader(map[int]string{401: "Authorization", 407: "Proxy-Authorization"}[c.code])
	if h == nil {
		return false
	}
	got, err := digest.ParseCredentials(h.Value())
	if err != nil {
		c.t.Error(err)
		return false
	}
	asked, err := digest.ParseChallenge(c.challenge())
	if err != nil {
		c.t.Error(err)
		return false
	}
	want, err := digest.Digest(asked, digest.Options{Method: "INVITE", URI: got.URI, Count: got.Nc, Cnonce: got.Cnonce, Username: c.user, Password: c.password})
	return err == nil && got.Username == c.user && got.Response == want.Response
}

// next returns the next call that it has answered.
func (c *callee) next() *sip.Request {
	c.t.Helper()
	select {
	case req := <-c.calls:
		return req
	case <-time.After(15 * time.Second):
		c.t.Fatal("nobody called")
		return nil
	}
}

// dialled has the server call somebody into a room and waits until the call is in it.
func (r *running) dialled(room, body string) {
	r.t.Helper()
	var p api.Participant
	r.send(201, "POST", "/v1/rooms/"+room+"/participants", body, &p)
	wait.For(r.t, body+" is connected", func() bool {
		r.send(200, "GET", "/v1/rooms/"+room+"/participants/"+p.ID, "", &p)
		return p.State == "connected"
	})
}

// Numbers go to the trunk, which asks who calls and is told so; with all, SIP addresses go
// there, too. Nobody else is told.
func TestTrunk(t *testing.T) {
	leak.Check(t)
	trunk := newCallee(t, 407, "confd", "correct horse")
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("correct horse\r\nand a remark\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"CONFD_DIAL_OUT_TRUNK_ADDRESS=" + trunk.addr.String(), "CONFD_DIAL_OUT_TRUNK_USERNAME=confd",
		"CONFD_DIAL_OUT_TRUNK_PASSWORD_FILE=" + file, "CONFD_DIAL_OUT_TRUNK_FROM=+4930123456", "CONFD_STORE_PATH=",
	}
	args := []string{"--sip", "udp:127.0.0.1:0", "--rtp-ports", "42100-42199", "--log-level", "debug"}
	for _, all := range []bool{false, true} {
		r := start(t, append(env, fmt.Sprintf("CONFD_DIAL_OUT_TRUNK_ALL=%v", all)), args...)
		r.send(201, "POST", "/v1/rooms", `{"id":"out"}`, nil)
		r.dialled("out", `{"to":"tel:+1-555-0100"}`)
		call := trunk.next()
		if got, want := call.Recipient.String(), "sip:+15550100@"+trunk.addr.String()+";user=phone"; got != want {
			t.Errorf("the trunk is asked for %s, want %s", got, want)
		}
		if got := call.From().Address.String(); got != "sip:+4930123456@127.0.0.1" {
			t.Errorf("the caller is %s", got)
		}
		if all {
			r.dialled("out", `{"to":"sip:anna@pbx.invalid","from":"sip:us@example.com"}`)
			call = trunk.next()
			if route := call.Route(); call.Recipient.String() != "sip:anna@pbx.invalid" || route == nil || route.Address.HostPort() != trunk.addr.String() {
				t.Errorf("the outbound proxy is asked for\n%s", call)
			}
			if got := call.From().Address.String(); got != "sip:us@example.com" {
				t.Errorf("the caller is %s", got)
			}
		} else {
			phone := newCallee(t, 401, "anna", "secret")
			r.dialled("out", `{"to":"sip:anna@`+phone.addr.String()+`","username":"anna","password":"secret"}`)
			phone.next()
			r.send(201, "POST", "/v1/rooms/out/participants", `{"to":"sip:anna@`+phone.addr.String()+`"}`, nil)
			wait.For(t, "a call without credentials has failed", func() bool {
				var calls struct{ Calls []api.CallRecord }
				r.send(200, "GET", "/v1/calls", "", &calls)
				return len(calls.Calls) == 1 && calls.Calls[0].Status == 401
			})
			_, metrics := r.get("/metrics")
			for _, want := range []string{
				`confd_dial_outs_total{outcome="answered"} 2`, `confd_dial_outs_total{outcome="failed"} 1`,
				`confd_dial_outs_total{outcome="busy"} 0`, "confd_dial_outs_pending 0\n",
			} {
				if !strings.Contains(metrics, want) {
					t.Errorf("the metrics lack %s", want)
				}
			}
		}
		r.end()
		if strings.Contains(r.stderr.String(), "correct horse") {
			t.Error("the log tells the password")
		}
	}
}

// A trunk over TLS shows a certificate of an authority that the configuration names.
func TestTrunkOverTLS(t *testing.T) {
	leak.Check(t)
	cert, key, _ := certificate(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	trunk := newCallee(t, 0, "", "", pair)
	r := start(t, []string{"CONFD_DIAL_OUT_TRUNK_ADDRESS=sip:" + trunk.addr.String() + ";transport=tls", "CONFD_DIAL_OUT_TLS_CA=" + cert, "CONFD_STORE_PATH="},
		"--sip", "tls:127.0.0.1:0", "--tls-cert", cert, "--tls-key", key, "--rtp-ports", "42200-42299")
	r.send(201, "POST", "/v1/rooms", `{"id":"out"}`, nil)
	r.dialled("out", `{"to":"tel:+15550100"}`)
	if got := trunk.next().From().Address.User; got != "out" {
		t.Errorf("the caller is %s", got)
	}
	r.end()
}

// Without a trunk there are no numbers, and the answer names the setting that there is.
func TestNumbersNeedATrunk(t *testing.T) {
	leak.Check(t)
	r := start(t, []string{"CONFD_STORE_PATH="}, "--sip", "udp:127.0.0.1:0")
	r.send(201, "POST", "/v1/rooms", `{"id":"out"}`, nil)
	var p api.Problem
	r.send(422, "POST", "/v1/rooms/out/participants", `{"to":"tel:+15550100"}`, &p)
	c := DefaultConfig()
	if i := slices.IndexFunc(settingsOf(&c), func(s setting) bool { return strings.Contains(p.Detail, s.key) }); i < 0 {
		t.Errorf("%q names no setting", p.Detail)
	}
	r.end()
}

// The limits on dial-outs arrive, and 0 turns them off.
func TestDialOutLimits(t *testing.T) {
	leak.Check(t)
	to := `{"to":"sip:x@` + silent(t) + `"}`
	for env, want := range map[string][]int{
		"CONFD_DIAL_OUT_LIMITS_CALLS=0": {403},
		"CONFD_DIAL_OUT_LIMITS_CALLS=1": {201, 503},
		"CONFD_DIAL_OUT_LIMITS_BURST=2": {201, 201, 503},
	} {
		r := start(t, []string{env, "CONFD_DIAL_OUT_LIMITS_RATE=0.01", "CONFD_DRAIN_TIMEOUT=50ms", "CONFD_STORE_PATH="}, "--sip", "udp:127.0.0.1:0", "--rtp-ports", "42300-42399")
		r.send(201, "POST", "/v1/rooms", `{"id":"out"}`, nil)
		for _, status := range want {
			r.send(status, "POST", "/v1/rooms/out/participants", to, nil)
		}
		r.end()
	}
}

func TestDialOutConfig(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	good, empty, long := file("good", "secret"), file("empty", "\nsecret"), file("long", strings.Repeat("x", 257))
	for _, c := range []struct{ env, want string }{
		{"TRUNK_ADDRESS=pbx TRUNK_USERNAME=a TRUNK_PASSWORD_FILE=" + good, ""},
		{"TRUNK_ADDRESS=pbx TRUNK_USERNAME=a TRUNK_PASSWORD=" + strings.Repeat("x", 256), ""},
		{"TRUNK_ADDRESS=pbx TRUNK_USERNAME=a TRUNK_PASSWORD=" + strings.Repeat("x", 257), "dial_out.trunk.password: it has 257 bytes"},
		{"TRUNK_ADDRESS=pbx TRUNK_USERNAME=a\x01 TRUNK_PASSWORD=b", "dial_out.trunk.username: it has a control character"},
		{"TRUNK_ADDRESS=pbx TRUNK_USERNAME=a", "dial_out.trunk.password_file: nothing is wrong"},
		{"TRUNK_ADDRESS=pbx TRUNK_PASSWORD=geheim", "dial_out.trunk.username: nothing is wrong"},
		{"TRUNK_ADDRESS=pbx TRUNK_USERNAME=a TRUNK_PASSWORD=b TRUNK_PASSWORD_FILE=" + good, "one of them"},
		{"TRUNK_FROM=+49", "dial_out.trunk.address: nothing is wrong"},
		{"TRUNK_ADDRESS=pbx TRUNK_USERNAME=a TRUNK_PASSWORD_FILE=" + good + "x", "dial_out.trunk.password_file: open"},
		{"TRUNK_ADDRESS=pbx TRUNK_USERNAME=a TRUNK_PASSWORD_FILE=" + empty, "dial_out.trunk.password_file: its first line is empty"},
		{"TRUNK_ADDRESS=pbx TRUNK_USERNAME=a TRUNK_PASSWORD_FILE=" + long, "dial_out.trunk.password_file: it has 257 bytes"},
		{"TRUNK_ADDRESS=sip:user@pbx", "trunk"},
		{"TLS_CA=" + good, "dial_out.tls_ca"},
		{"TLS_CA=" + good + "x", "dial_out.tls_ca"},
		{"LIMITS_CALLS=0 LIMITS_RATE=0.01 LIMITS_BURST=1", ""},
		{"LIMITS_CALLS=1000000 LIMITS_RATE=1e6 LIMITS_BURST=1000000", ""},
		{"LIMITS_CALLS=-1", "dial_out.limits.calls: -1 is wrong; right is 0 to 1000000"},
		{"LIMITS_RATE=0", "dial_out.limits.rate: 0 is wrong; right is 0.01 to"},
		{"LIMITS_BURST=0", "dial_out.limits.burst: 0 is wrong; right is 1 to 1000000"},
	} {
		var env []string
		for entry := range strings.FieldsSeq(c.env) {
			env = append(env, "CONFD_DIAL_OUT_"+entry)
		}
		var stdout, stderr buffer
		ctx, cancel := context.WithCancel(context.Background())
		m := &Main{Args: []string{"serve", "--sip", "udp:127.0.0.1:0", "--http", "", "--store", ""}, Env: env, Stdout: &stdout, Stderr: &stderr,
			Ready: func(Addresses) { cancel() }}
		status := m.Run(ctx)
		cancel()
		if told := stderr.String(); (status == 0) != (c.want == "") || !strings.Contains(told, c.want) || strings.Contains(told, "geheim") || strings.Contains(told, "xxx") {
			t.Errorf("%.60s: status %d, %s; want %q", c.env, status, told, c.want)
		}
	}
}

// The password is not printed, wherever it comes from.
func TestSecretsAreNotPrinted(t *testing.T) {
	file := writeFile(t, "dial_out: {trunk: {address: pbx, username: confd, password: geheim}}\n")
	status, out, _ := program("config", "--config", file)
	if status != 0 || !strings.Contains(out, "address: pbx") || !strings.Contains(out, `password: "" # it is set, and not printed`) || strings.Contains(out, "geheim") {
		t.Errorf("status %d, printed\n%s", status, out)
	}
	if _, _, err := LoadConfig(writeFile(t, out), nil, nil); err == nil || !strings.Contains(err.Error(), "dial_out.trunk.password_file") {
		t.Errorf("what was printed is taken for the whole: %v", err)
	}
}
