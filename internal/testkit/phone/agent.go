package phone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// t1 is the round-trip estimate of RFC 3261 section 17.1.1.1.
const t1 = 500 * time.Millisecond

// errHungUp is returned to whoever waits for a response when the phone closes.
var errHungUp = errors.New("the phone was closed")

// agent runs transactions over one wire. Methods may be called from any goroutine.
type agent struct {
	wire wire
	// request answers what the peer asks: a whole response.
	request func(*sip.Request, netip.AddrPort) []byte

	mu        sync.Mutex
	pending   map[string]chan *sip.Response // by branch and method
	acks      map[uint32]outgoing           // by CSeq of the INVITE
	answered  map[string][]byte             // responses by branch and method, for repeats
	malformed []error
	repeats   int // 200s that had been acknowledged before
	done      chan struct{}
}

type outgoing struct {
	message []byte
	to      netip.AddrPort
}

func newAgent(w wire, request func(*sip.Request, netip.AddrPort) []byte) *agent {
	return &agent{
		wire:     w,
		request:  request,
		pending:  map[string]chan *sip.Response{},
		acks:     map[uint32]outgoing{},
		answered: map[string][]byte{},
		done:     make(chan struct{}),
	}
}

// run reads until the wire closes.
func (a *agent) run() {
	defer close(a.done)
	for {
		b, from, err := a.wire.receive()
		if err != nil {
			return
		}
		// Keep-alives, and datagrams meant for whoever had this port before.
		if !bytes.Contains(b, []byte("SIP/2.0")) {
			continue
		}
		msg, err := sip.ParseMessage(append([]byte(nil), b...))
		if err != nil {
			a.mu.Lock()
			a.malformed = append(a.malformed, fmt.Errorf("%w:\n%s", err, b))
			a.mu.Unlock()
			continue
		}
		switch m := msg.(type) {
		case *sip.Response:
			a.response(m)
		case *sip.Request:
			a.serve(m, from)
		}
	}
}

func (a *agent) response(res *sip.Response) {
	via, cseq := res.Via(), res.CSeq()
	if via == nil || cseq == nil {
		return
	}
	branch, _ := via.Params.Get("branch")
	a.mu.Lock()
	waiting := a.pending[branch+string(cseq.MethodName)]
	ack, acked := a.acks[cseq.SeqNo]
	repeat := acked && cseq.MethodName == sip.INVITE && res.IsSuccess() && waiting == nil
	if repeat {
		a.repeats++
	}
	a.mu.Unlock()
	switch {
	case repeat:
		_ = a.wire.send(ack.message, ack.to)
	case waiting != nil:
		select {
		case waiting <- res:
		default: // far more responses than any transaction has
		}
	}
}

func (a *agent) serve(req *sip.Request, from netip.AddrPort) {
	if req.IsAck() || req.Via() == nil || req.CSeq() == nil {
		return
	}
	branch, _ := req.Via().Params.Get("branch")
	key := branch + string(req.Method)
	a.mu.Lock()
	answer := a.answered[key]
	a.mu.Unlock()
	if answer == nil {
		answer = a.request(req, from)
		a.mu.Lock()
		a.answered[key] = answer
		a.mu.Unlock()
	}
	_ = a.wire.send(answer, from)
}

// transact sends a request and waits for its final response, resending on UDP as RFC 3261
// sections 17.1.1.2 and 17.1.2.2 say. provisional is told of 1xx; it may be nil.
func (a *agent) transact(ctx context.Context, method, branch string, message []byte, to netip.AddrPort, provisional func(*sip.Response)) (*sip.Response, error) {
	responses := make(chan *sip.Response, 64)
	key := branch + method
	a.mu.Lock()
	a.pending[key] = responses
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.pending, key)
		a.mu.Unlock()
	}()
	if err := a.wire.send(message, to); err != nil {
		return nil, err
	}
	interval := t1
	resend := time.NewTimer(interval)
	defer resend.Stop()
	limit := time.NewTimer(64 * t1)
	defer limit.Stop()
	proceeding := false
	for {
		select {
		case res := <-responses:
			if !res.IsProvisional() {
				return res, nil
			}
			proceeding = true
			if provisional != nil {
				provisional(res)
			}
		case <-resend.C:
			if a.wire.reliable() || (proceeding && method == "INVITE") {
				continue
			}
			_ = a.wire.send(message, to)
			if interval *= 2; interval > 4*time.Second {
				interval = 4 * time.Second
			}
			resend.Reset(interval)
		case <-limit.C:
			return nil, fmt.Errorf("%s got no final response in %v", method, 64*t1)
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: %w", method, ctx.Err())
		case <-a.done:
			return nil, errHungUp
		}
	}
}

// acknowledge sends the ACK of a 2xx and keeps it for repeated 200s.
func (a *agent) acknowledge(cseq uint32, message []byte, to netip.AddrPort) error {
	a.mu.Lock()
	a.acks[cseq] = outgoing{message, to}
	a.mu.Unlock()
	return a.wire.send(message, to)
}

func (a *agent) close() {
	a.wire.close()
	<-a.done
}
