package transport

import (
	"net/netip"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/confd/confd/internal/clock"
)

// BenchmarkTick times a leg's share of a tick, one packet read and one sent, beside the
// same with nothing but a bare recvfrom and send on connected sockets. Rounds of the two
// alternate and the thread's own processor time is taken, so that whatever else the machine
// does falls on both or on neither; the ratio is the figure to look at.
func BenchmarkTick(b *testing.B) {
	for _, c := range []struct {
		name   string
		probe  bool // ask again after each packet, as an unsteady leg does
		change func(*Params)
	}{
		{"plain", false, nil},
		{"plain_unsteady", true, nil},
		{"AES_CM_128_HMAC_SHA1_80", false, func(p *Params) { p.SRTP = testKeys(AES128CMHMACSHA180) }},
		{"AEAD_AES_128_GCM", false, func(p *Params) { p.SRTP = testKeys(AEADAES128GCM) }},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkTick(b, c.probe, c.change) })
	}
}

const benchLegs = 100

// pairing is a leg or a bare socket, and the connected socket of its phone.
type pairing struct {
	leg  *Leg
	bare socket
	far  socket
	p    *phone
	f    *foreign
}

// join connects a socket on an ephemeral port, which dissolving an association would lose.
func join(b *testing.B, s *socket, to netip.AddrPort) {
	b.Helper()
	var a sockaddr
	s.encode(&a, to)
	if errno := s.address(unix.SYS_CONNECT, &a); errno != 0 {
		b.Fatal(errno)
	}
}

func addrOf(s *socket) netip.AddrPort { return netip.AddrPortFrom(loopback, uint16(s.port())) }

func openBare(b *testing.B) socket {
	b.Helper()
	s, err := openSocket(netip.AddrPortFrom(loopback, 0))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.close() })
	return s
}

func benchmarkTick(b *testing.B, probe bool, change func(*Params)) {
	legs, bare := make([]*pairing, benchLegs), make([]*pairing, benchLegs)
	for i := range legs {
		legs[i] = benchLeg(b, change)
		bare[i] = &pairing{bare: openBare(b), far: openBare(b)}
		if err := unix.SetsockoptInt(bare[i].bare.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 0); err != nil {
			b.Fatal(err)
		}
		join(b, &bare[i].bare, addrOf(&bare[i].far))
		join(b, &bare[i].far, addrOf(&bare[i].bare))
	}
	payload, buf := make([]byte, 172), make([]byte, 1500)
	var legTime, bareTime, pollTime, recvTime time.Duration
	o := outgoing(0)
	rounds := max(b.N/benchLegs, 20)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ReportAllocs()
	b.ResetTimer()
	for range rounds {
		b.StopTimer()
		for i := range legs {
			packet := legs[i].p.next()
			if legs[i].f != nil {
				packet = legs[i].f.seal(packet)
			}
			legs[i].far.send(packet)
			bare[i].far.send(payload)
		}
		now := clock.Now()
		o.Time += tickTime
		for _, l := range legs {
			l.leg.lastPoll = now - tickTime // rounds come faster than ticks
			if probe {
				l.leg.cadence.cut()
			}
		}
		b.StartTimer()
		start := threadTime()
		for _, l := range legs {
			l.leg.Poll(now, 16, discard)
		}
		polled := threadTime()
		for _, l := range legs {
			l.leg.Send(o)
		}
		legTime += threadTime() - start
		pollTime += polled - start
		start = threadTime()
		for _, s := range bare {
			bareRecv(s.bare.fd, buf)
		}
		received := threadTime()
		for _, s := range bare {
			s.bare.send(payload)
		}
		recvTime += received - start
		bareTime += threadTime() - start
		b.StopTimer()
		for i := range legs {
			bareRecv(legs[i].far.fd, buf)
			bareRecv(bare[i].far.fd, buf)
		}
		b.StartTimer()
	}
	b.StopTimer()
	n := float64(rounds * benchLegs)
	b.ReportMetric(float64(legTime)/n, "ns/leg")
	b.ReportMetric(float64(pollTime)/n, "ns/poll")
	b.ReportMetric(float64(bareTime)/n, "ns/bare")
	b.ReportMetric(float64(recvTime)/n, "ns/recvfrom")
	b.ReportMetric(float64(legTime)/float64(bareTime), "ratio")
	var got uint64
	for _, l := range legs {
		got += l.leg.Stats().PacketsReceived
	}
	if float64(got) < 0.99*n {
		b.Fatalf("%d packets were handed over of %v", got, n)
	}
}

func benchLeg(b *testing.B, change func(*Params)) *pairing {
	l := listen(b, loopback)
	far := openBare(b)
	params := talk(addrOf(&far))
	if change != nil {
		change(&params)
	}
	apply(b, l, params)
	join(b, &far, l.at(loopback))
	x := &pairing{leg: l, far: far, p: &phone{t: b, ssrc: 7, pt: testPT}}
	if params.SRTP != nil {
		x.f = newForeign(b, params.SRTP)
	}
	return x
}

// threadTime is the processor time that this thread has used, others' load left out.
func threadTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}

func bareRecv(fd int, buf []byte) {
	_, _, _ = unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), unix.MSG_DONTWAIT, 0, 0)
}
