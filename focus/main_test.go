package focus

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/focus/offeranswer"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/mixer"
	"github.com/confd/confd/multicast"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

// With T1 = 20 ms, a transaction gives up after 1.28 s.
func TestMain(m *testing.M) {
	sip.SetTimers(20*time.Millisecond, 160*time.Millisecond, 100*time.Millisecond)
	os.Exit(m.Run())
}

// patience is how long a test waits for what should come at once, on a busy machine.
const patience = 30 * time.Second

// server is a whole conference server without HTTP.
type server struct {
	*Agent
	t        *testing.T
	engine   *mixer.Engine
	registry *rooms.Registry
	groups   *multicast.Host // on loopback
	pool     *transport.PortPool
	events   <-chan *rooms.Event
}

// start runs a server on loopback; change may alter its configuration.
func start(t *testing.T, change ...func(*Config)) *server {
	t.Helper()
	return startWith(t, rooms.VideoConfig{}, change...)
}

// startWith is start for rooms with video.
func startWith(t *testing.T, video rooms.VideoConfig, change ...func(*Config)) *server {
	t.Helper()
	s := &server{t: t}
	var err error
	if s.engine, err = mixer.New(mixer.Config{}); err != nil {
		t.Fatal(err)
	}
	s.engine.Start()
	t.Cleanup(s.engine.Close)
	logger := slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	groups := multicast.DefaultConfig()
	groups.Interface, groups.Source, groups.Ports = "lo", netip.MustParseAddr("127.0.0.1"), [2]int{25000, 25999}
	if s.groups, err = multicast.NewHost(groups); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.groups.Close)
	s.registry = rooms.New(rooms.Config{Engine: s.engine, Groups: s.groups, Logger: logger, Video: video})
	t.Cleanup(s.registry.Close)
	stream := s.registry.Subscribe(rooms.SubscribeOptions{Live: true, Buffer: 10000})
	t.Cleanup(stream.Close)
	s.events = stream.Events()
	if s.pool, err = transport.NewPortPool(21000, 24999, 0); err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Listen: []Listen{{"udp", "127.0.0.1:0"}}, Pool: s.pool, Registry: s.registry,
		Version: "test", Logger: logger,
	}
	for _, c := range change {
		c(&cfg)
	}
	if s.Agent, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if n := s.pool.InUse(); n != 0 {
			t.Errorf("%d port pairs are still in use", n)
		}
	})
	return s
}

func (s *server) addr(i int) netip.AddrPort {
	return netip.MustParseAddrPort(s.Addrs()[i].String())
}

// await returns the next event of a kind.
func (s *server) await(kind rooms.EventKind) rooms.Event {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case e := <-s.events:
			if e.Kind == kind {
				return *e
			}
		case <-deadline:
			s.t.Fatalf("no event %v", kind)
		}
	}
}

// settled waits until no dialog and no call is left.
func (s *server) settled() {
	s.t.Helper()
	select {
	case <-s.dialogs.whenEmpty():
	case <-time.After(patience):
		s.t.Fatalf("%d dialogs are left", s.dialogs.size())
	}
	wait.For(s.t, "calls and ports to be given back", func() bool {
		return s.Stats().Calls == 0 && s.pool.InUse() == 0
	})
}

// only returns the one dialog that there is.
func (s *server) only() *dialog {
	s.t.Helper()
	all := s.dialogs.all()
	if len(all) != 1 {
		s.t.Fatalf("there are %d dialogs, want 1", len(all))
	}
	return all[0]
}

// negotiated returns what is in force, nil before the first exchange.
func (d *dialog) negotiated() *offeranswer.Negotiated {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.call == nil || d.call.state == nil {
		return nil
	}
	n := d.call.state.Negotiated()
	return &n
}

// confirmed waits until the ACK has arrived.
func (d *dialog) confirmed(t *testing.T) *dialog {
	t.Helper()
	wait.For(t, "the ACK", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.state == stateConfirmed
	})
	return d
}

func short(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// testLog writes to the test's log, while the test runs.
type testLog struct{ t *testing.T }

func (l testLog) Write(b []byte) (int, error) {
	if testing.Verbose() {
		os.Stderr.Write(b)
	}
	return len(b), nil
}

func withListen(l ...Listen) func(*Config) { return func(c *Config) { c.Listen = l } }

func withTLS(cert tls.Certificate) func(*Config) {
	return func(c *Config) { c.TLS = &tls.Config{Certificates: []tls.Certificate{cert}} }
}
