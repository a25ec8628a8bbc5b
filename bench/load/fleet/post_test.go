//go:build linux

package fleet

import (
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/bench/wire"
)

// Callers who share a port are as many as asked for, of one thread, and each says its own to
// its own server's port, in order; they are more than one system call sends, or some ports'
// callers are due at once.
func TestSharing(t *testing.T) {
	for _, sharing := range []int{2, 40} {
		testSharing(t, sharing)
	}
}

func testSharing(t *testing.T, sharing int) {
	const callers, d = 100, 200 * time.Millisecond
	s := newSink(t, Config{Callers: callers, Talkers: 3, Codec: pcmu, Threads: 2, Sharing: sharing})
	ports := map[string]int{}
	for i, c := range s.fleet.callers {
		if err := s.sockets[i].Connect(s.fleet.Local(i)); err != nil { // it gets what is from there
			t.Fatal(err)
		}
		ports[s.fleet.Local(i).String()]++
		if s.fleet.Local(i) != c.post.socket.Local() || s.fleet.Local(i).Port()%2 != 0 {
			t.Errorf("caller %d is at %v", i, s.fleet.Local(i))
		}
	}
	for p, n := range ports {
		if n != sharing && n != callers/2%sharing {
			t.Errorf("%d callers at %s", n, p)
		}
	}
	if want := 2 * ((callers/2 + sharing - 1) / sharing); len(ports) != want {
		t.Errorf("%d ports, want %d", len(ports), want)
	}
	for i, got := range s.run(d) {
		c := s.fleet.callers[i]
		if n := len(got); n < int(d/packetTime)-2 || n > int(d/packetTime)+maxBehind+1 || c.counts.Refused > 0 {
			t.Errorf("caller %d sent %d packets, %d refused", i, n, c.counts.Refused)
		}
		for k, p := range got {
			if p.ssrc != c.ssrc || k > 0 && p.number != got[k-1].number+1 {
				t.Errorf("caller %d: packet %d is %+v", i, k, p.header)
			}
		}
	}
}

// What comes to a shared port is taken for whom it is by where it comes from, and counted if
// it is for nobody.
func TestSharedPortTellsCallersApart(t *testing.T) {
	s := newSink(t, Config{Callers: 5, Codec: pcmu, Threads: 1, Sharing: 5})
	const many = 4*wire.Batch + 1
	packet := make([]byte, wire.HeaderSize+160)
	out := wire.Stream{PayloadType: serverPT, SSRC: 7}
	say := func(from *wire.Socket, n int) {
		t.Helper()
		if err := from.Connect(s.fleet.Local(0)); err != nil {
			t.Fatal(err)
		}
		for range n {
			out.Stamp(packet, 160)
			if !from.Send(packet) {
				t.Fatal("refused")
			}
		}
		s.run(packetTime)
	}
	stranger, err := wire.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	say(s.sockets[3], many)
	say(stranger, 2)
	s.fleet.Disconnect(4)
	say(s.sockets[4], 3)
	for i, c := range s.fleet.callers {
		if want := []int{0, 0, 0, many, 0}[i]; c.counts.Received != want || s.fleet.Heard(i) != (want > 0) {
			t.Errorf("caller %d received %d, want %d", i, c.counts.Received, want)
		}
	}
	if n := s.fleet.Report().Strays; n != 5 {
		t.Errorf("%d strays, want 5", n)
	}
	s.fleet.Begin()
	if n := s.fleet.Report().Strays; n != 0 {
		t.Errorf("%d strays in a new window", n)
	}
}

// A server's port is one caller's of those who share theirs, until that has left.
func TestSharedPortHasOneCallerPerPeer(t *testing.T) {
	s := newSink(t, Config{Callers: 3, Codec: pcmu, Threads: 1, Sharing: 3})
	peer := Peer{Media: s.sockets[0].Local(), PayloadType: serverPT}
	if err := s.fleet.Connect(1, peer); err == nil || !strings.Contains(err.Error(), "caller 0") {
		t.Errorf("a peer that is another's: %v", err)
	}
	if err := s.fleet.Connect(0, peer); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := s.fleet.Connect(0, Peer{Media: s.sockets[2].Local(), PayloadType: serverPT}); err == nil {
		t.Error("moved to another's peer")
	}
	s.fleet.Disconnect(0)
	if err := s.fleet.Connect(1, peer); err != nil {
		t.Errorf("a peer whose caller left: %v", err)
	}
	s.sockets[1] = s.sockets[0] // where caller 1 sends now
	if got := s.run(2 * packetTime); len(got[1])+len(got[2]) == 0 {
		t.Error("nothing was sent")
	}
	if from := s.fleet.posts[0].from; len(from) != 2 || from[wire.PeerOf(peer.Media)] != s.fleet.callers[1] {
		t.Errorf("%d peers are known", len(from))
	}
}

// A packet that the kernel does not take is its caller's, and those behind it leave.
func TestRefusedOnASharedPort(t *testing.T) {
	s := newSink(t, Config{Callers: 3, Codec: pcmu, Threads: 1, Sharing: 3})
	s.fleet.callers[1].peer = wire.Peer{0xff} // of no family
	s.run(3 * packetTime)
	for i, c := range s.fleet.callers {
		if refused := c.counts.Refused > 0; refused != (i == 1) || (c.counts.Sent > 0) != (i != 1) {
			t.Errorf("caller %d: %d sent, %d refused", i, c.counts.Sent, c.counts.Refused)
		}
	}
}
