package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/confd/confd/internal/testkit/leak"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// verify is a receiver's check as the Standard Webhooks page describes it.
func verify(r *http.Request, body []byte, secret string) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return err
	}
	sent, err := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
	if age := time.Since(time.Unix(sent, 0)).Abs(); err != nil || age > 5*time.Minute {
		return fmt.Errorf("sent %v ago (%v)", age, err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", r.Header.Get("webhook-id"), sent, body)
	for _, sig := range strings.Fields(r.Header.Get("webhook-signature")) {
		got, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sig, "v1,"))
		if err == nil && hmac.Equal(got, mac.Sum(nil)) {
			return nil
		}
	}
	return fmt.Errorf("no signature of %q fits", r.Header.Get("webhook-signature"))
}

// serve starts an endpoint on 127.0.0.1.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func testPoster(t *testing.T, change func(*poster)) *poster {
	t.Helper()
	p := newPoster(policy{allowHTTP: true, allowed: loopback}, Limits{}.withDefaults(), nil, nil, "confd-test")
	if change != nil {
		change(p)
	}
	t.Cleanup(p.transport.CloseIdleConnections)
	return p
}

func (p *poster) try(url string) outcome {
	key, _ := ParseSecret(testSecret)
	return p.send(context.Background(), request{url: url, keys: [][]byte{key}, id: "evt_1", body: []byte(`{"a":1}`)})
}

func TestPostIsSignedJSON(t *testing.T) {
	leak.Check(t)
	faults := make(chan error, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		err := verify(r, body, testSecret)
		switch {
		case err != nil:
		case r.Method != http.MethodPost || r.URL.String() != "/hook?x=%20y":
			err = fmt.Errorf("%s %s", r.Method, r.URL)
		case r.Header.Get("Content-Type") != "application/json" || r.Header.Get("User-Agent") != "confd-test" || r.ContentLength != 7:
			err = fmt.Errorf("headers %v", r.Header)
		case r.Header.Values("Idempotency-Key") != nil:
			err = fmt.Errorf("headers %v", r.Header)
		case r.Header.Get("webhook-id") != "evt_1" || string(body) != `{"a":1}`:
			err = fmt.Errorf("id %q, body %s", r.Header.Get("webhook-id"), body)
		}
		faults <- err
	})
	o := testPoster(t, nil).try(s.URL + "/hook?x=%20y")
	if o.verdict() != taken || o.status != 200 || o.err != nil {
		t.Fatalf("outcome %+v", o)
	}
	if err := <-faults; err != nil {
		t.Error(err)
	}
}

func TestVerdicts(t *testing.T) {
	for status, want := range map[int]verdict{
		200: taken, 201: taken, 204: taken, 299: taken, 300: rejected, 304: rejected, 400: rejected, 401: rejected, 404: rejected,
		408: again, 409: rejected, 410: gone, 418: rejected, 425: again, 429: again, 499: rejected,
		500: again, 501: again, 503: again, 599: again, 600: rejected, 999: rejected,
	} {
		o := outcome{status: status}
		if got := o.verdict(); got != want {
			t.Errorf("%d: verdict %d, want %d", status, got, want)
		}
		if (o.message() == "") != (want == taken) {
			t.Errorf("%d: message %q", status, o.message())
		}
	}
}

func TestRedirects(t *testing.T) {
	leak.Check(t)
	var posts atomic.Int32
	mux := http.NewServeMux()
	s := serve(t, mux.ServeHTTP)
	mux.HandleFunc("/end", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := verify(r, body, testSecret); err != nil || r.Method != http.MethodPost {
			t.Errorf("%s: %v", r.Method, err)
		}
		posts.Add(1)
	})
	to := func(status int, location string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if location != "" {
				w.Header().Set("Location", location)
			}
			w.WriteHeader(status)
		}
	}
	mux.HandleFunc("/1", to(307, "/end"))
	mux.HandleFunc("/2", to(308, s.URL+"/1"))
	mux.HandleFunc("/3", to(307, "2"))
	mux.HandleFunc("/4", to(307, "/3"))
	mux.HandleFunc("/loop", to(307, "/loop"))
	mux.HandleFunc("/301", to(301, "/end"))
	mux.HandleFunc("/302", to(302, "/end"))
	mux.HandleFunc("/303", to(303, "/end"))
	mux.HandleFunc("/none", to(307, ""))
	mux.HandleFunc("/file", to(307, "file:///etc/passwd"))
	mux.HandleFunc("/user", to(307, "http://a:b@127.0.0.1/end"))
	mux.HandleFunc("/meta", to(307, "http://169.254.169.254/latest"))
	mux.HandleFunc("/long", to(307, "/"+strings.Repeat("a", MaxURL)))
	p := testPoster(t, nil)
	for path, want := range map[string]verdict{
		"/1": taken, "/2": taken, "/3": taken, "/4": rejected, "/loop": rejected, "/301": rejected, "/302": rejected, "/303": rejected,
		"/none": rejected, "/file": rejected, "/user": rejected, "/meta": rejected, "/long": rejected,
	} {
		if o := p.try(s.URL + path); o.verdict() != want {
			t.Errorf("%s: %+v, want verdict %d", path, o, want)
		}
	}
	if posts.Load() != 3 {
		t.Errorf("%d posts arrived, want 3", posts.Load())
	}
}

// 127.0.0.1 is allowed, 127.0.0.2 is not. A literal shows that in the redirect, a name only
// when it is connected to.
func TestRedirectToPrivateAddressIsRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skip("no second loopback address here")
	}
	inner := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the request came through") }))
	inner.Listener.Close()
	inner.Listener = l
	inner.Start()
	defer inner.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	literal := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inner.URL, http.StatusTemporaryRedirect)
	})
	named := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://inner.example:"+port, http.StatusPermanentRedirect)
	})
	p := newPoster(policy{true, loopback}, Limits{}.withDefaults(), nil, fakeDNS(t, "127.0.0.2"), "")
	defer p.transport.CloseIdleConnections()
	for _, s := range []*httptest.Server{literal, named} {
		o := p.try(s.URL)
		if !o.refused || !strings.Contains(o.message(), "127.0.0.2 is loopback") {
			t.Errorf("outcome %+v", o)
		}
	}
}

// fakeDNS returns a resolver for which every name has the given addresses.
func fakeDNS(t *testing.T, addrs ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) == nil && len(m.Questions) == 1 {
				answer(&m, addrs)
				if raw, err := m.Pack(); err == nil {
					_, _ = conn.WriteTo(raw, from)
				}
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func answer(m *dnsmessage.Message, addrs []string) {
	q := m.Questions[0]
	m.Header.Response, m.Header.RecursionAvailable = true, true
	m.Additionals = nil
	head := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type}
	for _, s := range addrs {
		switch a := netip.MustParseAddr(s); {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
}

func TestNameOfPrivateAddressIsRefused(t *testing.T) {
	leak.Check(t)
	var hits atomic.Int32
	s := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	url := "http://hook.example:" + port + "/"
	for _, c := range []struct {
		addr    string
		allowed []netip.Prefix
		want    verdict
	}{
		{"127.0.0.1", nil, rejected}, {"10.0.0.1", loopback, rejected}, {"169.254.169.254", loopback, rejected},
		{"::1", loopback, rejected}, {"::ffff:127.0.0.1", nil, rejected}, {"64:ff9b::7f00:1", loopback, rejected},
		{"fe80::1", loopback, rejected}, {"0.0.0.0", loopback, rejected},
		{"127.0.0.1", loopback, taken},
	} {
		p := newPoster(policy{true, c.allowed}, Limits{}.withDefaults(), nil, fakeDNS(t, c.addr), "")
		o := p.try(url)
		p.transport.CloseIdleConnections()
		if o.verdict() != c.want || o.refused != (c.want == rejected) {
			t.Errorf("%s: %+v", c.addr, o)
		}
	}
	if hits.Load() != 1 {
		t.Errorf("%d requests came through, want 1", hits.Load())
	}
}

func TestUnknownNameIsTriedAgain(t *testing.T) {
	p := newPoster(policy{true, nil}, Limits{}.withDefaults(), nil, fakeDNS(t), "")
	o := p.try("https://nowhere.example/")
	if o.verdict() != again || !strings.Contains(o.message(), `"nowhere.example" cannot be resolved`) || strings.Contains(o.message(), "127.0.0.1") {
		t.Errorf("outcome %+v", o)
	}
}

func TestProxyOfTheEnvironmentIsNotAsked(t *testing.T) {
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") })
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	if p := testPoster(t, nil); p.transport.Proxy != nil {
		t.Error("the transport has a proxy")
	}
	p := newPoster(policy{true, nil}, Limits{}.withDefaults(), nil, fakeDNS(t, "10.0.0.1"), "")
	if o := p.try("http://hook.example/"); !o.refused {
		t.Errorf("outcome %+v", o)
	}
}

func TestTLS(t *testing.T) {
	leak.Check(t)
	start := func(version uint16) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/down" {
				http.Redirect(w, r, "http://"+r.Host+"/", http.StatusTemporaryRedirect)
			}
		}))
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: version}
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	old, current := start(tls.VersionTLS11), start(tls.VersionTLS12)
	roots := x509.NewCertPool()
	roots.AddCert(current.Certificate())
	p := newPoster(policy{true, loopback}, Limits{}.withDefaults(), roots, nil, "")
	defer p.transport.CloseIdleConnections()
	if o := p.try(current.URL); o.verdict() != taken {
		t.Errorf("TLS 1.2: %+v", o)
	}
	if o := p.try(old.URL); o.verdict() != again || !strings.Contains(o.message(), "version") {
		t.Errorf("TLS 1.1: %+v", o)
	}
	if o := p.try(current.URL + "/down"); !o.refused || !strings.Contains(o.message(), "from https to http") {
		t.Errorf("redirect to http: %+v", o)
	}
	if o := testPoster(t, nil).try(current.URL); o.verdict() != again || !strings.Contains(o.message(), "certificate") {
		t.Errorf("unknown authority: %+v", o)
	}
}

// Whatever an endpoint does to hold us up, an attempt ends.
func TestSlowEndpoints(t *testing.T) {
	leak.Check(t)
	over := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/silent", func(w http.ResponseWriter, r *http.Request) { <-over })
	mux.HandleFunc("/trickle", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			select {
			case <-over:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	mux.HandleFunc("/flood", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/heads", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 64<<10))
	})
	s := serve(t, mux.ServeHTTP)
	defer close(over)
	for _, c := range []struct {
		path   string
		limits Limits
		want   verdict
	}{
		{"/silent", Limits{Header: 50 * time.Millisecond}, again},
		{"/silent", Limits{Total: 50 * time.Millisecond}, again},
		{"/trickle", Limits{Total: 2 * time.Second, ResponseBytes: 1 << 30}, taken},
		{"/flood", Limits{}, taken},
		{"/heads", Limits{}, again},
	} {
		p := newPoster(policy{true, loopback}, c.limits.withDefaults(), nil, nil, "")
		if o := p.try(s.URL + c.path); o.verdict() != c.want {
			t.Errorf("%s with %+v: %+v, want verdict %d", c.path, c.limits, o, c.want)
		}
		p.transport.CloseIdleConnections()
	}
}

func TestSilentPortEnds(t *testing.T) {
	leak.Check(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	short := Limits{TLS: 50 * time.Millisecond, Total: 10 * time.Second}.withDefaults()
	p := newPoster(policy{true, loopback}, short, nil, nil, "")
	if o := p.try("https://" + l.Addr().String()); o.verdict() != again || !strings.Contains(o.message(), "TLS handshake timeout") {
		t.Errorf("handshake: %+v", o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if o := p.send(ctx, request{url: "http://" + l.Addr().String()}); !o.aborted {
		t.Errorf("an attempt broken off by us: %+v", o)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Duration{
		"": 0, "0": 0, "1": time.Second, "120": 2 * time.Minute, "43200": maxRetryAfter, "43201": maxRetryAfter, "2147483647": maxRetryAfter,
		"99999999999999999999": 0, "-1": 0, "1.5": 0, "x": 0,
		"Thu, 01 Jan 2026 12:00:30 GMT": 30 * time.Second, "Thu, 01 Jan 2026 11:00:00 GMT": 0, "Thu, 01 Jan 2099 11:00:00 GMT": maxRetryAfter,
	} {
		if got := parseRetryAfter(s, now); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	f.Add("120")
	f.Add("Thu, 01 Jan 2026 12:00:30 GMT")
	f.Add("Thursday, 01-Jan-26 12:00:30 GMT")
	f.Fuzz(func(t *testing.T, s string) {
		if d := parseRetryAfter(s, now); d < 0 || d > maxRetryAfter {
			t.Errorf("%q: %v", s, d)
		}
	})
}
