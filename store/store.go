package store

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Names of the spaces that confd uses, kept in one place so that no two meet.
const (
	Rooms       = "rooms"        // collection of room definitions
	Keys        = "keys"         // collection of API keys
	Webhooks    = "webhooks"     // collection of subscriptions
	Deliveries  = "deliveries"   // of webhooks, under way
	DeadLetters = "dead_letters" // deliveries given up
	Calls       = "calls"        // log of call records
	Conferences = "conferences"  // log of conference records
)

// Options of a store; the zero value is fit for use.
type Options struct {
	LockWait   time.Duration // how long to wait for another process to let go; default 1 s
	QueueLen   int           // records that may wait to be written; default 4096
	QueueBytes int           // their size together; default 8 MiB
	Logger     *slog.Logger  // told when writing begins to fail and when it works again; nil = nobody
}

func (o Options) withDefaults() (Options, error) {
	if o.LockWait < 0 || o.QueueLen < 0 || o.QueueBytes < 0 {
		return o, errorf(ErrInvalid, "open", "negative options %+v", o)
	}
	if o.LockWait == 0 {
		o.LockWait = time.Second
	}
	if o.QueueLen == 0 {
		o.QueueLen = 4096
	}
	if o.QueueBytes == 0 {
		o.QueueBytes = 8 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Store is an open file. Its methods, and those of what is opened in it, may be called by
// any goroutine at any time, after Close, too (they then return [ErrClosed]).
type Store struct {
	path    string // "" = memory
	db      *bbolt.DB
	log     *slog.Logger
	writer  *writer
	broken  atomic.Pointer[error]
	damaged int // records found damaged when it was opened

	mu     sync.Mutex
	spaces map[string]bool // opened

	closing  sync.Once
	closeErr error
}

// Open opens the store in the file path and checks it whole, at some 200 MB/s. A file that
// is not there is created with mode 0600, its folder with 0700. An empty path means memory:
// all is gone at Close.
//
// Errors are of kind [ErrLocked] if another process has the file, [ErrCorrupt] if it is not
// a whole store, [ErrNewer] if a newer confd has written it, [ErrInvalid] for wrong options,
// or what the operating system says.
func Open(path string, o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, log: o.Logger, spaces: map[string]bool{}}
	if err := s.open(o); err != nil {
		return nil, err
	}
	s.writer = newWriter(s, o)
	return s, nil
}

func (s *Store) open(o Options) error {
	settings := &bbolt.Options{
		FreelistType: bbolt.FreelistMapType,
		Timeout:      o.LockWait,
		NoStatistics: true,
	}
	if s.path == "" {
		return s.openMemory(settings)
	}
	if err := createIfMissing(s.path); err != nil {
		return err
	}
	settings.OpenFile = s.openChecked(o.LockWait)
	db, err := openGuarded(s.path, settings)
	if err != nil {
		return s.explainOpen(err)
	}
	s.db = db
	if err := s.checkLayout(); err != nil {
		return errors.Join(err, db.Close())
	}
	return nil
}

func (s *Store) openMemory(settings *bbolt.Options) error {
	settings.OpenFile = func(string, int, os.FileMode) (*os.File, error) { return memoryFile() }
	db, err := openGuarded("memory", settings)
	if err != nil {
		return fmt.Errorf("store: open in memory: %w", err)
	}
	s.db = db
	return initialise(db)
}

func openGuarded(path string, settings *bbolt.Options) (db *bbolt.DB, err error) {
	err = guarded(func() (err error) {
		db, err = bbolt.Open(path, fileMode, settings)
		return err
	})
	return db, err
}

func (s *Store) explainOpen(err error) error {
	var p *panicked
	switch {
	case errors.Is(err, ErrLocked), errors.Is(err, ErrCorrupt):
		return err
	case errors.Is(err, berrors.ErrTimeout):
		return s.locked()
	case errors.As(err, &p):
		return s.corrupt(err)
	}
	return fmt.Errorf("store: open %s: %w", s.path, err)
}

func (s *Store) corrupt(cause error) error {
	return errorf(ErrCorrupt, "open "+s.path,
		"%w; nothing was changed: restore a backup, or move the file away to begin with an empty store", cause)
}

func (s *Store) locked() error {
	return errorf(ErrLocked, "open "+s.path,
		"the file is in use by %s; stop that one, or give this one a path of its own", holder(s.path))
}

// name is how messages call the store.
func (s *Store) name() string {
	if s.path == "" {
		return "memory"
	}
	return s.path
}

// Path returns the path of the file, "" for memory.
func (s *Store) Path() string { return s.path }

// view runs a reading transaction. What it is given ends with it.
func (s *Store) view(op string, read func(*bbolt.Tx) error) error {
	if err := s.usable(); err != nil {
		return err
	}
	err := guarded(func() error { return s.db.View(read) })
	var p *panicked
	if errors.As(err, &p) {
		return s.fail(p)
	}
	return s.explain(op, err)
}

// Flush returns when every record appended before is on the disk, or why not.
func (s *Store) Flush() error { return s.writer.flush() }

// Close writes what waits, closes the file and frees its lock. It returns an error if
// records were lost in that; further calls return the same.
func (s *Store) Close() error {
	s.closing.Do(func() {
		lost, stuck := s.writer.close()
		var err error
		if lost > 0 {
			err = fmt.Errorf("store: close %s: %d records could not be written and are lost", s.name(), lost)
		}
		if !stuck { // else a lock inside is held for ever and so is the file's, until the process ends
			err = errors.Join(err, s.db.Close())
		}
		s.closeErr = err
	})
	return s.closeErr
}

// Stats are counters since Open; read them for metrics.
type Stats struct {
	Appended uint64 // records taken by Append
	Lost     uint64 // records refused by Append because too many waited, or given up when the disk failed
	Waiting  int    // records that wait to be written
	Commits  uint64 // transactions written
	Failures uint64 // transactions that failed
	Damaged  int    // damaged records that were in the logs when the store was opened
	Bytes    int64  // size of the file
	Broken   bool   // the store refuses everything until the process starts anew
}

// Stats returns the counters of this moment.
func (s *Store) Stats() Stats {
	st := s.writer.stats()
	st.Damaged, st.Broken = s.damaged, s.usable() != nil
	if !st.Broken {
		_ = s.view("measure", func(tx *bbolt.Tx) error { st.Bytes = tx.Size(); return nil })
	}
	return st
}

var _ io.Closer = (*Store)(nil)
