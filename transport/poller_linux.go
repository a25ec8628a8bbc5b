package transport

import (
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Poller waits until one of many sockets has something to read. Add, Remove, Wait and Close
// belong to one goroutine; Wake may be called by any.
type Poller struct {
	epoll, wake int
	awake       atomic.Bool // a wake-up is on its way
	coarse      bool        // the system takes milliseconds only
	events      [maxReady]unix.EpollEvent
}

// wakeToken marks the descriptor of Wake: no caller's, as those are stored one up.
const wakeToken = 0

// NewPoller returns a poller that waits for nothing yet.
func NewPoller() (*Poller, error) {
	p := &Poller{wake: -1}
	var err error
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("cannot wait for sockets: %w", err)
	}
	if p.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err == nil {
		err = p.add(p.wake, wakeToken)
	}
	if err != nil {
		_ = p.Close()
		return nil, fmt.Errorf("cannot wait for sockets: %w", err)
	}
	return p, nil
}

func (p *Poller) add(fd int, token uint64) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN}
	*(*uint64)(unsafe.Pointer(&e.Fd)) = token
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &e)
}

// Add has descriptors waited for under a token, at most 2^64-2. On error none of them is.
func (p *Poller) Add(token Token, fds ...int) error {
	for i, fd := range fds {
		if err := p.add(fd, uint64(token)+1); err != nil {
			p.Remove(token, fds[:i]...)
			return fmt.Errorf("cannot wait for descriptor %d: %w", fd, err)
		}
	}
	return nil
}

// Remove has the descriptors of a token no longer waited for; it comes before they are
// closed. What Wait returned before may still name the token.
func (p *Poller) Remove(_ Token, fds ...int) {
	for _, fd := range fds {
		_ = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	}
}

// Wait blocks until something can be read, Wake was called, or the time is over; below 0 it
// waits for ever. It returns how many tokens of ready it filled, of 256 at most; a token is
// there once for each of its descriptors. What was not read is ready again at once.
func (p *Poller) Wait(timeout time.Duration, ready []Token) (n int, err error) {
	events := p.events[:min(len(ready)+1, maxReady)]
	got, err := p.wait(events, timeout)
	if err != nil {
		return 0, fmt.Errorf("cannot wait for sockets: %w", err)
	}
	for i := range events[:got] {
		token := *(*uint64)(unsafe.Pointer(&events[i].Fd))
		if token == wakeToken {
			p.calm()
		} else if n < len(ready) {
			ready[n] = Token(token - 1)
			n++
		}
	}
	return n, nil
}

// wait is one call of the system; an interruption counts as nothing ready.
func (p *Poller) wait(events []unix.EpollEvent, timeout time.Duration) (int, error) {
	if !p.coarse && timeout > 0 {
		t := unix.NsecToTimespec(int64(timeout))
		n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.epoll), uintptr(unsafe.Pointer(&events[0])),
			uintptr(len(events)), uintptr(unsafe.Pointer(&t)), 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
			return 0, nil
		case unix.ENOSYS, unix.EPERM: // before Linux 5.11, or a sandbox that does not know it
			p.coarse = true
		default:
			return 0, errno
		}
	}
	n, err := unix.EpollWait(p.epoll, events, milliseconds(timeout))
	if err == unix.EINTR {
		return 0, nil
	}
	return n, err
}

// Wake has the present Wait return, or else the next.
func (p *Poller) Wake() {
	if p.awake.Swap(true) {
		return
	}
	one := [8]byte{1}
	_, _ = unix.Write(p.wake, one[:])
}

// calm takes back a wake-up. The flag goes last: who wakes before that is served by the Wait
// that is about to return, who wakes after it writes anew.
func (p *Poller) calm() {
	var b [8]byte
	_, _ = unix.Read(p.wake, b[:])
	p.awake.Swap(false)
}

// Close ends the poller; nobody may Wait or Wake then.
func (p *Poller) Close() error {
	if p.wake >= 0 {
		_ = unix.Close(p.wake)
	}
	return unix.Close(p.epoll)
}
