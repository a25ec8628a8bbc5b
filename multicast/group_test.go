package multicast

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/sap"
	"github.com/confd/confd/multicast/socket"
)

var home = netip.MustParseAddr("127.0.0.1")

// homeHost sends on the loopback interface, to ports that nobody holds.
func homeHost(t testing.TB, change func(*Config)) *Host {
	t.Helper()
	return testHost(t, func(c *Config) {
		c.Source, c.Ports = home, freePorts(t)
		if change != nil {
			change(c)
		}
	})
}

// freePorts returns an even port and the one above it, which were free a moment ago.
func freePorts(t testing.TB) [2]int {
	t.Helper()
	for range 100 {
		a, err := net.ListenUDP("udp4", &net.UDPAddr{IP: home.AsSlice()})
		if err != nil {
			t.Fatal(err)
		}
		low := a.LocalAddr().(*net.UDPAddr).Port &^ 1
		_ = a.Close()
		b, err := net.ListenUDP("udp4", &net.UDPAddr{IP: home.AsSlice(), Port: low + 1})
		if err == nil {
			_ = b.Close()
			return [2]int{low, low + 1}
		}
	}
	t.Fatal("no pair of ports is free")
	return [2]int{}
}

func opened(t testing.TB, h *Host, s Spec) *Group {
	t.Helper()
	g := claim(t, h, "board", s, nil)
	if err := g.Open(); err != nil {
		t.Fatal(err)
	}
	return g
}

// hearer hears a group on the loopback interface.
type hearer struct {
	*socket.Receiver
	t testing.TB
}

func hear(t testing.TB, g *Group, above int, source netip.Addr) hearer {
	t.Helper()
	p := g.Place()
	m := socket.Membership{Group: netip.AddrPortFrom(p.Group, uint16(p.Port+above)), Local: home}
	if g.Spec().Mode == SourceSpecific {
		m.Source = source
	}
	r, err := socket.Join(m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return hearer{r, t}
}

func (h hearer) next() (b []byte, from netip.AddrPort) {
	h.t.Helper()
	_ = h.SetReadDeadline(time.Now().Add(10 * time.Second))
	b = make([]byte, 2000)
	n, from, _, err := h.Read(b)
	if err != nil {
		h.t.Fatal(err)
	}
	return b[:n], from
}

// voice speaks packet after packet to a sink.
type voice struct {
	o    media.Outgoing
	step time.Duration
}

func newVoice(f media.Format) *voice {
	return &voice{step: f.PacketTime, o: media.Outgoing{Kind: media.Audio, ClockRate: uint32(f.ClockRate),
		Data: bytes.Repeat([]byte{0x55}, 80), Contributors: []uint32{7}, Levels: []media.Level{20}}}
}

func (v *voice) speak(s media.Sink) {
	s.Send(&v.o)
	v.o.Time += int64(v.step)
}

func ssrc(b []byte) uint32 { return binary.BigEndian.Uint32(b[8:]) }

func TestAGroupsLife(t *testing.T) {
	leak.Check(t)
	h := homeHost(t, nil)
	g := opened(t, h, Spec{})
	if err := g.Open(); err != nil {
		t.Errorf("opened twice: %v", err)
	}
	rtp, rtcp := hear(t, g, 0, home), hear(t, g, 1, home)
	v := newVoice(g.Format())
	v.speak(g)
	b, from := rtp.next()
	if b[1]&0x7f != g.PayloadType() || from.Addr() != home || ssrc(b) != g.Stats().SSRC {
		t.Errorf("% x from %v, want payload type %d from %v and SSRC %08x", b, from, g.PayloadType(), home, g.Stats().SSRC)
	}
	if s := g.Stats(); !s.Sending || s.Stream.Packets != 1 || h.Stats().Open != 1 {
		t.Errorf("%+v, %+v", s, h.Stats())
	}
	g.Close()
	g.Close()
	for { // reports, then the goodbye
		b, _ := rtcp.next()
		if at := bytes.Index(b, []byte{0x81, 203, 0, 1}); at >= 0 && binary.BigEndian.Uint32(b[at+4:]) == ssrcOf(b) {
			break
		}
	}
	v.speak(g) // into nothing
	if s := g.Stats(); s.Sending || s.SSRC != 0 || s.Stream.Packets != 1 || h.Stats().Open != 0 {
		t.Errorf("closed: %+v, %+v", s, h.Stats())
	}
	if err := g.Open(); err != nil {
		t.Fatal(err)
	}
	v.speak(g)
	if again, _ := rtp.next(); ssrc(again) == ssrc(b) || g.Stats().Stream.Packets != 2 {
		t.Errorf("opened again: SSRC %08x, %+v", ssrc(again), g.Stats().Stream)
	}
	g.Release()
	complains(t, g.Open(), Unavailable, "", "released")
}

// ssrcOf returns who sends a compound.
func ssrcOf(b []byte) uint32 { return binary.BigEndian.Uint32(b[4:]) }

// Closing is safe whatever the media thread does at the moment.
func TestCloseUnderSend(t *testing.T) {
	leak.Check(t)
	g := opened(t, homeHost(t, nil), Spec{Codec: "pcmu"})
	done, end := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(end)
		for v := newVoice(g.Format()); ; v.speak(g) {
			select {
			case <-done:
				return
			default:
			}
		}
	}()
	for range 8 {
		before := g.Stats().Stream.Packets
		wait.For(t, "ten packets more", func() bool { return g.Stats().Stream.Packets >= before+10 })
		g.Close()
		if err := g.Open(); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	<-end
}

func TestSendAllocatesNothing(t *testing.T) {
	for _, s := range []Spec{{}, {Redundancy: 2, SRTP: true}, {Codec: "pcmu"}} {
		g := opened(t, homeHost(t, nil), s)
		v := newVoice(g.Format())
		for range 10 {
			v.speak(g)
		}
		if n := testing.AllocsPerRun(500, func() { v.speak(g) }); n >= 1 {
			t.Errorf("%+v: %v allocations a packet", s, n)
		}
		g.Close()
	}
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	leak.Check(t)
	h := homeHost(t, nil)
	g := claim(t, h, "a", Spec{Interface: "none"}, nil)
	complains(t, g.Open(), Unavailable, "interface", `"none"`)
	if sdp, _ := g.Description(true); sdp != nil {
		t.Errorf("described without a source:\n%s", sdp)
	}
	g.Release()
	g = claim(t, h, "b", Spec{}, nil)
	taken, err := net.ListenUDP("udp4", &net.UDPAddr{IP: home.AsSlice(), Port: g.Place().Port + 1})
	if err != nil {
		t.Fatal(err)
	}
	complains(t, g.Open(), Unavailable, "", "address already in use")
	_ = taken.Close()
	if err := g.Open(); err != nil {
		t.Errorf("with its port free again: %v", err)
	}
}

// The group goes on from another address, and says so; while there is none it waits.
func TestFollowsItsInterface(t *testing.T) {
	leak.Check(t)
	var changed []string
	h := homeHost(t, func(c *Config) { c.Changed = func(room string) { changed = append(changed, room) } })
	h.unwatch = func() {} // nobody else looks
	g := opened(t, h, Spec{Mode: SourceSpecific})
	other := netip.MustParseAddr("127.0.0.2")
	rtp, moved := hear(t, g, 0, home), hear(t, g, 0, other)
	v := newVoice(g.Format())
	v.speak(g)
	first, _ := rtp.next()
	_, version := g.Description(false)
	h.follow() // nothing has changed
	h.config.Interface = "none"
	h.follow() // away
	v.speak(g)
	if b, _ := rtp.next(); ssrc(b) != ssrc(first) || g.Stats().Moved != 0 {
		t.Errorf("moved to nowhere: %+v", g.Stats())
	}
	h.config.Interface, h.config.Source = "", other
	h.follow()
	v.speak(g)
	b, from := moved.next()
	sdp, after := g.Description(false)
	if from.Addr() != other || ssrc(b) == ssrc(first) || after <= version || !strings.Contains(string(sdp), " 127.0.0.2\r\na=rtcp-unicast") {
		t.Errorf("from %v, version %d after %d:\n%s", from, after, version, sdp)
	}
	if s := g.Stats(); s.Moved != 1 || s.Stream.Packets != 3 {
		t.Errorf("%+v", s)
	}
	taken, err := net.ListenUDP("udp4", &net.UDPAddr{IP: home.AsSlice(), Port: g.Place().Port + 1})
	if err != nil {
		t.Fatal(err)
	}
	h.config.Source = home
	h.follow() // the port of feedback is not free there
	if s := g.Stats(); s.Sending || s.Lost != 1 {
		t.Errorf("%+v", s)
	}
	_ = taken.Close()
	h.follow()
	v.speak(g)
	if _, from := rtp.next(); from.Addr() != home || g.Stats().Moved != 2 || len(changed) != 2 {
		t.Errorf("from %v, told of %v, %+v", from, changed, g.Stats())
	}
}

func TestSourceSpecific(t *testing.T) {
	leak.Check(t)
	g := opened(t, homeHost(t, nil), Spec{Mode: SourceSpecific})
	right, wrong := hear(t, g, 0, home), hear(t, g, 0, netip.MustParseAddr("127.0.0.9"))
	newVoice(g.Format()).speak(g)
	right.next()
	_ = wrong.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, from, _, err := wrong.Read(make([]byte, 2000)); err == nil {
		t.Errorf("%d bytes of %v came through the filter", n, from)
	}
}

func TestAnnounced(t *testing.T) {
	leak.Check(t)
	port := freePorts(t)[0]
	h := homeHost(t, func(c *Config) { c.SAP = sap.Config{Port: port} })
	to, _ := sap.Address(netip.MustParseAddr("239.255.0.1"), 1)
	r, err := socket.Join(socket.Membership{Group: netip.AddrPortFrom(to, uint16(port)), Local: home})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	next := func() sap.Packet {
		b, _ := hearer{r, t}.next()
		p, err := sap.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	g := opened(t, h, Spec{Announce: true, SRTP: true})
	sdp, _ := g.Description(false)
	if p := next(); p.Delete || string(p.Payload) != string(sdp) || strings.Contains(string(p.Payload), "crypto") {
		t.Errorf("announced as %s, want\n%s", p.Payload, sdp)
	}
	g.SetTitle("Town hall")
	if p := next(); !strings.Contains(string(p.Payload), "s=Town hall\r\n") {
		t.Errorf("announced as %s", p.Payload)
	}
	if s := g.Stats(); !s.Announced || h.Stats().SAP.Sessions != 1 {
		t.Errorf("%+v, %+v", s, h.Stats())
	}
	g.Close()
	if p := next(); !p.Delete {
		t.Errorf("closed by %+v", p)
	}
}
