package transport

import (
	"bytes"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
)

func TestLegCarriesBothWays(t *testing.T) {
	for _, c := range []struct{ name, local, peer string }{
		{"IPv4", "127.0.0.1", "127.0.0.1"},
		{"IPv6", "::1", "::1"},
		{"any IPv4", "0.0.0.0", "127.0.0.1"},
		{"any IPv6", "::", "::1"},
		{"IPv4 on any IPv6", "::", "127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer := netip.MustParseAddr(c.peer)
			l := listen(t, netip.MustParseAddr(c.local))
			p := newPhone(t, peer, l.at(peer))
			apply(t, l, talk(p.addr()))
			var got collector
			before := clock.Now()
			for range 3 {
				p.speak()
			}
			if n := poll(l, &got); n != 3 || !slices.Equal(got.sequences(), []uint16{1000, 1001, 1002}) {
				t.Fatalf("polled %d: %v, want 1000 to 1002", n, got.sequences())
			}
			q := got.packets[2]
			if q.SSRC != 0x1234 || q.Timestamp != 5320 || q.PayloadType != testPT || q.Marker || len(got.payloads[2]) != 160 {
				t.Errorf("packet %+v", q)
			}
			if q.Arrival < before-int64(time.Millisecond) || q.Arrival > clock.Now() {
				t.Errorf("arrival %d is not between %d and now", q.Arrival, before)
			}
			o := outgoing(0)
			o.Data = bytes.Repeat([]byte{7}, 160)
			l.Send(o)
			r := p.readRTP()
			if r.SSRC != l.SSRC() || !bytes.Equal(r.Payload, o.Data) || r.PayloadType != testPT {
				t.Errorf("sent %v", r)
			}
			s := l.Stats()
			if s.PacketsReceived != 3 || s.OctetsReceived != 480 || s.PacketsSent != 1 || s.OctetsSent != 160 || s.Remote != p.addr() {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

func TestLegDropsAndCounts(t *testing.T) {
	good := rtp.Header{Version: 2, PayloadType: testPT, SequenceNumber: 999, SSRC: 0x1234}
	padded := packetBytes(t, good, []byte{1, 2, 3, 9})
	padded[0] |= 0x20
	for _, c := range []struct {
		name  string
		data  []byte
		count func(Stats) uint64
	}{
		{"short", []byte{0x80, 0, 0}, func(s Stats) uint64 { return s.Dropped.Malformed }},
		{"version 1", append([]byte{0x40}, packetBytes(t, good, []byte{1})[1:]...), func(s Stats) uint64 { return s.Dropped.Malformed }},
		{"contributors past the end", append([]byte{0x8f}, make([]byte, 20)...), func(s Stats) uint64 { return s.Dropped.Malformed }},
		{"extension past the end", append([]byte{0x90}, make([]byte, 13)...), func(s Stats) uint64 { return s.Dropped.Malformed }},
		{"padding past the start", padded, func(s Stats) uint64 { return s.Dropped.Malformed }},
		{"payload type", packetBytes(t, rtp.Header{Version: 2, PayloadType: 33}, []byte{1}), func(s Stats) uint64 { return s.Dropped.PayloadType }},
		{"no payload", packetBytes(t, good, nil), func(s Stats) uint64 { return s.Dropped.Empty }},
		{"too long", packetBytes(t, good, make([]byte, 1500)), func(s Stats) uint64 { return s.Dropped.TooLong }},
		{"RTCP without mux", []byte{0x80, 201, 0, 1, 0, 0, 0, 9}, func(s Stats) uint64 { return s.Dropped.Malformed }},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, p := call(t, nil)
			p.write(c.data)
			if n := poll(l, discard); n != 0 {
				t.Fatalf("%d packets were handed over", n)
			}
			if got := c.count(l.Stats()); got != 1 {
				t.Errorf("counted %d, want 1: %+v", got, l.Stats().Dropped)
			}
			p.speak()
			if n := poll(l, discard); n != 1 {
				t.Errorf("the next packet was not handed over: %+v", l.Stats().Dropped)
			}
		})
	}
}

func TestLegReadsLevel(t *testing.T) {
	l, p := call(t, func(p *Params) { p.AudioLevelID = 3 })
	h := rtp.Header{Version: 2, SequenceNumber: 1, SSRC: 1}
	if err := h.SetExtension(3, []byte{0x80 | 42}); err != nil {
		t.Fatal(err)
	}
	p.write(packetBytes(t, h, []byte{1}))
	h = rtp.Header{Version: 2, SequenceNumber: 2, SSRC: 1}
	p.write(packetBytes(t, h, []byte{1}))
	var got collector
	poll(l, &got)
	if len(got.packets) != 2 {
		t.Fatalf("%d packets", len(got.packets))
	}
	if a := got.packets[0]; !a.HasLevel || a.Level != 42 || !a.Voice {
		t.Errorf("level %+v, want 42 with voice", a)
	}
	if a := got.packets[1]; a.HasLevel {
		t.Errorf("level without extension: %+v", a)
	}
}

func TestLegHoldsDirections(t *testing.T) {
	l, p := call(t, func(p *Params) { p.Receive, p.Send = false, false })
	p.speak()
	if n := poll(l, discard); n != 0 || l.Stats().Dropped.Held != 1 {
		t.Errorf("polled %d, %+v", n, l.Stats().Dropped)
	}
	if l.Stats().LastHeard == 0 {
		t.Error("a held peer that speaks was not heard")
	}
	l.Send(outgoing(0))
	if s := l.Stats(); s.PacketsSent != 0 {
		t.Errorf("sent %d packets", s.PacketsSent)
	}
	apply(t, l, talk(p.addr()))
	l.Send(outgoing(tickTime))
	if r := p.readRTP(); !r.Marker {
		t.Error("the first packet after a pause has no marker")
	}
	p.speak()
	if n := poll(l, discard); n != 1 {
		t.Errorf("polled %d", n)
	}
}

func TestLegIsSilentBeforeApply(t *testing.T) {
	l := listen(t, loopback)
	p := newPhone(t, loopback, l.at(loopback))
	p.speak()
	l.Send(outgoing(0))
	if n := poll(l, discard); n != 0 || l.Stats().PacketsSent != 0 {
		t.Errorf("polled %d, stats %+v", n, l.Stats())
	}
}

func TestLegRefusesWrongFamily(t *testing.T) {
	l := listen(t, loopback)
	s, err := Prepare(talk(netip.MustParseAddrPort("[::1]:4000")))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Apply(s); err == nil {
		t.Error("an IPv4 leg accepted an IPv6 peer")
	}
}

func TestLegCountsRefusal(t *testing.T) {
	l, p := call(t, nil)
	_ = p.conn.Close()
	for i := range 4 {
		l.Send(outgoing(int64(i) * tickTime))
	}
	poll(l, discard)
	s := l.Stats()
	if s.SendErrors.Refused == 0 || s.SendErrors.Failed != 0 {
		t.Errorf("errors %+v, want refusals only", s.SendErrors)
	}
}

func TestLegRespectsLimit(t *testing.T) {
	l, p := call(t, nil)
	for range 10 {
		p.speak()
	}
	var got collector
	now := clock.Now()
	if n := l.Poll(now, 4, &got); n != 4 {
		t.Fatalf("polled %d, want the limit of 4", n)
	}
	if n := l.Poll(now+tickTime, 16, &got); n != 6 || got.packets[9].Sequence != 1009 {
		t.Fatalf("polled %d more, want 6, in order: %v", n, got.sequences())
	}
}

// TestLegDoesNotLag: a peer that sends more than the tick takes loses packets, and what is
// handed over stays young.
func TestLegDoesNotLag(t *testing.T) {
	l, p := call(t, nil)
	var got collector
	now := clock.Now()
	for i := range int64(10) {
		for range 30 {
			p.speak()
		}
		l.Poll(now+i*tickTime, 8, &got)
	}
	last := got.packets[len(got.packets)-1].Sequence
	if behind := p.seq - last; behind > 60 {
		t.Errorf("%d packets behind after ten polls, want two polls' worth at most", behind)
	}
	if l.Stats().Dropped.Overrun == 0 {
		t.Error("nothing was counted as overrun")
	}
}

func TestLegCloseTwice(t *testing.T) {
	l, _ := call(t, nil)
	used := testPool().InUse()
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := testPool().InUse(); got != used-1 {
		t.Errorf("%d pairs in use, want %d", got, used-1)
	}
	l.Send(outgoing(0))
	if n := poll(l, discard); n != 0 {
		t.Errorf("a closed leg polled %d", n)
	}
	if err := l.Apply(&Setup{}); err == nil {
		t.Error("a closed leg took a setup")
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("no /proc")
	}
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

func TestLegsLeakNoDescriptors(t *testing.T) {
	before, used := descriptors(t), testPool().InUse()
	legs := make([]*Leg, 500)
	for i := range legs {
		legs[i] = listen(t, loopback)
		apply(t, legs[i], talk(netip.MustParseAddrPort("127.0.0.1:9")))
		legs[i].Send(outgoing(0))
		poll(legs[i], discard)
	}
	if got := descriptors(t); got < before+1000 {
		t.Errorf("%d descriptors with 500 legs open, want %d more than %d", got, 1000, before)
	}
	for _, l := range legs {
		_ = l.Close()
	}
	if got := descriptors(t); got != before {
		t.Errorf("%d descriptors after closing, %d before opening", got, before)
	}
	if got := testPool().InUse(); got != used {
		t.Errorf("%d pairs in use, want %d", got, used)
	}
}

var _ media.Source = (*Leg)(nil)
var _ media.Sink = (*Leg)(nil)
var _ media.Source = (*Ring)(nil)

// A steady leg whose packets change places within one period: the one that was overtaken
// is read at the same poll, for it is due.
func TestLegReadsWhatWasOvertaken(t *testing.T) {
	l, p := call(t, nil)
	var got collector
	now := clock.Now()
	period := int64(20 * time.Millisecond)
	for range 2 * steadyPolls {
		p.speak()
		// Polls lie in the past of the packets' receive times, so none of them looks queued.
		l.Poll(now-int64(time.Second), 16, &got)
		l.lastPoll -= period
	}
	late, early := p.next(), p.next()
	p.write(early)
	p.write(late)
	before := len(got.packets)
	l.Poll(now-int64(time.Second), 16, &got)
	if n := len(got.packets) - before; n != 2 {
		t.Errorf("polled %d of two packets that had changed places", n)
	}
}
