package focus

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/clock"
)

// request makes a request of ours within the dialog (RFC 3261 section 12.2.1.1). d.mu is
// held: it takes the next CSeq.
func (d *dialog) request(method sip.RequestMethod, headers ...sip.Header) *sip.Request {
	d.localSeq++
	return d.build(method, d.localSeq, headers...)
}

// build is request with a CSeq that the caller has: an ACK has its INVITE's.
func (d *dialog) build(method sip.RequestMethod, seq uint32, headers ...sip.Header) *sip.Request {
	uri, routes := routing(d.target, d.routes)
	req := sip.NewRequest(method, uri)
	req.AppendHeader(d.via())
	for i := range routes {
		req.AppendHeader(&sip.RouteHeader{Address: *routes[i].Clone()})
	}
	from, to := d.local, d.remote
	from.Params, to.Params = from.Params.Clone(), to.Params.Clone()
	callID, forwards := sip.CallIDHeader(d.key.callID), sip.MaxForwardsHeader(70)
	for _, h := range []sip.Header{&from, &to, &callID, &sip.CSeqHeader{SeqNo: seq, MethodName: method}, &forwards} {
		req.AppendHeader(h)
	}
	if method == sip.INVITE || method == sip.UPDATE {
		req.AppendHeader(d.contact())
		req.AppendHeader(sip.NewHeader("Allow", allowValue))
		req.AppendHeader(sip.NewHeader("Supported", supportedValue))
	}
	for _, h := range headers {
		req.AppendHeader(h)
	}
	req.AppendHeader(sip.NewHeader("User-Agent", d.agent.name))
	req.SetBody(nil)
	d.direct(req)
	return req
}

func (d *dialog) via() *sip.ViaHeader {
	return &sip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: d.network,
		Host: d.here.Addr().String(), Port: int(d.here.Port()),
		Params: sip.HeaderParams{{K: "branch", V: sip.GenerateBranch()}, {K: "rport"}},
	}
}

// routing applies a route set: with a loose router first (lr), the request is for the
// target by way of the routes; with a strict one, it is for that router, and the target is
// the last route.
func routing(target sip.Uri, routes []sip.Uri) (sip.Uri, []sip.Uri) {
	if len(routes) == 0 || routes[0].UriParams.Has("lr") {
		return target, routes
	}
	first := *routes[0].Clone()
	first.UriParams.Remove("method")
	first.Headers = nil
	rest := append([]sip.Uri(nil), routes[1:]...)
	return first, append(rest, target)
}

// direct says where a request goes: back over the connection that the call came by if it
// stands; to the source if what the peer wrote cannot be reached from here; else to the
// first route, or the Contact.
func (d *dialog) direct(req *sip.Request) {
	req.SetTransport(d.network)
	if d.network == "UDP" {
		req.Laddr = d.laddr // or sipgo opens another socket
	} else if c, err := d.agent.tpl.GetConnection(d.network, d.source.String()); err == nil {
		_, _ = c.TryClose() // gives back the reference that GetConnection took
		req.SetDestination(d.source.String())
		return
	}
	hop := d.target
	if len(d.routes) > 0 {
		hop = d.routes[0]
	}
	if d.preferSource(hop) {
		req.SetDestination(d.source.String())
		return
	}
	port := hop.Port
	if port == 0 {
		port = sip.DefaultPort(d.network)
	}
	req.SetDestination(net.JoinHostPort(strings.Trim(hop.Host, "[]"), strconv.Itoa(port)))
}

// preferSource reports whether hop is better reached at the address that the peer's requests
// come from (RFC 3581): it cannot exist, or the peer is behind a NAT and wrote what it
// believes to be its address.
func (d *dialog) preferSource(hop sip.Uri) bool {
	host := strings.ToLower(strings.Trim(hop.Host, "[]"))
	if strings.HasSuffix(strings.TrimSuffix(host, "."), ".invalid") {
		return true
	}
	if len(d.routes) > 0 {
		return false // a proxy wrote its address, and knows better
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	ip = ip.Unmap()
	if ip.IsUnspecified() || ip.IsMulticast() {
		return true
	}
	src := d.source.Addr()
	return d.nat || ip.IsPrivate() && !isLocalNetwork(src) || ip.IsLoopback() && !src.IsLoopback()
}

// transact sends a request and returns the final response, waiting no longer than 64*T1: an
// INVITE that rings has no limit of its own, but one in a dialog rings nobody. If the peer's
// address does not resolve or a connection cannot be made, the source address is tried. If
// the peer asks for credentials and there are some, the request goes out anew, so the response
// may have a later CSeq. onRepeat, if not nil, is told of each repeated 2xx. d.mu is not held:
// answers need it.
func (d *dialog) transact(req *sip.Request, onRepeat func(*sip.Response)) (*sip.Response, error) {
	p := prover{login: d.login}
	for {
		res, err := d.exchange(req, onRepeat)
		if err != nil || d.login == (login{}) || !isChallenge(res) {
			return res, err
		}
		proof, err := p.answer(req, res)
		if err != nil {
			d.log.Info("credentials within the call", "method", req.Method, "error", err)
			return res, nil
		}
		req = d.again(req, proof)
	}
}

// again is a request with the next CSeq and with credentials in place of those that it had.
func (d *dialog) again(old *sip.Request, proof []sip.Header) *sip.Request {
	req := old.Clone()
	for _, name := range []string{"authorization", "proxy-authorization"} {
		for req.RemoveHeader(name) {
		}
	}
	d.mu.Lock()
	d.localSeq++
	req.CSeq().SeqNo = d.localSeq
	if req.IsInvite() {
		d.proof = proof
	}
	d.mu.Unlock()
	req.Via().Params.Add("branch", sip.GenerateBranch())
	for _, h := range proof {
		req.AppendHeader(h)
	}
	return req
}

// exchange is transact for one request.
func (d *dialog) exchange(req *sip.Request, onRepeat func(*sip.Response)) (*sip.Response, error) {
	tx, err := d.agent.transaction(d.agent.ctx, req, d.peerName)
	d.mu.Lock()
	source := d.source.String()
	d.mu.Unlock()
	if err != nil && d.agent.ctx.Err() == nil && req.Destination() != source {
		req.Via().Params.Add("branch", sip.GenerateBranch())
		req.SetDestination(source)
		tx, err = d.agent.transaction(d.agent.ctx, req, d.peerName)
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(d.agent.ctx, 64*sip.T1, sip.ErrTransactionTimeout)
	defer cancel()
	res, err := await(ctx, tx)
	keep := err == nil && req.IsInvite() // repeated final responses need an ACK each
	if keep && res.IsSuccess() && onRepeat != nil {
		tx.OnRetransmission(onRepeat)
	}
	if !keep {
		tx.Terminate()
	}
	if err == nil {
		d.heard.Store(clock.Now())
	}
	return res, err
}

func await(ctx context.Context, tx *sip.ClientTx) (*sip.Response, error) {
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
		case <-tx.Done():
			return nil, tx.Err()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// isGone reports whether the outcome of an in-dialog request means that the peer no longer
// has the dialog (RFC 3261 section 12.2.1.2): 481, 408, or no answer in time.
func isGone(res *sip.Response, err error) bool {
	if err != nil {
		return errors.Is(err, sip.ErrTransactionTimeout)
	}
	return res.StatusCode == sip.StatusCallTransactionDoesNotExists || res.StatusCode == sip.StatusRequestTimeout
}
