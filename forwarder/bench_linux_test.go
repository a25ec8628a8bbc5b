package forwarder

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"testing"

	"github.com/pion/rtp"
	"golang.org/x/sys/unix"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/transport"
)

// BenchmarkForward is what a worker spends, in processor time of its thread, the kernel's
// way to the receivers' sockets over loopback included, for each packet that it sends:
// pictures of five packets, 1 to 500 and 25 to each other. Receivers are emptied between
// pictures, which is not counted.
func BenchmarkForward(b *testing.B) {
	for _, c := range []struct{ sources, eyes int }{{1, 500}, {25, 24}} {
		for _, secure := range []bool{false, true} {
			name := map[bool]string{false: "plain", true: "gcm"}[secure]
			b.Run(fmt.Sprintf("%dx%d/%s", c.sources, c.eyes, name), func(b *testing.B) { benchmarkForward(b, c.sources, c.eyes, secure) })
		}
	}
}

type benchRoom struct {
	b      *testing.B
	e      *Engine
	w      *worker
	conf   *Conference
	pool   *transport.PortPool
	secure bool
	sinks  []*net.UDPConn
	eyes   []*Line
	films  []*benchSource
	sunk   int
}

type benchSource struct {
	line *Line
	conn *net.UDPConn
	to   netip.AddrPort
	cam  *pictures.Camera
}

func benchmarkForward(b *testing.B, sources, eyes int, secure bool) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	e, err := idle(Config{Workers: 1, Packets: 1_000_000, Bytes: 1_000_000_000, Frames: 100_000})
	if err != nil {
		b.Fatal(err)
	}
	r := &benchRoom{b: b, e: e, w: e.workers[0], secure: secure}
	r.conf = e.NewConference(ConferenceConfig{})
	if r.pool, err = transport.NewPortPool(20000, 32000, 0); err != nil {
		b.Fatal(err)
	}
	defer r.close()
	for range sources {
		r.source()
	}
	for range eyes {
		for _, s := range r.films {
			r.eye(s.line)
		}
	}
	r.turn(nil)
	for n := range 30 {
		r.round(n == 0)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var spent int64
	before := r.sunk
	for range b.N {
		spent += r.round(false)
	}
	b.StopTimer()
	packets := r.sunk - before
	b.ReportMetric(float64(spent)/1e3/float64(packets), "us/packet")
	b.ReportMetric(float64(packets)/float64(b.N), "packets/op")
	stats := e.Stats()
	b.ReportMetric(float64(stats.Delay.Quantile(0.99).Microseconds()), "p99-us")
}

func (r *benchRoom) leg(to netip.AddrPort) *transport.VideoLeg {
	leg, err := r.pool.ListenVideo(loopback)
	if err != nil {
		r.b.Fatal(err)
	}
	p := transport.VideoParams{RemoteRTP: to, RTCPMux: true, Send: true, Receive: true, Latch: transport.LatchNone,
		ReceivePTs: []uint8{96}, SendPT: 96, NACK: true, PLI: true}
	if r.secure {
		p.SRTP = &transport.SRTP{Suite: transport.AEADAES128GCM, LocalKey: make([]byte, 16), LocalSalt: make([]byte, 12),
			RemoteKey: make([]byte, 16), RemoteSalt: make([]byte, 12)}
	}
	setup, err := transport.PrepareVideo(p)
	if err == nil {
		err = leg.Apply(setup)
	}
	if err != nil {
		r.b.Fatal(err)
	}
	leg.Vouch(loopback)
	return leg
}

func (r *benchRoom) socket() *net.UDPConn {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		r.b.Fatal(err)
	}
	return conn
}

// source adds who films, in plain RTP: what comes in is not what is measured.
func (r *benchRoom) source() {
	secure := r.secure
	r.secure = false
	conn := r.socket()
	leg := r.leg(conn.LocalAddr().(*net.UDPAddr).AddrPort())
	r.secure = secure
	port, _ := leg.LocalPort()
	n := uint32(len(r.films) + 1)
	s := &benchSource{conn: conn, to: netip.AddrPortFrom(loopback, uint16(port)),
		cam: pictures.New(pictures.Config{Codec: vp8.Codec, Source: n, SSRC: n, Bytes: 5600, KeyBytes: 5600, PictureIDBits: 15})}
	s.line = NewLine(leg, both())
	r.films = append(r.films, s)
	if err := r.conf.Add(s.line); err != nil {
		r.b.Fatal(err)
	}
}

func (r *benchRoom) eye(source *Line) {
	conn := r.socket()
	l := NewLine(r.leg(conn.LocalAddr().(*net.UDPAddr).AddrPort()), both())
	if err := r.conf.Add(l); err != nil {
		r.b.Fatal(err)
	}
	r.conf.Show(l, source)
	r.sinks = append(r.sinks, conn)
	r.eyes = append(r.eyes, l)
}

func (r *benchRoom) turn(ready []transport.Token) { r.w.turn(clock.Now(), ready) }

// round has each source send a picture, hands them on, empties the receivers, and returns
// the thread time of the second.
func (r *benchRoom) round(key bool) int64 {
	ready := make([]transport.Token, 0, len(r.films))
	for _, s := range r.films {
		for _, p := range s.cam.Next(key) {
			b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: p.SSRC, SequenceNumber: p.Sequence,
				Timestamp: p.Timestamp, Marker: p.Marker}, Payload: p.Payload}).Marshal()
			if err == nil {
				_, err = s.conn.WriteToUDPAddrPort(b, s.to)
			}
			if err != nil {
				r.b.Fatal(err)
			}
		}
		ready = append(ready, transport.Token(s.line.token))
	}
	began := threadTime()
	r.turn(ready)
	spent := threadTime() - began
	r.sink()
	return spent
}

// sink empties the receivers.
func (r *benchRoom) sink() {
	buffer := make([]byte, 2000)
	for _, conn := range r.sinks {
		raw, err := conn.SyscallConn()
		if err != nil {
			r.b.Fatal(err)
		}
		_ = raw.Control(func(fd uintptr) {
			for {
				if n, _, err := unix.Recvfrom(int(fd), buffer, unix.MSG_DONTWAIT); err != nil {
					return
				} else if n > 1 && (buffer[1] < 192 || buffer[1] > 223) {
					r.sunk++
				}
			}
		})
	}
}

func threadTime() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return t.Nano()
}

func (r *benchRoom) close() {
	r.conf.Close(nil)
	r.turn(nil)
	for _, s := range r.films {
		_ = s.conn.Close()
		_ = s.line.port.(*transport.VideoLeg).Close()
	}
	for i, conn := range r.sinks {
		_ = conn.Close()
		_ = r.eyes[i].port.(*transport.VideoLeg).Close()
	}
}
