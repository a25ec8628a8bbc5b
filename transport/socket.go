package transport

import (
	"errors"
	"net/netip"

	"github.com/confd/confd/media"
)

// maxPacket is the largest datagram that is read whole; a longer one is dropped and
// counted. An Ethernet frame holds no more, and audio needs far less.
const maxPacket = 1500

// MaxDatagram is the largest datagram that is sent, header, lists and authentication
// tag included.
const MaxDatagram = 1400

// verdict is what became of one system call. The hot path has no use for error values.
type verdict uint8

const (
	ioDone    verdict = iota
	ioEmpty           // nothing to read, or no room to write, now
	ioRefused         // the peer's host answered an earlier packet with "port unreachable"
	ioFailed          // anything else
	ioUncut           // the system does not cut such a run into packets
)

// errPortTaken reports that another program holds a port.
var errPortTaken = errors.New("port is taken")

// message is the result of one read. It is reused.
type message struct {
	data      []byte         // into the scratch buffer
	from      netip.AddrPort // sender, if asked for
	stamp     int64          // CLOCK_REALTIME nanoseconds of reception by the kernel, 0 if unknown
	truncated bool
	head      header       // of data, where that is RTP
	packet    media.Packet // what is handed over
}
