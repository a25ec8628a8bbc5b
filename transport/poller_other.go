//go:build !linux

package transport

import (
	"slices"
	"time"
)

// Poller elsewhere than on Linux does not wait for sockets: it says every few milliseconds
// that all are ready. It is for development.
type Poller struct {
	tokens []Token
	next   int
	wake   chan struct{}
}

// pollTime is how long a packet may wait.
const pollTime = 2 * time.Millisecond

// NewPoller returns a poller that waits for nothing yet.
func NewPoller() (*Poller, error) { return &Poller{wake: make(chan struct{}, 1)}, nil }

// Add has a token said to be ready.
func (p *Poller) Add(token Token, fds ...int) error {
	p.tokens = append(p.tokens, token)
	return nil
}

// Remove has a token no longer said to be ready.
func (p *Poller) Remove(token Token, fds ...int) {
	p.tokens = slices.DeleteFunc(p.tokens, func(t Token) bool { return t == token })
}

// Wait returns after some milliseconds, or when woken, with all tokens in turn.
func (p *Poller) Wait(timeout time.Duration, ready []Token) (n int, err error) {
	if timeout < 0 || timeout > pollTime {
		timeout = pollTime
	}
	select {
	case <-p.wake:
	case <-time.After(timeout):
	}
	for n = 0; n < min(len(ready), len(p.tokens), maxReady); n++ {
		ready[n] = p.tokens[p.next%len(p.tokens)]
		p.next++
	}
	return n, nil
}

// Wake has the present Wait return, or else the next.
func (p *Poller) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Close ends the poller.
func (p *Poller) Close() error { return nil }
