//go:build linux

package wire

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// Batch is how many packets an Outbox and an Inbox hold.
	Batch = 32
	// BatchDatagram is how long each may be; longer ones that come are cut.
	BatchDatagram = 2048
)

// Peer is the address of another socket as the kernel has it. Equal peers are equal values.
type Peer [unix.SizeofSockaddrInet6]byte

// PeerOf returns the peer at an address. Zones of IPv6 are not looked at.
func PeerOf(a netip.AddrPort) (p Peer) {
	port := [2]byte{byte(a.Port() >> 8), byte(a.Port())}
	if ip := a.Addr().Unmap(); ip.Is4() {
		*(*unix.RawSockaddrInet4)(unsafe.Pointer(&p)) = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: ip.As4(),
			Port: *(*uint16)(unsafe.Pointer(&port))}
	} else {
		*(*unix.RawSockaddrInet6)(unsafe.Pointer(&p)) = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: ip.As16(),
			Port: *(*uint16)(unsafe.Pointer(&port))}
	}
	return p
}

// batch is what sendmmsg and recvmmsg are given.
type batch struct {
	messages [Batch]struct {
		header unix.Msghdr
		length uint32
	}
	vectors [Batch]unix.Iovec
	peers   [Batch]Peer
	data    [Batch][BatchDatagram]byte
}

func (b *batch) init() {
	for i := range b.messages {
		b.vectors[i].Base = &b.data[i][0]
		b.vectors[i].SetLen(BatchDatagram)
		h := &b.messages[i].header
		h.Iov, h.Name, h.Namelen = &b.vectors[i], &b.peers[i][0], unix.SizeofSockaddrInet6
		h.SetIovlen(1)
	}
}

// call has the kernel send or receive messages from to to, and returns how many it did.
func (b *batch) call(trap uintptr, s *Socket, from, to int) int {
	n, _, err := unix.RawSyscall6(trap, uintptr(s.fd), uintptr(unsafe.Pointer(&b.messages[from])), uintptr(to-from),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if err != 0 {
		return 0
	}
	return int(n)
}

// Outbox collects packets that leave one socket, which is not connected, by one system call.
type Outbox struct {
	batch
	n int
}

// NewOutbox returns an empty one.
func NewOutbox() *Outbox {
	o := &Outbox{}
	o.init()
	return o
}

// Len returns how many packets are in it.
func (o *Outbox) Len() int { return o.n }

// Full tells whether it must be sent before more is added.
func (o *Outbox) Full() bool { return o.n == Batch }

// Next is where the next packet may be written, unless the outbox is full.
func (o *Outbox) Next() []byte { return o.data[o.n][:] }

// Add puts the packet of so many bytes that is at Next into the outbox.
func (o *Outbox) Add(length int, to Peer) {
	o.vectors[o.n].SetLen(length)
	o.peers[o.n] = to
	o.n++
}

// Send empties the outbox. The result has bit i set if the kernel took packet i.
func (o *Outbox) Send(s *Socket) (taken uint32) {
	for i := 0; i < o.n; i++ { // behind those that are sent is one that was refused
		for n := o.call(unix.SYS_SENDMMSG, s, i, o.n); n > 0; n-- {
			taken |= 1 << i
			i++
		}
	}
	o.n = 0
	return taken
}

// Inbox takes packets from a socket by one system call.
type Inbox struct {
	batch
	controls [Batch]control
}

// NewInbox returns an empty one.
func NewInbox() *Inbox {
	b := &Inbox{}
	b.init()
	for i := range b.messages {
		b.messages[i].header.Control = &b.controls[i][0]
	}
	return b
}

// Receive reads what has come, at most Batch packets, and returns how many they are.
func (b *Inbox) Receive(s *Socket) int {
	for i := range b.messages {
		b.messages[i].header.SetControllen(len(b.controls[i]))
	}
	return b.call(unix.SYS_RECVMMSG, s, 0, Batch)
}

// Packet returns packet i of those received last, valid until the next Receive, whom it came
// from, and when it arrived, as ReceiveStamped does; the time is 0 unless StampArrivals was
// called before it came.
func (b *Inbox) Packet(i int) (datagram []byte, from Peer, arrival int64) {
	m := &b.messages[i]
	return b.data[i][:m.length], b.peers[i], b.controls[i].arrival(&m.header)
}
