package uring

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// open makes a ring for the test's thread.
func open(t testing.TB, size int) *Ring {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	r, err := New(size)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// udp opens a socket on loopback.
func udp(t testing.TB) (fd int, at unix.Sockaddr) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err == nil {
		at, err = unix.Getsockname(fd)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd, at
}

// pair returns a socket, connected to the other.
func pair(t testing.TB) (near, far int) {
	t.Helper()
	near, _ = udp(t)
	far, at := udp(t)
	if err := unix.Connect(near, at); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// read returns the datagram that a socket has, or nil.
func read(t testing.TB, fd int) []byte {
	t.Helper()
	b := make([]byte, 2048)
	n, err := unix.Read(fd, b)
	if err == unix.EAGAIN {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// failures returns all that are told, by tag.
func failures(r *Ring) map[uint64]unix.Errno {
	all := map[uint64]unix.Errno{}
	for {
		tag, reason, ok := r.Failure()
		if !ok {
			return all
		}
		all[tag] = reason
	}
}

// One call sends for many sockets, batch after batch, and tells nothing.
func TestBatchesReachTheirPeers(t *testing.T) {
	r := open(t, 8)
	var near, far [8]int
	for i := range near {
		near[i], far[i] = pair(t)
	}
	for round := range 5 { // past the end of the queue
		for i, fd := range near[:8-round] {
			if !r.Send(fd, fmt.Appendf(nil, "%d of round %d", i, round), uint64(i)) {
				t.Fatalf("no room for datagram %d of 8", i)
			}
		}
		if n := r.Submit(); n != 8-round {
			t.Fatalf("round %d: %d were taken, want %d", round, n, 8-round)
		}
		for i, fd := range far[:8-round] {
			if got, want := string(read(t, fd)), fmt.Sprintf("%d of round %d", i, round); got != want {
				t.Errorf("%q came, want %q", got, want)
			}
		}
		if f := failures(r); len(f) > 0 {
			t.Errorf("failures %v", f)
		}
	}
}

func TestNoMoreThanThereIsRoom(t *testing.T) {
	r := open(t, 4)
	near, far := pair(t)
	for i := range 4 {
		if !r.Send(near, []byte{byte(i)}, 0) {
			t.Fatalf("no room for datagram %d of 4", i)
		}
	}
	if r.Send(near, []byte{9}, 0) {
		t.Error("there was room for 5 of 4")
	}
	if n := r.Submit(); n != 4 {
		t.Errorf("%d were taken, want 4", n)
	}
	for i := range 4 {
		if got := read(t, far); !bytes.Equal(got, []byte{byte(i)}) {
			t.Errorf("%v came, want %d", got, i)
		}
	}
	if !r.Send(near, []byte{9}, 0) {
		t.Error("no room in an empty ring")
	}
}

// Whatever fails is told under its tag, and those behind it are sent all the same.
func TestFailuresAreTold(t *testing.T) {
	r := open(t, 8)
	good, far := pair(t)
	const closed = 1 << 20 // more than are open at any time
	refused, peer := pair(t)
	_ = unix.Close(peer)
	_, _ = unix.Write(refused, []byte{1}) // what comes back is told with the next
	full, reader := crowded(t)
	lonely, _ := udp(t)
	want := map[uint64]unix.Errno{
		10: unix.EBADF, 11: unix.ECONNREFUSED, 12: unix.EAGAIN, 13: unix.EDESTADDRREQ, 14: unix.EMSGSIZE,
	}
	for i, fd := range []int{closed, refused, full, lonely} {
		r.Send(fd, []byte{1}, uint64(10+i))
	}
	r.Send(good, make([]byte, 70_000), 14)
	r.Send(good, []byte("through"), 15)
	if n := r.Submit(); n != 6 {
		t.Errorf("%d were taken, want 6", n)
	}
	if got := failures(r); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("failures %v, want %v", got, want)
	}
	if got := read(t, far); string(got) != "through" {
		t.Errorf("%q came", got)
	}
	// What found no room was given up: it does not come when there is some.
	for b := read(t, reader); b != nil; b = read(t, reader) {
		if b[0] == 1 {
			t.Error("a datagram that had failed was sent later")
		}
	}
}

// crowded returns a socket whose peer takes no more.
func crowded(t *testing.T) (fd, peer int) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = unix.Close(p[0]), unix.Close(p[1]) })
	for err = nil; err == nil; {
		_, err = unix.Write(p[0], []byte{0})
	}
	if err != unix.EAGAIN {
		t.Fatal(err)
	}
	return p[0], p[1]
}

// A descriptor that was closed and given to another socket is the other's.
func TestDescriptorsMayBeReused(t *testing.T) {
	r := open(t, 4)
	for round := range 3 {
		near, far := pair(t)
		r.Send(near, []byte{byte(round)}, 0)
		if n := r.Submit(); n != 1 {
			t.Fatalf("%d were taken", n)
		}
		other, at := udp(t)
		if err := unix.Dup3(other, near, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		third, _ := udp(t)
		if err := errors.Join(unix.Connect(other, at), unix.Connect(third, at)); err != nil {
			t.Fatal(err)
		}
		r.Send(near, []byte("other"), 0)
		r.Submit()
		if a, b := read(t, far), read(t, other); !bytes.Equal(a, []byte{byte(round)}) || string(b) != "other" {
			t.Errorf("%q and %q came", a, b)
		}
	}
}

// A call that fails takes nothing, and what it did not take is forgotten. The kernel refuses
// every thread but the ring's own.
func TestCallThatFails(t *testing.T) {
	r := open(t, 4)
	near, far := pair(t)
	for round := range 6 {
		r.Send(near, []byte("lost"), 0)
		took := make(chan int)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			took <- r.Submit()
		}()
		if n := <-took; n != 0 {
			t.Fatalf("another thread submitted %d", n)
		}
		r.Send(near, []byte{byte(round)}, 0)
		if n := r.Submit(); n != 1 {
			t.Errorf("%d were taken, want 1", n)
		}
		if got := read(t, far); !bytes.Equal(got, []byte{byte(round)}) {
			t.Errorf("%q came, want %d", got, round)
		}
		if got := read(t, far); got != nil {
			t.Errorf("%q came, too", got)
		}
	}
}

func TestWithoutAllocations(t *testing.T) {
	r := open(t, 4)
	near, far := pair(t)
	_ = unix.Close(far)
	b := make([]byte, 172)
	if n := testing.AllocsPerRun(100, func() {
		for i := range uint64(4) {
			r.Send(near, b, i)
		}
		r.Submit()
		for _, _, more := r.Failure(); more; _, _, more = r.Failure() {
		}
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

func TestNoRing(t *testing.T) {
	if r, err := New(0); err == nil {
		r.Close()
		t.Error("a ring without room")
	}
}
