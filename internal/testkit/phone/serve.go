package phone

import (
	"net/netip"

	"github.com/emiago/sipgo/sip"
)

// serve answers what the peer asks.
func (p *Phone) serve(req *sip.Request, _ netip.AddrPort) []byte {
	p.stateMu.Lock()
	p.requests[string(req.Method)]++
	p.stateMu.Unlock()
	d := p.dialog
	switch req.Method {
	case sip.BYE:
		reason := "BYE"
		if h := req.GetHeader("Reason"); h != nil {
			reason += ": " + h.Value()
		}
		p.end(reason)
	case sip.INVITE, sip.UPDATE:
		return p.reoffered(req)
	case sip.OPTIONS, sip.INFO, sip.NOTIFY, sip.MESSAGE:
	default:
		return d.respond(req, 405, "Method Not Allowed", nil, "")
	}
	return d.respond(req, 200, "OK", nil, "")
}

// reoffered answers a re-INVITE or UPDATE.
func (p *Phone) reoffered(req *sip.Request) []byte {
	if !p.mu.TryLock() {
		// A request of ours is under way (RFC 3261 section 14.2, RFC 3311 section 5.2).
		return p.dialog.respond(req, 491, "Request Pending", nil, "")
	}
	defer p.mu.Unlock()
	if len(req.Body()) > 0 {
		if err := p.adopt(string(req.Body()), true); err != nil {
			return p.dialog.respond(req, 488, "Not Acceptable Here", nil, "")
		}
		return p.dialog.respond(req, 200, "OK", nil, p.offer.String())
	}
	if req.Method == sip.UPDATE {
		return p.dialog.respond(req, 200, "OK", nil, "")
	}
	return p.dialog.respond(req, 200, "OK", nil, p.offer.String())
}
