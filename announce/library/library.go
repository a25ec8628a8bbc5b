package library

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/confd/confd/announce/decode"
)

// What can be wrong, beside the errors of package decode.
var (
	ErrName     = errors.New("name that no sound file can have")
	ErrNotFound = errors.New("no such sound file")
	ErrNoFile   = errors.New("no regular file")
	ErrReadOnly = errors.New("sound files cannot be uploaded or deleted here")
	ErrFull     = errors.New("too many sound files")
)

// What a Config that does not say has.
const (
	DefaultMaxSize  = 50 << 20 // bytes
	DefaultMaxFiles = 1000
)

// Config is how a library is made.
type Config struct {
	Dir         string        // the folder, which exists
	ReadOnly    bool          // refuse Save and Delete
	MaxSize     int64         // of an upload, bytes; 0 is DefaultMaxSize
	MaxFiles    int           // past so many files uploads are refused; 0 is DefaultMaxFiles
	MaxDuration time.Duration // of an upload; 0 is decode.DefaultMaxDuration
}

// Library is a folder. Any goroutine may call its methods.
type Library struct {
	cfg  Config
	root *os.Root

	mu      sync.Mutex
	pending int // uploads on their way
	known   map[string]known
}

// known is what was found out about a file that has not changed since.
type known struct {
	size     int64
	modified time.Time
	info     decode.Info
	problem  string
}

// Entry is one file of a listing.
type Entry struct {
	Name     string
	Size     int64 // bytes
	Modified time.Time
	Info     decode.Info // zero if there is a problem
	Problem  string      // why it cannot be played, or empty
}

// Open opens the folder, and removes what uploads left in it that a crash interrupted.
func Open(cfg Config) (*Library, error) {
	if cfg.MaxSize == 0 {
		cfg.MaxSize = DefaultMaxSize
	}
	if cfg.MaxFiles == 0 {
		cfg.MaxFiles = DefaultMaxFiles
	}
	if cfg.MaxSize < 0 || cfg.MaxFiles < 0 || cfg.MaxDuration < 0 {
		return nil, fmt.Errorf("library %s: %d bytes, %d files, %v: limits want to be positive, or 0 for the default", cfg.Dir, cfg.MaxSize, cfg.MaxFiles, cfg.MaxDuration)
	}
	root, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("library: %w: want a folder that exists", err)
	}
	l := &Library{cfg: cfg, root: root, known: map[string]known{}}
	if !cfg.ReadOnly {
		if err := l.sweep(); err != nil {
			return nil, errors.Join(err, root.Close())
		}
	}
	return l, nil
}

// Close lets go of the folder. Sounds that are open stay so.
func (l *Library) Close() error { return l.root.Close() }

// Sound opens a file to be played; whoever gets it closes it. Errors are ErrName,
// ErrNotFound, ErrNoFile, or what package decode finds wrong.
func (l *Library) Sound(name string, o decode.Options) (*decode.Decoder, error) {
	f, st, err := l.open(name)
	if err != nil {
		return nil, err
	}
	d, err := decode.Open(f, st.Size(), o)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return d, nil
}

// stat looks at a regular file.
func (l *Library) stat(name string) (fs.FileInfo, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	st, err := l.root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %q", ErrNotFound, name)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("library: %w", err)
	case err != nil: // a link that leads out, or nowhere
		return nil, fmt.Errorf("%w: %w", ErrNoFile, err)
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%w: %q is a %v", ErrNoFile, name, st.Mode().Type())
	}
	return st, nil
}

// open opens a regular file. It looks first: to open a pipe would wait for its writer.
func (l *Library) open(name string) (*os.File, fs.FileInfo, error) {
	st, err := l.stat(name)
	if err != nil {
		return nil, nil, err
	}
	f, err := l.root.Open(name)
	if err != nil {
		return nil, nil, fmt.Errorf("library: %w", err)
	}
	return f, st, nil
}

// List returns the files by name. Names that no file may have, folders and whatever else
// is no file are left out; a file that is no sound has a Problem.
func (l *Library) List() ([]Entry, error) {
	names, err := l.names()
	if err != nil {
		return nil, err
	}
	list := make([]Entry, 0, len(names))
	for _, name := range names {
		if e, err := l.Entry(name); err == nil {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	l.forget(names)
	return list, nil
}

// names returns what is in the folder that may be a file of the library.
func (l *Library) names() ([]string, error) {
	dir, err := l.root.Open(".")
	if err != nil {
		return nil, fmt.Errorf("library: %w", err)
	}
	defer dir.Close()
	all, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("library: %w", err)
	}
	return slices.DeleteFunc(all, func(name string) bool { return CheckName(name) != nil }), nil
}

// Entry describes one file. Only a file that is new or has changed is opened. Errors are
// those of Sound but for what is wrong with the sound, which is the entry's Problem.
func (l *Library) Entry(name string) (Entry, error) {
	st, err := l.stat(name)
	if err != nil {
		return Entry{}, err
	}
	l.mu.Lock()
	k, ok := l.known[name]
	l.mu.Unlock()
	if !ok || k.size != st.Size() || !k.modified.Equal(st.ModTime()) {
		k = known{size: st.Size(), modified: st.ModTime()}
		if d, err := l.Sound(name, decode.Options{}); err != nil {
			k.problem = err.Error()
		} else {
			k.info = d.Info()
			d.Close()
		}
		l.mu.Lock()
		l.known[name] = k
		l.mu.Unlock()
	}
	return Entry{Name: name, Size: k.size, Modified: k.modified, Info: k.info, Problem: k.problem}, nil
}

// forget drops what is known of files that are no more.
func (l *Library) forget(names []string) {
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[name] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.known {
		if !there[name] {
			delete(l.known, name)
		}
	}
}

// Delete removes a file. Who plays it hears it to its end.
func (l *Library) Delete(name string) error {
	if l.cfg.ReadOnly {
		return ErrReadOnly
	}
	if _, err := l.stat(name); err != nil {
		return err
	}
	if err := l.root.Remove(name); err != nil {
		return fmt.Errorf("library: %w", err)
	}
	return l.sync()
}

// sync makes a change to the folder durable.
func (l *Library) sync() error {
	dir, err := l.root.Open(".")
	if err != nil {
		return fmt.Errorf("library: %w", err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("library: %w", err)
	}
	return nil
}

// sweep removes uploads that were never finished.
func (l *Library) sweep() error {
	dir, err := l.root.Open(".")
	if err != nil {
		return fmt.Errorf("library: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	for _, name := range names {
		if strings.HasPrefix(name, uploadPrefix) {
			err = errors.Join(err, l.root.Remove(name))
		}
	}
	if err != nil {
		return fmt.Errorf("library: %w", err)
	}
	return nil
}
