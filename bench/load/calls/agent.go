package calls

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
)

// Agent is a set of lines from which calls are made. Its methods may be called by any
// goroutine.
type Agent struct {
	config Config
	lines  []*line
	prefix string // of tags, branches and Call-IDs
	number atomic.Uint64
	count  counters
}

type counters struct{ repeated, unusable, stray, reconnects atomic.Int64 }

// Stats are totals since Open.
type Stats struct {
	Repeated   int // requests that UDP made us send again
	Unusable   int // messages that could not be read
	Stray      int // messages that belong to no call or request of ours
	Reconnects int // connections opened anew
}

// Stats returns the totals.
func (a *Agent) Stats() Stats {
	c := &a.count
	return Stats{int(c.repeated.Load()), int(c.unusable.Load()), int(c.stray.Load()), int(c.reconnects.Load())}
}

// Open checks the configuration and opens the lines' sockets. TCP lines connect when they
// are first needed, so that a server that is not there fails the calls and not this.
func Open(config Config) (*Agent, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	if !config.Local.IsValid() {
		local, err := routeTo(config.Server)
		if err != nil {
			return nil, err
		}
		config.Local = local
	}
	a := &Agent{config: config, prefix: strings.ToLower(rand.Text()[:13])}
	for range config.Lines {
		l, err := openLine(a)
		if err != nil {
			return nil, errors.Join(err, a.Close())
		}
		a.lines = append(a.lines, l)
	}
	return a, nil
}

// routeTo returns the address that this machine has towards the server.
func routeTo(server netip.AddrPort) (netip.Addr, error) {
	conn, err := net.Dial("udp", server.String())
	if err != nil {
		return netip.Addr{}, fmt.Errorf("calls: no route to %v: %w", server, err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

// Close closes the sockets, which ends requests and calls that are being set up. Calls that
// are up are left as they are: the server is told nothing. See HangUp.
func (a *Agent) Close() error {
	var all error
	for _, l := range a.lines {
		all = errors.Join(all, l.close())
	}
	return all
}

// unique returns a token that nobody else uses.
func (a *Agent) unique() string { return a.prefix + strconv.FormatUint(a.number.Add(1), 36) }

// line is the next one in turn.
func (a *Agent) line() *line { return a.lines[a.number.Add(1)%uint64(len(a.lines))] }

// Options asks the server at to, a SIP URI, whether it is there. Error: a *Failure if it
// is not, or does not answer with 2xx.
func (a *Agent) Options(ctx context.Context, to string) error {
	if _, _, err := hostOf(to); err != nil {
		return err
	}
	l := a.line()
	if err := l.ready(); err != nil {
		return &Failure{Cause: Refused, Err: err}
	}
	p := prover{username: a.config.Username, password: a.config.Password}
	r := &request{method: "OPTIONS", uri: to, from: l.from(a.config.From, a.unique()), to: "<" + to + ">", callID: a.unique()}
	for {
		r.seq++
		r.branch, r.headers = l.newBranch(), append(p.headers(r.method, to), "Accept: application/sdp")
		m, err := l.ask(ctx, r)
		switch {
		case err != nil:
			return requestFailed(err)
		case m.success():
			return nil
		case !p.take(m):
			return failed(m, p.proved())
		}
	}
}

// requestFailed is why a request has no response.
func requestFailed(err error) *Failure {
	switch {
	case errors.Is(err, errTimeout):
		return &Failure{Cause: NoAnswer, Err: err}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Failure{Cause: Cancelled, Err: err}
	}
	return &Failure{Cause: Refused, Err: err}
}
