package control

import (
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/multicast/socket"
	"github.com/confd/confd/transport"
	"github.com/confd/confd/transport/repair"
)

const patient = 20 * time.Second // until a test gives up

// local is a group on the loopback interface, a control that serves it, and what is heard there.
type local struct {
	*Control
	t       testing.TB
	reports *socket.Receiver
	packets *socket.Receiver
	ring    *transport.Ring
}

func startLocal(t testing.TB, group string, change func(*Config)) *local {
	t.Helper()
	at := netip.MustParseAddrPort(group)
	loopback := netip.MustParseAddr("127.0.0.1")
	path, err := socket.Find(at.Addr(), "", loopback)
	if err != nil {
		t.Fatal(err)
	}
	l := &local{t: t}
	if l.ring, err = transport.NewRing(256, maxPacket); err != nil {
		t.Fatal(err)
	}
	c := testConfig()
	c.Group, c.Path, c.Target, c.History = at, path, netip.AddrPortFrom(loopback, 0), l.ring
	c.Sent = func() transport.SenderInfo {
		return transport.SenderInfo{SSRC: ourSSRC, Packets: 1, SentAt: clock.Now(), Rate: 48000}
	}
	if change != nil {
		change(c)
	}
	hear := func(port uint16) *socket.Receiver {
		r, err := socket.Join(socket.Membership{Group: netip.AddrPortFrom(at.Addr(), port), Local: loopback})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Close() })
		return r
	}
	l.packets, l.reports = hear(at.Port()), hear(at.Port()+1)
	if l.Control, err = Start(*c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func (l *local) dial() *net.UDPConn {
	l.t.Helper()
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(l.Target()))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(patient))
	return conn
}

func send(t testing.TB, conn *net.UDPConn, b []byte) {
	t.Helper()
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
}

func receive(t testing.TB, conn *net.UDPConn) []byte {
	t.Helper()
	b := make([]byte, 2000)
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

func heard(t testing.TB, r *socket.Receiver) []byte {
	t.Helper()
	_ = r.SetReadDeadline(time.Now().Add(patient))
	b := make([]byte, 2000)
	n, _, _, err := r.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

func TestGroupHearsReportsAndBye(t *testing.T) {
	l := startLocal(t, "239.255.77.1:15000", nil)
	b := heard(t, l.reports)
	if r := summaryIn(t, b); r.Target != l.Target() {
		t.Errorf("feedback target %v, want %v", r.Target, l.Target())
	}
	l.Close()
	for {
		packets, err := rtcp.Unmarshal(heard(t, l.reports))
		if err != nil {
			t.Log(err) // RSI is not known to the library
			continue
		}
		if bye, ok := packets[len(packets)-1].(*rtcp.Goodbye); ok && bye.Sources[0] == ourSSRC {
			break
		}
	}
	l.Close()
}

// A thousand hosts report at once; each is heard, or counted as dropped by the kernel.
func TestAThousandReportsAtOnce(t *testing.T) {
	const hosts = 1000
	l := startLocal(t, "239.255.77.2:15000", nil)
	conn := l.dial()
	for i := range hosts {
		send(t, conn, report(t, uint32(i+1), ourSSRC, 26, 48))
	}
	send(t, conn, []byte{1, 2, 3}) // tells of drops before it
	wait.For(t, "all reports are counted", func() bool {
		v := l.Stats()
		return v.Taken+v.Overrun >= hosts+1 || v.Taken > 0 && v.Malformed > 0
	})
	v := l.Stats()
	wait.For(t, "the audience is published", func() bool { return l.Audience().Reporting >= int(v.Taken)-1 })
	a := l.Audience()
	if a.Reporting+int(v.Overrun) < hosts || a.Estimate != a.Reporting || a.Loss.P50 != 26.0/256 || a.Jitter.P99 != 0.001 {
		t.Errorf("audience %+v with %+v", a, v)
	}
	t.Logf("%d of %d heard, %d dropped by the kernel", a.Reporting, hosts, v.Overrun)
}

// A flood is taken at a bounded rate, and what is beyond it is counted.
func TestAFloodIsBounded(t *testing.T) {
	l := startLocal(t, "239.255.77.3:15000", nil)
	conn, b := l.dial(), report(t, 1, ourSSRC, 0, 0)
	start, sent := time.Now(), uint64(0)
	for ; sent < 60000; sent++ {
		send(t, conn, b)
	}
	wait.For(t, "drops are counted", func() bool {
		send(t, conn, b)
		sent++
		return l.Stats().Overrun > 0
	})
	v, took := l.Stats(), time.Since(start).Seconds()
	if most := takeBurst + takeRate*took + batch; float64(v.Taken) > most {
		t.Errorf("%d datagrams were read in %.1f s, want at most %.0f", v.Taken, took, most)
	}
	t.Logf("of %d datagrams in %.2f s %d were read, %d dropped", sent, took, v.Taken, v.Overrun)
}

func TestLostPacketComesBack(t *testing.T) {
	for _, keyed := range []bool{false, true} {
		group, key := "239.255.77.4:15000", groupkey.New(transport.AES128CMHMACSHA180, 7)
		var sealer *groupkey.Sealer
		var opener *groupkey.Opener
		l := startLocal(t, group, func(c *Config) {
			if keyed {
				c.Group = netip.MustParseAddrPort("239.255.77.5:15000")
				c.Key = &key
				sealer, _ = groupkey.NewSealer(key)
				opener, _ = groupkey.NewOpener(key, 4)
			}
		})
		var sent backlog
		sent.send(t, ourSSRC, 41, 42)
		for i := range sent {
			l.ring.Push(&sent[i])
		}
		conn := l.dial()
		send(t, conn, sealer.RTCP(nil, asking(&feedback.Token{Kind: feedback.PortMappingRequest, SSRC: 7, Nonce: 5})))
		b := receive(t, conn)
		if keyed {
			b, _ = opener.RTCP(nil, b, clock.Now())
		}
		walk := feedback.Read(b)
		p, _ := walk.Next()
		token, ok := feedback.ReadToken(&p)
		if !ok {
			t.Fatalf("no token in % x", b)
		}
		token.Kind, token.SSRC = feedback.TokenVerification, 7
		send(t, conn, sealer.RTCP(nil, nack(feedback.AppendToken(nil, &token), 42)))
		b = receive(t, conn)
		if keyed {
			b, _ = opener.RTP(nil, b, clock.Now())
		}
		if n := headerLength(b); n == 0 || b[1]&0x7f != 99 {
			t.Fatalf("no retransmission: % x", b)
		} else if original, payload, _ := repair.ReadRetransmission(b[n:]); original != 42 || len(payload) != 3 {
			t.Errorf("packet %d with % x", original, payload)
		}
	}
}

func TestPacketThatManyLostComesToTheGroup(t *testing.T) {
	l := startLocal(t, "239.255.77.6:15000", nil)
	var sent backlog
	sent.send(t, ourSSRC, 42)
	l.ring.Push(&sent[0])
	type listener struct {
		conn  *net.UDPConn
		token feedback.Token
	}
	var all []listener
	for range manyAsk {
		conn := l.dial()
		send(t, conn, asking(&feedback.Token{Kind: feedback.PortMappingRequest, SSRC: 7}))
		walk := feedback.Read(receive(t, conn))
		p, _ := walk.Next()
		token, _ := feedback.ReadToken(&p)
		token.Kind = feedback.TokenVerification
		all = append(all, listener{conn, token})
	}
	// A machine that is busy may let the hold pass between two of them: they ask again.
	for l.Stats().Multicast == 0 {
		for _, a := range all {
			send(t, a.conn, nack(feedback.AppendToken(nil, &a.token), 42))
		}
		before := l.Stats()
		wait.For(t, "an answer", func() bool {
			v := l.Stats()
			return v.Multicast+v.Unicast+v.Repeated+v.Refused > before.Multicast+before.Unicast+before.Repeated+before.Refused
		})
	}
	if b := heard(t, l.packets); b[1]&0x7f != 99 {
		t.Errorf("the group got % x", b)
	}
}

// In a group that anyone may send to, reports are heard from the group, and who uses our
// SSRC there makes the stream take another.
func TestGroupIsHeard(t *testing.T) {
	var asked atomic.Int32
	group := netip.MustParseAddrPort("239.255.77.7:15000")
	l := startLocal(t, group.String(), func(c *Config) {
		c.HearGroup, c.Collided = true, func() { asked.Add(1) }
	})
	other, err := socket.OpenSender(socket.SenderConfig{Group: above(group), Path: l.config.Path, TTL: 0})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.Send(report(t, 3, ourSSRC, 0, 0))
	wait.For(t, "a report by multicast is taken", func() bool { return l.Audience().Reporting == 1 })
	if asked.Load() != 0 {
		t.Error("own reports or those of receivers count as collisions")
	}
	other.Send(marshal(t, &rtcp.SenderReport{SSRC: ourSSRC}))
	wait.For(t, "a collision is noticed", func() bool { return asked.Load() == 1 })
}

func TestKeyChanges(t *testing.T) {
	first, second := groupkey.New(transport.AES128CMHMACSHA180, 1), groupkey.New(transport.AES128CMHMACSHA180, 2)
	l := startLocal(t, "239.255.77.8:15000", func(c *Config) { c.Key = &first })
	conn := l.dial()
	send(t, conn, report(t, 1, ourSSRC, 0, 0)) // in the clear
	wait.For(t, "a forged report is counted", func() bool { return l.Stats().Forged == 1 })
	if err := l.SetKey(second); err != nil {
		t.Fatal(err)
	}
	for ssrc, k := range map[uint32]groupkey.Key{5: first, 6: second} {
		sealer, err := groupkey.NewSealer(k)
		if err != nil {
			t.Fatal(err)
		}
		send(t, conn, sealer.RTCP(nil, report(t, ssrc, ourSSRC, 0, 0)))
	}
	wait.For(t, "reports under both keys are taken", func() bool { return l.Audience().Reporting == 2 })
	opener, err := groupkey.NewOpener(second, 4)
	if err != nil {
		t.Fatal(err)
	}
	wait.For(t, "reports go out under the new key", func() bool {
		_, err := opener.RTCP(nil, heard(t, l.reports), clock.Now())
		return err == nil
	})
	plain := startLocal(t, "239.255.77.9:15000", nil)
	if plain.SetKey(first) == nil {
		t.Error("a group without a key takes one")
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	good := testConfig()
	good.Group = netip.MustParseAddrPort("239.255.77.10:15000")
	var err error
	if good.Path, err = socket.Find(good.Group.Addr(), "", netip.MustParseAddr("127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"no stream":         func(c *Config) { c.Sent = nil },
		"unicast group":     func(c *Config) { c.Group = netip.MustParseAddrPort("192.0.2.1:5000") },
		"no port for RTCP":  func(c *Config) { c.Group = netip.AddrPortFrom(c.Group.Addr(), 65535) },
		"no interface":      func(c *Config) { c.Path.Interface = nil },
		"no CNAME":          func(c *Config) { c.CNAME = "" },
		"long CNAME":        func(c *Config) { c.CNAME = string(make([]byte, 256)) },
		"payload type":      func(c *Config) { c.RepairType = 128 },
		"negative repair":   func(c *Config) { c.Repair = -1 },
		"nothing to report": func(c *Config) { c.Bandwidth.Senders = 0 },
		"target elsewhere":  func(c *Config) { c.Target = netip.MustParseAddrPort("192.0.2.77:5005") },
	} {
		c := *good
		change(&c)
		if k, err := Start(c); err == nil {
			k.Close()
			t.Errorf("%s: starts", name)
		}
	}
}

var _ media.Source = (*transport.Ring)(nil)
