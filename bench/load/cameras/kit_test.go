//go:build linux

package cameras

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// crewOf makes a crew of one room, which runs until the test ends if it is to.
func crewOf(t testing.TB, change func(*Config)) *Crew {
	t.Helper()
	c := Config{Callers: 2, Rooms: 1, Cameras: 1, Codec: media.VP8, Bitrate: 300_000, Local: func(int) netip.Addr { return loopback }, Seed: 1}
	if change != nil {
		change(&c)
	}
	w, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func start(t testing.TB, w *Crew) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { w.Run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
}

// relay is a server that hands what caller 0 sends to caller 1, and what caller 1 asks for to
// caller 0, changing nothing but what lose takes away.
type relay struct {
	sockets [4]*net.UDPConn // RTP and RTCP of caller 0, then of caller 1
	lose    func(datagram []byte) bool
}

func newRelay(t testing.TB, w *Crew, lose func([]byte) bool) *relay {
	r := &relay{lose: lose}
	for i := range r.sockets {
		s, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		r.sockets[i] = s
	}
	r.pass(w, 0, 2)
	r.pass(w, 1, 3)
	r.pass(w, 2, 0)
	r.pass(w, 3, 1)
	return r
}

// pass hands what comes to one socket to the caller at another.
func (r *relay) pass(w *Crew, from, to int) {
	rtp, rtcp := w.Local(to / 2)
	target := [2]netip.AddrPort{rtp, rtcp}[to%2]
	go func() {
		var b [2048]byte
		for {
			n, _, err := r.sockets[from].ReadFromUDPAddrPort(b[:])
			if err != nil {
				return
			}
			if !r.lose(b[:n]) {
				_, _ = r.sockets[to].WriteToUDPAddrPort(b[:n], target)
			}
		}
	}()
}

func (r *relay) peer(i int) Peer {
	at := func(n int) netip.AddrPort { return r.sockets[n].LocalAddr().(*net.UDPAddr).AddrPort() }
	return Peer{Media: at(2 * i), Control: at(2*i + 1), PayloadType: 96, RTX: 97, NACK: true, PLI: true, Shows: i == 0}
}

func (r *relay) connect(t testing.TB, w *Crew, change func(*Peer)) {
	t.Helper()
	for i := range 2 {
		p := r.peer(i)
		if change != nil {
			change(&p)
		}
		if err := w.Connect(i, p); err != nil {
			t.Fatal(err)
		}
	}
}

// until waits for a report that is as it should be.
func until(t testing.TB, w *Crew, what string, ok func(*Report) bool) *Report {
	t.Helper()
	var r *Report
	wait.For(t, what, func() bool {
		r = w.Report()
		return ok(r)
	}, func() any { return r.Callers[0].Counts }, func() any { return r.Callers[1] })
	return r
}
