package forwarder

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/confd/confd/transport"
)

// Config is how an engine is made. The zero value is the default.
type Config struct {
	// Workers is how many goroutines forward, 1 to 64; default one for each two processors.
	// A conference belongs to one of them.
	Workers int
	// Lines bounds the lines of a conference, 1 or more; default 2,000.
	Lines int
	// Packets bounds what is taken of one line in a second, 10 or more; default 3,000.
	// Bytes does, too, 10,000 or more; default 4,000,000. Half as much more may come at once.
	Packets, Bytes int
	// Frames bounds the pictures of one encoding in a second, 1 or more; default 150. A source
	// with more of them is shown to nobody for a second.
	Frames int
}

func (c Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.Workers, min((runtime.NumCPU()+1)/2, maxWorkers))
	def(&c.Lines, 2000)
	def(&c.Packets, 3000)
	def(&c.Bytes, 4_000_000)
	def(&c.Frames, 150)
	return c
}

const maxWorkers = 64

func (c Config) validate() error {
	switch {
	case c.Workers < 1 || c.Workers > maxWorkers:
		return fmt.Errorf("forwarder: %d workers, want 1 to %d", c.Workers, maxWorkers)
	case c.Lines < 1:
		return fmt.Errorf("forwarder: %d lines in a conference, want 1 or more", c.Lines)
	case c.Packets < 10:
		return fmt.Errorf("forwarder: %d packets a second from a line, want 10 or more", c.Packets)
	case c.Bytes < 10_000:
		return fmt.Errorf("forwarder: %d bytes a second from a line, want 10000 or more", c.Bytes)
	case c.Frames < 1:
		return fmt.Errorf("forwarder: %d pictures a second from a line, want 1 or more", c.Frames)
	}
	return nil
}

// Engine forwards video for all rooms.
type Engine struct {
	cfg     Config
	workers []*worker
	stats   counters
	wait    sync.WaitGroup
	closed  atomic.Bool

	placing sync.Mutex // of NewConference, so that two do not find the same worker idle
}

// ErrClosed is returned by Add on a conference or engine that was closed.
var ErrClosed = errors.New("forwarder: closed")

// ErrFull is returned by Add when a conference has as many lines as it may.
var ErrFull = errors.New("forwarder: the conference has as many video lines as it may")

// New makes an engine and starts its workers; they sleep while there is nothing to do. The
// error says what of cfg is out of range, or what the system did not grant.
func New(cfg Config) (*Engine, error) {
	e, err := idle(cfg)
	if err != nil {
		return nil, err
	}
	for _, w := range e.workers {
		if w.poller, err = transport.NewPoller(); err != nil {
			e.release()
			return nil, fmt.Errorf("forwarder: %w", err)
		}
	}
	e.wait.Add(len(e.workers))
	for _, w := range e.workers {
		go w.run()
	}
	return e, nil
}

// idle makes an engine whose workers do not run, and have no poller: a test takes their turns.
func idle(cfg Config) (*Engine, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg}
	for range cfg.Workers {
		e.workers = append(e.workers, newWorker(e))
	}
	return e, nil
}

// release closes the pollers that there are.
func (e *Engine) release() {
	for _, w := range e.workers {
		if w.poller != nil {
			_ = w.poller.Close()
		}
	}
}

// NewConference makes a conference, on the worker with the least to do. It costs nothing until
// a line is added. Any goroutine may call it.
func (e *Engine) NewConference(cfg ConferenceConfig) *Conference {
	e.placing.Lock()
	defer e.placing.Unlock()
	best := e.workers[0]
	for _, w := range e.workers[1:] {
		if w.load() < best.load() {
			best = w
		}
	}
	best.conferences.Add(1)
	return &Conference{engine: e, worker: best, cfg: cfg}
}

// Close stops the workers and waits for them; what control asked for until then is still
// done, and what it asks for later is done at once. Lines stay as they are: who owns their
// ports closes them. It may be called more than once.
func (e *Engine) Close() {
	if !e.closed.Swap(true) {
		for _, w := range e.workers {
			w.wake()
		}
	}
	e.wait.Wait()
}
