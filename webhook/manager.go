package webhook

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Manager keeps subscriptions and delivers events to them. Any goroutine may call any of
// its methods. Create, Update and Delete wait for the store; nothing else does.
type Manager struct {
	cfg    Config
	policy policy
	send   func(context.Context, request) outcome // a poster's, or a test's
	tidy   func()                                 // lets go of what send keeps

	storeMu sync.Mutex // held around writes to the store and before mu

	mu             sync.Mutex // everything below; held for short and never around input or output
	subs           map[string]*subscriber
	order          uint64 // of the last delivery
	dead           map[string]*job
	alarms         alarms
	healthy        fifo[*subscriber] // who has something to send and may
	failing        fifo[*subscriber]
	running        int // attempts
	runningFailing int // of them by subscribers that failed before
	pinging        int
	pending        int
	counters       Counters
	dirty          map[string]*job // to be stored; nil: to be removed from the store
	dirtySubs      map[string]struct{}
	closing        bool // nothing new is taken
	stopped        bool // nothing new is sent

	ctx     context.Context // of all attempts
	cancel  context.CancelFunc
	wake    chan struct{} // to run: look again
	changed chan struct{} // to persist: something is dirty
	stop    chan struct{} // ends run and persist
	idle    chan struct{} // closed by run when closing and nothing can be sent
	closed  chan struct{} // closed by Close at its end
	wg      sync.WaitGroup
}

// New returns a running Manager that goes on with what cfg.Store holds; Close ends it. It
// fails if the store cannot be read.
func New(cfg Config) (*Manager, error) {
	cfg = cfg.withDefaults()
	p := newPoster(policy{cfg.AllowHTTP, cfg.AllowPrivate}, cfg.Limits, cfg.RootCAs, cfg.Resolver, cfg.UserAgent)
	return newManager(cfg, p.send, p.transport.CloseIdleConnections)
}

func newManager(cfg Config, send func(context.Context, request) outcome, tidy func()) (*Manager, error) {
	cfg = cfg.withDefaults()
	m := &Manager{
		cfg: cfg, policy: policy{cfg.AllowHTTP, cfg.AllowPrivate}, send: send, tidy: tidy,
		subs: map[string]*subscriber{}, dead: map[string]*job{},
		dirty: map[string]*job{}, dirtySubs: map[string]struct{}{},
		counters: Counters{Dead: map[DeadReason]uint64{}},
		// Beyond every earlier run's, whatever of theirs is still stored.
		order: uint64(time.Now().UnixNano()),
		wake:  make(chan struct{}, 1), changed: make(chan struct{}, 1),
		stop: make(chan struct{}), idle: make(chan struct{}), closed: make(chan struct{}),
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	if cfg.Store != nil {
		if err := m.load(); err != nil {
			m.cancel()
			return nil, err
		}
		m.wg.Go(m.persist)
	}
	m.wg.Go(m.run)
	return m, nil
}

// Close takes no more events, goes on delivering what is due until ctx ends or
// Config.CloseTimeout has passed, breaks off what is still under way, and stores what is
// left for the next run. It returns when nothing of the manager runs any more; a second call
// waits for the first. The error, of code Internal, says that the store did not take all.
func (m *Manager) Close(ctx context.Context) error {
	m.mu.Lock()
	again := m.closing
	m.closing = true
	m.mu.Unlock()
	if again {
		<-m.closed
		return nil
	}
	defer close(m.closed)
	signal(m.wake)
	m.await(ctx)
	m.mu.Lock()
	m.stopped = true
	m.mu.Unlock()
	m.cancel()
	close(m.stop)
	m.wg.Wait()
	m.tidy()
	return m.settle()
}

func (m *Manager) await(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.CloseTimeout)
	defer cancel()
	select {
	case <-m.idle:
	case <-ctx.Done():
	}
}

// settle stores what is left, or says how much is lost.
func (m *Manager) settle() error {
	err := m.flush()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err != nil:
		return &Error{Code: Internal, Err: err, Message: "pending deliveries could not be stored: " + err.Error()}
	case m.cfg.Store == nil && m.pending > 0:
		m.counters.Lost += uint64(m.pending)
		m.cfg.Logger.Warn("webhook deliveries are lost at the end: no store", "deliveries", m.pending)
	}
	return nil
}

// load takes over what the store holds; it runs before anything else does.
func (m *Manager) load() error {
	subs, deliveries, err := m.cfg.Store.Load()
	if err != nil {
		return &Error{Code: Internal, Err: err, Message: "the store cannot be read: " + err.Error()}
	}
	for _, s := range subs {
		if _, err := ParseSecret(s.Secret); err != nil && !s.Disabled {
			s.Disabled, s.DisabledFor = true, "its stored secret cannot be used; set another"
		}
		m.subs[s.ID] = m.newSubscriber(s)
	}
	slices.SortFunc(deliveries, func(a, b Delivery) int { return cmp.Compare(a.Order, b.Order) })
	now := time.Now()
	for _, d := range deliveries {
		m.resume(&job{Delivery: d, saved: true}, now)
	}
	return nil
}

func (m *Manager) resume(j *job, now time.Time) {
	s := m.subs[j.Subscription]
	if s == nil { // deleted just before the end
		m.forget(j)
		return
	}
	m.order = max(m.order, j.Order)
	switch {
	case j.State == Dead:
		m.keepDead(s, j)
	case s.Disabled:
		m.bury(s, j, DeadDisabled, now)
	default:
		if j.Next.After(now.Add(maxRetryAfter)) { // the clock was wrong then or is now
			j.Next = now
		}
		m.add(s, j, now)
	}
}

// signal wakes who waits on c, which has room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
