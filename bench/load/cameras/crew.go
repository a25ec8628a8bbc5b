//go:build linux

package cameras

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/video"
	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/internal/clock"
)

// Crew is the video of a number of callers. Its methods may be called by any goroutine.
type Crew struct {
	config  Config
	streams [2]*video.Stream
	callers []*caller
	threads []*thread
	ran     atomic.Bool

	mu     sync.Mutex // of what follows, taken before any thread's
	began  int64      // of the window
	looked int64      // when Live was called last
	before traffic    // until then
}

// Peer is the server's side of one caller's video, as its answer has it.
type Peer struct {
	Media, Control netip.AddrPort // where it takes RTP and RTCP
	PayloadType    uint8          // of the codec, in both directions
	RTX            uint8          // of retransmissions; 0: packets are repeated as they are
	NACK, PLI, FIR bool           // feedback that it takes
	Shows          bool           // it wants to be sent pictures
}

func (p Peer) check() error {
	switch {
	case !p.Media.IsValid() || p.Media.Port() == 0 || p.Media.Addr().IsUnspecified():
		return fmt.Errorf("video goes to %v, want an address and a port", p.Media)
	case !p.Control.IsValid() || p.Control.Port() == 0:
		return fmt.Errorf("video's RTCP goes to %v, want an address and a port", p.Control)
	case p.PayloadType < 96 || p.PayloadType > 127 || p.RTX != 0 && (p.RTX < 96 || p.RTX > 127 || p.RTX == p.PayloadType):
		return fmt.Errorf("payload types %d and %d, want two of 96 to 127", p.PayloadType, p.RTX)
	}
	return nil
}

// New checks c and opens a pair of sockets for each caller, having raised the limit of open
// files if it has to. The error says what of c is out of range, or what the machine does not
// give. Nothing is sent until callers are connected; Close frees what New took.
func New(c Config) (*Crew, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	streams, err := c.streams()
	if err != nil {
		return nil, err
	}
	if err := fleet.AllowFiles(2*c.Callers + c.Threads); err != nil {
		return nil, err
	}
	w := &Crew{config: c, streams: streams, began: clock.Now(), looked: clock.Now()}
	if err := w.man(); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func (w *Crew) man() error {
	for range w.config.Threads {
		t, err := newThread(w.config.Rooms)
		if err != nil {
			return err
		}
		w.threads = append(w.threads, t)
	}
	dice := rand.New(rand.NewPCG(w.config.Seed, 0xca3e7a))
	for i := range w.config.Callers {
		t := w.threads[i%len(w.threads)]
		one, err := w.hire(i, dice)
		if err == nil {
			err = t.add(one)
		}
		if err != nil {
			return fmt.Errorf("cameras: caller %d: %w", i, err)
		}
	}
	return nil
}

// hire makes caller i.
func (w *Crew) hire(i int, dice *rand.Rand) (*caller, error) {
	rtp, rtcp, err := listenPair(w.config.Local(i))
	if err != nil {
		return nil, err
	}
	c := &caller{number: i, room: i % w.config.Rooms, rtp: rtp, rtcp: rtcp, ssrc: dice.Uint32() | 1}
	c.eye = newEye(c, w.config.Codec)
	if i/w.config.Rooms < w.config.Cameras {
		c.camera = newCamera(w, c, dice)
	}
	w.callers = append(w.callers, c)
	return c, nil
}

// pairTries is how often the port after a free even one may be taken.
const pairTries = 200

// listenPair opens sockets on an even port and the next one (RFC 3550 section 11).
func listenPair(a netip.Addr) (rtp, rtcp *wire.Socket, err error) {
	for range pairTries {
		if rtp, err = wire.ListenOn(netip.AddrPortFrom(a, 0)); err != nil {
			return nil, nil, err
		}
		if port := rtp.Local().Port(); port%2 == 0 {
			if rtcp, err = wire.ListenOn(netip.AddrPortFrom(a, port+1)); err == nil {
				return rtp, rtcp, prepare(rtp)
			}
		}
		rtp.Close()
	}
	return nil, nil, fmt.Errorf("no pair of ports is free on %v: %w", a, unix.EADDRINUSE)
}

// backlog is what may wait at a socket: a key frame while its thread does something else.
const backlog = 1 << 20

func prepare(s *wire.Socket) error {
	if err := s.Buffer(backlog); err != nil {
		return err
	}
	return s.StampArrivals()
}

// Config returns the configuration in force, defaults filled in.
func (w *Crew) Config() Config { return w.config }

// Camera tells whether caller i has one.
func (w *Crew) Camera(i int) bool { return w.callers[i].camera != nil }

// Local returns where caller i takes RTP and RTCP: what an offer names.
func (w *Crew) Local(i int) (rtp, rtcp netip.AddrPort) {
	return w.callers[i].rtp.Local(), w.callers[i].rtcp.Local()
}

// Bitrate returns that of the stream that is shown, bits per second of payload.
func (w *Crew) Bitrate() int { return w.streams[0].Bitrate }

// Connect has caller i look, and show itself if it has a camera, from now on. Called again it
// goes on with another peer. The error says what is wrong with p.
func (w *Crew) Connect(i int, p Peer) error {
	err := p.check()
	if err == nil {
		err = w.callers[i].connect(p)
	}
	if err != nil {
		return fmt.Errorf("cameras: caller %d: %w", i, err)
	}
	return nil
}

// Disconnect silences caller i, which is not counted from now on.
func (w *Crew) Disconnect(i int) {
	c := w.callers[i]
	c.thread.mu.Lock()
	defer c.thread.mu.Unlock()
	c.live = false
}

// Run lets all send and look until ctx ends. It is called once.
func (w *Crew) Run(ctx context.Context) {
	if w.ran.Swap(true) {
		panic("cameras: Run was called twice")
	}
	if want := runtime.NumCPU() + 2*len(w.threads) + 4; runtime.GOMAXPROCS(0) < want {
		runtime.GOMAXPROCS(want) // threads sleep without telling the scheduler
	}
	var wait sync.WaitGroup
	for _, t := range w.threads {
		wait.Go(func() { t.run(ctx) })
	}
	wait.Wait()
}

// Close frees the sockets. Run must have ended, or never begun.
func (w *Crew) Close() {
	for _, c := range w.callers {
		c.rtp.Close()
		c.rtcp.Close()
	}
	for _, t := range w.threads {
		_ = unix.Close(t.epoll)
	}
}
