package store

import (
	"fmt"
	"runtime/debug"
)

// panicked is a panic that was caught: a page of the mapped file that the disk could not
// give back, or one that is no longer what it was.
type panicked struct{ cause any }

func (p *panicked) Error() string {
	return fmt.Sprintf("the file has been damaged or the disk cannot read it: %v", p.cause)
}

// guarded runs a transaction; panics and memory faults in it become a *panicked.
func guarded(transaction func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = &panicked{cause}
		}
	}()
	return transaction()
}

// fail puts the store out of use and returns the error that all later calls get.
func (s *Store) fail(cause error) error {
	err := errorf(ErrBroken, "use "+s.name(),
		"%w; nothing is written any more: keep a copy of the file and restart confd, which checks it when it opens it", cause)
	if s.broken.CompareAndSwap(nil, &err) {
		s.log.Error("store is out of use", "error", err)
	}
	return *s.broken.Load()
}

// usable returns nil, or why the store is out of use.
func (s *Store) usable() error {
	if err := s.broken.Load(); err != nil {
		return *err
	}
	return nil
}
