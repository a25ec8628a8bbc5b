package mixer

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

// BenchmarkSplit times the tick of a room of G.711 callers with a socket each, everyone
// sending, on one thread and on two. ms/tick is what passes on the clock.
func BenchmarkSplit(b *testing.B) {
	for _, callers := range []int{500, 1000, 2000} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("callers=%d/threads=%d", callers, threads), func(b *testing.B) {
				benchmarkSplit(b, callers, threads)
			})
		}
	}
}

func benchmarkSplit(b *testing.B, callers, threads int) {
	bed := newBed(b, Config{Workers: threads})
	bed.eng.crew.gather(b)
	bed.conf.split = threads > 1
	phones := farPhones(b, bed, callers)
	var took int64
	for i := -100; i < b.N; i++ {
		phones.speak(i + 100)
		began := clock.Now()
		bed.due = began
		bed.tick()
		if i >= 0 {
			took += clock.Now() - began
		}
	}
	b.ReportMetric(float64(took)/float64(b.N)/1e6, "ms/tick")
	b.ReportMetric(0, "ns/op")
}

// farSockets is over how many sockets the callers are spread, so that two threads that send
// seldom meet at one.
const farSockets = 64

// far is the other end of the callers.
type far struct {
	sockets []*net.UDPConn
	legs    []netip.AddrPort
	packet  [12 + 160]byte
}

func farPhones(b *testing.B, bed *bed, callers int) *far {
	b.Helper()
	local := netip.MustParseAddr("127.0.0.1")
	f := &far{}
	for range farSockets {
		s, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close() })
		f.sockets = append(f.sockets, s)
	}
	pool, err := transport.NewPortPool(20000, 29999, 0)
	if err != nil {
		b.Fatal(err)
	}
	format := media.Format{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1, PacketTime: 20 * time.Millisecond}
	for i := range callers {
		leg, err := pool.Listen(local)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = leg.Close() })
		p := transport.Params{RemoteRTP: f.sockets[i%farSockets].LocalAddr().(*net.UDPAddr).AddrPort(), Send: true, Receive: true}
		p.ClockRates[0] = 8000
		setup, err := transport.Prepare(p)
		if err != nil {
			b.Fatal(err)
		}
		if err := leg.Apply(setup); err != nil {
			b.Fatal(err)
		}
		port, _ := leg.LocalPort()
		f.legs = append(f.legs, netip.AddrPortFrom(local, uint16(port)))
		in := NewInput(leg, InputConfig{Formats: map[uint8]media.Format{0: format}})
		bed.conf.Apply(AddInput(in), Attach(NewOutput(leg, OutputConfig{Format: format}), bed.conf.full, in))
	}
	return f
}

// speak sends a packet of each caller: a tone of the first three, silence of the others.
func (f *far) speak(n int) {
	for i, leg := range f.legs {
		f.packet[0] = 2 << 6
		binary.BigEndian.PutUint16(f.packet[2:], uint16(n))
		binary.BigEndian.PutUint32(f.packet[4:], uint32(n*160))
		binary.BigEndian.PutUint32(f.packet[8:], uint32(i+1))
		for j := range 160 {
			f.packet[12+j] = 0xff
			if i < 3 {
				f.packet[12+j] = 0x10 | byte(j*(i+1)/8&1)<<7
			}
		}
		_, _ = f.sockets[i%farSockets].WriteToUDPAddrPort(f.packet[:], leg)
	}
}
