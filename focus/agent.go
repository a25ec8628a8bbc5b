package focus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/focus/guard"
	"github.com/confd/confd/focus/offeranswer"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

// Config is what an [Agent] needs. Durations and numbers of 0 are the defaults.
type Config struct {
	Listen  []Listen    // at least one
	TLS     *tls.Config // with a certificate, if any listener is "tls"
	MediaIP netip.Addr  // written into SDP; zero: the local address of the route to the peer

	Pool         *transport.PortPool
	Registry     *rooms.Registry
	Capabilities offeranswer.Capabilities

	// Guard stands before every socket and judges the sources of new calls; nil: one with
	// the default limits.
	Guard *guard.Guard
	// Trusted says whose calls may open rooms where rooms.open is private; nil means
	// loopback and private networks.
	Trusted func(netip.Addr) bool
	// Load returns the share of a tick that the mixer is busy, 0 to 1. At MaxLoad (0.85)
	// and above, new calls get 503.
	Load    func() float64
	MaxLoad float64
	// MaxCalls bounds calls at a time; 0 means 5000.
	MaxCalls int

	// Trunk takes dial-outs to telephone numbers; none if its Address is empty.
	Trunk Trunk
	// DialOut bounds the calls that the server makes.
	DialOut DialLimits
	// DialTLS is for connections that the server opens; nil: the system's authorities.
	DialTLS *tls.Config

	SessionExpires time.Duration // interval that we offer (RFC 4028); 30 minutes
	MinSE          time.Duration // shortest interval that we accept; 90 s, and not less
	Silence        time.Duration // after which a silent peer is probed; 30 s
	// ReportTimeout is how long a peer may listen to a multicast group without a report to its
	// feedback target before it gets a stream of its own again; 0 is for ever.
	ReportTimeout time.Duration

	Version string // for Server and User-Agent; "dev"
	Logger  *slog.Logger

	maxLingering int // refused INVITEs; see settle
}

// Agent is the SIP user agent of a conference server. Its methods may be called by any
// goroutine.
type Agent struct {
	cfg   Config
	log   *slog.Logger
	name  string // of Server and User-Agent
	count *counters

	tpl *sip.TransportLayer
	txl *sip.TransactionLayer

	dialogs *table
	merges  *mergeTable
	routes  *routeCache
	offers  pacer // of groups and video

	legs      *ledger[*transport.Leg, MediaStats]
	videoLegs *ledger[*transport.VideoLeg, VideoStats]

	dials     *dials
	streams   *streams
	resolver  resolver
	seed      maphash.Seed // of tags
	lingering atomic.Int64 // INVITEs that were refused and have a transaction

	listeners []*listener
	draining  atomic.Bool

	ctx    context.Context // ended by Close
	cancel context.CancelFunc
	mu     sync.Mutex // guards closed against work.Add
	closed bool
	work   sync.WaitGroup // every goroutine that runs our code
	serve  sync.WaitGroup // the read loops
}

// ErrClosed is what Start returns after Close.
var ErrClosed = errors.New("focus: the agent is closed")

// New returns an Agent that has no socket yet. Errors: what in the configuration cannot
// be used.
func New(cfg Config) (*Agent, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	setGlobals()
	a := &Agent{
		cfg: cfg, log: cfg.Logger, name: "confd/" + cfg.Version, count: newCounters(),
		dialogs: newTable(), merges: newMergeTable(), routes: newRouteCache(),
		dials: newDials(cfg.DialOut), streams: newStreams(), resolver: net.DefaultResolver,
		seed:      maphash.MakeSeed(),
		legs:      newLedger(func(m *MediaStats, l *transport.Leg) { m.add(l.Stats()) }),
		videoLegs: newLedger(func(v *VideoStats, l *transport.VideoLeg) { v.add(l.Stats()) }),
	}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	silent := slog.New(quiet{&a.count.unparsable})
	a.tpl = sip.NewTransportLayer(net.DefaultResolver, sip.NewParser(), nil,
		sip.WithTransportLayerLogger(silent), sip.WithTransportLayerTransports(ownStreams()))
	a.txl = sip.NewTransactionLayer(a.tpl, sip.WithTransactionLayerLogger(silent),
		sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {}))
	a.txl.OnRequest(a.onRequest)
	return a, nil
}

func (c *Config) complete() error {
	switch {
	case len(c.Listen) == 0:
		return errors.New("focus: no address to listen on; give one as udp:HOST:PORT")
	case c.Pool == nil || c.Registry == nil:
		return errors.New("focus: a port pool and a registry are needed")
	case c.ReportTimeout < 0 || c.SessionExpires < 0 || c.MinSE < 0 || c.Silence < 0 || c.MaxCalls < 0:
		return errors.New("focus: limits and durations must not be negative")
	}
	for _, l := range c.Listen {
		if err := l.check(c.TLS != nil); err != nil {
			return err
		}
	}
	setDefault(&c.SessionExpires, 30*time.Minute)
	setDefault(&c.MinSE, minSessionInterval)
	setDefault(&c.Silence, 30*time.Second)
	setDefault(&c.MaxLoad, 0.85)
	setDefault(&c.MaxCalls, 5000)
	setDefault(&c.maxLingering, maxLingering)
	setDefault(&c.Version, "dev")
	setDefault(&c.Logger, slog.Default())
	if c.Guard == nil {
		c.Guard, _ = guard.New(guard.DefaultLimits(), nil) // the defaults are valid
	}
	if c.Trusted == nil {
		c.Trusted = isLocalNetwork
	}
	if c.MinSE < minSessionInterval {
		return fmt.Errorf("focus: the shortest session interval is %v; RFC 4028 wants at least %v", c.MinSE, minSessionInterval)
	}
	c.SessionExpires = max(c.SessionExpires, c.MinSE)
	if err := c.completeDialOut(); err != nil {
		return err
	}
	if len(c.Capabilities.Audio) == 0 {
		c.Capabilities = offeranswer.DefaultCapabilities()
	}
	return nil
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// isLocalNetwork is the default of Config.Trusted.
func isLocalNetwork(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
}

// enter registers work that Close waits for; false means that the agent is closed.
func (a *Agent) enter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.work.Add(1)
	return true
}

// spawn runs f on a goroutine that Close waits for; false means that the agent is closed.
func (a *Agent) spawn(f func()) bool {
	if !a.enter() {
		return false
	}
	go func() {
		defer a.work.Done()
		defer a.contain()
		f()
	}()
	return true
}

// onTimer runs f, which a timer has started, unless the agent is closed.
func (a *Agent) onTimer(f func()) {
	if a.enter() {
		defer a.work.Done()
		defer a.contain()
		f()
	}
}

// Drain lets nobody new in, hangs up on everyone and waits until all have answered, or
// given up on, or ctx ends. Error: that of ctx, with calls left to Close.
func (a *Agent) Drain(ctx context.Context) error {
	a.draining.Store(true)
	why := rooms.Reason{Code: rooms.ReasonDraining}
	a.dials.cancel(why)
	for _, d := range a.dialogs.all() {
		a.spawn(func() { d.end(why, hangUp) })
	}
	for _, whenEmpty := range []func() <-chan struct{}{a.dials.whenEmpty, a.dialogs.whenEmpty} {
		select {
		case <-whenEmpty():
		case <-ctx.Done():
			return fmt.Errorf("focus: drain: %d calls did not end in time: %w", a.dialogs.size()+a.dials.size(), ctx.Err())
		}
	}
	return nil
}

// Draining reports whether new calls are turned away because of Drain.
func (a *Agent) Draining() bool { return a.draining.Load() }

// Close ends every call, with one BYE that nobody waits for, gives all ports back and
// closes the sockets. It is idempotent and returns when no goroutine of the agent runs.
func (a *Agent) Close() error {
	a.draining.Store(true)
	a.mu.Lock()
	first := !a.closed
	a.mu.Unlock()
	if first {
		a.dials.cancel(rooms.Reason{Code: rooms.ReasonDraining})
		for _, d := range a.dialogs.all() {
			d.end(rooms.Reason{Code: rooms.ReasonDraining}, hangUpNow)
		}
	}
	a.mu.Lock()
	if !a.closed {
		a.closed = true
		a.cancel()
	}
	a.mu.Unlock()
	a.work.Wait()
	for _, d := range a.dialogs.all() { // answered while we closed
		d.end(rooms.Reason{Code: rooms.ReasonDraining}, hangUpNow)
		d.stopTimers()
	}
	err := a.closeListeners()
	a.txl.Close()
	err = errors.Join(err, a.tpl.Close())
	a.serve.Wait()
	return err
}
