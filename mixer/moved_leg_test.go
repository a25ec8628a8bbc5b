package mixer

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

// A leg that is moved between rooms of several workers and slots, some of them asleep until
// then, sends one RTP packet after the other: not a sequence number nor a timestamp is left
// out or used twice, whether or not threads send in batches.
func TestMovedLegSendsUnbrokenRTP(t *testing.T) {
	t.Run("singly", func(t *testing.T) { moveLeg(t, Config{Workers: 2, Slots: 4}) })
	t.Run("in batches", func(t *testing.T) {
		moveLeg(t, Config{Workers: 2, Slots: 4, Outbox: transport.NewOutbox})
	})
}

func moveLeg(t *testing.T, cfg Config) {
	eng := newEngine(t, cfg)
	eng.Start()
	defer eng.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	rooms := make([]*Conference, 7)
	for i := range rooms {
		rooms[i] = eng.NewConference(ConferenceConfig{Rate: []int{8000, 16000, 48000}[i%3]})
		if i < 5 {
			rooms[i].Apply(AddInput(NewInput(nothing{}, InputConfig{})))
		}
	}
	for _, d := range []time.Duration{20, 60} {
		f := format(t, media.PCMU, 8000, d*time.Millisecond)
		leg, far := newLeg(t)
		out := NewOutput(leg, OutputConfig{Format: f})
		rng := rand.New(rand.NewPCG(uint64(d), 5))
		at := rooms[0]
		at.Apply(Attach(out, at.Full(), nil))
		for range 40 {
			to := rooms[rng.IntN(len(rooms))]
			if err := at.ApplyWait(ctx, Move(nil, []*Output{out}, to, to.Full())); err != nil {
				t.Fatal(err)
			}
			if err := to.ApplyWait(ctx); err != nil {
				t.Fatal(err)
			}
			at = to
		}
		if err := at.ApplyWait(ctx, Detach(out)); err != nil {
			t.Fatal(err)
		}
		if eng.Stats().Rebased > 0 {
			t.Skip("the machine is too busy: a worker gave up time")
		}
		inOrder(t, far, int(out.Sent()), uint32(f.Ticks(f.PacketTime)))
	}
}

// newLeg returns a leg that sends to a socket.
func newLeg(t *testing.T) (*transport.Leg, *net.UDPConn) {
	t.Helper()
	local := netip.MustParseAddr("127.0.0.1")
	far, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = far.Close() })
	pool, err := transport.NewPortPool(20000, 29999, 0)
	if err != nil {
		t.Fatal(err)
	}
	leg, err := pool.Listen(local)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = leg.Close() })
	setup, err := transport.Prepare(transport.Params{RemoteRTP: far.LocalAddr().(*net.UDPAddr).AddrPort(), Send: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := leg.Apply(setup); err != nil {
		t.Fatal(err)
	}
	return leg, far
}

// inOrder reads n packets, each a step of sequence and timestamp behind the one before.
func inOrder(t *testing.T, far *net.UDPConn, n int, ticks uint32) {
	t.Helper()
	b := make([]byte, 2000)
	var last rtp.Header
	for i := range n {
		_ = far.SetReadDeadline(time.Now().Add(5 * time.Second))
		size, err := far.Read(b)
		if err != nil {
			t.Fatalf("packet %d of %d: %v", i, n, err)
		}
		var h rtp.Header
		if _, err := h.Unmarshal(b[:size]); err != nil {
			t.Fatal(err)
		}
		if i > 0 && (h.SequenceNumber-last.SequenceNumber != 1 || h.Timestamp-last.Timestamp != ticks || h.SSRC != last.SSRC) {
			t.Fatalf("packet %d of %d: %d at %d, after %d at %d", i, n, h.SequenceNumber, h.Timestamp, last.SequenceNumber, last.Timestamp)
		}
		last = h
	}
	if n < 20 {
		t.Errorf("only %d packets", n)
	}
}
