package focus

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// onRequest is where sipgo hands over a request, on a goroutine of its own. What it gets
// is no retransmission (the transaction absorbs those) but may be out of order with other
// requests of its dialog (dialog.enter sorts that out).
func (a *Agent) onRequest(req *sip.Request, tx *sip.ServerTx) {
	if isStray(tx) || !a.enter() {
		tx.Terminate()
		return
	}
	defer a.work.Done()
	defer a.recovered(req, tx)
	a.count.request(req.Method)
	if req.Method == sip.ACK {
		tx.Terminate() // sipgo makes a transaction even for an ACK, and would keep it
		a.onACK(req)
		return
	}
	if bad := validate(req); bad != nil {
		a.refuse(req, tx, bad)
		return
	}
	if tagOf(req.To().Params) != "" {
		a.onInDialog(req, tx)
		return
	}
	switch req.Method {
	case sip.INVITE:
		a.onInvite(req, tx)
	case sip.OPTIONS:
		a.onOptions(req, tx)
	case sip.BYE, sip.CANCEL, sip.UPDATE, sip.INFO, sip.PRACK:
		a.refuse(req, tx, refusal(sip.StatusCallTransactionDoesNotExists, "no such call"))
	default:
		a.refuse(req, tx, unknownMethod(req.Method))
	}
}

// isStray closes the socket that sipgo has opened for a request whose listener was closed
// between its arrival and now, and reports whether there was one. Nobody guards it or would
// ever close it.
func isStray(tx *sip.ServerTx) bool {
	c, ok := tx.Connection().(*sip.UDPConnection)
	if !ok || c.Listener {
		return false
	}
	_ = c.Close()
	return true
}

func (a *Agent) onInDialog(req *sip.Request, tx *sip.ServerTx) {
	if !isAllowed(req.Method) {
		a.refuse(req, tx, unknownMethod(req.Method))
		return
	}
	d := a.dialogs.get(keyOf(req))
	if d == nil || req.Method == sip.CANCEL {
		a.refuse(req, tx, refusal(sip.StatusCallTransactionDoesNotExists, "no such call"))
		return
	}
	if d.isEarly() {
		d.onEarly(req, tx)
		return
	}
	switch req.Method {
	case sip.INVITE:
		d.onReinvite(req, tx)
	case sip.UPDATE:
		d.onUpdate(req, tx)
	case sip.BYE:
		d.onBye(req, tx)
	case sip.INFO:
		d.onInfo(req, tx)
	case sip.OPTIONS:
		d.onOptions(req, tx)
	}
}

// recovered keeps a fault of ours in one request from ending everybody's calls.
func (a *Agent) recovered(req *sip.Request, tx *sip.ServerTx) {
	p := recover()
	if p == nil {
		return
	}
	a.fault(p)
	if req.Method != sip.ACK {
		_ = a.send(tx, a.reply(req, sip.StatusInternalServerError))
	}
}

// contain does the same for what no request waits for: timers, and what follows a call.
func (a *Agent) contain() {
	if p := recover(); p != nil {
		a.fault(p)
	}
}

func (a *Agent) fault(p any) {
	a.count.panics.Add(1)
	a.log.Error("panic in signalling", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
}

// validate checks what every request must have (RFC 3261 section 8.2), nil if all is well.
// Max-Forwards 0 is no fault here: we are where the request was going (RFC 4475 section
// 3.3.11).
func validate(req *sip.Request) *status {
	bad := func(why string) *status { return refusal(sip.StatusBadRequest, why) }
	switch {
	case !strings.EqualFold(req.SipVersion, "SIP/2.0"):
		return refusal(sip.StatusVersionNotSupported, "only SIP/2.0 is spoken here")
	case req.From() == nil:
		return bad("From is missing or cannot be read")
	case req.To() == nil:
		return bad("To is missing or cannot be read")
	case req.CallID() == nil:
		return bad("Call-ID is missing")
	case req.CSeq() == nil:
		return bad("CSeq is missing or cannot be read")
	case !strings.EqualFold(strings.TrimSpace(string(req.CSeq().MethodName)), string(req.Method)):
		return bad("CSeq names another method than the request line")
	}
	for _, once := range []string{"from", "to", "call-id", "cseq", "max-forwards"} {
		if len(req.GetHeaders(once)) > 1 {
			return bad(once + " may stand only once")
		}
	}
	if mf := req.MaxForwards(); mf != nil && mf.Val() > 255 {
		return bad("Max-Forwards is 0 to 255")
	}
	switch req.Recipient.Scheme {
	case "sip", "sips", "tel", "":
	default:
		return refusal(sip.StatusRequestedRangeNotSatisfiable, "the address must be sip:, sips: or tel:") // 416
	}
	if req.Method != sip.CANCEL {
		return unsupportedExtensions(req)
	}
	return nil
}

// unsupportedExtensions refuses what the peer insists on and we do not have.
func unsupportedExtensions(req *sip.Request) *status {
	var unknown []string
	for _, t := range tokens(req, "require") {
		if !containsFold(supported, t) {
			unknown = append(unknown, t)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	list := strings.Join(unknown, ", ")
	return refusal(sip.StatusBadExtension, "extensions required that are not supported: "+list,
		sip.NewHeader("Unsupported", list))
}

func unknownMethod(m sip.RequestMethod) *status {
	if isKnownMethod(m) {
		return refusal(sip.StatusMethodNotAllowed, "method not offered here", sip.NewHeader("Allow", allowValue))
	}
	return refusal(sip.StatusNotImplemented, "unknown method", sip.NewHeader("Allow", allowValue))
}

func isAllowed(m sip.RequestMethod) bool { return containsFold(allowed, string(m)) }

func containsFold(list []string, s string) bool {
	for _, l := range list {
		if strings.EqualFold(l, s) {
			return true
		}
	}
	return false
}

// reply makes a response with the headers that every one of ours has.
func (a *Agent) reply(req *sip.Request, code int, headers ...sip.Header) *sip.Response {
	res := sip.NewResponseFromRequest(req, code, reasonPhrase(code), nil)
	res.SipVersion = "SIP/2.0"
	if to := res.To(); to != nil && req.To() != nil && tagOf(req.To().Params) == "" {
		to.Params.Add("tag", a.tagFor(req))
	}
	if via := res.Via(); via != nil {
		// RFC 3261 section 18.2.1: say where the request came from if Via does not.
		if host, _, err := net.SplitHostPort(req.Source()); err == nil && strings.Trim(via.Host, "[]") != host {
			via.Params.Add("received", host)
		}
	}
	for _, h := range headers {
		res.AppendHeader(h)
	}
	res.AppendHeader(sip.NewHeader("Server", a.name))
	return res
}

// send hands a response to its transaction and counts it. An error means that it did not
// leave: the transport failed, or a CANCEL came first (sip.ErrTransactionCanceled).
func (a *Agent) send(tx *sip.ServerTx, res *sip.Response) error {
	err := tx.Respond(res)
	switch {
	case errors.Is(err, sip.ErrTransactionCanceled):
		a.count.response(sip.StatusRequestTerminated) // sipgo has sent that one
		return err
	case err != nil:
		tx.Terminate() // sipgo would keep it for ever in some states
		return err
	}
	a.count.response(res.StatusCode)
	return nil
}

// refuse answers a request outside of any dialog with a refusal.
func (a *Agent) refuse(req *sip.Request, tx *sip.ServerTx, s *status) {
	if err := a.send(tx, a.reply(req, s.code, s.headers...)); err != nil {
		a.log.Debug("response not sent", "method", req.Method, "code", s.code, "error", err)
		return
	}
	a.settle(req, tx)
}

// sourceOf returns where a request came from.
func sourceOf(req *sip.Request) netip.AddrPort {
	ap, err := netip.ParseAddrPort(req.Source())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
