package uring

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ring gathers datagrams until Submit. All its methods belong to the thread that called New, whose
// goroutine is locked to it; the kernel refuses every other.
type Ring struct {
	fd      int
	queues  []byte  // both queues, shared with the kernel
	entries []byte  // of the queue of submissions
	packets []*byte // that were prepared, so that they stay where they are

	taken, prepared uint32 // by the kernel; by us
	tail            *uint32
	mask            uint32

	doneHead, doneTail *uint32
	doneMask           uint32
	done               unsafe.Pointer // queue of completions
}

// New makes a ring for so many datagrams at once, or for the next power of two. The error says
// why there can be none: the kernel is too old, or does not permit it (seccomp, or
// kernel.io_uring_disabled).
func New(size int) (*Ring, error) {
	p := params{flags: setupSubmitAll | setupSingleIssuer | setupDeferTasks}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(size), uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("io_uring cannot be set up, which needs Linux 6.1 and permission: %w", errno)
	}
	r := &Ring{fd: int(fd)}
	if missing := wanted &^ p.features; missing != 0 {
		r.Close()
		return nil, fmt.Errorf("io_uring of this kernel lacks features %#x, which Linux 6.1 has", missing)
	}
	if err := r.share(&p); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// share maps what the kernel made for the ring.
func (r *Ring) share(p *params) (err error) {
	const access, kind = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	size := max(p.sq.array+4*p.sqEntries, p.cq.entries0+completionSize*p.cqEntries)
	if r.queues, err = unix.Mmap(r.fd, 0, int(size), access, kind); err != nil {
		return fmt.Errorf("io_uring: map the queues: %w", err)
	}
	if r.entries, err = unix.Mmap(r.fd, offsetEntries, int(submissionSize*p.sqEntries), access, kind); err != nil {
		return fmt.Errorf("io_uring: map the entries: %w", err)
	}
	r.packets = make([]*byte, p.sqEntries)
	r.tail, r.mask = r.word(p.sq.tail), *r.word(p.sq.mask)
	r.doneHead, r.doneTail, r.doneMask = r.word(p.cq.head), r.word(p.cq.tail), *r.word(p.cq.mask)
	r.done = unsafe.Pointer(&r.queues[p.cq.entries0])
	for i := range p.sqEntries {
		*r.word(p.sq.array + 4*i) = i // entries are used in their order
	}
	return nil
}

func (r *Ring) word(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.queues[offset])) }

// Send prepares a datagram, of a byte at least, to the peer of a connected socket; false if there
// is no room. Until Submit the bytes must not change, nor the descriptor be closed. Failure tells the tag.
func (r *Ring) Send(fd int, b []byte, tag uint64) bool {
	if r.prepared-r.taken == uint32(len(r.packets)) {
		return false
	}
	i := r.prepared & r.mask
	r.packets[i] = unsafe.SliceData(b)
	*(*submission)(unsafe.Pointer(&r.entries[submissionSize*i])) = submission{
		operation: opSend, flags: skipSuccess, fd: int32(fd),
		address: uint64(uintptr(unsafe.Pointer(r.packets[i]))), length: uint32(len(b)),
		message: unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL, tag: tag,
	}
	r.prepared++
	return true
}

// Submit has the kernel send what was prepared, and returns how many datagrams it has taken on, the
// first ones. The others are forgotten. Those that failed are told by Failure.
func (r *Ring) Submit() int {
	n := r.prepared - r.taken
	atomic.StoreUint32(r.tail, r.prepared)
	// Not past the scheduler: a batch takes a fraction of a millisecond, for which nobody who
	// stops all goroutines has to wait.
	took, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(n), 0, 0, 0, 0)
	if errno != 0 {
		took = 0
	}
	r.taken += uint32(took)
	r.prepared = r.taken
	clear(r.packets)
	return int(took)
}

// Failure returns the tag of a datagram that was taken on and could not be sent, and why; false if
// there is no other.
func (r *Ring) Failure() (tag uint64, reason unix.Errno, ok bool) {
	head := *r.doneHead
	if head == atomic.LoadUint32(r.doneTail) {
		return 0, 0, false
	}
	c := (*completion)(unsafe.Add(r.done, completionSize*(head&r.doneMask)))
	tag, reason = c.tag, unix.Errno(-c.result)
	atomic.StoreUint32(r.doneHead, head+1)
	return tag, reason, true
}

// Close gives the ring back; what was prepared is forgotten.
func (r *Ring) Close() {
	for _, m := range [][]byte{r.queues, r.entries} {
		if m != nil {
			_ = unix.Munmap(m)
		}
	}
	_ = unix.Close(r.fd)
}
