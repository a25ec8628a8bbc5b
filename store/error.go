package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	berrors "go.etcd.io/bbolt/errors"
)

// The kinds of errors; test with errors.Is. The text says what was wrong, where, and what
// would be right.
var (
	ErrInvalid  = errors.New("invalid")       // a key, cursor, limit or value that cannot be
	ErrNotFound = errors.New("not found")     // no document of that key
	ErrFull     = errors.New("full")          // too many records wait
	ErrClosed   = errors.New("closed")        // the store has been closed
	ErrLocked   = errors.New("locked")        // another process has the file open
	ErrCorrupt  = errors.New("corrupt")       // the file or a document is damaged, or not a store
	ErrNewer    = errors.New("too new")       // written by a newer confd
	ErrNoSpace  = errors.New("no space left") // the disk is full; nothing has changed
	ErrBroken   = errors.New("out of use")    // the disk failed; refused until a restart
)

// failure is an error of this package: "store: OP: KIND: what was wrong and would be right".
type failure struct {
	op          string
	kind, cause error
}

func (f *failure) Error() string {
	return "store: " + f.op + ": " + f.kind.Error() + ": " + f.cause.Error()
}
func (f *failure) Unwrap() []error { return []error{f.kind, f.cause} }

func errorf(kind error, op, format string, args ...any) error {
	return &failure{op, kind, fmt.Errorf(format, args...)}
}

// noSpace are the ways a disk says that it is full; EFBIG is a limit on file size.
var noSpace = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

func isNoSpace(err error) bool {
	for _, no := range noSpace { // bbolt keeps only the text where it grows the file
		if errors.Is(err, no) || strings.HasSuffix(err.Error(), no.Error()) {
			return true
		}
	}
	return false
}

// isHarmless says whether a failed commit has left both file and memory as they were: a
// write that was refused, or growth that was. Any other failure, above all of fsync, leaves
// open what the disk holds.
func isHarmless(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) && path.Op == "write" ||
		strings.HasPrefix(err.Error(), "file resize error")
}

// explain turns what a transaction returned into an error of this package.
func (s *Store) explain(op string, err error) error {
	var told *failure
	switch {
	case err == nil:
		return nil
	case errors.As(err, &told):
		return err
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		return errorf(ErrClosed, op, "the store has been closed")
	case isNoSpace(err) && isHarmless(err):
		return errorf(ErrNoSpace, op, "%w; nothing was changed: free some space for %s", err, s.name())
	}
	return fmt.Errorf("store: %s in %s: %w", op, s.name(), err)
}
