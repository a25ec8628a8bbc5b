package forwarder

import "github.com/confd/confd/transport"

// Port is what a line needs of its m= line: a *transport.VideoLeg is one. All methods are
// called by the worker of the line's conference alone, never block and allocate nothing. now is
// clock.Now's. Encodings are the simulcast streams of the peer, from 0.
type Port interface {
	// Poll hands what has arrived to the line, at most limit datagrams, which may be 0, and
	// sends the reports that are due. It returns how many datagrams it read. It is called
	// when there is something to read, and every 50 ms, or 200 ms while nothing comes.
	Poll(now int64, limit int, to transport.VideoReceiver) int
	// SendVideo sends packets of one picture and returns how many the system took.
	SendVideo(now int64, out []transport.VideoOut) int
	// RequestKeyFrame asks the peer for a key frame by PLI or FIR; false if it takes neither.
	RequestKeyFrame(now int64, encoding uint8) bool
	// NACK asks the peer for lost packets; false if it takes none.
	NACK(now int64, encoding uint8, lost []uint16) bool
	// LimitBitrate asks the peer to send at most so much, bits per second, until it is
	// called again; 0 asks for nothing any more. False if the peer takes no such wish.
	LimitBitrate(now int64, bitsPerSecond uint64) bool
	// Descriptors are what becomes readable when there is something to poll. They stay the same
	// while the line is in a conference, but for the "do" of Configure. Who has none is polled
	// every 50 ms.
	Descriptors() []int
}
