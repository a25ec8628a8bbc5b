package transport

import (
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/confd/confd/internal/clock"
)

// controlCall returns a call whose phone has an RTCP socket as well.
func controlCall(t testing.TB) (*Leg, *phone, *phone) {
	t.Helper()
	l := listen(t, loopback)
	l.Vouch(loopback)
	p, c := newPhone(t, loopback, l.at(loopback)), newPhone(t, loopback, l.atControl(loopback))
	params := talk(p.addr())
	params.RemoteRTCP = c.addr()
	apply(t, l, params)
	return l, p, c
}

func marshal(t testing.TB, p ...rtcp.Packet) []byte {
	t.Helper()
	b, err := rtcp.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func compound(t testing.TB, b []byte) []rtcp.Packet {
	t.Helper()
	p, err := rtcp.Unmarshal(b)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	if err := rtcp.CompoundPacket(p).Validate(); err != nil {
		t.Fatalf("%v: %v", p, err)
	}
	return p
}

// turn polls until the RTCP socket has been looked at.
func turn(l *Leg) {
	for range controlTurn {
		poll(l, discard)
	}
}

func TestReportsAreTimely(t *testing.T) {
	l, _, c := controlCall(t)
	start := clock.Now()
	var at []int64
	for now := start; len(at) < 200; now += tickTime {
		sent := l.Stats().RTCP.Sent
		l.Poll(now, 16, discard)
		if l.Stats().RTCP.Sent != sent {
			at = append(at, now)
			c.read()
		}
	}
	bounds := func(base time.Duration) (low, high int64) {
		return int64(0.5*float64(base)/reconsider) - tickTime, int64(1.5*float64(base)/reconsider) + tickTime
	}
	if low, high := bounds(firstInterval); at[0]-start < low || at[0]-start > high {
		t.Errorf("first report after %d ms, want %d to %d", (at[0]-start)/ms, low/ms, high/ms)
	}
	low, high := bounds(reportInterval)
	seen := map[int64]bool{}
	for i := 1; i < len(at); i++ {
		d := at[i] - at[i-1]
		seen[d] = true
		if d < low || d > high {
			t.Errorf("report %d after %d ms, want %d to %d", i, d/ms, low/ms, high/ms)
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d different intervals in 200", len(seen))
	}
	if mean := (at[199] - at[0]) / 199; mean < 3500*ms || mean > 4700*ms {
		t.Errorf("mean interval %d ms, want about 4100", mean/ms)
	}
}

func TestReceiverReport(t *testing.T) {
	l, _, c := controlCall(t)
	l.sendReport(scratches.Get().(*scratch), clock.Now())
	p := compound(t, c.read())
	rr, ok := p[0].(*rtcp.ReceiverReport)
	if !ok || rr.SSRC != l.SSRC() || len(rr.Reports) != 0 {
		t.Errorf("report of a leg that neither sent nor heard: %v", p[0])
	}
	checkCNAME(t, l, p[1])
}

func checkCNAME(t *testing.T, l *Leg, p rtcp.Packet) {
	t.Helper()
	d, ok := p.(*rtcp.SourceDescription)
	if !ok || len(d.Chunks) != 1 || d.Chunks[0].Source != l.SSRC() || len(d.Chunks[0].Items) != 1 {
		t.Fatalf("description %v", p)
	}
	if i := d.Chunks[0].Items[0]; i.Type != rtcp.SDESCNAME || i.Text != l.CNAME() || len(i.Text) != 16 {
		t.Errorf("item %v, want CNAME %q", i, l.CNAME())
	}
}

func TestSenderReport(t *testing.T) {
	l, p, c := controlCall(t)
	now := clock.Now()
	for range 5 {
		p.speak()
	}
	p.seq += 5 // lost
	p.ts += 5 * 160
	p.speak()
	poll(l, discard)
	var last uint32
	for i := range int64(3) {
		l.Poll(now, 16, discard)
		l.Send(outgoing(i * tickTime))
		last = p.readRTP().Timestamp
		now += tickTime
	}
	// A report 7 ms after the tick of the last packet: its RTP time is 7 ms on.
	l.sendReport(scratches.Get().(*scratch), now-tickTime+7*ms)
	packets := compound(t, c.read())
	sr, ok := packets[0].(*rtcp.SenderReport)
	if !ok {
		t.Fatalf("first packet is %v", packets[0])
	}
	if sr.SSRC != l.SSRC() || sr.PacketCount != 3 || sr.OctetCount != 480 || sr.RTPTime-last != 56 {
		t.Errorf("report %v, RTP time %d after the last packet's", sr, sr.RTPTime-last)
	}
	wall := time.Unix(int64(sr.NTPTime>>32)-2_208_988_800, int64(sr.NTPTime&0xffffffff)*1e9>>32)
	if d := time.Since(wall); d < -time.Second || d > time.Second {
		t.Errorf("NTP time is %v off", d)
	}
	if len(sr.Reports) != 1 {
		t.Fatalf("%d blocks", len(sr.Reports))
	}
	if r := sr.Reports[0]; r.SSRC != p.ssrc || r.TotalLost != 5 || r.LastSequenceNumber != 1010 || r.FractionLost != 5*256/11 || r.LastSenderReport != 0 {
		t.Errorf("block %+v", r)
	}
	checkCNAME(t, l, packets[1])
	// Nothing more was sent or heard: a receiver report without block.
	l.sendReport(scratches.Get().(*scratch), now)
	if rr, ok := compound(t, c.read())[0].(*rtcp.ReceiverReport); !ok || len(rr.Reports) != 0 {
		t.Error("a leg that was silent since the last report sent another sender report")
	}
}

func TestReportAnswersSenderReport(t *testing.T) {
	l, p, c := controlCall(t)
	p.speak()
	poll(l, discard)
	c.write(marshal(t, &rtcp.SenderReport{SSRC: p.ssrc, NTPTime: 0x1122334455667788}))
	turn(l)
	l.sendReport(scratches.Get().(*scratch), l.report.lastSRTime+1500*ms)
	rr := compound(t, c.read())[0].(*rtcp.ReceiverReport)
	if r := rr.Reports[0]; r.LastSenderReport != 0x33445566 || r.Delay != 65536*3/2 {
		t.Errorf("LSR %x, DLSR %d", r.LastSenderReport, r.Delay)
	}
}

func TestRoundTripAndLossAsPeerTells(t *testing.T) {
	l, p, c := controlCall(t)
	l.Send(outgoing(0))
	p.read()
	now := clock.Now()
	stamps.keep(now)
	sent := middle(stamps.ntp(now - 250*ms)) // our report went out 250 ms ago
	b := marshal(t, &rtcp.ReceiverReport{SSRC: p.ssrc, Reports: []rtcp.ReceptionReport{
		{SSRC: 0x999, FractionLost: 255, TotalLost: 9},
		{SSRC: l.SSRC(), FractionLost: 64, TotalLost: 0xfffffe, Jitter: 80, LastSenderReport: sent, Delay: 65536 / 5},
	}}, &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: p.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "x"}}}}})
	if !l.readCompound(b, now) {
		t.Fatal("refused")
	}
	s := l.Stats()
	if s.RoundTrip < 0.0499 || s.RoundTrip > 0.0501 {
		t.Errorf("round trip %v s, want 0.050", s.RoundTrip)
	}
	if s.PeerFraction != 0.25 || s.PeerLost != -2 || s.PeerJitter != 0.01 {
		t.Errorf("peer tells %+v", s)
	}
	_ = c
}

func TestControlKeepsMutedPeerAlive(t *testing.T) {
	l, p, c := controlCall(t)
	if l.Stats().LastHeard != 0 {
		t.Fatal("heard before anything came")
	}
	c.write(marshal(t, &rtcp.ReceiverReport{SSRC: p.ssrc}))
	turn(l)
	if s := l.Stats(); s.LastHeard == 0 || s.LastPacket != 0 || s.RTCP.Received != 1 {
		t.Errorf("%+v", s)
	}
}

func TestControlIsPolledEveryTenthTime(t *testing.T) {
	l, p, c := controlCall(t)
	c.write(marshal(t, &rtcp.ReceiverReport{SSRC: p.ssrc}))
	for i := range controlTurn {
		if got := l.Stats().RTCP.Received; got != 0 {
			t.Fatalf("read at poll %d", i)
		}
		poll(l, discard)
	}
	if l.Stats().RTCP.Received != 1 {
		t.Error("not read at the tenth poll")
	}
}

func TestControlGarbage(t *testing.T) {
	l, p, c := controlCall(t)
	stranger := newPhone(t, loopback, l.atControl(loopback))
	stranger.conn.Close()
	rr := marshal(t, &rtcp.ReceiverReport{SSRC: p.ssrc})
	for _, b := range [][]byte{
		{1}, {0x80, 201, 0, 1}, append([]byte{0x40}, rr[1:]...), // version 1
		{0x80, 201, 0, 9, 0, 0, 0, 1}, // longer than the datagram
		{0x80, 100, 0, 1, 0, 0, 0, 1}, // no RTCP type
	} {
		c.write(b)
	}
	turn(l)
	if s := l.Stats().RTCP; s.Malformed != 5 || s.Received != 0 {
		t.Errorf("%+v", s)
	}
	c.write(append(append([]byte{}, rr...), 1, 2, 3)) // trailing bytes
	c.write(marshal(t, &rtcp.ExtendedReport{SenderSSRC: p.ssrc}))
	c.write(marshal(t, &rtcp.ReceiverReport{SSRC: p.ssrc}, &rtcp.Goodbye{Sources: []uint32{p.ssrc}, Reason: "bye"}))
	turn(l)
	if s := l.Stats().RTCP; s.Malformed != 5 || s.Received != 3 || s.Byes != 1 {
		t.Errorf("%+v", s)
	}
}

func TestControlFromStrangerIsDropped(t *testing.T) {
	l, p, _ := controlCall(t)
	stranger := newPhone(t, loopback, l.atControl(loopback))
	stranger.write(marshal(t, &rtcp.ReceiverReport{SSRC: p.ssrc}))
	turn(l)
	if s := l.Stats(); s.RTCP.Received != 0 || s.LastHeard != 0 {
		t.Errorf("%+v", s)
	}
}

func TestControlMuxed(t *testing.T) {
	l, p := call(t, func(p *Params) { p.RTCPMux = true })
	p.write(marshal(t, &rtcp.ReceiverReport{SSRC: p.ssrc}))
	p.speak()
	if n := poll(l, discard); n != 1 || l.Stats().RTCP.Received != 1 {
		t.Errorf("polled %d, %+v", n, l.Stats().RTCP)
	}
	l.sendReport(scratches.Get().(*scratch), clock.Now())
	compound(t, p.read())
}

func TestCloseSaysBye(t *testing.T) {
	l, p, c := controlCall(t)
	l.Send(outgoing(0))
	p.read()
	_ = l.Close()
	packets := compound(t, c.read())
	bye, ok := packets[len(packets)-1].(*rtcp.Goodbye)
	if !ok || len(bye.Sources) != 1 || bye.Sources[0] != l.SSRC() {
		t.Errorf("last packet is %v", packets[len(packets)-1])
	}
}

func TestCloseOfSilentLegSaysNothing(t *testing.T) {
	l, _, _ := controlCall(t)
	_ = l.Close()
	if s := l.Stats().RTCP.Sent; s != 0 {
		t.Errorf("%d packets from a leg that never spoke", s)
	}
}

func TestCollision(t *testing.T) {
	l, p, c := controlCall(t)
	l.Send(outgoing(0))
	a := p.readRTP()
	old := l.SSRC()
	p.ssrc = old
	p.speak()
	if n := poll(l, discard); n != 1 {
		t.Errorf("the peer's packet was not handed over: %+v", l.Stats().Dropped)
	}
	if l.SSRC() == old || l.Stats().Collisions != 1 {
		t.Fatalf("SSRC %x after a collision at %x; %d counted", l.SSRC(), old, l.Stats().Collisions)
	}
	packets := compound(t, c.read())
	if bye, ok := packets[len(packets)-1].(*rtcp.Goodbye); !ok || bye.Sources[0] != old {
		t.Errorf("no BYE for the old SSRC: %v", packets)
	}
	l.Send(outgoing(tickTime))
	if b := p.readRTP(); b.SSRC != l.SSRC() || b.SequenceNumber != a.SequenceNumber+1 || b.Timestamp-a.Timestamp != 160 {
		t.Errorf("stream after the collision: %v", b)
	}
	p.speak() // the peer stays with its own
	if n := poll(l, discard); n != 1 {
		t.Errorf("the peer is no longer heard: %+v", l.Stats().Dropped)
	}
}

// TestLoop: a peer that sends our own packets back makes us change once, not for ever.
func TestLoop(t *testing.T) {
	l, p, _ := controlCall(t)
	for i := range int64(10) {
		l.Send(outgoing(i * tickTime))
		p.write(p.read())
		poll(l, discard)
	}
	if s := l.Stats(); s.Collisions != 1 || s.Dropped.Loop != 9 {
		t.Errorf("%d collisions, %d loops of 10 packets", s.Collisions, s.Dropped.Loop)
	}
}

func FuzzControl(f *testing.F) {
	for _, p := range [][]rtcp.Packet{
		{&rtcp.SenderReport{SSRC: 1, NTPTime: 1 << 40, Reports: []rtcp.ReceptionReport{{SSRC: 2, LastSenderReport: 5}}}},
		{&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: 2}, {SSRC: 3}}},
			&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: 1, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "name"}}}}},
			&rtcp.Goodbye{Sources: []uint32{1}, Reason: "over"}},
		{&rtcp.ExtendedReport{SenderSSRC: 1}},
	} {
		f.Add(marshal(f, p...))
	}
	l, _ := call(f, nil)
	l.ssrc.Store(2)
	f.Fuzz(func(t *testing.T, b []byte) {
		l.readCompound(b, clock.Now())
		if r := l.Stats().RoundTrip; r < 0 || r > 60 {
			t.Fatalf("round trip %v", r)
		}
	})
}

// FuzzIngest puts whole datagrams through a leg.
func FuzzIngest(f *testing.F) {
	for _, b := range headerSeeds(f) {
		f.Add(b)
	}
	l, _ := call(f, func(p *Params) {
		p.RTCPMux, p.AudioLevelID = true, 1
		for i := range p.ClockRates {
			if i < 64 || i > 95 {
				p.ClockRates[i] = 8000
			}
		}
	})
	m := scratches.Get().(*scratch)
	now := clock.Now()
	f.Fuzz(func(t *testing.T, b []byte) {
		now += tickTime
		m.data, m.from, m.truncated = b, l.latch.remote, false
		l.ingest(m, now, discard)
	})
}
