package focus

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
	"github.com/confd/confd/rooms"
)

// eye is the camera and the screen of a peer, RTP and RTCP on one port.
type eye struct {
	t      *testing.T
	conn   *net.UDPConn
	to     atomic.Pointer[netip.AddrPort]
	source uint32
	key    atomic.Bool   // a key frame is wanted
	lossy  atomic.Bool   // what cannot be shown is no fault, and is told by PLI
	afresh atomic.Bool   // what comes next need not fit what came before
	sees   atomic.Uint32 // source of the last whole picture
	more   atomic.Uint32 // packets since it was reset
}

// open makes an eye that sends pictures at 50 a second once it knows where to. They are VP8.
func openEye(t *testing.T, host string, source uint32) *eye {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(host)})
	if err != nil {
		t.Fatal(err)
	}
	e := &eye{t: t, conn: conn, source: source}
	done := make(chan struct{}, 2)
	stop := make(chan struct{})
	go func() { e.watch(); done <- struct{}{} }()
	go func() { e.film(stop); done <- struct{}{} }()
	t.Cleanup(func() {
		close(stop)
		conn.Close()
		<-done
		<-done
	})
	return e
}

// line is the m=video line that has pictures sent here.
func (e *eye) line() string {
	at := addrPort(e.conn.LocalAddr())
	return lineVP8(int(at.Port())) + fmt.Sprintf("c=IN IP4 %s\na=rtcp-mux\n", at.Addr())
}

// aim has it send to where an answer says for its line, the first of those with video or a
// later one.
func (e *eye) aim(answer string, later ...int) {
	line := 0
	if len(later) > 0 {
		line = later[0]
	}
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(ports(answer)[line]))
	e.to.Store(&to)
}

func (e *eye) film(stop <-chan struct{}) {
	camera := pictures.New(pictures.Config{Codec: media.VP8, Source: e.source, SSRC: e.source, Interval: 1800, PictureIDBits: 15})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		to := e.to.Load()
		if to == nil {
			continue
		}
		for _, p := range camera.Next(e.key.Swap(false)) {
			b := []byte{0x80, 96}
			if p.Marker {
				b[1] |= 0x80
			}
			b = binary.BigEndian.AppendUint16(b, p.Sequence)
			b = binary.BigEndian.AppendUint32(b, p.Timestamp)
			b = binary.BigEndian.AppendUint32(b, p.SSRC)
			_, _ = e.conn.WriteToUDPAddrPort(append(b, p.Payload...), *to)
		}
	}
}

func (e *eye) watch() {
	checker := pictures.NewChecker(media.VP8)
	buf := make([]byte, 2000)
	for {
		n, err := e.conn.Read(buf)
		if err != nil {
			return
		}
		b := buf[:n]
		if b[1] >= 192 && b[1] < 224 {
			e.control(b)
			continue
		}
		p := pictures.Packet{
			Sequence: binary.BigEndian.Uint16(b[2:]), Timestamp: binary.BigEndian.Uint32(b[4:]),
			SSRC: binary.BigEndian.Uint32(b[8:]), Marker: b[1]&0x80 != 0, Payload: append([]byte(nil), b[12:]...),
		}
		if e.afresh.Swap(false) {
			checker = pictures.NewChecker(media.VP8)
		}
		switch err := checker.Packet(&p); {
		case err != nil && e.lossy.Load():
			e.ask(p.SSRC)
		case err != nil:
			e.t.Errorf("camera %d was sent what cannot be shown: %v", e.source, err)
		}
		e.more.Add(1)
		if k := len(checker.Pictures); k > 0 {
			e.sees.Store(checker.Pictures[k-1].Source)
		}
	}
}

// ask sends a PLI.
func (e *eye) ask(ssrc uint32) {
	if to := e.to.Load(); to != nil {
		b := binary.BigEndian.AppendUint32([]byte{0x81, 206, 0, 2}, e.source)
		_, _ = e.conn.WriteToUDPAddrPort(binary.BigEndian.AppendUint32(b, ssrc), *to)
	}
}

// control looks for PLI in RTCP.
func (e *eye) control(b []byte) {
	for len(b) >= 4 {
		size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if b[1] == 206 && b[0]&31 == 1 {
			e.key.Store(true)
		}
		b = b[min(size, len(b)):]
	}
}

// awaits waits until it sees a camera.
func (e *eye) awaits(source uint32) {
	e.t.Helper()
	wait.For(e.t, fmt.Sprintf("camera %d to see %d", e.source, source), func() bool { return e.sees.Load() == source })
}

// goesOn waits for some more pictures.
func (e *eye) goesOn() {
	e.t.Helper()
	e.more.Store(0)
	wait.For(e.t, "more pictures", func() bool { return e.more.Load() > 60 })
}

// Pictures reach the others in a room, and those of the next room after a move, on the same
// ports and without a break.
func TestPicturesReachOthers(t *testing.T) {
	s := startVideo(t)
	var all []*peer
	var eyes []*eye
	for i := range 3 {
		p := dial(t, "UDP", s.addr(0))
		if i == 1 {
			p.room = all[0].room
		}
		e := openEye(t, "127.0.0.1", uint32(i+1))
		_, answer := s.watch(p, e.line())
		e.aim(answer)
		all, eyes = append(all, p), append(eyes, e)
	}
	eyes[0].awaits(2)
	eyes[1].awaits(1)
	if eyes[2].sees.Load() != 0 {
		t.Error("who is alone sees somebody")
	}
	d := s.dialogOf(all[1])
	port := d.legPort(0)
	d.mu.Lock()
	id := d.call.part.ID()
	d.mu.Unlock()
	if _, err := s.registry.Move(short(t), rooms.Name(all[0].room), id, rooms.Name(all[2].room)); err != nil {
		t.Fatal(err)
	}
	eyes[2].awaits(2)
	eyes[1].awaits(3)
	if d.legPort(0) != port {
		t.Error("the move has changed the port")
	}
	// A change of the session is no break either.
	all[1].expect(200, all[1].request("INVITE", "", offer(all[1].local, "sendrecv")+eyes[1].line()+"a=recvonly\n"))
	all[1].ack("")
	d.confirmedAgain(t)
	eyes[1].goesOn()
	eyes[2].afresh.Store(true)
	all[1].reoffer(eyes[1].line())
	eyes[2].goesOn()
	if v := s.Video(); v.PacketsReceived == 0 || v.PacketsSent == 0 || v.FeedbackSent.PLI == 0 {
		t.Errorf("the totals are %+v", v)
	}
	for _, p := range all {
		p.expect(200, p.request("BYE", "", ""))
	}
	s.settled()
	if v := s.Video(); v.PacketsReceived == 0 || v.PacketsSent == 0 {
		t.Errorf("the totals have forgotten: %+v", v)
	}
}

// Slides go to the line for slides, cameras to the other.
func TestSlidesHaveALineOfTheirOwn(t *testing.T) {
	s := startVideo(t)
	var all []*peer
	var cameras, slides []*eye
	for i := range 2 {
		p := dial(t, "UDP", s.addr(0))
		if i == 1 {
			p.room = all[0].room
		}
		camera, slide := openEye(t, "127.0.0.1", uint32(10+i)), openEye(t, "127.0.0.1", uint32(20+i))
		_, answer := s.watch(p, camera.line()+"a=content:main\n", slide.line()+"a=content:slides\n")
		camera.aim(answer)
		if i == 0 { // who presents
			slide.aim(answer, 1)
		}
		all, cameras, slides = append(all, p), append(cameras, camera), append(slides, slide)
	}
	cameras[0].awaits(11)
	cameras[1].awaits(10)
	slides[1].awaits(20)
	if slides[0].sees.Load() != 0 {
		t.Error("who presents is shown slides")
	}
	s.pairs(6)
	for _, p := range all {
		p.expect(200, p.request("BYE", "", ""))
	}
	s.settled()
}

// A line that comes at the moment at which another goes has its leg, and pictures go on.
func TestALineTakesThePlaceOfAnother(t *testing.T) {
	s := startVideo(t)
	p, q := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
	q.room = p.room
	e, other := openEye(t, "127.0.0.1", 1), openEye(t, "127.0.0.1", 2)
	d, answer := s.watch(p, e.line())
	e.aim(answer)
	_, second := s.watch(q, other.line())
	other.aim(second)
	other.awaits(1)
	e.awaits(2)
	legs := d.told()
	other.afresh.Store(true)
	e.afresh.Store(true)
	again := p.reoffer(lineVP8(0), e.line())
	if got := ports(again); got[0] != 0 || got[1] != ports(answer)[0] {
		t.Fatalf("the answer is\n%s", again)
	}
	if now := d.told(); now[0] != nil || now[1] != legs[0] {
		t.Errorf("the room has %v, had %v", now, legs)
	}
	other.goesOn()
	e.goesOn()
	s.pairs(4)
	for _, one := range []*peer{p, q} {
		one.expect(200, one.request("BYE", "", ""))
	}
	s.settled()
}

// told are the ports of the lines that the room has.
func (d *dialog) told() (all []forwarder.Port) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.call.video.told {
		all = append(all, m.Port)
	}
	return all
}

// Pictures, too, go to a host that was named and not heard for a short time only.
func TestPicturesForAnotherHost(t *testing.T) {
	s := startVideo(t)
	s.pool.LimitUnheard(unheardTime, 10)
	p, q := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
	q.room = p.room
	victim, e := openEye(t, "127.0.0.2", 1), openEye(t, "127.0.0.1", 2)
	victim.lossy.Store(true)
	_, answer := s.watch(p, victim.line())
	_, other := s.watch(q, e.line())
	e.aim(other)
	wait.For(t, "pictures to be withheld", func() bool { return s.Video().SendErrors.Withheld > 0 })
	victim.aim(answer)
	victim.awaits(2)
	victim.goesOn()
	for _, one := range []*peer{p, q} {
		one.expect(200, one.request("BYE", "", ""))
	}
	s.settled()
}

// Who takes no feedback by RTCP is asked for key frames by INFO.
func TestKeyFrameIsAskedBySignalling(t *testing.T) {
	s := startVideo(t)
	p, q := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
	q.room = p.room
	old, e := openEye(t, "127.0.0.1", 1), openEye(t, "127.0.0.1", 2)
	_, answer := s.watch(p, strings.Replace(old.line(), "a=rtcp-fb:* nack pli\n", "", 1))
	old.aim(answer)
	_, answer = s.watch(q, e.line())
	e.aim(answer)
	info := p.await(sip.INFO)
	p.answer(info, 200, "", "")
	old.key.Store(true)
	e.awaits(1)
	for _, one := range []*peer{p, q} {
		one.expect(200, one.request("BYE", "", ""))
	}
	s.settled()
}
