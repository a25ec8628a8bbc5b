package calls

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/focus"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/mixer"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

// conference runs confd's SIP side and its rooms in this process.
func conference(t *testing.T, network string) (*focus.Agent, netip.AddrPort) {
	t.Helper()
	engine, err := mixer.New(mixer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	engine.Start()
	t.Cleanup(engine.Close)
	quiet := slog.New(slog.DiscardHandler)
	registry := rooms.New(rooms.Config{Engine: engine, Logger: quiet})
	t.Cleanup(registry.Close)
	pool, err := transport.NewPortPool(25000, 28999, 0)
	if err != nil {
		t.Fatal(err)
	}
	server, err := focus.New(focus.Config{
		Listen: []focus.Listen{{Network: network, Address: "127.0.0.1:0"}}, Pool: pool, Registry: registry,
		Load: func() float64 { return 0 }, Logger: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, netip.MustParseAddrPort(server.Addrs()[0].String())
}

func TestCallsToConfd(t *testing.T) {
	for _, network := range transports {
		t.Run(network, func(t *testing.T) {
			leak.Check(t)
			server, at := conference(t, network)
			a := open(t, at, func(c *Config) { c.Transport, c.Timeouts.T1 = network, defaultT1 })
			if err := a.Options(deadline(t), "sip:"+at.String()); err != nil {
				t.Fatal(err)
			}
			const n = 200
			all := placeAll(t, a, "sip:load@"+at.String(), n, 500)
			if got := server.Stats().Calls; got != n {
				t.Errorf("confd has %d calls, want %d", got, n)
			}
			for _, c := range all {
				if got := c.Answer(); got.Event != 101 || got.PacketTime != 20*time.Millisecond || !got.Receives || !got.Sends {
					t.Fatalf("%+v", got)
				}
				if c.session.interval == 0 { // confd offers to refresh whoever can
					t.Fatal("confd has agreed no session timer")
				}
			}
			if err := a.HangUp(deadline(t), 0); err != nil {
				t.Error(err)
			}
			// It answers first and then takes the caller out, and tells nobody when that is done.
			wait.For(t, "no calls to be left", func() bool { return server.Stats().Calls == 0 }, func() any { return server.Stats().Calls })
			if s := a.Stats(); s.Stray != 0 || s.Unusable != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// What confd refuses is called by its name.
func TestConfdRefuses(t *testing.T) {
	server, at := conference(t, "udp")
	a := open(t, at)
	_, err := a.Call(deadline(t), "sip:"+at.String(), someOffer())
	wantCause(t, err, NotFound, "484")
	o := someOffer()
	o.Formats = []Format{{PayloadType: 3, Name: "GSM/8000"}}
	_, err = a.Call(deadline(t), "sip:load@"+at.String(), o)
	wantCause(t, err, WrongCodec, "488")
	ends := make(chan End, 1)
	c, err := a.Call(deadline(t), "sip:load@"+at.String(), someOffer())
	if err != nil {
		t.Fatal(err)
	}
	c.OnEnd(func(e End) { ends <- e })
	if err := server.Drain(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if e := <-ends; !e.Far || e.Cause != Dropped || !strings.Contains(e.Reason, "cause=") {
		t.Errorf("%+v", e)
	}
	_, err = a.Call(deadline(t), "sip:load@"+at.String(), someOffer())
	wantCause(t, err, Unavailable, "503")
}
