package phone

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Phone is one call. Its methods may be called from any goroutine.
type Phone struct {
	opts  Options
	agent *agent
	media *media

	mu     sync.Mutex // of what follows, and held through every request of ours
	dialog *dialog
	offer  offer
	answer string

	endOnce sync.Once
	ended   chan struct{}
	reason  string

	stateMu  sync.Mutex
	response *sip.Response // to the INVITE
	requests map[string]int
}

// StatusError is a final response other than 2xx.
type StatusError struct {
	Method, Reason string
	Code           int
	Response       *sip.Response
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: %d %s", e.Method, e.Code, e.Reason)
}

// Dial calls and returns once the call is up and acknowledged. If ctx ends before that the
// call is cancelled. Close the phone.
func Dial(ctx context.Context, o Options) (*Phone, error) {
	o.fill()
	var uri sip.Uri
	if err := sip.ParseUri(o.URI, &uri); err != nil {
		return nil, fmt.Errorf("%q: %w", o.URI, err)
	}
	to, err := resolve(uri)
	if err != nil {
		return nil, err
	}
	local, err := localFor(&o, to)
	if err != nil {
		return nil, err
	}
	w, err := openWire(ctx, &o, transportOf(uri), local, to)
	if err != nil {
		return nil, err
	}
	p := &Phone{opts: o, ended: make(chan struct{}), requests: map[string]int{}}
	p.agent = newAgent(w, p.serve)
	p.dialog = newDialog(w, &o, to)
	go p.agent.run()
	if p.media, err = openMedia(&o, local); err != nil {
		p.agent.close()
		return nil, err
	}
	if err := p.invite(ctx); err != nil {
		p.media.close()
		p.agent.close()
		return nil, err
	}
	return p, nil
}

// localFor is the address that routes to the server.
func localFor(o *Options, to netip.AddrPort) (netip.Addr, error) {
	if o.Local != "" {
		return netip.ParseAddr(o.Local)
	}
	c, err := o.Network.DialContext(context.Background(), "udp", to.String())
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close()
	return unmapped(c.LocalAddr()).Addr(), nil
}

func (p *Phone) invite(ctx context.Context) error {
	o := &p.opts
	p.offer = offer{
		id: uint64(rand.Uint32()), version: 1, addr: p.media.address(), codecs: o.Codecs,
		packetTime: o.PacketTime, direction: o.Direction, suite: o.SRTP, mux: o.RTCPMux,
		levels: o.Levels, events: !o.NoEvents, lines: o.Lines,
	}
	if o.SRTP != "" {
		var err error
		if p.offer.key, err = newKey(o.SRTP); err != nil {
			return err
		}
	}
	body := p.offer.String()
	if o.NoOffer {
		body = ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	res, err := p.sendInvite(ctx, body)
	if err != nil {
		return err
	}
	p.stateMu.Lock()
	p.response = res
	p.stateMu.Unlock()
	if err := p.dialog.established(res); err != nil {
		return err
	}
	if o.NoACK {
		return nil
	}
	return p.settle(res, o.NoOffer)
}

// settle takes the SDP of a 2xx to INVITE and sends the ACK. When the INVITE held no
// offer the ACK holds the answer.
func (p *Phone) settle(res *sip.Response, late bool) error {
	fault := p.adopt(string(res.Body()), late)
	answer := ""
	if late && fault == nil {
		answer = p.offer.String()
	}
	cseq := p.dialog.cseq
	ack := p.dialog.build("ACK", newBranch(), cseq, nil, "application/sdp", answer)
	return errors.Join(fault, p.agent.acknowledge(cseq, ack, p.dialog.next))
}

// adopt makes the media follow the peer's SDP; theirs says that it is an offer.
func (p *Phone) adopt(body string, theirs bool) error {
	s, err := parseSDP(body)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, body)
	}
	if theirs {
		common := s.adopt(p.offer.codecs)
		if len(common) == 0 {
			return fmt.Errorf("none of our codecs in the offer\n%s", body)
		}
		p.offer.codecs = common[:1]
		p.offer.direction = reversed(s.direction)
		p.offer.version++
	}
	c, err := s.codec(p.offer.codecs)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, body)
	}
	if err := p.offer.apply(s.addr.Addr(), body); err != nil {
		return err
	}
	p.answer = body
	return p.media.apply(s, c, &p.offer, p.opts.voice(c.SampleRate))
}

func reversed(direction string) string {
	switch direction {
	case "sendonly":
		return "recvonly"
	case "recvonly":
		return "sendonly"
	}
	return direction
}

// sendInvite sends an INVITE, first or later, and deals with failure and cancelling.
func (p *Phone) sendInvite(ctx context.Context, body string) (*sip.Response, error) {
	d := p.dialog
	branch := newBranch()
	cseq := d.cseq
	message := d.build("INVITE", branch, cseq, p.opts.Headers, "application/sdp", body)
	proceeding := make(chan struct{})
	var once sync.Once
	type result struct {
		res *sip.Response
		err error
	}
	final := make(chan result, 1)
	go func() {
		// The transaction outlives ctx: a cancelled INVITE still gets its final response.
		res, err := p.agent.transact(context.WithoutCancel(ctx), "INVITE", branch, message, d.next, func(*sip.Response) {
			once.Do(func() { close(proceeding) })
		})
		final <- result{res, err}
	}()
	var r result
	select {
	case r = <-final:
	case <-ctx.Done():
		select {
		case <-proceeding:
			p.cancel(branch, cseq)
		case r = <-final:
		case <-time.After(2 * time.Second):
		}
		return nil, fmt.Errorf("INVITE: %w", ctx.Err())
	}
	if r.err != nil {
		return nil, r.err
	}
	if r.res.IsSuccess() {
		return r.res, nil
	}
	// The ACK of a failure belongs to the INVITE's transaction and goes where it went.
	remote := d.remote
	if to := r.res.To(); to != nil {
		d.remote = to.Value()
	}
	ack := d.build("ACK", branch, cseq, nil, "", "")
	d.remote = remote
	_ = p.agent.wire.send(ack, d.next)
	return nil, &StatusError{"INVITE", r.res.Reason, r.res.StatusCode, r.res}
}

func (p *Phone) cancel(branch string, cseq uint32) {
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	message := p.dialog.build("CANCEL", branch, cseq, nil, "", "")
	_, _ = p.agent.transact(ctx, "CANCEL", branch, message, p.dialog.next, nil)
}

// Request sends any other request within the dialog and returns its final response, of
// whatever status.
func (p *Phone) Request(ctx context.Context, method, contentType, body string, headers ...string) (*sip.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.send(ctx, method, contentType, body, headers...)
}

func (p *Phone) send(ctx context.Context, method, contentType, body string, headers ...string) (*sip.Response, error) {
	p.dialog.cseq++
	branch := newBranch()
	message := p.dialog.build(method, branch, p.dialog.cseq, headers, contentType, body)
	return p.agent.transact(ctx, method, branch, message, p.dialog.next, nil)
}

// Reinvite sends a new offer with the direction and, if any, the codecs.
func (p *Phone) Reinvite(ctx context.Context, direction string, codecs ...Codec) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change(direction, codecs)
	p.dialog.cseq++
	res, err := p.sendInvite(ctx, p.offer.String())
	if err != nil {
		return err
	}
	return p.settle(res, false)
}

// Update does as Reinvite does, with UPDATE (RFC 3311).
func (p *Phone) Update(ctx context.Context, direction string, codecs ...Codec) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change(direction, codecs)
	res, err := p.send(ctx, "UPDATE", "application/sdp", p.offer.String())
	if err != nil {
		return err
	}
	if !res.IsSuccess() {
		return &StatusError{"UPDATE", res.Reason, res.StatusCode, res}
	}
	return p.adopt(string(res.Body()), false)
}

func (p *Phone) change(direction string, codecs []Codec) {
	p.offer.version++
	p.offer.direction = direction
	if codecs != nil {
		p.offer.codecs = codecs
	}
}

// Hold puts the peer on hold (RFC 3264 section 8.4). The voice goes on, as hold music.
func (p *Phone) Hold(ctx context.Context) error { return p.Reinvite(ctx, "sendonly") }

// Resume ends Hold.
func (p *Phone) Resume(ctx context.Context) error { return p.Reinvite(ctx, "sendrecv") }

// Bye ends the call and waits for the answer.
func (p *Phone) Bye(ctx context.Context) error {
	if p.hasEnded() {
		return nil
	}
	res, err := p.Request(ctx, "BYE", "", "")
	p.end("hung up here")
	if err == nil && !res.IsSuccess() {
		return &StatusError{"BYE", res.Reason, res.StatusCode, res}
	}
	return err
}

// Close hangs up if the call is up, and frees everything. It may be called more than once.
func (p *Phone) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := p.Bye(ctx)
	p.media.close()
	p.agent.close()
	return err
}

// Drop frees everything without a word to the peer, as a phone whose cable was pulled.
func (p *Phone) Drop() {
	p.end("dropped")
	p.media.close()
	p.agent.close()
}

func (p *Phone) end(reason string) {
	p.endOnce.Do(func() {
		p.reason = reason
		close(p.ended)
	})
}

func (p *Phone) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Ended is closed when either side has hung up.
func (p *Phone) Ended() <-chan struct{} { return p.ended }

// EndReason is "BYE" with the peer's Reason header, if the peer hung up. It is valid after
// Ended is closed.
func (p *Phone) EndReason() string {
	<-p.ended
	return p.reason
}

// Answer is the peer's latest SDP.
func (p *Phone) Answer() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answer
}

// Response is the 200 to the INVITE.
func (p *Phone) Response() *sip.Response {
	p.stateMu.Lock()
	defer p.stateMu.Unlock()
	return p.response
}

// Requests counts what the peer asked within the dialog, by method; repeats do not count.
func (p *Phone) Requests(method string) int {
	p.stateMu.Lock()
	defer p.stateMu.Unlock()
	return p.requests[method]
}

// Malformed are the messages of the peer that did not parse.
func (p *Phone) Malformed() []error {
	p.agent.mu.Lock()
	defer p.agent.mu.Unlock()
	return slices.Clone(p.agent.malformed)
}

// CallID is the call's.
func (p *Phone) CallID() string { return p.dialog.callID }

// RemoteRTP is where the media goes.
func (p *Phone) RemoteRTP() netip.AddrPort {
	p.media.mu.Lock()
	defer p.media.mu.Unlock()
	return p.media.remote
}

// LocalRTP is where the media comes from.
func (p *Phone) LocalRTP() netip.AddrPort { return p.media.address() }

func (p *Phone) codec() Codec {
	p.media.mu.Lock()
	defer p.media.mu.Unlock()
	return p.media.codec
}

// Codec is the one in use.
func (p *Phone) Codec() Codec { return p.codec() }
