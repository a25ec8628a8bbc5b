package focus

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/transport"
)

// unheardTime is how long these tests let an unheard address be sent to.
const unheardTime = 100 * time.Millisecond

func startUnheard(t *testing.T, change ...func(*Config)) *server {
	s := start(t, change...)
	s.pool.LimitUnheard(unheardTime, 10)
	return s
}

// ear is where a description has media sent.
type ear struct {
	t *testing.T
	net.PacketConn
}

func newEar(t *testing.T, host string) *ear {
	t.Helper()
	c, err := net.ListenPacket("udp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &ear{t, c}
}

// offer is a description that names the ear.
func (e *ear) offer(direction string) string {
	at := addrPort(e.LocalAddr())
	return strings.Replace(offer(at.String(), direction), "m=audio 40000", fmt.Sprint("m=audio ", at.Port()), 1)
}

// hears waits for a packet.
func (e *ear) hears() {
	e.t.Helper()
	_ = e.SetReadDeadline(time.Now().Add(patience))
	if _, _, err := e.ReadFrom(make([]byte, 1500)); err != nil {
		e.t.Fatalf("no media: %v", err)
	}
}

// drain reads what has arrived and returns how many packets that were.
func (e *ear) drain() (n int) {
	for {
		_ = e.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, _, err := e.ReadFrom(make([]byte, 1500)); err != nil {
			return n
		}
		n++
	}
}

func (e *ear) speak(leg *transport.Leg) {
	e.t.Helper()
	port, _ := leg.LocalPort()
	packet := append([]byte{0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, make([]byte, 160)...)
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)))
	if _, err := e.WriteTo(packet, to); err != nil {
		e.t.Fatal(err)
	}
}

// withheld waits until the leg sends no more, and sees to it that this lasts.
func (e *ear) withheld(leg *transport.Leg) {
	e.t.Helper()
	more := func(n uint64) {
		before := leg.Stats().SendErrors.Withheld
		wait.For(e.t, "media to be withheld", func() bool { return leg.Stats().SendErrors.Withheld >= before+n })
	}
	more(1)
	e.drain()
	if more(5); e.drain() > 0 {
		e.t.Error("media goes on to an address that was not heard")
	}
}

// goesOn waits until the leg has sent for longer than an unheard address may be sent to.
func (e *ear) goesOn(leg *transport.Leg) {
	e.t.Helper()
	before := leg.Stats()
	enough := uint64(2*unheardTime/(20*time.Millisecond)) + 2
	wait.For(e.t, "media to go on", func() bool { return leg.Stats().PacketsSent > before.PacketsSent+enough })
	if now := leg.Stats(); now.SendErrors.Withheld > before.SendErrors.Withheld {
		e.t.Error("media was withheld meanwhile")
	}
}

func (s *server) leg() *transport.Leg {
	s.t.Helper()
	d := s.only()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.call.leg
}

// A caller that has media sent to another host gets little sent there, until that host is
// heard; and after a change of address, again.
func TestCallerNamesAnotherHost(t *testing.T) {
	for i, network := range []string{"UDP", "TCP"} {
		t.Run(network, func(t *testing.T) {
			s := startUnheard(t, withListen(Listen{"udp", "127.0.0.1:0"}, Listen{"tcp", "127.0.0.1:0"}))
			p, victim, other := dial(t, network, s.addr(i)), newEar(t, "127.0.0.2"), newEar(t, "127.0.0.3")
			p.invite("", victim.offer("sendrecv"))
			p.ack("")
			s.only().confirmed(t)
			victim.hears()
			victim.withheld(s.leg())
			victim.speak(s.leg())
			victim.hears()
			victim.goesOn(s.leg())
			p.expect(200, p.request("UPDATE", "", other.offer("sendrecv")))
			other.hears()
			other.withheld(s.leg())
			if victim.drain(); s.Media().SendErrors.Withheld == 0 {
				t.Error("the totals do not tell")
			}
			p.expect(200, p.request("BYE", "", ""))
			s.settled()
			if s.Media().SendErrors.Withheld == 0 {
				t.Error("the totals have forgotten")
			}
		})
	}
}

// Media for the caller's own host goes on, whether it is heard or not, from the ACK on: before,
// the caller may be somebody who forges that address.
func TestCallerIsProvenByItsACK(t *testing.T) {
	s := startUnheard(t)
	p, e := dial(t, "UDP", s.addr(0)), newEar(t, "127.0.0.1")
	p.invite("", e.offer("recvonly"))
	tag, branch := p.to, p.branch
	e.hears()
	e.withheld(s.leg())
	p.to = "guessed"
	p.send(p.buildBranch(branch, "ACK", p.cseq, "", ""))
	s.only().confirmed(t)
	e.withheld(s.leg())
	p.to = tag
	p.expect(200, p.request("INVITE", "", e.offer("recvonly")))
	p.ack("")
	e.hears()
	e.goesOn(s.leg())
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

// A connection proves the caller before it has said a word.
func TestCallerIsProvenByItsConnection(t *testing.T) {
	s := startUnheard(t, withListen(Listen{"tcp", "127.0.0.1:0"}))
	p, e := dial(t, "TCP", s.addr(0)), newEar(t, "127.0.0.1")
	p.invite("", e.offer("recvonly"))
	e.goesOn(s.leg())
	p.ack("")
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

// Who answers a call of the server's may have media sent to where the INVITE went.
func TestCalleeNamesAnotherHost(t *testing.T) {
	s := startUnheard(t)
	for host, proven := range map[string]bool{"127.0.0.1": true, "127.0.0.2": false} {
		t.Run(host, func(t *testing.T) {
			c, e := listen(t, "UDP"), newEar(t, host)
			_, w := s.call(c)
			invite := c.expect(sip.INVITE)
			c.answer(invite, 200, "b", "", e.offer("sendrecv"))
			c.await(sip.ACK)
			w.participant()
			if e.hears(); proven {
				e.goesOn(s.leg())
			} else {
				e.withheld(s.leg())
			}
			c.request(invite, "b", "BYE", 1, "", "")
			s.undialled()
		})
	}
}
