//go:build linux

package callers

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/confd/confd/bench/coding"
	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/media"
)

// Config is who calls and what they say.
type Config struct {
	Callers int         // over all rooms, a multiple of Rooms
	Rooms   int         // 0 is one
	Talkers int         // in each room; the others are silent
	Codec   media.Codec // PCMU or Opus
	Opus    coding.Opus // how Opus callers encode
	Sound   Sound       // of the talkers
	Marks   bool        // time marks through the server; PCMU, and somebody silent in each room
	Levels  bool        // each packet says how loud it is (RFC 6464), as extension LevelID; not with Marks
	Keep    int         // payloads that each caller keeps for Kept
	Seed    uint64      // of phases
}

// LevelID is the number of the level extension (RFC 8285) in packets that have one.
const LevelID = 1

func (c Config) amplitude() float64 {
	if c.Marks {
		return markAmplitude
	}
	return 6000
}

func (c Config) check() error {
	room := c.Callers / max(c.Rooms, 1)
	switch {
	case c.Callers < 1 || c.Rooms > 0 && c.Callers%c.Rooms != 0:
		return fmt.Errorf("callers: %d callers in %d rooms: want the same number in each", c.Callers, c.Rooms)
	case c.Talkers < 0 || c.Talkers > room:
		return fmt.Errorf("callers: %d talkers in rooms of %d", c.Talkers, room)
	case c.Codec != media.PCMU && c.Codec != media.Opus:
		return fmt.Errorf("callers: codec %v: want %v or %v", c.Codec, media.PCMU, media.Opus)
	case c.Marks && (c.Codec != media.PCMU || c.Levels || c.Talkers < 1 || c.Talkers == room):
		return fmt.Errorf("callers: marks want %v without levels, a talker and a silent caller in each room", media.PCMU)
	}
	return nil
}

// Load is a set of callers. Connect may be called while Run runs.
type Load struct {
	config  Config
	callers []*caller    // in the order of their numbers
	turns   []*caller    // by phase
	marks   []*marks     // by room
	rtcp    *wire.Socket // takes everyone's RTCP, and is never read
	ticks   uint32
	mu      sync.Mutex // held by Run for each step, and to read or reset what it counts
	late    []int64
	began   int64 // monotonic, of the window
}

const period = int64(time.Second / packetsPerSecond)

// New opens a socket for each caller. They are silent until they are connected.
func New(config Config) (*Load, error) {
	config.Rooms = max(config.Rooms, 1)
	if err := config.check(); err != nil {
		return nil, err
	}
	s, err := newSounds(config)
	if err != nil {
		return nil, err
	}
	l := &Load{config: config, ticks: s.ticks, late: make([]int64, 0, 1<<16), began: wire.Monotonic()}
	random := rand.New(rand.NewPCG(config.Seed, 20))
	if config.Marks {
		for range config.Rooms {
			l.marks = append(l.marks, newMarks(config.Talkers, random))
		}
	}
	if l.rtcp, err = wire.Listen(); err != nil {
		return nil, fmt.Errorf("callers: %w", err)
	}
	for i := range config.Callers {
		if err := l.add(i, s, random); err != nil {
			l.Close()
			return nil, err
		}
	}
	l.turns = slices.Clone(l.callers)
	slices.SortFunc(l.turns, func(a, b *caller) int { return cmp.Compare(a.phase, b.phase) })
	return l, nil
}

// add makes caller i. The phases of a room's talkers are spread: one at random in each of
// as many equal parts of the period.
func (l *Load) add(i int, s sounds, random *rand.Rand) error {
	socket, err := wire.Listen()
	if err != nil {
		return fmt.Errorf("callers: caller %d: %w", i, err)
	}
	perRoom := l.config.Callers / l.config.Rooms
	room, seat := i/perRoom, i%perRoom
	c := &caller{
		socket: socket,
		stream: wire.Stream{SSRC: random.Uint32(), Timestamp: random.Uint32(), Sequence: uint16(random.Uint32()), Extended: l.config.Levels},
		talker: -1,
		phase:  random.Int64N(period),
		loop:   s.silence,
		keep:   l.config.Keep,
	}
	if seat < l.config.Talkers {
		part := period / int64(l.config.Talkers)
		c.talker, c.loop = seat, s.talkers[seat]
		c.phase = int64(seat)*part + random.Int64N(part)
	}
	c.next = random.IntN(len(c.loop))
	l.callers = append(l.callers, c)
	if !l.config.Marks {
		return nil
	}
	c.marks = l.marks[room]
	if c.ear = seat == l.config.Talkers; c.ear {
		return socket.StampArrivals()
	}
	return nil
}

// Room returns the number of caller i's room.
func (l *Load) Room(i int) int { return i / (l.config.Callers / l.config.Rooms) }

// Local returns the address of caller i.
func (l *Load) Local(i int) netip.AddrPort { return l.callers[i].socket.Local() }

// RTCP returns where a server may send RTCP for any caller. Nobody answers it.
func (l *Load) RTCP() netip.AddrPort { return l.rtcp.Local() }

// Locals returns the addresses of all callers.
func (l *Load) Locals() []netip.AddrPort {
	all := make([]netip.AddrPort, len(l.callers))
	for i := range all {
		all[i] = l.Local(i)
	}
	return all
}

// Connect lets caller i send to the server's address from now on.
func (l *Load) Connect(i int, server netip.AddrPort, payloadType uint8) error {
	c := l.callers[i]
	if err := c.socket.Connect(server); err != nil {
		return fmt.Errorf("callers: caller %d: %w", i, err)
	}
	c.stream.PayloadType = payloadType
	c.live.Store(true)
	return nil
}

// Waking costs the machine more than sending, so callers whose turns are this near to one
// another send together, and sooner rather than late.
const together = int64(250 * time.Microsecond)

// Run plays the callers on a thread of its own until ctx ends. If the machine does not let
// it, up to five periods are caught up, more are given up; Report.Late tells.
func (l *Load) Run(ctx context.Context) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	in := make([]byte, 2048)
	for start := wire.Monotonic(); ctx.Err() == nil; start += period {
		if behind := wire.Monotonic() - start; behind > 5*period {
			start += behind - behind%period
		}
		for _, c := range l.turns {
			due := start + c.phase
			now := wire.Monotonic()
			if due-now > together {
				wire.SleepUntil(due)
				now = wire.Monotonic()
			}
			if c.live.Load() {
				l.step(c, now-due, in)
			}
		}
	}
}

func (l *Load) step(c *caller, late int64, in []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.step(l.ticks, in)
	if len(l.late) < cap(l.late) {
		l.late = append(l.late, max(late, 0))
	}
}

// Begin starts a window: what was counted so far is forgotten.
func (l *Load) Begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.callers {
		c.counts, c.kept = Counts{}, nil
	}
	for _, m := range l.marks {
		m.forget()
	}
	l.late = l.late[:0]
	l.began = wire.Monotonic()
}

// Report is what the callers met in a window.
type Report struct {
	Counts
	Window  time.Duration
	Starved int             // callers that got less than nine tenths of what the window should hold
	Late    time.Duration   // 99th percentile of a caller's send behind its due time
	Delays  []time.Duration // of the marks that came out, sorted
	Missed  int             // marks that did not come out
	Strange int             // marks that came out unexpected
}

// Report returns the window since Begin.
func (l *Load) Report() Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := Report{Window: time.Duration(wire.Monotonic() - l.began)}
	due := int(r.Window / time.Duration(period))
	for _, c := range l.callers {
		r.add(c.counts)
		if c.counts.Received*10 < due*9 {
			r.Starved++
		}
	}
	for _, m := range l.marks {
		r.Delays = append(r.Delays, m.delays...)
		r.Missed += m.missed
		r.Strange += m.strange
	}
	slices.Sort(r.Delays)
	r.Late = time.Duration(measure.Quantile(l.late, 0.99))
	return r
}

// Kept returns the first payloads that caller i got in the window, at most Config.Keep.
func (l *Load) Kept(i int) [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.callers[i].kept
}

// Close frees the sockets. Run must have ended.
func (l *Load) Close() {
	l.rtcp.Close()
	for _, c := range l.callers {
		c.socket.Close()
	}
}
