//go:build linux

package fleet

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confd/confd/bench/load/signal"
	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
)

// Fleet is a number of callers. Its methods may be called by any goroutine.
type Fleet struct {
	config    Config
	plans     []*signal.Room
	tracks    tracks
	rooms     []*room
	callers   []*caller
	threads   []*thread
	listeners []*listener
	posts     []*post
	rtcp      *wire.Socket // takes everyone's RTCP, and is never read
	origin    int64        // of time: rooms' epochs are before it
	kick      chan struct{}
	ran       atomic.Bool

	mu      sync.Mutex    // of who is connected, and who has an ear; taken before any other
	began   int64         // of the window
	spent   time.Duration // processor time before it
	resting []*caller     // talkers who will speak again
	looked  int64         // when Live was called last
	before  traffic       // until then
	trouble error         // the first
}

// room is one conference.
type room struct {
	number   int
	plan     *signal.Room
	epoch    int64
	turn     float64 // phase of its first seat, in packet times
	seats    []*caller
	listener *listener
	guide    atomic.Pointer[guide] // nil unless the reference is a silent caller
	leader   atomic.Int64          // number of the reference, or nobody
	ears     []*ear                // those that listen; Fleet.mu
	judged   judged                // listener.mu
}

// nobody is no caller's number.
const nobody = -1

// New checks c, encodes what is said, and opens a socket for each caller, having raised the
// limit of open files if it has to. The error says what of c is out of range, or what the
// machine does not give. Opus takes a second for each few talkers of each plan. The callers
// are silent until they are connected; Close frees what New took.
func New(c Config) (*Fleet, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := AllowFiles(1 + c.sockets()); err != nil {
		return nil, err
	}
	f := &Fleet{config: c, origin: clock.Now(), kick: make(chan struct{}, 1)}
	if err := f.plan(); err != nil {
		return nil, err
	}
	if err := f.man(); err != nil {
		f.Close()
		return nil, err
	}
	f.began = clock.Now()
	f.looked = f.began
	return f, nil
}

// plan decides what is said, and encodes it.
func (f *Fleet) plan() (err error) {
	c := &f.config
	for i := range c.Plans {
		o := signal.Options{Talkers: c.Talkers, Mixed: c.Mixed, Seed: c.Seed + uint64(i), Cycle: c.Cycle, Continuous: c.Continuous}
		p, err := signal.NewRoom(o)
		if err != nil {
			return fmt.Errorf("fleet: %w", err)
		}
		f.plans = append(f.plans, p)
	}
	f.tracks, err = newTracks(*c, f.plans)
	return err
}

// golden is the golden ratio: its multiples lie apart from each other on a circle.
const golden = 0.6180339887498949

// man makes rooms, threads and callers.
func (f *Fleet) man() error {
	c := &f.config
	cycle, packet := int64(c.Cycle), int64(c.Codec.Format.PacketTime)
	for i := range c.Threads {
		t := &thread{number: i, now: clock.Now, origin: f.origin, clockRate: int64(c.Codec.Format.ClockRate), realTime: c.RealTime}
		t.wheel.slot = int64(c.Grain) / 2
		if c.Sharing > 1 {
			t.outbox, t.inbox = wire.NewOutbox(), wire.NewInbox()
		}
		f.threads = append(f.threads, t)
	}
	for range min(runtime.NumCPU(), 1+c.Rooms/earsPerThread) {
		f.listeners = append(f.listeners, newListener(c.Threads))
	}
	dice := rand.New(rand.NewPCG(c.Seed, 0xf1ee7))
	first := dice.Float64() // phase of the first caller of all
	for r := range c.Rooms {
		shift := int64(float64(cycle)*golden*float64(r/c.Plans)) % cycle
		one := &room{number: r, plan: f.plans[r%c.Plans], epoch: f.origin - cycle + shift - shift%packet, turn: first + float64(r)*math.Sqrt2,
			listener: f.listeners[r%len(f.listeners)], judged: judged{tallies: make([]signal.Tally, c.Talkers)}}
		one.leader.Store(nobody)
		f.rooms = append(f.rooms, one)
	}
	locals, err := c.locals()
	if err != nil {
		return err
	}
	if f.rtcp, err = wire.ListenOn(netip.AddrPortFrom(locals[0], 0)); err != nil {
		return fmt.Errorf("fleet: a socket for RTCP: %w", err)
	}
	for i := range c.Callers {
		if err := f.hire(i, locals, dice); err != nil {
			return fmt.Errorf("fleet: caller %d: %w", i, err)
		}
	}
	return nil
}

// hire makes caller i.
func (f *Fleet) hire(i int, locals []netip.Addr, dice *rand.Rand) (err error) {
	c := &f.config
	format, packet := c.Codec.Format, int64(c.Codec.Format.PacketTime)
	r, t := f.rooms[i%c.Rooms], f.threads[i%c.Threads]
	one := &caller{number: i, seat: i / c.Rooms, room: r, thread: t, rank: 1, quiet: f.tracks.silence,
		ssrc: dice.Uint32(), stamp: dice.Uint32(), next: uint16(dice.Uint32()), ticks: uint32(format.Ticks(format.PacketTime)),
		phase:  c.phase(r.turn + float64(i/c.Rooms)*golden),
		period: packet + int64(float64(packet)*c.Impair.Drift*(2*dice.Float64()-1)/1e6), spoke: -never}
	if c.Sharing > 1 {
		if one.post, err = f.place(t, locals); err == nil {
			one.socket, one.phase = one.post.socket, one.post.phase
		}
	} else {
		one.socket, err = listenEven(locals[i%len(locals)])
	}
	if err != nil {
		return err
	}
	seed := dice.Uint64()
	if c.Impair.queues() {
		one.link = newLink(c.Impair, format.PacketTime, seed)
	}
	if c.Codec.Level != 0 {
		one.extension = wire.Extended
	}
	if one.seat < c.Talkers {
		one.rank, one.track = 0, f.tracks.talkers[r.number%c.Plans][one.seat]
	}
	r.seats = append(r.seats, one)
	t.callers = append(t.callers, one)
	f.callers = append(f.callers, one)
	return nil
}

// phase returns the phase, ns within the packet time, that is so many turns from its begin.
func (c Config) phase(turns float64) int64 {
	_, part := math.Modf(turns)
	return int64(part*float64(c.Codec.Format.PacketTime/c.Grain)) * int64(c.Grain)
}

// caller returns caller i.
func (f *Fleet) caller(i int) (*caller, error) {
	if i < 0 || i >= len(f.callers) {
		return nil, fmt.Errorf("fleet: there is no caller %d, want 0 to %d", i, len(f.callers)-1)
	}
	return f.callers[i], nil
}

// Config returns the configuration in force, defaults filled in.
func (f *Fleet) Config() Config { return f.config }

// Format returns how all callers encode.
func (f *Fleet) Format() media.Format { return f.config.Codec.Format }

// Room returns the number of caller i's room.
func (f *Fleet) Room(i int) int { return i % f.config.Rooms }

// Talker tells whether caller i is one.
func (f *Fleet) Talker(i int) bool { return i/f.config.Rooms < f.config.Talkers }

// Local returns the address for caller i's media: what an offer names. It panics if there is
// no such caller.
func (f *Fleet) Local(i int) netip.AddrPort { return f.callers[i].socket.Local() }

// RTCP returns where any caller's RTCP may go, unless it comes with the RTP (RFC 5761). It is
// on the address of caller 0. Nobody answers it.
func (f *Fleet) RTCP() netip.AddrPort { return f.rtcp.Local() }

// spareProcessors are for goroutines that compute while threads of the fleet come back from
// their sleep: they would wait in line for one.
const spareProcessors = 4

// Run lets the fleet send, receive and listen until ctx ends. It is called once.
func (f *Fleet) Run(ctx context.Context) {
	if f.ran.Swap(true) {
		panic("fleet: Run was called twice")
	}
	if want := runtime.NumCPU() + len(f.threads) + len(f.listeners) + spareProcessors; runtime.GOMAXPROCS(0) < want {
		runtime.GOMAXPROCS(want)
	}
	var wait sync.WaitGroup
	for _, t := range f.threads {
		wait.Go(func() { t.run(ctx) })
	}
	for _, l := range f.listeners {
		wait.Go(func() { l.run(ctx) })
	}
	wait.Go(func() { f.steward(ctx) })
	wait.Wait()
}

// Close frees the sockets. Run must have ended, or never begun.
func (f *Fleet) Close() {
	if f.rtcp != nil {
		f.rtcp.Close()
	}
	for _, p := range f.posts {
		p.socket.Close()
	}
	for _, c := range f.callers {
		if c.post == nil {
			c.socket.Close()
		}
	}
}
