package focus

import "github.com/emiago/sipgo/sip"

// onOptions answers who asks what we can do (RFC 3261 section 11), and proxies that ask
// whether we are there: the status is that of an INVITE.
func (a *Agent) onOptions(req *sip.Request, tx *sip.ServerTx) {
	if a.draining.Load() {
		a.refuse(req, tx, refusal(sip.StatusServiceUnavailable, "draining", sip.NewHeader("Retry-After", retryAfter)))
		return
	}
	if err := a.send(tx, a.reply(req, sip.StatusOK, capabilityHeaders()...)); err != nil {
		a.log.Debug("response to OPTIONS not sent", "error", err)
		return
	}
	a.settle(req, tx)
}

// onOptions answers a peer that asks whether its call still stands.
func (d *dialog) onOptions(req *sip.Request, tx *sip.ServerTx) {
	if !d.enter(req, tx) {
		return
	}
	defer d.mu.Unlock()
	d.respond(req, tx, sip.StatusOK, append(capabilityHeaders(), d.contact())...)
}

func capabilityHeaders() []sip.Header {
	return []sip.Header{
		sip.NewHeader("Allow", allowValue),
		sip.NewHeader("Accept", acceptValue),
		sip.NewHeader("Accept-Encoding", "identity"),
		sip.NewHeader("Accept-Language", "en"),
		sip.NewHeader("Supported", supportedValue),
	}
}
