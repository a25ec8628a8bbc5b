//go:build linux

package fleet

import (
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/confd/confd/bench/load/signal"
)

func TestConfigAtItsEdges(t *testing.T) {
	good := Config{Callers: 10, Rooms: 2, Talkers: 3, Codec: pcmu}
	for want, change := range map[string]func(*Config){
		"":                        func(*Config) {},
		"0 callers":               func(c *Config) { c.Callers = 0 },
		"100001 callers":          func(c *Config) { c.Callers = MaxCallers + 1 },
		"11 rooms":                func(c *Config) { c.Rooms = 11 },
		"0 talkers":               func(c *Config) { c.Talkers = 0 },
		"201 talkers":             func(c *Config) { c.Talkers = signal.MaxTalkers + 1 },
		"3 plans":                 func(c *Config) { c.Plans = 3 },
		"-1 plans":                func(c *Config) { c.Plans = -1 },
		"251 callers share":       func(c *Config) { c.Sharing = MaxSharing + 1 },
		"-1 callers share":        func(c *Config) { c.Sharing = -1 },
		"65 threads":              func(c *Config) { c.Threads = 65 },
		"-1 threads":              func(c *Config) { c.Threads = -1 },
		"packets of 50ms":         func(c *Config) { c.Codec.Format.PacketTime = 50 * time.Millisecond },
		"packets of 5ms":          func(c *Config) { c.Codec.Format.PacketTime = 5 * time.Millisecond },
		"44100 samples":           func(c *Config) { c.Codec.Format.SampleRate = 44100 },
		"Opus DTX":                func(c *Config) { c.Codec.Format.Opus.DTX = true },
		"loss of -0.1":            func(c *Config) { c.Impair.Loss = -0.1 },
		"loss of 0.91":            func(c *Config) { c.Impair.Loss = 0.91 },
		"loss of NaN":             func(c *Config) { c.Impair.Loss = math.NaN() },
		"0.5 packets lost in a":   func(c *Config) { c.Impair.Burst = 0.5 },
		"loss of 0.6 in bursts":   func(c *Config) { c.Impair.Loss, c.Impair.Burst = 0.6, 1 },
		"jitter of 200.000001ms":  func(c *Config) { c.Impair.Jitter = MaxJitter + 1 },
		"jitter of -1ns":          func(c *Config) { c.Impair.Jitter = -1 },
		"0.51 of the packets":     func(c *Config) { c.Impair.Reorder = 0.51 },
		"-2 ears":                 func(c *Config) { c.Ears = -2 },
		"references in 3 of 2":    func(c *Config) { c.References = 3 },
		"extension 15":            func(c *Config) { c.Codec.Level = 15 },
		"in steps of 99.999µs":    func(c *Config) { c.Grain = MinGrain - 1 },
		"in steps of 3ms":         func(c *Config) { c.Grain = 3 * time.Millisecond },
		"drift of 1000.5 ppm":     func(c *Config) { c.Impair.Drift = MaxDrift + 0.5 },
		"cycle of 11":             func(c *Config) { c.Cycle = 11 * time.Second },
		"want the same IP":        func(c *Config) { c.Local = []netip.Prefix{netip.MustParsePrefix("::1/128")} },
		"192.0.2.77":              func(c *Config) { c.Local = []netip.Prefix{netip.MustParsePrefix("192.0.2.77/32")} },
		"clock 8000, samples 800": func(c *Config) { c.Codec.Format.Channels = 3 },
	} {
		c := good
		change(&c)
		f, err := New(c)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
		if f != nil {
			f.Close()
		}
	}
	for _, m := range []Impairment{{Loss: 0.9, Burst: 100}, {Loss: 0.5, Burst: 1}, {Jitter: MaxJitter}, {Reorder: 0.5}, {Drift: MaxDrift}} {
		if err := m.check(); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	}
}

// Callers are spread over the addresses that there are.
func TestLocals(t *testing.T) {
	prefix := netip.MustParsePrefix
	for _, k := range []struct {
		callers int
		local   []netip.Prefix
		server  string
		want    string // first, last and how many
	}{
		{1, nil, "127.0.0.1", "127.0.0.1 127.0.0.1 1"},
		{PerAddress, nil, "127.9.9.9", "127.0.0.1 127.0.0.1 1"},
		{PerAddress + 1, nil, "127.0.0.1", "127.0.0.1 127.0.0.2 2"},
		{70000, nil, "127.0.0.1", "127.0.0.1 127.0.1.24 280"},
		{10, nil, "::1", "::1 ::1 1"},
		{1000, []netip.Prefix{prefix("127.5.0.0/30")}, "127.0.0.1", "127.5.0.0 127.5.0.3 4"},
		{2000, []netip.Prefix{prefix("127.5.0.9/8"), prefix("127.6.0.1/32")}, "127.0.0.1", "127.5.0.9 127.6.0.1 5"},
	} {
		c := Config{Callers: k.callers, Local: k.local, Server: netip.MustParseAddr(k.server)}
		all, err := c.locals()
		if err != nil {
			t.Errorf("%+v: %v", k, err)
			continue
		}
		first, rest, _ := strings.Cut(k.want, " ")
		last, n, _ := strings.Cut(rest, " ")
		if all[0].String() != first || all[len(all)-1].String() != last || n != decimal(len(all)) {
			t.Errorf("%+v: %d addresses, %v to %v", k, len(all), all[0], all[len(all)-1])
		}
	}
}

func decimal(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return decimal(n/10) + decimal(n%10)
}

// Who needs more open files than are allowed is told how many, and how to get them.
func TestOpenFiles(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := raiseFiles(limit.Cur); err != nil {
		t.Error(err)
	}
	err := raiseFiles(1 << 40)
	if err == nil || !strings.Contains(err.Error(), "1099511627776 open files") || !strings.Contains(err.Error(), decimal(int(limit.Max))) ||
		!strings.Contains(err.Error(), "ulimit -n") {
		t.Errorf("with a limit of %+v: %v", limit, err)
	}
}

// What cannot be called is refused.
func TestPeersAreChecked(t *testing.T) {
	f := newFleet(t, Config{Callers: 1, Talkers: 1, Codec: pcmu})
	good := Peer{Media: netip.MustParseAddrPort("127.0.0.1:9"), PayloadType: 63, Event: 96}
	for want, change := range map[string]func(*Peer){
		"":                       func(*Peer) {},
		"want an address":        func(p *Peer) { p.Media = netip.AddrPort{} },
		"media goes to 0.0":      func(p *Peer) { p.Media = netip.MustParseAddrPort("0.0.0.0:7") },
		"127.0.0.1:0":            func(p *Peer) { p.Media = netip.MustParseAddrPort("127.0.0.1:0") },
		"of the same IP version": func(p *Peer) { p.Media = netip.MustParseAddrPort("[::1]:7") },
		"payload type 64":        func(p *Peer) { p.PayloadType = 64 },
		"payload type 128":       func(p *Peer) { p.PayloadType = 128 },
		"payload type 95 of":     func(p *Peer) { p.Event = 95 },
		"payload type 63 of":     func(p *Peer) { p.Event = 63 },
	} {
		p := good
		change(&p)
		if err := f.Connect(0, p); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	for _, i := range []int{-1, 1} {
		if err := f.Connect(i, good); err == nil || !strings.Contains(err.Error(), "want 0 to 0") {
			t.Errorf("caller %d: %v", i, err)
		}
		f.Disconnect(i)
		if f.Heard(i) {
			t.Errorf("caller %d has heard", i)
		}
	}
}
