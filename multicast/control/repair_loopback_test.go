package control_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/control"
	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/multicast/listen"
	"github.com/confd/confd/multicast/socket"
	"github.com/confd/confd/multicast/stream"
)

// lossy sends four of five packets.
type lossy struct {
	*socket.Sender
	n int
}

func (l *lossy) Send(b []byte) socket.Verdict {
	if l.n++; l.n%5 == 0 {
		return socket.Sent
	}
	return l.Sender.Send(b)
}

type nowhere struct{}

func (nowhere) Packet(*listen.Played, int) {}
func (nowhere) Lost(int, []byte)           {}
func (nowhere) Pause(int)                  {}

var (
	loopback = netip.MustParseAddr("127.0.0.1")
	group    = netip.MustParseAddr("239.255.77.20")
)

// serve starts a lossy stream of PCMU to a port of the group, and its control.
func serve(t *testing.T, port uint16) (*stream.Stream, *control.Control) {
	t.Helper()
	path, err := socket.Find(group, "", loopback)
	if err != nil {
		t.Fatal(err)
	}
	to := netip.AddrPortFrom(group, port)
	sender, err := socket.OpenSender(socket.SenderConfig{Group: to, Path: path})
	if err != nil {
		t.Fatal(err)
	}
	format := media.Format{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1}
	s, err := stream.New(stream.Config{Socket: &lossy{Sender: sender}, Format: format, History: 256})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	c, err := control.Start(control.Config{Group: to, Path: path, Target: netip.AddrPortFrom(loopback, 0), CNAME: "confd@test",
		Bandwidth: feedback.Bandwidth{Senders: 1000, Receivers: 3000}, RepairType: 99, Repair: 40000,
		Sent: s.Sent, History: s.History(), Collided: s.NewSSRC})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return s, c
}

// hear starts a listener.
func hear(t *testing.T, port, target uint16) *listen.Listener {
	t.Helper()
	session, err := listen.Parse(fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 %v/0\r\nt=0 0\r\n"+
		"a=source-filter: incl IN IP4 * 127.0.0.1\r\na=rtcp-unicast:rsi\r\nm=audio %d RTP/AVPF 0 99\r\nb=RS:1000\r\nb=RR:3000\r\n"+
		"a=rtpmap:99 rtx/8000\r\na=fmtp:99 apt=0\r\na=rtcp:%d IN IP4 127.0.0.1\r\na=multicast-rtcp:%d\r\n"+
		"a=portmapping-req\r\na=rtcp-fb:* nack\r\na=recvonly\r\n", group, port, target, port+1))
	if err != nil {
		t.Fatal(err)
	}
	l, err := listen.Listen(session, listen.Config{Local: loopback, Output: nowhere{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// A stream, its control, and listeners that all miss one packet of five: one listener alone is
// sent them, four have them from the group.
func TestListenersGetBackWhatTheyLost(t *testing.T) {
	for port, listeners := range map[uint16]int{15100: 1, 15102: 4} {
		const enough = 10 // packets for each
		s, c := serve(t, port)
		var all []*listen.Listener
		for range listeners {
			all = append(all, hear(t, port, c.Target().Port()))
		}
		tick, begin, repaired := time.NewTicker(20*time.Millisecond), clock.Now(), 0
		for repaired < enough*listeners && clock.Now()-begin < int64(30*time.Second) {
			<-tick.C
			s.Send(&media.Outgoing{Time: clock.Now() - begin, ClockRate: 8000, Data: make([]byte, 160), Contributors: []uint32{1}})
			repaired = 0
			for _, l := range all {
				repaired += int(l.Stats().ByRetransmission)
			}
		}
		tick.Stop()
		if st := c.Stats(); repaired < enough*listeners || (listeners == 1) != (st.Multicast == 0) {
			t.Errorf("%d listeners got %d packets back; %+v", listeners, repaired, st)
		}
	}
}
