package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/phone"
	"github.com/confd/confd/internal/testkit/tone"
)

// running is a program under test.
type running struct {
	Addresses
	t      *testing.T
	stdout buffer
	stderr buffer
	drain  context.CancelFunc
	status chan int
}

// start runs the program and returns when it is ready.
func start(t *testing.T, env []string, args ...string) *running {
	t.Helper()
	r := &running{t: t, status: make(chan int, 1)}
	ready := make(chan Addresses, 1)
	m := &Main{Args: append([]string{"serve", "--http", "127.0.0.1:0"}, args...), Env: env,
		Stdout: &r.stdout, Stderr: &r.stderr, Ready: func(a Addresses) { ready <- a }}
	ctx, cancel := context.WithCancel(context.Background())
	r.drain = cancel
	go func() { r.status <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		http.DefaultClient.CloseIdleConnections()
	})
	select {
	case r.Addresses = <-ready:
	case status := <-r.status:
		t.Fatalf("ended with status %d:\n%s", status, r.stderr.String())
	case <-time.After(10 * time.Second):
		t.Fatal("not ready")
	}
	return r
}

// wait returns the exit status.
func (r *running) wait() int {
	r.t.Helper()
	select {
	case status := <-r.status:
		return status
	case <-time.After(20 * time.Second):
		r.t.Fatal("the program does not end")
		return -1
	}
}

func (r *running) get(path string) (int, string) {
	r.t.Helper()
	return r.do("GET", path, "")
}

// do sends a request, with a key if one is given, and returns the answer.
func (r *running) do(method, path, body string, key ...string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequest(method, "http://"+r.HTTP.String()+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, k := range key {
		req.Header.Set("Authorization", "Bearer "+k)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// send is do with a status that is wanted; it reads the answer into to, if that is not nil.
func (r *running) send(want int, method, path, body string, to any) {
	r.t.Helper()
	status, answer := r.do(method, path, body)
	if status != want {
		r.t.Fatalf("%s %s: %d %s, want %d", method, path, status, answer, want)
	}
	if to != nil {
		if err := json.Unmarshal([]byte(answer), to); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *running) dial(o phone.Options) *phone.Phone {
	r.t.Helper()
	p, err := phone.Dial(limited(r.t), o)
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.stderr.String())
	}
	r.t.Cleanup(func() { p.Close() })
	return p
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// buffer may be written and read at once.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// The whole program: two phones hear each other and not themselves, the metrics tell of
// them, a drain hangs up on both, and nothing stays behind.
func TestServe(t *testing.T) {
	leak.Check(t)
	r := start(t, nil, "--sip", "udp:127.0.0.1:0", "--sip", "tcp:127.0.0.1:0", "--rtp-ports", "21000-21199")
	if !strings.Contains(r.stdout.String(), "ready: call sip:anyroom@"+r.SIP[0].Addr.String()+" (udp)") {
		t.Errorf("printed %q", r.stdout.String())
	}
	a := r.dial(phone.Options{URI: "sip:Lobby@" + r.SIP[0].Addr.String(), Tone: 700})
	b := r.dial(phone.Options{URI: "sip:lobby@" + r.SIP[1].Addr.String() + ";transport=tcp", Tone: 1100})
	for _, c := range []struct {
		p           *phone.Phone
		there, gone float64
	}{{a, 1100, 700}, {b, 700, 1100}} {
		hears(t, c.p, c.there, c.gone)
	}
	if status, body := r.get("/readyz"); status != 200 {
		t.Errorf("readyz: %d %s", status, body)
	}
	_, metrics := r.get("/metrics")
	for _, want := range []string{
		"confd_calls 2\n", "confd_rooms 1\n", "confd_participants 2\n", `confd_sip_requests_total{method="INVITE"} 2`,
		`confd_sip_responses_total{code="200"} 2`, `confd_sip_guard_refused_total{reason="call_flood"} 0`, "confd_rtp_port_pairs_in_use 2\n",
		`confd_tick_stage_duration_seconds_count{stage="mix"}`, `confd_rtp_packets_dropped_total{reason="stranger"} 0`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if problems, err := promlint.New(strings.NewReader(metrics)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
	if strings.Contains(metrics, `confd_rtp_payload_bytes_total{direction="received"} 0`) || strings.Contains(metrics, "confd_rtp_packets_sent_total 0\n") {
		t.Error("the metrics tell of no media")
	}
	r.drain()
	<-a.Ended()
	<-b.Ended()
	if !strings.Contains(a.EndReason(), "BYE") {
		t.Errorf("the phone was left with %q", a.EndReason())
	}
	if status := r.wait(); status != 0 {
		t.Errorf("status %d\n%s", status, r.stderr.String())
	}
}

// Packets leave in batches where that is permitted; where it is not, which is told, or not
// wanted, they leave all the same.
func TestServeInBatches(t *testing.T) {
	for _, wanted := range []bool{true, false} {
		r := start(t, []string{fmt.Sprintf("CONFD_AUDIO_IO_URING=%v", wanted)}, "--sip", "udp:127.0.0.1:0", "--rtp-ports", "21200-21299")
		uri := "sip:batch@" + r.SIP[0].Addr.String()
		a, b := r.dial(phone.Options{URI: uri, Tone: 700}), r.dial(phone.Options{URI: uri, Tone: 1100})
		hears(t, a, 1100, 700)
		_, metrics := r.get("/metrics")
		told := strings.Contains(r.stderr.String(), "packets are sent one by one")
		batched := !strings.Contains(metrics, "confd_rtp_packets_batched_total 0\n")
		if batched != (wanted && !told) || told && !wanted {
			t.Errorf("wanted %v: packets in batches %v, told that there are none %v", wanted, batched, told)
		}
		if !strings.Contains(metrics, "confd_rtp_packets_unbatched_total 0\n") {
			t.Error("the metrics tell of batches that the kernel refused")
		}
		r.drain()
		<-a.Ended()
		<-b.Ended()
		r.wait()
	}
}

// hears waits until a phone hears one tone and not the other. On a machine with much else
// to do sound may be late and stretched for a while: what counts is that it comes.
func hears(t *testing.T, p *phone.Phone, there, gone float64) {
	t.Helper()
	ctx := limited(t)
	for {
		pcm, err := p.Listen(ctx, time.Second/2)
		if err != nil {
			t.Fatal(err)
		}
		yes, no := around(pcm, p.Rate(), there), around(pcm, p.Rate(), gone)
		if yes > -30 && no < yes-30 {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("hears %g Hz at %.0f dB and %g Hz at %.0f dB", there, yes, gone, no)
		}
	}
}

// around returns the level of the strongest tone within 1 % of f.
func around(pcm []int16, rate int, f float64) float64 {
	best := -200.0
	for near := 0.99 * f; near <= 1.01*f; near++ {
		best = max(best, tone.Level(pcm, rate, near))
	}
	return best
}

// A phone that does not answer its BYE delays the end by no more than drain_timeout.
func TestDrainIsBounded(t *testing.T) {
	leak.Check(t)
	r := start(t, []string{"CONFD_DRAIN_TIMEOUT=300ms"}, "--sip", "127.0.0.1:0", "--rtp-ports", "21200-21299")
	p := r.dial(phone.Options{URI: "sip:x@" + r.SIP[0].Addr.String()})
	p.Drop()
	began := time.Now()
	r.drain()
	if status := r.wait(); status != 0 {
		t.Errorf("status %d", status)
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("gave up after %v", took)
	}
	if !strings.Contains(r.stderr.String(), "did not end in time") {
		t.Errorf("the log does not tell:\n%s", r.stderr.String())
	}
}

// Configuration reaches the parts: codecs, limits and the policy on rooms.
func TestConfigurationArrives(t *testing.T) {
	leak.Check(t)
	r := start(t, []string{"CONFD_ROOMS_MAX_PARTICIPANTS=1", "CONFD_AUDIO_CODECS=PCMA", "CONFD_LOG_FORMAT=json", "CONFD_TYPO=1"},
		"--sip", "udp:127.0.0.1:0", "--rtp-ports", "21300-21399", "--media-ip", "127.0.0.9")
	uri := "sip:x@" + r.SIP[0].Addr.String()
	p := r.dial(phone.Options{URI: uri, Codecs: []phone.Codec{phone.PCMU, phone.PCMA}})
	if p.Codec().Name != "PCMA" || !strings.Contains(p.Answer(), "c=IN IP4 127.0.0.9") {
		t.Errorf("answered %s", p.Answer())
	}
	_, err := phone.Dial(limited(t), phone.Options{URI: uri, Codecs: []phone.Codec{phone.PCMA}})
	if err == nil || !strings.Contains(err.Error(), "486") {
		t.Errorf("a second participant: %v", err)
	}
	if log := r.stderr.String(); !strings.Contains(log, `{"time":`) || !strings.Contains(log, "CONFD_TYPO") {
		t.Errorf("the log is\n%s", log)
	}
	r.drain()
	if status := r.wait(); status != 0 {
		t.Errorf("status %d", status)
	}
}

func TestNobodyMayOpenRooms(t *testing.T) {
	leak.Check(t)
	r := start(t, []string{"CONFD_ROOMS_PRIVATE_NETWORKS=10.0.0.0/8"}, "--sip", "udp:127.0.0.1:0", "--rtp-ports", "21400-21499")
	_, err := phone.Dial(limited(t), phone.Options{URI: "sip:x@" + r.SIP[0].Addr.String()})
	if err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("a caller from outside opens a room: %v", err)
	}
	r.drain()
	r.wait()
}

func TestTLS(t *testing.T) {
	leak.Check(t)
	cert, key, pool := certificate(t)
	r := start(t, nil, "--sip", "tls:127.0.0.1:0", "--tls-cert", cert, "--tls-key", key, "--rtp-ports", "21500-21599")
	p := r.dial(phone.Options{URI: "sip:x@" + r.SIP[0].Addr.String() + ";transport=tls", SRTP: phone.AESCM80,
		TLS: &tls.Config{RootCAs: pool, ServerName: "localhost"}})
	if !strings.Contains(p.Answer(), "RTP/SAVP") {
		t.Errorf("answered %s", p.Answer())
	}
	r.drain()
	if status := r.wait(); status != 0 {
		t.Errorf("status %d", status)
	}
}

// What cannot be started says why, and leaves nothing behind.
func TestStartFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	missing := filepath.Join(t.TempDir(), "none.pem")
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"serve", "--sip", "tcp:" + taken.Addr().String(), "--http", ""}, 1, taken.Addr().String()},
		{[]string{"serve", "--sip", "udp:127.0.0.1:0", "--http", taken.Addr().String()}, 1, "http.listen"},
		{[]string{"serve", "--sip", "tls:127.0.0.1:0", "--tls-cert", missing, "--tls-key", missing, "--http", ""}, 1, "sip.tls_cert"},
		{[]string{"serve", "--sip", "udp:127.0.0.1:0", "--http", "0.0.0.0:0"}, 1, "http.listen: 0.0.0.0:0 is wrong; right is a loopback address"},
		{[]string{"serve", "--sip", "nonsense"}, 2, "--sip"},
		{[]string{"serve", "--rtp-ports", "5-4"}, 2, "rtp.ports"},
		{[]string{"serve", "--config", missing}, 2, "none.pem"},
		{[]string{"serve", "--wrong"}, 2, "--wrong"},
		{[]string{"serve", "stray"}, 2, "stray"},
		{[]string{}, 2, "serve"},
	} {
		leak.Check(t)
		var stdout, stderr buffer
		m := &Main{Args: c.args, Stdout: &stdout, Stderr: &stderr}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		status := m.Run(ctx)
		cancel()
		if status != c.status || !strings.Contains(stderr.String(), c.want) || stdout.String() != "" {
			t.Errorf("%v: status %d, told %q and %q; want status %d and %q", c.args, status, stdout.String(), stderr.String(), c.status, c.want)
		}
	}
}

func TestVersionAndHelp(t *testing.T) {
	for _, c := range []struct{ arg, want string }{
		{"version", "confd "}, {"--help", "serve"}, {"config", "drain_timeout: 10s"},
	} {
		var stdout, stderr buffer
		status := (&Main{Args: []string{c.arg}, Stdout: &stdout, Stderr: &stderr}).Run(context.Background())
		if status != 0 || !strings.Contains(stdout.String(), c.want) || stderr.String() != "" {
			t.Errorf("%s: status %d, %q, %q", c.arg, status, stdout.String(), stderr.String())
		}
	}
}

func TestReadyLineNamesAnAddressThatCanBeDialled(t *testing.T) {
	at := dialable(&net.UDPAddr{IP: net.IPv6unspecified, Port: 5060})
	host, port, err := net.SplitHostPort(at)
	if err != nil || port != "5060" || net.ParseIP(host).IsUnspecified() {
		t.Errorf("dial %s", at)
	}
	if at := dialable(&net.TCPAddr{IP: net.IPv6loopback, Port: 1}); at != "[::1]:1" {
		t.Errorf("dial %s", at)
	}
	a := Addresses{SIP: []SIPAddr{
		{"udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}}, {"tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}},
		{"tls", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2}},
	}}
	if got, want := a.String(), "call sip:anyroom@127.0.0.1:1 (udp, tcp) or sip:anyroom@127.0.0.1:2 (tls)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// certificate writes a self-signed certificate for localhost and returns its files.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return cert, key, pool
}
