package control

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/transport"
)

const (
	ourSSRC = 0xc0ffee
	second  = int64(time.Second)
)

// notes is an outlet that keeps what it is given.
type notes struct {
	controls, medias, answers [][]byte
	to                        []netip.AddrPort // of medias
	onControl                 func([]byte)
}

func (n *notes) control(b []byte) int {
	if n.onControl != nil {
		n.onControl(b)
		return len(b)
	}
	n.controls = append(n.controls, append([]byte(nil), b...))
	return len(b)
}

func (n *notes) media(b []byte, to netip.AddrPort) int {
	n.medias, n.to = append(n.medias, append([]byte(nil), b...)), append(n.to, to)
	return len(b)
}

func (n *notes) answer(b []byte, _ netip.AddrPort) {
	n.answers = append(n.answers, append([]byte(nil), b...))
}

// backlog is a stream's history that is yet to be drained.
type backlog []media.Packet

func (q *backlog) Poll(_ int64, limit int, to media.Receiver) int {
	n := min(limit, len(*q))
	for i := range n {
		to.Receive(&(*q)[i])
	}
	*q = (*q)[n:]
	return n
}

func (q *backlog) send(t testing.TB, ssrc uint32, sequences ...uint16) {
	t.Helper()
	for _, sequence := range sequences {
		p := packet(ssrc, sequence)
		b, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		*q = append(*q, media.Packet{SSRC: ssrc, Sequence: sequence, PayloadType: 96, Payload: b})
	}
}

func packet(ssrc uint32, sequence uint16) rtp.Packet {
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, Marker: true, SequenceNumber: sequence,
		Timestamp: 960 * uint32(sequence), SSRC: ssrc, CSRC: []uint32{5, 6}}, Payload: []byte{1, 2, byte(sequence)}}
	_ = p.SetExtension(1, []byte{30, 40})
	return p
}

func testConfig() *Config {
	return &Config{CNAME: "confd@test", Bandwidth: feedback.Bandwidth{Senders: 640, Receivers: 1920},
		PayloadType: 96, RepairType: 99, Repair: 12000, History: new(backlog),
		Sent: func() transport.SenderInfo {
			return transport.SenderInfo{SSRC: ourSSRC, Packets: 100, Octets: 8000, Timestamp: 96000, SentAt: second, Rate: 48000}
		}}
}

// testSession starts one at the time of one second.
func testSession(c *Config) (*session, *notes) {
	n := &notes{}
	s := newSession(c, n, new(counters), netip.MustParseAddrPort("192.0.2.1:5005"), second)
	s.timer.Random = func() float64 { return 0.5 }
	s.timer.Start(second, 1, 2*likelySize)
	s.due(second)
	s.keep(second)
	return s, n
}

func marshal(t testing.TB, packets ...rtcp.Packet) []byte {
	t.Helper()
	b, err := rtcp.Marshal(packets)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func report(t testing.TB, ssrc, about uint32, loss uint8, jitter uint32) []byte {
	t.Helper()
	return marshal(t, &rtcp.ReceiverReport{SSRC: ssrc, Reports: []rtcp.ReceptionReport{{SSRC: about, FractionLost: loss, Jitter: jitter, TotalLost: uint32(loss)}}},
		rtcp.NewCNAMESourceDescription(ssrc, "listener@test"))
}

func host(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), 6000)
}

func summaryIn(t testing.TB, b []byte) (found feedback.Summary) {
	t.Helper()
	walk := feedback.Read(b)
	for p, ok := walk.Next(); ok; p, ok = walk.Next() {
		if s, ok := feedback.ReadSummary(&p); ok {
			return s
		}
	}
	t.Fatalf("no RSI in % x", b)
	return found
}
