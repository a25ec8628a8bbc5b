package library

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/confd/confd/announce/decode"
)

// uploadPrefix begins the names of files that are not complete; no file of the library may
// begin like that.
const uploadPrefix = ".upload-"

// Save reads a file to its end and takes it in under a name; a file of that name is
// replaced at one moment, and who plays it hears the old one to its end. Nothing is kept
// that cannot be played: all of it is decoded first. Errors are ErrReadOnly, ErrName,
// ErrFull, ErrNoFile, what package decode finds wrong (its ErrTooLarge past MaxSize), or
// r's. When ctx ends, so does Save, at the next piece.
func (l *Library) Save(ctx context.Context, name string, r io.Reader) (Entry, error) {
	if l.cfg.ReadOnly {
		return Entry{}, ErrReadOnly
	}
	if err := CheckName(name); err != nil {
		return Entry{}, err
	}
	if err := l.reserve(name); err != nil {
		return Entry{}, err
	}
	defer l.release()
	temp := uploadPrefix + rand.Text()
	f, err := l.root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return Entry{}, fmt.Errorf("library: %w", err)
	}
	err = l.receive(ctx, f, r)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = l.root.Rename(temp, name)
	}
	if err != nil {
		return Entry{}, errors.Join(err, l.root.Remove(temp))
	}
	if err := l.sync(); err != nil {
		return Entry{}, err
	}
	return l.Entry(name)
}

// reserve takes a place for an upload, so that those on their way count, too. One that
// replaces a file takes that file's.
func (l *Library) reserve(name string) error {
	st, err := l.root.Stat(name)
	if err == nil && !st.Mode().IsRegular() {
		return fmt.Errorf("%w: %q is a %v", ErrNoFile, name, st.Mode().Type())
	}
	replaces := err == nil
	l.mu.Lock() // before the folder is read: no upload may be counted neither there nor here
	defer l.mu.Unlock()
	names, err := l.names()
	if err != nil {
		return err
	}
	n := len(names) + l.pending
	if replaces {
		n--
	}
	if n >= l.cfg.MaxFiles {
		return fmt.Errorf("%w: %d, want at most %d: delete some", ErrFull, n, l.cfg.MaxFiles)
	}
	l.pending++
	return nil
}

func (l *Library) release() {
	l.mu.Lock()
	l.pending--
	l.mu.Unlock()
}

// receive stores an upload and decodes it.
func (l *Library) receive(ctx context.Context, f *os.File, r io.Reader) error {
	// One byte more than allowed tells that there is more.
	n, err := io.Copy(f, io.LimitReader(&untilDone{ctx, r}, l.cfg.MaxSize+1))
	if err != nil {
		return fmt.Errorf("library: upload: %w", err)
	}
	if n > l.cfg.MaxSize {
		return fmt.Errorf("%w: want at most %d bytes", decode.ErrTooLarge, l.cfg.MaxSize)
	}
	if err := l.validate(ctx, f, n); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("library: %w", err)
	}
	return nil
}

// validate decodes a file to its end. It hides that f can be closed.
func (l *Library) validate(ctx context.Context, f io.ReaderAt, size int64) error {
	d, err := decode.Open(io.NewSectionReader(f, 0, size), size, decode.Options{MaxSize: l.cfg.MaxSize, MaxDuration: l.cfg.MaxDuration})
	if err != nil {
		return err
	}
	pcm := make([]int16, 16<<10)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := d.Read(pcm); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// untilDone is a reader that ends with a context.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
