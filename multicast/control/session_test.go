package control

import (
	"container/heap"
	"math/rand/v2"
	"testing"

	"github.com/pion/rtcp"

	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/transport"
)

func TestReportToTheGroup(t *testing.T) {
	s, out := testSession(testConfig())
	s.take(report(t, 7, ourSSRC, 64, 480), host(1), false, 2*second)
	s.keep(3 * second)
	at := s.timer.Next()
	if s.due(at); len(out.controls) != 1 {
		t.Fatalf("%d reports, want 1", len(out.controls))
	}
	packets, err := rtcp.Unmarshal(out.controls[0])
	if err != nil {
		t.Fatal(err)
	}
	sr, ok := packets[0].(*rtcp.SenderReport)
	if want := 96000 + uint32((at-second)/1000*48/1000); !ok || sr.SSRC != ourSSRC || sr.PacketCount != 100 || sr.OctetCount != 8000 || sr.RTPTime-want > 1 {
		t.Errorf("sender report %+v, want a timestamp of %d or the next", packets[0], want)
	}
	if cname, ok := packets[1].(*rtcp.SourceDescription); !ok || cname.Chunks[0].Items[0].Text != "confd@test" {
		t.Errorf("no CNAME in %+v", packets[1])
	}
	r := summaryIn(t, out.controls[0])
	if r.SSRC != ourSSRC || r.Target != s.target || r.Group == nil || r.Group.Receivers != 1 || r.Group.AverageSize == 0 {
		t.Errorf("RSI %+v", r)
	}
	if r.Statistics == nil || r.Statistics.MedianLoss != 64 || r.Statistics.MedianJitter != 480 || r.Statistics.MostLost != 64 || r.Loss == nil || r.Jitter == nil {
		t.Errorf("RSI statistics %+v, loss %+v, jitter %+v", r.Statistics, r.Loss, r.Jitter)
	}
}

func TestAudienceIsPublished(t *testing.T) {
	s, _ := testSession(testConfig())
	var a *Audience
	s.publish = func(v *Audience) { a = v }
	for i := range 100 {
		s.take(report(t, uint32(i+1), ourSSRC, uint8(i), uint32(480*i)), host(i), false, second)
	}
	if s.due(2*second - 1); a != nil {
		t.Error("published before a second has passed")
	}
	s.due(3 * second)
	if a == nil || a.Estimate != 100 || a.Reporting != 100 || a.Loss != (Percentiles{49.0 / 256, 89.0 / 256, 98.0 / 256}) ||
		a.Jitter.P50 < 0.489 || a.Jitter.P50 > 0.491 || a.Updated.IsZero() {
		t.Errorf("audience %+v", a)
	}
	a = nil
	if s.due(4 * second); a != nil {
		t.Error("published although nothing has changed")
	}
	s.take(marshal(t, &rtcp.Goodbye{Sources: []uint32{5}}), host(4), false, 4*second)
	if s.due(5 * second); a == nil || a.Estimate != 99 {
		t.Errorf("after a BYE: %+v", a)
	}
}

func TestForgedFeedbackIsCounted(t *testing.T) {
	s, out := testSession(testConfig())
	for name, c := range map[string]struct {
		b     []byte
		count func(Stats) uint64
	}{
		"noise":                {[]byte{1, 2, 3}, func(v Stats) uint64 { return v.Malformed }},
		"RTP":                  {[]byte{0x80, 96, 0, 0, 0, 0, 0, 0}, func(v Stats) uint64 { return v.Malformed }},
		"about another":        {report(t, 7, 99, 255, 0), func(v Stats) uint64 { return v.Foreign }},
		"our own SSRC":         {report(t, ourSSRC, ourSSRC, 255, 0), func(v Stats) uint64 { return v.Foreign }},
		"NACK about another":   {feedback.AppendNACK(nil, 7, 99, []byte{0, 1, 0, 0}), func(v Stats) uint64 { return v.Foreign }},
		"NACK without a token": {feedback.AppendNACK(nil, 7, ourSSRC, []byte{0, 1, 0, 0}), func(v Stats) uint64 { return v.Unproven }},
	} {
		before := c.count(s.count.stats())
		s.take(c.b, host(1), false, 2*second)
		if got := c.count(s.count.stats()); got != before+1 {
			t.Errorf("%s is not counted", name)
		}
	}
	if len(s.audience.all) != 0 || len(out.medias) != 0 {
		t.Errorf("%d listeners and %d packets for what was forged", len(s.audience.all), len(out.medias))
	}
}

func TestCollisionTakesAnotherSSRC(t *testing.T) {
	c, asked := testConfig(), 0
	c.Collided = func() { asked++ }
	s, _ := testSession(c)
	other := marshal(t, &rtcp.SenderReport{SSRC: ourSSRC})
	if s.take(other, host(1), false, 2*second); asked != 0 {
		t.Error("a lie by unicast changes the SSRC")
	}
	s.take(other, host(1), true, 2*second)
	s.take(other, host(1), true, 3*second)
	s.take(other, host(2), true, 4*second) // within a minute
	if asked != 1 {
		t.Errorf("asked for %d SSRCs, want 1", asked)
	}
	later := 2*second + int64(collisionPause)
	s.take(other, host(1), true, later) // who sends our own packets back
	if asked != 1 {
		t.Error("a loop has the SSRC changed again")
	}
	if s.take(other, host(2), true, later); asked != 2 {
		t.Errorf("asked for %d SSRCs, want 2", asked)
	}
	if n := s.count.stats().Collisions; n != 5 {
		t.Errorf("%d collisions counted, want 5", n)
	}
}

func TestAnotherSSRCIsFollowedWithBye(t *testing.T) {
	c, ssrc := testConfig(), uint32(ourSSRC)
	c.Sent = func() transport.SenderInfo { return transport.SenderInfo{SSRC: ssrc, Rate: 48000} }
	s, out := testSession(c)
	ssrc = 77
	s.due(2 * second)
	if len(out.controls) == 0 {
		t.Fatal("nothing was said")
	}
	packets, err := rtcp.Unmarshal(out.controls[0])
	if err != nil {
		t.Fatal(err)
	}
	bye, ok := packets[len(packets)-1].(*rtcp.Goodbye)
	if !ok || len(bye.Sources) != 1 || bye.Sources[0] != ourSSRC {
		t.Errorf("said %v, want BYE of the SSRC before", packets)
	}
}

// receiver is one of many that report by the timers of RFC 3550.
type receiver struct {
	feedback.Timer
	ssrc uint32
	at   int64
}

type agenda []*receiver

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].at < a[j].at }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)        { *a = append(*a, x.(*receiver)) }
func (a *agenda) Pop() any {
	last := len(*a) - 1
	r := (*a)[last]
	*a = (*a)[:last]
	return r
}

// A real session and ten thousand receivers that join within ten seconds and report on
// their timers: all RTCP together, reports to the group and from it, with the headers of
// UDP and IP, keeps below 5 % of what the session sends.
func TestTenThousandReceiversMakeNoStorm(t *testing.T) {
	const members, hours, bandwidth = 10000, 3, 51200.0
	random := rand.New(rand.NewPCG(5, 6))
	var all agenda
	for i := range members {
		r := &receiver{ssrc: uint32(i + 1), at: second + int64(10*random.Float64()*float64(second))}
		r.Bandwidth, r.Random = feedback.Bandwidth{Senders: 640, Receivers: 1920}, random.Float64
		r.Start(r.at, 1, likelySize)
		r.at = r.Next()
		all = append(all, r)
	}
	heap.Init(&all)
	s, out := testSession(testConfig())
	s.timer.Random = random.Float64
	now, bytes, late, fromSender, reports, inMinute, mostInMinute, minute := second, 0, 0, 0, 0, 0, 0, int64(0)
	add := func(n int) {
		if now >= (hours-1)*3600*second {
			late += n
		}
		if m := now / (60 * second); m != minute {
			minute, inMinute = m, 0
		}
		bytes += n
		inMinute += n
		mostInMinute = max(mostInMinute, inMinute)
	}
	// The group only grows, so it is enough that a receiver knows its size when its time
	// has come.
	known := feedback.GroupSize{Receivers: 1, AverageSize: likelySize}
	out.onControl = func(b []byte) {
		fromSender += len(b) + 28
		add(len(b) + 28)
		known = *summaryIn(t, b).Group
	}
	for now < hours*3600*second {
		first := all[0]
		if next := s.next(); next <= first.at {
			now = max(now, next)
			s.due(now)
			continue
		}
		now = first.at
		first.Members(now, int(known.Receivers))
		first.Sized(int(known.AverageSize))
		if first.Due(now) {
			b := report(t, first.ssrc, ourSSRC, 3, 100)
			first.Sent(now, len(b)+28)
			s.take(b, host(int(first.ssrc)), false, now)
			add(len(b) + 28)
			reports++
		}
		first.at = first.Next()
		heap.Fix(&all, 0)
	}
	rate := float64(8*bytes) / (hours * 3600)
	t.Logf("%d reports of %d receivers (estimate %d): RTCP %.0f bit/s, %.2f %% of %.0f (to the group %.0f bit/s); last hour %.2f %%, busiest minute %.2f %%",
		reports, members, s.audience.estimate, rate, 100*rate/bandwidth, bandwidth, float64(8*fromSender)/(hours*3600), 100*float64(8*late)/3600/bandwidth, 100*float64(8*mostInMinute)/60/bandwidth)
	if rate >= 0.05*bandwidth {
		t.Errorf("RTCP takes %.2f %% of the bandwidth", 100*rate/bandwidth)
	}
	if s.audience.estimate < members*9/10 || s.audience.estimate > members {
		t.Errorf("an audience of %d is estimated at %d", members, s.audience.estimate)
	}
}

// Whatever a datagram has in it, no more goes out than one answer per packet read, and
// nothing but reports is followed.
func FuzzTake(f *testing.F) {
	token := feedback.AppendToken(nil, &feedback.Token{Kind: feedback.PortMappingRequest, SSRC: 7, Nonce: 5})
	f.Add(report(f, 7, ourSSRC, 1, 1), false)
	f.Add(nack(token, 1, 2), false)
	f.Add(marshal(f, &rtcp.SenderReport{SSRC: ourSSRC}, &rtcp.Goodbye{Sources: []uint32{ourSSRC}}), true)
	s, out := testSession(testConfig())
	now := second
	f.Fuzz(func(t *testing.T, b []byte, onGroup bool) {
		now += second
		out.answers, out.medias, out.controls = nil, nil, nil
		s.take(b, host(1), onGroup, now)
		s.due(now)
		if len(out.answers) > feedback.MaxPackets || len(out.medias) > 0 || onGroup && len(out.answers) > 0 {
			t.Fatalf("% x brings %d answers and %d packets", b, len(out.answers), len(out.medias))
		}
		if s.audience.estimate < len(s.audience.all) {
			t.Fatalf("% x: estimate %d, following %d", b, s.audience.estimate, len(s.audience.all))
		}
	})
}

// What a report costs to read, of ten thousand receivers.
func BenchmarkTake(b *testing.B) {
	s, _ := testSession(testConfig())
	var reports [][]byte
	for i := range 10000 {
		reports = append(reports, report(b, uint32(i+1), ourSSRC, 3, 100))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.take(reports[i%len(reports)], host(1), false, second)
	}
}
