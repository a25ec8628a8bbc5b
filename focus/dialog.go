package focus

import (
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/rooms"
)

type dialogState uint8

const (
	stateEarly     dialogState = iota // the INVITE is being looked at, here or by the peer
	stateAnswered                     // 200 sent, no ACK yet
	stateConfirmed                    // ACKed, by either
	stateEnded                        // hung up, perhaps with a BYE still under way
)

// reorderWait is how long a request waits for one that was sent before it: sipgo hands
// each to a goroutine of its own, so that those sent back to back come in any order.
const reorderWait = 50 * time.Millisecond

// dialog is the dialog and session with one caller, or with one whom we called.
type dialog struct {
	// Fixed at birth.
	agent   *Agent
	key     dialogKey
	room    rooms.Name
	log     *slog.Logger
	network string         // "UDP", "TCP" or "TLS": how the INVITE came
	laddr   sip.Addr       // our socket
	here    netip.AddrPort // the same as the peer can reach it: never a wildcard
	nat     bool           // the INVITE's Via is not where it came from
	secure  bool           // the Request-URI was sips
	local   sip.FromHeader // From of our requests
	remote  sip.ToHeader   // To of our requests
	routes  []sip.Uri      // route set, first hop first
	started time.Time

	login    login  // of a call that we made: for who asks for credentials
	peerName string // of a call that we made: whose certificate TLS must show

	inviting atomic.Bool  // a re-INVITE of the peer's has no final response yet
	heard    atomic.Int64 // monotonic ns of the last sign of life in signalling
	probing  atomic.Bool
	early    atomic.Pointer[outgoing] // of a call that we make, while it is not answered

	keyFrames keyFrames

	mu        sync.Mutex // whoever holds it has everything below to itself
	state     dialogState
	source    netip.AddrPort // where the peer's INVITE came from, or ours went; see follow
	target    sip.Uri        // Contact of the peer
	remoteSeq uint32
	localSeq  uint32
	asking    bool          // an INVITE, or an UPDATE with offer, of ours is under way
	updates   bool          // the peer's Allow has UPDATE
	ack       *ackWait      // a 200 of ours has no ACK yet
	goodbye   *rooms.Reason // send BYE as soon as the ACK allows it
	listens   bool          // the caller asked for the multicast group, and is not there yet
	unheard   bool          // the peer has sent no request yet: its CSeq may be anything
	preview   []byte        // session description of a provisional response
	proof     []sip.Header  // credentials of our INVITE, for its ACK
	turn      chan struct{} // closed at progress, if someone waits for it
	session   session       // timer, RFC 4028
	call      *call         // media; nil once the call has ended
}

func (a *Agent) newDialog(req *sip.Request, tx *sip.ServerTx, room rooms.Name) *dialog {
	d := &dialog{
		agent: a, room: room, network: req.Transport(), source: sourceOf(req),
		key:       dialogKey{req.CallID().Value(), newTag(), tagOf(req.From().Params)},
		remoteSeq: req.CSeq().SeqNo, secure: req.Recipient.Scheme == "sips",
		target: *req.From().Address.Clone(), started: time.Now(),
		log: a.log.With("call_id", bounded(req.CallID().Value()), "room", string(room)),
	}
	d.local = req.To().AsFrom()
	d.local.Params.Add("tag", d.key.local)
	d.remote = req.From().AsTo()
	for _, h := range req.GetHeaders("record-route") {
		if rr, ok := h.(*sip.RecordRouteHeader); ok {
			d.routes = append(d.routes, *rr.Address.Clone())
		}
	}
	d.locate(req, tx)
	d.refreshTarget(req)
	d.heard.Store(clock.Now())
	return d
}

func newTag() string { return sip.GenerateTagN(16) }

// locate finds out which of our sockets the peer talks to, and how it looks to the peer.
func (d *dialog) locate(req *sip.Request, tx *sip.ServerTx) {
	if c := tx.Connection(); c != nil {
		if ap, err := netip.ParseAddrPort(c.LocalAddr().String()); err == nil {
			d.here = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
			d.laddr = sip.Addr{IP: ap.Addr().AsSlice(), Port: int(ap.Port())}
		}
	}
	if d.here.Addr().IsUnspecified() {
		if ip, err := d.agent.routes.local(d.source.Addr()); err == nil {
			d.here = netip.AddrPortFrom(ip, d.here.Port())
		}
	}
	via := req.Via()
	ip, err := netip.ParseAddr(strings.Trim(via.Host, "[]"))
	port := via.Port
	if port == 0 {
		port = sip.DefaultPort(d.network)
	}
	d.nat = err == nil && ip.Unmap() != d.source.Addr() ||
		via.Params.Has("rport") && port != int(d.source.Port())
}

// refreshTarget takes the peer's Contact (RFC 3261 section 12.2.2) and Allow.
func (d *dialog) refreshTarget(m interface {
	headerer
	Contact() *sip.ContactHeader
}) {
	if c := m.Contact(); c != nil && !c.Address.Wildcard && isSIP(c.Address.Scheme) && c.Address.Host != "" {
		d.target = *c.Address.Clone()
	}
	if allow := tokens(m, "allow"); len(allow) > 0 {
		d.updates = containsFold(allow, string(sip.UPDATE))
	}
}

func isSIP(scheme string) bool { return scheme == "sip" || scheme == "sips" }

// contact is ours: the conference (RFC 4579 section 5.1).
func (d *dialog) contact() sip.Header {
	u := sip.Uri{Scheme: "sip", User: string(d.room), Host: d.here.Addr().String(), Port: int(d.here.Port())}
	switch {
	case d.secure:
		u.Scheme = "sips"
	case d.network != "UDP":
		u.UriParams = sip.HeaderParams{{K: "transport", V: strings.ToLower(d.network)}}
	}
	return &sip.ContactHeader{Address: u, Params: sip.HeaderParams{{K: "isfocus"}}}
}

// answer makes a response within the dialog: with its tag, and what tells the peer about
// us in a 2xx to INVITE and UPDATE.
func (d *dialog) answer(req *sip.Request, code int, headers ...sip.Header) *sip.Response {
	res := d.agent.reply(req, code, headers...)
	if to := res.To(); to != nil {
		to.Params.Add("tag", d.key.local)
	}
	if code/100 == 2 && (req.Method == sip.INVITE || req.Method == sip.UPDATE) {
		res.AppendHeader(d.contact())
		res.AppendHeader(sip.NewHeader("Allow", allowValue))
		res.AppendHeader(sip.NewHeader("Supported", supportedValue))
		res.AppendHeader(sip.NewHeader("Accept", acceptValue))
	}
	return res
}

// respond sends a response of the dialog that is neither a 200 to INVITE nor in need of
// anything after it.
func (d *dialog) respond(req *sip.Request, tx *sip.ServerTx, code int, headers ...sip.Header) {
	if err := d.agent.send(tx, d.answer(req, code, headers...)); err != nil {
		d.log.Debug("response not sent", "method", req.Method, "code", code, "error", err)
	}
}

func (d *dialog) refuse(req *sip.Request, tx *sip.ServerTx, s *status) {
	d.log.Debug("request refused", "method", req.Method, "code", s.code, "why", s.why)
	d.respond(req, tx, s.code, s.headers...)
}

// enter locks the dialog for a request, once those sent before it are through, as far as
// they come soon. With ok the caller holds the lock; otherwise the request has been
// answered: it is older than one already handled (RFC 3261 section 12.2.2), or the dialog
// has ended.
func (d *dialog) enter(req *sip.Request, tx *sip.ServerTx) (ok bool) {
	seq := req.CSeq().SeqNo
	needsACK := req.Method == sip.INVITE || req.Method == sip.UPDATE
	deadline := time.NewTimer(reorderWait)
	defer deadline.Stop()
	for waiting := true; ; {
		d.mu.Lock()
		early := seq > d.remoteSeq+1 && !d.unheard || needsACK && d.ack != nil
		if !waiting || !early || d.state == stateEnded {
			break
		}
		progress := d.progress()
		d.mu.Unlock()
		select {
		case <-progress:
		case <-deadline.C:
			waiting = false
		}
	}
	d.heard.Store(clock.Now())
	ended := d.state == stateEnded && req.Method != sip.BYE
	if (seq > d.remoteSeq || d.unheard) && !ended {
		d.remoteSeq, d.unheard = seq, false
		d.follow(req)
		d.advance()
		return true
	}
	d.mu.Unlock()
	if ended {
		d.refuse(req, tx, refusal(sip.StatusCallTransactionDoesNotExists, "the call has ended"))
	} else {
		d.refuse(req, tx, refusal(sip.StatusInternalServerError, "CSeq is not above that of an earlier request"))
	}
	return false
}

// follow has our requests go where a request of the peer's came from, if its NAT has given it
// another port: through a NAT only the latest flow leads back (RFC 5626). Only who knows the
// tags and the CSeq gets here, and nobody is followed to another host. d.mu is held.
func (d *dialog) follow(req *sip.Request) {
	if from := sourceOf(req); d.nat && req.Transport() == d.network && from.Addr() == d.source.Addr() {
		d.source = from
	}
}

// progress returns a channel that is closed when something happened that a waiting request
// may need. d.mu is held.
func (d *dialog) progress() <-chan struct{} {
	if d.turn == nil {
		d.turn = make(chan struct{})
	}
	return d.turn
}

// advance wakes who waits for progress. d.mu is held.
func (d *dialog) advance() {
	if d.turn != nil {
		close(d.turn)
		d.turn = nil
	}
}
