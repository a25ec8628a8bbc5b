package camera

import (
	"context"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtcp"

	"github.com/confd/confd/internal/testkit/netsim"
	"github.com/confd/confd/internal/testkit/phone"
)

// Options describe a camera. Codec, Colour, Network and Command are required.
type Options struct {
	Codec  Codec
	Colour Colour
	// OnDemand has the camera make key frames when it is asked to, and else none but the
	// first. Otherwise each KeyInterval-th picture is one, whatever is asked, since ffmpeg
	// cannot make them on demand.
	OnDemand bool
	RTX      bool // offer RFC 4588; without, packets are repeated as they were
	Forgets  bool // say that nothing can be sent again, as many phones do

	Up, Down netsim.Impairment // of RTP and RTCP, towards the peer and back
	Seed     uint64            // of the impairments

	Network phone.Network
	Local   netip.Addr // zero means loopback
	Command func(name string, args ...string) *exec.Cmd
	Context context.Context
}

// Stats are what a camera counts.
type Stats struct {
	Pictures int // that it filmed
	Asked    int // for a key frame, by PLI or FIR
	Repeated int // packets that it sent again
	Repaired int // packets that it got by asking again
	Lost     int // packets that it never got
	Streams  int // SSRCs that it was sent pictures under
}

// Camera is one video line of a call. Its methods may be called from any goroutine.
type Camera struct {
	opts      Options
	rtp, rtcp *net.UDPConn
	upRTP     *netsim.Link
	upRTCP    *netsim.Link
	downRTP   *netsim.Link
	downRTCP  *netsim.Link
	screen    *screen
	film      *film
	key, done chan struct{}
	running   sync.WaitGroup

	mu      sync.Mutex // of what follows
	encoder *encoder
	started bool
	closed  bool
	remote  netip.AddrPort
	rtx     bool
	out     outbound
	in      inbound
	stats   Stats
}

// New makes one that films when the peer's part of the session is known. Close it.
func New(o Options) (*Camera, error) {
	if !o.Local.IsValid() {
		o.Local = loopback
	}
	c := &Camera{opts: o, key: make(chan struct{}, 1), done: make(chan struct{})}
	var err error
	if o.OnDemand {
		if c.film, err = o.record(); err != nil {
			return nil, err
		}
	}
	if c.screen, err = o.newScreen(); err != nil {
		return nil, err
	}
	if c.rtp, c.rtcp, err = pair(o.Network, o.Local); err != nil {
		c.screen.close()
		return nil, err
	}
	c.upRTP = netsim.NewLink(o.Seed, o.Up, func(b []byte) { c.send(c.rtp, 0, b) })
	c.upRTCP = netsim.NewLink(o.Seed+1, o.Up, func(b []byte) { c.send(c.rtcp, 1, b) })
	c.downRTP = netsim.NewLink(o.Seed+2, o.Down, c.receive)
	c.downRTCP = netsim.NewLink(o.Seed+3, o.Down, c.heed)
	go read(c.rtp, c.arrive)
	go read(c.rtcp, c.downRTCP.Send)
	c.running.Add(1)
	go c.keep()
	return c, nil
}

func (o *Options) context() context.Context {
	if o.Context == nil {
		return context.Background()
	}
	return o.Context
}

func (c *Camera) port() uint16 { return uint16(c.rtp.LocalAddr().(*net.UDPAddr).Port) }

// begin starts filming, at the first answer, for the peer's port.
func (c *Camera) begin(to netip.AddrPort, rtx bool) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remote, c.rtx = to, rtx && c.opts.RTX
	if c.started || c.closed {
		return nil
	}
	c.started = true
	if c.film != nil {
		c.running.Add(1)
		go func() {
			defer c.running.Done()
			c.film.play(c.filmed, c.key, c.done)
		}()
		return nil
	}
	c.encoder, err = c.opts.encode(KeyInterval, []string{"-re"}, c.filmed, c.upRTCP.Send)
	return err
}

// send is the near end of the links up.
func (c *Camera) send(conn *net.UDPConn, offset uint16, b []byte) {
	c.mu.Lock()
	to := c.remote
	c.mu.Unlock()
	if to.IsValid() {
		_, _ = conn.WriteToUDPAddrPort(b, netip.AddrPortFrom(to.Addr(), to.Port()+offset))
	}
}

// heed does what the peer asks.
func (c *Camera) heed(b []byte) {
	packets, _ := rtcp.Unmarshal(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.TransportLayerNack:
			for _, pair := range p.Nacks {
				for _, n := range pair.PacketList() {
					c.repeat(n)
				}
			}
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			c.stats.Asked++
			select {
			case c.key <- struct{}{}:
			default:
			}
		case *rtcp.SenderReport:
			c.in.report, c.in.reported = uint32(p.NTPTime>>16), time.Now()
		}
	}
}

// Frames are all pictures that the screen has shown.
func (c *Camera) Frames() []Frame {
	c.screen.mu.Lock()
	defer c.screen.mu.Unlock()
	return slices.Clone(c.screen.frames)
}

// Faults are what the decoder complained of, a line each: what it could not decode, or did
// not get.
func (c *Camera) Faults() []string { return c.screen.faults() }

// Stats returns the counts so far.
func (c *Camera) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// Name is the colour's.
func (c *Camera) Name() string { return c.opts.Colour.Name }

// Close ends the programs and frees everything. It may be called more than once.
func (c *Camera) Close() {
	c.mu.Lock()
	again, encoder := c.closed, c.encoder
	c.closed = true
	c.mu.Unlock()
	if again {
		return
	}
	close(c.done)
	if encoder != nil {
		encoder.stop()
	}
	c.running.Wait()
	c.rtp.Close()
	c.rtcp.Close()
	for _, l := range []*netsim.Link{c.upRTP, c.upRTCP, c.downRTP, c.downRTCP} {
		l.Close()
	}
	c.screen.close()
}
