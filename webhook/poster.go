package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// maxRedirects is how many times a delivery may be sent on.
const maxRedirects = 3

// Limits bound one request. Zero values are the defaults.
type Limits struct {
	Connect       time.Duration // name resolution and TCP together; 5 s
	TLS           time.Duration // handshake; 5 s
	Header        time.Duration // from the request to the head of the answer; 10 s
	Total         time.Duration // all of an attempt, redirects included; 15 s
	ResponseBytes int64         // of the answer's body that are read (and thrown away); 4096
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Connect, 5*time.Second)
	setDefault(&l.TLS, 5*time.Second)
	setDefault(&l.Header, 10*time.Second)
	setDefault(&l.Total, 15*time.Second)
	setDefault(&l.ResponseBytes, 4096)
	return l
}

func setDefault[T int | int64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// request is one attempt.
type request struct {
	url  string
	keys [][]byte
	id   string
	body []byte
}

// outcome is what came of an attempt: a status, or else an error.
type outcome struct {
	status     int
	retryAfter time.Duration // as the endpoint asked, 0 if it did not
	err        error
	refused    bool // err is our own policy, which trying again will not change
	aborted    bool // ended by us: no attempt of the endpoint's
	took       time.Duration
}

// poster sends attempts. Any goroutine may call send.
type poster struct {
	policy    policy
	limits    Limits
	userAgent string
	transport *http.Transport
}

func newPoster(p policy, l Limits, roots *x509.CertPool, resolver *net.Resolver, userAgent string) *poster {
	dialer := &net.Dialer{Timeout: l.Connect, Resolver: resolver, Control: p.control}
	return &poster{policy: p, limits: l, userAgent: userAgent, transport: &http.Transport{
		Proxy:                  nil, // none from the environment either: it would resolve names in our place
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    l.TLS,
		ResponseHeaderTimeout:  l.Header,
		MaxResponseHeaderBytes: 16 << 10,
		DisableCompression:     true,
		MaxIdleConns:           128,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        30 * time.Second,
		// One hanging HTTP/2 connection would be shared by all rooms of an endpoint.
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}}
}

// control sees the address of each connection after resolution and before the first packet.
func (p policy) control(network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return &refusal{fmt.Errorf("a connection to %s %q cannot be checked", network, address)}
	}
	if err := checkAddress(ap.Addr(), p.allowed); err != nil {
		return &refusal{err}
	}
	if err := allowedPort(ap.Port()); err != nil {
		return &refusal{err}
	}
	return nil
}

// refusal is an error of our own policy.
type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// send makes one attempt and follows its redirects. It returns after limits.Total at the
// latest.
func (p *poster) send(ctx context.Context, r request) outcome {
	start := time.Now()
	limited, cancel := context.WithTimeout(ctx, p.limits.Total)
	defer cancel()
	o := p.follow(limited, r)
	o.took = time.Since(start)
	if o.err == nil {
		return o
	}
	var own *refusal
	o.refused = errors.As(o.err, &own)
	switch {
	case o.refused:
		o.err = own
	case ctx.Err() != nil:
		o.aborted = true
	case limited.Err() != nil:
		o.err = fmt.Errorf("no complete answer within %v", p.limits.Total)
	default:
		o.err = plain(o.err)
	}
	return o
}

// plain leaves out which server was asked for a name: it is nobody's business.
func plain(err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return fmt.Errorf("the host %q cannot be resolved: %s", clip(dns.Name, 80), dns.Err)
	}
	return err
}

func (p *poster) follow(ctx context.Context, r request) outcome {
	u, err := p.policy.parseURL(r.url)
	if err != nil {
		return outcome{err: &refusal{err}}
	}
	for hops := 0; ; hops++ {
		o, location, err := p.post(ctx, u, r)
		if err != nil {
			return outcome{err: err}
		}
		if o.status != http.StatusTemporaryRedirect && o.status != http.StatusPermanentRedirect {
			return o
		}
		if hops == maxRedirects {
			return outcome{status: o.status, err: &refusal{fmt.Errorf("more than %d redirects", maxRedirects)}}
		}
		if u, err = p.redirect(u, location); err != nil {
			return outcome{status: o.status, err: &refusal{err}}
		}
	}
}

// redirect returns where a 307 or 308 leads: a place that could have been subscribed itself,
// and no step down from https.
func (p *poster) redirect(from *url.URL, location string) (*url.URL, error) {
	if location == "" || len(location) > MaxURL {
		return nil, errors.New("a redirect without a usable Location")
	}
	to, err := from.Parse(location)
	if err != nil {
		return nil, errors.New("a redirect to what is no URL")
	}
	to.Fragment, to.RawFragment = "", ""
	if from.Scheme == "https" && to.Scheme != "https" {
		return nil, errors.New("a redirect from https to " + clip(to.Scheme, 20))
	}
	if _, err := p.policy.parseURL(to.String()); err != nil {
		return nil, fmt.Errorf("a redirect to a place that webhooks do not go to: %w", err)
	}
	return to, nil
}

// post sends one request and reads the answer's head and a bounded part of its body.
func (p *poster) post(ctx context.Context, u *url.URL, r request) (o outcome, location string, err error) {
	now := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(r.body))
	if err != nil {
		return outcome{}, "", &refusal{err}
	}
	req.Header = http.Header{
		"Content-Type":      {"application/json"},
		"User-Agent":        {p.userAgent},
		"Webhook-Id":        {r.id},
		"Idempotency-Key":   {}, // is not sent; lets net/http repeat on a connection that the endpoint just closed
		"Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)},
		"Webhook-Signature": {signature(r.keys, r.id, now, r.body)},
	}
	resp, err := p.transport.RoundTrip(req)
	if err != nil {
		return outcome{}, "", err
	}
	defer resp.Body.Close()
	// The status decides; the body is read only so that the connection can be used again.
	_, _ = io.CopyN(io.Discard, resp.Body, p.limits.ResponseBytes+1)
	after := parseRetryAfter(resp.Header.Get("Retry-After"), now)
	return outcome{status: resp.StatusCode, retryAfter: after}, resp.Header.Get("Location"), nil
}
