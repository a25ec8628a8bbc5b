package audience

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/multicast/listen"
	"github.com/confd/confd/multicast/socket"
)

// All listeners of a group hear the same, and the one that decodes hears sound.
func TestAudience(t *testing.T) {
	leak.Check(t)
	c, err := net.ListenUDP("udp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(c.LocalAddr().(*net.UDPAddr).Port) &^ 1
	_ = c.Close()
	group := netip.AddrPortFrom(netip.MustParseAddr("239.255.10.1"), port)
	s, err := listen.Parse(fmt.Appendf(nil, "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 %v/1\nt=0 0\nm=audio %d RTP/AVP 0\na=rtcp:9 IN IP4 127.0.0.1\n", group.Addr(), port))
	if err != nil {
		t.Fatal(err)
	}
	const listeners, packets = 20, 25
	a, err := Start(Options{Listeners: listeners, Session: s, Listen: listen.Config{Local: netip.MustParseAddr("127.0.0.1")}})
	if err != nil {
		t.Fatal(err)
	}
	speak(t, group, packets)
	wait.For(t, "all packets, and their sound", func() bool {
		return a.Received() >= listeners*packets && !slices.ContainsFunc(a.all, func(l *listen.Listener) bool { return l.Stats().Played < packets*0.02 })
	}, func() any { return a.Received() }, func() any { return a.all[0].Stats() })
	r := a.Close()
	if r.Heard != listeners || r.Unheard != 0 || r.Different != 0 || r.LossPercent.Max != 0 || len(r.Members) != listeners {
		t.Errorf("%+v", r)
	}
	if !r.Sounded || r.LevelDB < -18 || r.LevelDB > -10 {
		t.Errorf("sound of %v dB", r.LevelDB)
	}
	var compared uint64
	for _, m := range r.Members {
		compared += m.Compared
	}
	if compared < (listeners-1)*(packets-1) {
		t.Errorf("%d packets were compared", compared)
	}
}

// speak sends a tone of PCMU.
func speak(t *testing.T, group netip.AddrPort, packets int) {
	path, err := socket.Find(group.Addr(), "", netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := socket.OpenSender(socket.SenderConfig{Group: group, Path: path, TTL: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := range packets {
		b := make([]byte, 160)
		for i := range b { // loud, and of either sign
			b[i] = 0x1f | uint8(i/4%2)<<7
		}
		raw, err := (&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(n) * 160, SSRC: 3}, Payload: b}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		out.Send(raw)
		<-tick.C
	}
}

func TestOtherSoundIsNoticed(t *testing.T) {
	said := &book{}
	first, second := &ear{said: said}, &ear{said: said}
	for n := range uint16(10) {
		first.Packet(&listen.Played{Sequence: n, Stamp: uint32(n), Payload: []byte{1}}, 0)
		second.Packet(&listen.Played{Sequence: n, Stamp: uint32(n), Payload: []byte{1 + byte(n)/9}}, 0)
	}
	if first.compared != 0 || first.different != 0 || second.compared != 10 || second.different != 1 {
		t.Errorf("%+v, %+v", first, second)
	}
	first.Packet(&listen.Played{Sequence: 0, Stamp: 1 << 20, Payload: []byte{9}}, 0) // the next turn
	if first.different != 0 {
		t.Error("another packet of the same number is taken for the same")
	}
}

func TestBoundsOfListeners(t *testing.T) {
	for _, n := range []int{0, MaxListeners + 1} {
		if _, err := Start(Options{Listeners: n}); err == nil {
			t.Errorf("%d listeners are taken", n)
		}
	}
}

func TestSilenceIsNoSound(t *testing.T) {
	m := &meter{}
	m.take(make([]int16, 160))
	if _, sounded := m.result(); sounded {
		t.Error("silence is heard")
	}
	loud := make([]int16, 160)
	for i := range loud {
		loud[i] = 16384
	}
	m.take(loud)
	if db, sounded := m.result(); !sounded || math.Abs(db+6.02) > 0.01 {
		t.Errorf("%v dB", db)
	}
}
