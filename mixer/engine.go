package mixer

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
)

// Config is how an engine is made. The zero value is the default.
type Config struct {
	// Period is the mixing clock's, 10 or 20 ms; default 20 ms.
	Period time.Duration
	// Workers is how many threads mix, 1 to 256; default as many as there are processors.
	// One owns all conferences; it calls the others when there is more than one can do.
	Workers int
	// Slots is how many phases a period has, 1 to 8, over which rooms are spread: more of them
	// make rooms wait less for one another, and cost more wakes. Default 4.
	Slots int
	// Talkers is how many of the loudest a mix holds by default, 1 to 64; default 8.
	Talkers int
	// Candidates is how many inputs of a room are decoded per tick only to learn how loud
	// they are, 1 or more; default 4.
	Candidates int
	// MaxClasses bounds the shared encoders of a room; past it an output gets the nearest
	// class that it can decode. Default 64.
	MaxClasses int
	// MaxPersonal bounds the encoders of a room that wait for a pause; default 32.
	MaxPersonal int
	// RealTime asks the kernel to run the workers before all ordinary threads. Where that
	// is not permitted they run as any other; see Engine.RealTime.
	RealTime bool
	// Outbox makes the outbox of a mixing thread, on that thread. One that gets none has sinks send
	// packet by packet, which is the default; see Engine.Outboxes.
	Outbox func() (media.Outbox, error)
	// Codec is for every encoder.
	Codec codec.Options
}

func (c Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	if c.Period == 0 {
		c.Period = 20 * time.Millisecond
	}
	if c.Codec == (codec.Options{}) {
		c.Codec = codec.DefaultOptions()
	}
	if c.Outbox == nil {
		c.Outbox = func() (media.Outbox, error) { return nil, errNoOutboxes }
	}
	def(&c.Workers, runtime.NumCPU())
	def(&c.Slots, 4)
	def(&c.Talkers, 8)
	def(&c.Candidates, 4)
	def(&c.MaxClasses, 64)
	def(&c.MaxPersonal, 32)
	return c
}

func (c Config) validate() error {
	switch {
	case c.Period != 10*time.Millisecond && c.Period != 20*time.Millisecond:
		return fmt.Errorf("mixer: period %v, want 10ms or 20ms", c.Period)
	case c.Workers < 1 || c.Workers > 256:
		return fmt.Errorf("mixer: %d workers, want 1 to 256", c.Workers)
	case c.Slots < 1 || c.Slots > 8:
		return fmt.Errorf("mixer: %d slots, want 1 to 8", c.Slots)
	case c.Talkers < 1 || c.Talkers > 64:
		return fmt.Errorf("mixer: %d talkers, want 1 to 64", c.Talkers)
	case c.Candidates < 1:
		return fmt.Errorf("mixer: %d candidates, want 1 or more", c.Candidates)
	}
	return nil
}

// Engine mixes for all rooms. A worker, a thread with an absolute clock, owns the conferences;
// the crew helps it.
type Engine struct {
	cfg    Config
	worker *worker
	crew   *crew
	voices voicePool
	stats  counters
	done   chan struct{}
	wait   sync.WaitGroup
	once   sync.Once
	keeps  bool // for tests: classes keep their last frame
	forced bool // for tests: everything is done by all threads, in parts of one

	mu       sync.Mutex
	realTime error // why there is no real-time priority
	outboxes error // why there are no outboxes
}

// New makes an engine; Start sets it going. The error says what of cfg is out of range.
func New(cfg Config) (*Engine, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, done: make(chan struct{})}
	e.crew = newCrew(cfg.Workers, int64(cfg.Period), &e.stats)
	e.worker = newWorker(e)
	return e, nil
}

// Config returns the configuration in force.
func (e *Engine) Config() Config { return e.cfg }

// spareProcessors are left for goroutines that compute at the same time, as those of many
// HTTP requests do. A worker that comes back from its sleep to find all processors of the
// runtime taken waits in line, behind threads of ordinary priority. Each four are one more
// thread for the garbage collector, so that more would be worse.
const spareProcessors = 12

// Start runs the mixing threads. It is called once. Processors are left to the runtime beside
// theirs, so that collector and control never hold the one that a worker returns to.
func (e *Engine) Start() {
	if want := runtime.NumCPU() + e.cfg.Workers + spareProcessors; runtime.GOMAXPROCS(0) < want {
		runtime.GOMAXPROCS(want)
	}
	var ready sync.WaitGroup
	e.wait.Add(1)
	ready.Add(1)
	go e.worker.run(&ready)
	e.crew.start(&e.wait, e.ready)
	ready.Wait()
}

// RealTime returns nil if the mixing threads run at real-time priority, else why they do not. Any
// goroutine may call it after Start.
func (e *Engine) RealTime() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.realTime
}

// ready prepares a mixing thread, the calling one.
func (e *Engine) ready(h *hand) {
	e.prefer()
	e.equip(h)
}

// prefer asks for real-time priority for the calling thread.
func (e *Engine) prefer() {
	err := errNotAsked
	if e.cfg.RealTime {
		err = clock.RealTime()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.realTime = err
}

// equip gives the calling thread its outbox.
func (e *Engine) equip(h *hand) {
	box, err := e.cfg.Outbox()
	if err == nil {
		h.outbox = box
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.outboxes = err
}

// Outboxes returns nil if each of the mixing threads has an outbox, else why not. Any goroutine may
// call it after Start.
func (e *Engine) Outboxes() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.outboxes
}

var errNoOutboxes = errors.New("outboxes were not asked for")

var errNotAsked = errors.New("real-time priority was not asked for")

// Close stops the mixing threads and waits for them. Conferences are not touched any more. It
// may be called more than once.
func (e *Engine) Close() {
	e.once.Do(func() { close(e.done) })
	e.wait.Wait()
}

// threads returns how many threads some work gets.
func (e *Engine) threads(d *demand) int {
	if e.forced {
		return e.cfg.Workers
	}
	return min(max(d.threads, 1), e.cfg.Workers)
}

// Load is how busy the engine is.
type Load struct {
	// Used is the share of its time that the busiest thread spent mixing, smoothed over
	// about a second, 0 to 1. That thread is the one that owns the conferences, and waits
	// for those that help it.
	Used float64
	// Late is how late ticks begin, smoothed.
	Late time.Duration
}

// Load returns how busy the engine is. Any goroutine may call it.
func (e *Engine) Load() Load {
	var l Load
	for _, h := range e.crew.hands {
		l.Used = max(l.Used, float64(h.used.Load())/1e6)
	}
	l.Late = time.Duration(e.worker.late.Load())
	return l
}
