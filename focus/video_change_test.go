package focus

import (
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

// Who is alone with its video and comes back with another codec has it at once, and so has who
// brings the majority over: nobody is refused first.
func TestCodecOfWhoOffersAnother(t *testing.T) {
	s := startVideo(t)
	one, two, three := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
	two.room, three.room = one.room, one.room
	d, _ := s.watch(one, both(40002))
	d.becomes(t, rooms.VideoOn, vp8)
	if answer := one.reoffer(lineH264(40002)); ports(answer)[0] == 0 || !strings.Contains(answer, "H264/90000") {
		t.Errorf("the answer is\n%s", answer)
	}
	d.becomes(t, rooms.VideoOn, h264)
	refused, _ := s.watch(two, lineVP8(40004))
	refused.becomes(t, rooms.VideoRefused, media.VideoFormat{})
	if answer := one.reoffer(both(40002)); ports(answer)[0] == 0 || !strings.Contains(answer, "H264/90000") {
		t.Errorf("the answer is\n%s", answer)
	}
	third, answer := s.watch(three, lineVP8(40006))
	if ports(answer)[0] == 0 || !strings.Contains(answer, "VP8/90000") {
		t.Errorf("who brings the majority is answered\n%s", answer)
	}
	one.take(lineVP8(40002))
	two.take(lineVP8(40004))
	for _, d := range []*dialog{d, refused, third} {
		d.becomes(t, rooms.VideoOn, vp8)
	}
	for _, p := range []*peer{one, two, three} {
		p.expect(200, p.request("BYE", "", ""))
	}
	s.settled()
}

// startImpatient runs a server as startVideo does, where nothing waits for long.
func startImpatient(t *testing.T, change ...func(*Config)) *server {
	t.Helper()
	f, err := forwarder.New(forwarder.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return startWith(t, rooms.VideoConfig{Engine: f, Formats: []media.VideoFormat{vp8, h264}, Patience: 50 * time.Millisecond}, change...)
}

// A limit that has gone is told by a re-INVITE, without anybody's asking.
func TestLimitRises(t *testing.T) {
	s := startImpatient(t)
	a, b := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
	b.room = a.room
	s.watch(a, lineLevel(40002, "1f"))
	s.watch(b, lineLevel(40004, "15"))
	wantsSizes(t, string(a.take(lineLevel(40002, "15")).Body()), "15", "", "")
	b.expect(200, b.request("BYE", "", ""))
	wantsSizes(t, string(a.take(lineLevel(40002, "1f")).Body()), "1f", "", "")
	a.expect(200, a.request("BYE", "", ""))
	s.settled()
}

// A line without ports is offered again once there are some, and not before.
func TestPortsThatComeLater(t *testing.T) {
	small, err := transport.NewPortPool(20904, 20911, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := startImpatient(t, func(c *Config) { c.Pool = small })
	a, b := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
	b.room = a.room
	s.watch(a, lineVP8(40002))
	d, answer := s.watch(b, lineVP8(40004), lineVP8(40006))
	if got := ports(answer); got[0] == 0 || got[1] != 0 {
		t.Errorf("the answer is\n%s", answer)
	}
	counted := func() uint64 { return s.Stats().VideoNoPorts }
	wait.For(t, "three tries", func() bool { return counted() > 3 })
	a.expect(200, a.request("BYE", "", ""))
	if got := ports(string(b.take(lineVP8(40004) + lineVP8(40006)).Body())); len(got) != 2 || got[0] == 0 || got[1] == 0 {
		t.Errorf("offered are the ports %v", got)
	}
	wait.For(t, "both lines", func() bool { v := d.videos(t); return v[0].State == rooms.VideoOn && v[1].State == rooms.VideoOn })
	b.expect(200, b.request("BYE", "", ""))
	wait.For(t, "ports to be given back", func() bool { return small.InUse() == 0 })
}
