package rooms

import (
	"context"
	"sync"
)

// nameLocks let changes of one name's definition follow each other, so that none has to
// hold up a room while it is saved. The zero value is ready.
type nameLocks struct {
	mu    sync.Mutex
	locks map[Name]*nameLock
}

type nameLock struct {
	held  chan struct{} // has an element while it is
	users int
}

// lock waits for its turn. Error: TimedOut if ctx ended first.
func (n *nameLocks) lock(ctx context.Context, name Name) (unlock func(), err error) {
	n.mu.Lock()
	if n.locks == nil {
		n.locks = make(map[Name]*nameLock)
	}
	l := n.locks[name]
	if l == nil {
		l = &nameLock{held: make(chan struct{}, 1)}
		n.locks[name] = l
	}
	l.users++
	n.mu.Unlock()
	leave := func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(n.locks, name)
		}
	}
	select {
	case l.held <- struct{}{}:
		return func() { <-l.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, &Error{Code: TimedOut, Op: "change room", Message: "another change of the room took too long", Err: ctx.Err()}
	}
}
