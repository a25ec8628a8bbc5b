package forwarder

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// caller is a phone of its own behind a real leg: it films, answers NACK and PLI, and asks
// for what it lost.
type caller struct {
	t    *testing.T
	leg  *transport.VideoLeg
	line *Line
	conn *net.UDPConn
	cam  *pictures.Camera
	loss int // in a hundred, both ways

	mu     sync.Mutex
	rand   *rand.Rand
	key    bool
	sent   map[uint16][]byte
	heard  map[int64]pictures.Packet // by extended sequence number
	newest int64
	first  int64
	keys   int
	hears  func(h *rtp.Header, size int) // each packet, if not nil
}

// room is an engine with legs on loopback.
type realRoom struct {
	t      *testing.T
	engine *Engine
	conf   *Conference
	pool   *transport.PortPool
	all    []*caller
	stop   chan struct{}
	wait   sync.WaitGroup
	once   sync.Once

	mu     sync.Mutex
	events []Event
}

func newRoom(t *testing.T) *realRoom {
	t.Helper()
	leak.Check(t)
	e, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := transport.NewPortPool(20000, 30000, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := &realRoom{t: t, engine: e, pool: pool, stop: make(chan struct{})}
	r.conf = e.NewConference(ConferenceConfig{Events: func(e Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events = append(r.events, e)
	}})
	t.Cleanup(r.close)
	return r
}

func (r *realRoom) close() {
	r.quiet()
	done := make(chan struct{})
	r.conf.Close(func() { close(done) })
	<-done
	for _, c := range r.all {
		_ = c.leg.Close()
		_ = c.conn.Close()
	}
	r.engine.Close()
	r.wait.Wait()
}

// quiet ends the filming.
func (r *realRoom) quiet() { r.once.Do(func() { close(r.stop) }) }

// join adds a caller that loses so many packets in a hundred, on both ways.
func (r *realRoom) join(f media.VideoFormat, loss int, films bool) *caller {
	r.t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		r.t.Fatal(err)
	}
	_ = conn.SetReadBuffer(1 << 20)
	leg, err := r.pool.ListenVideo(loopback)
	if err != nil {
		r.t.Fatal(err)
	}
	leg.Vouch(loopback)
	n := uint32(len(r.all) + 1)
	c := &caller{t: r.t, leg: leg, conn: conn, loss: loss, rand: rand.New(rand.NewPCG(uint64(n), 1)), sent: map[uint16][]byte{}, heard: map[int64]pictures.Packet{},
		cam: pictures.New(pictures.Config{Codec: f.Codec, Source: n, SSRC: 1000 + n, PictureIDBits: 15, Sequence: uint16(n) * 10000})}
	c.line = NewLine(leg, LineConfig{Format: f, NACK: true, Send: true, Receive: true})
	r.all = append(r.all, c)
	if err := c.leg.Apply(c.prepared(c.params())); err != nil {
		r.t.Fatal(err)
	}
	if err := r.conf.Add(c.line); err != nil {
		r.t.Fatal(err)
	}
	r.wait.Go(c.listen)
	if films {
		r.wait.Go(func() { c.film(r.stop) })
	}
	return c
}

// params are what a caller's leg has unless a test wants it otherwise.
func (c *caller) params() transport.VideoParams {
	return transport.VideoParams{RemoteRTP: c.conn.LocalAddr().(*net.UDPAddr).AddrPort(), RTCPMux: true,
		Send: true, Receive: true, Latch: transport.LatchNone, ReceivePTs: []uint8{96}, SendPT: 96, NACK: true, PLI: true, ReducedSize: true}
}

func (c *caller) prepared(p transport.VideoParams) *transport.VideoSetup {
	c.t.Helper()
	setup, err := transport.PrepareVideo(p)
	if err != nil {
		c.t.Fatal(err)
	}
	return setup
}

// apply puts others into force.
func (r *realRoom) apply(c *caller, p transport.VideoParams) {
	setup, done := c.prepared(p), make(chan error)
	r.conf.Configure(c.line, c.line.cfg, func() { done <- c.leg.Apply(setup) })
	if err := <-done; err != nil {
		r.t.Fatal(err)
	}
}

func (c *caller) lost() bool { return c.rand.IntN(100) < c.loss }

// film sends 25 pictures a second.
func (c *caller) film(stop chan struct{}) {
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		c.mu.Lock()
		for _, p := range c.cam.Next(c.key) {
			b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: p.SSRC, SequenceNumber: p.Sequence,
				Timestamp: p.Timestamp, Marker: p.Marker}, Payload: p.Payload}).Marshal()
			if err != nil {
				panic(err)
			}
			c.sent[p.Sequence] = b
			if !c.lost() {
				c.write(b)
			}
		}
		c.key = false
		c.ask()
		c.mu.Unlock()
	}
}

func (c *caller) write(b []byte) {
	rtpPort, _ := c.leg.LocalPort()
	_, _ = c.conn.WriteToUDPAddrPort(b, netip.AddrPortFrom(loopback, uint16(rtpPort)))
}

// ask asks for what is missing, and reports.
func (c *caller) ask() {
	var lost []uint16
	for n := c.first; n < c.newest && len(lost) < 50; n++ {
		if _, ok := c.heard[n]; !ok && c.first > 0 {
			lost = append(lost, uint16(n))
		}
	}
	if len(lost) == 0 {
		return
	}
	nack := &rtcp.TransportLayerNack{SenderSSRC: c.cam.SSRC, MediaSSRC: c.leg.SSRC(), Nacks: rtcp.NackPairsFromSequenceNumbers(lost)}
	if b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: c.cam.SSRC}, nack}); err == nil && !c.lost() {
		c.write(b)
	}
}

func (c *caller) listen() {
	b := make([]byte, 2000)
	for {
		n, from, err := c.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if rtpPort, _ := c.leg.LocalPort(); int(from.Port()) != rtpPort {
			continue // of another program, whose peer had this port before
		}
		c.mu.Lock()
		if n > 1 && b[1] >= 192 && b[1] < 224 {
			c.control(b[:n])
		} else if c.first == 0 || !c.lost() { // nobody could ask for the very first
			c.take(b[:n])
		}
		c.mu.Unlock()
	}
}

func (c *caller) control(b []byte) {
	all, err := rtcp.Unmarshal(b)
	if err != nil {
		c.t.Errorf("RTCP: %v", err)
	}
	for _, p := range all {
		switch p := p.(type) {
		case *rtcp.PictureLossIndication:
			c.key = true
			c.keys++
		case *rtcp.TransportLayerNack:
			for _, pair := range p.Nacks {
				for _, s := range pair.PacketList() {
					if again, ok := c.sent[s]; ok && !c.lost() {
						c.write(again)
					}
				}
			}
		}
	}
}

func (c *caller) take(b []byte) {
	var p rtp.Packet
	if err := p.Unmarshal(slices.Clone(b)); err != nil {
		c.t.Errorf("RTP: %v", err)
		return
	}
	if c.hears != nil {
		c.hears(&p.Header, len(b))
	}
	if c.first == 0 {
		c.first = 1<<16 + int64(p.SequenceNumber)
		c.newest = c.first
	}
	n := c.newest + int64(int16(p.SequenceNumber-uint16(c.newest)))
	c.newest = max(c.newest, n)
	c.first = min(c.first, n)
	c.heard[n] = pictures.Packet{SSRC: p.SSRC, Timestamp: p.Timestamp, Sequence: p.SequenceNumber, Marker: p.Marker, Payload: p.Payload}
}

// missing returns how many packets have not come, of those before the newest.
func (c *caller) missing() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.newest-c.first) + 1 - len(c.heard)
}

// pictures returns of how many pictures the last packet has come.
func (c *caller) pictures() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.heard {
		if p.Marker {
			n++
		}
	}
	return n
}

// check has a strict receiver look at what came.
func (c *caller) check() []pictures.Seen {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	k := pictures.NewChecker(c.line.cfg.Format.Codec)
	for n := c.first; n <= c.newest; n++ {
		p, ok := c.heard[n]
		if !ok {
			c.t.Errorf("caller %d never got packet %d of %d", c.cam.Source, n-c.first, len(c.heard))
			return k.Pictures
		}
		if err := k.Packet(&p); err != nil {
			c.t.Errorf("caller %d sees: %v", c.cam.Source, err)
		}
	}
	return k.Pictures
}

// sees tells whose picture came last.
func (c *caller) sees() uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.heard[c.newest]
	if !ok {
		return 0
	}
	t, err := pictures.ReadTag(p.Payload)
	if err != nil {
		return 0
	}
	return t.Source
}

// One is shown to twenty over loopback, in every codec.
func TestLegsOneToMany(t *testing.T) {
	for _, f := range formats {
		t.Run(f.Codec.String(), func(t *testing.T) {
			r := newRoom(t)
			source := r.join(f, 0, false)
			var all []*caller
			for range 20 {
				c := r.join(f, 0, false)
				r.conf.Show(c.line, source.line)
				all = append(all, c)
			}
			r.wait.Go(func() { source.film(r.stop) }) // now that all look: who comes later needs a key frame more
			for _, c := range all {
				wait.For(t, "thirty pictures", func() bool { return c.pictures() > 30 })
			}
			r.quiet()
			for _, c := range all {
				wait.For(t, "all packets", func() bool { return c.missing() == 0 })
				if seen := c.check(); len(seen) < 30 {
					t.Errorf("caller %d saw %d pictures", c.cam.Source, len(seen))
				}
			}
			if n := source.keys; n > 3 {
				t.Errorf("%d requests for key frames", n)
			}
		})
	}
}

// Five talk in turn over loopback; everyone sees who talks, who talks the one before, without an
// undecodable picture, at no loss and at five in a hundred each way.
func TestLegsSpeakersChange(t *testing.T) {
	for _, loss := range []int{0, 5} {
		t.Run(fmt.Sprintf("%d percent", loss), func(t *testing.T) {
			r := newRoom(t)
			var all []*caller
			for range 5 {
				all = append(all, r.join(vp8, loss, true))
			}
			for turn := range 6 {
				speaker, before := all[turn%5], all[(turn+4)%5]
				for _, c := range all {
					source := speaker
					if c == speaker {
						source = before
					}
					r.conf.Show(c.line, source.line)
				}
				for _, c := range all {
					want := speaker.cam.Source
					if c == speaker {
						want = before.cam.Source
					}
					wait.For(t, fmt.Sprintf("turn %d: caller %d sees %d", turn, c.cam.Source, want), func() bool { return c.sees() == want })
				}
				had := map[*caller]uint64{}
				for _, c := range all {
					had[c] = c.line.Stats().Egress.Subscription.Pictures
				}
				for _, c := range all {
					wait.For(t, "ten more pictures", func() bool { return c.line.Stats().Egress.Subscription.Pictures >= had[c]+10 })
				}
			}
			r.conf.Close(nil) // nothing more is sent; what was lost is not repaired either
			for _, c := range all {
				c.upTo()
				if seen := c.check(); len(seen) < 40 {
					t.Errorf("caller %d saw %d pictures", c.cam.Source, len(seen))
				}
			}
			r.quiet()
		})
	}
}

// upTo cuts what came at the first packet that is missing, if that is among the last second's.
func (c *caller) upTo() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := max(c.first, c.newest-100); n <= c.newest; n++ {
		if _, ok := c.heard[n]; !ok {
			c.newest = n - 1
		}
	}
}

// What comes for a line that has left wakes nobody any more.
func TestLegsWakeNobodyOnceRemoved(t *testing.T) {
	r := newRoom(t)
	c := r.join(vp8, 0, false)
	ready := func(after func()) (n int) {
		done := make(chan struct{})
		r.conf.worker.post(r.conf, func() {
			after()
			n, _ = r.conf.worker.poller.Wait(0, make([]transport.Token, 8))
			close(done)
		})
		<-done
		return n
	}
	wait.For(t, "the line's sockets to be watched", func() bool { return ready(func() { c.write([]byte{0x80, 96}) }) == 1 })
	r.conf.Remove(c.line, nil)
	if n := ready(func() { c.write([]byte{0x80, 96}) }); n != 0 {
		t.Errorf("%d sockets wake the worker", n)
	}
}

// What a change of a call makes of a line's sockets is what the worker waits for.
func TestSocketsAreWatchedAnew(t *testing.T) {
	r := newRoom(t)
	c := r.join(vp8, 0, false)
	cfg := LineConfig{Format: vp8, Send: true, Receive: true}
	apply := func(receive bool) int {
		setup, err := transport.PrepareVideo(transport.VideoParams{RemoteRTP: c.conn.LocalAddr().(*net.UDPAddr).AddrPort(),
			Send: true, Receive: receive, Latch: transport.LatchNone, ReceivePTs: []uint8{96}, SendPT: 96})
		if err != nil {
			t.Fatal(err)
		}
		r.conf.Configure(c.line, cfg, func() { _ = c.leg.Apply(setup) })
		n := make(chan int)
		r.conf.Configure(c.line, cfg, func() { n <- len(c.line.sockets) })
		return <-n
	}
	for _, receive := range []bool{false, true, false} {
		want := 1
		if receive {
			want = 2
		}
		if n := apply(receive); n != want {
			t.Errorf("receive %v: the worker waits for %d sockets, want %d", receive, n, want)
		}
	}
	wait.For(t, "the line's sockets to wake the worker", func() bool {
		n := make(chan bool)
		r.conf.Configure(c.line, cfg, func() { n <- !c.line.resting })
		return <-n
	})
}
