package media

// Packet is one RTP packet of ingress, decrypted and parsed.
type Packet struct {
	Arrival     int64  // monotonic nanoseconds at which the kernel received it
	SSRC        uint32 // RFC 3550 section 5.1
	Timestamp   uint32
	Sequence    uint16
	PayloadType uint8
	Marker      bool
	HasLevel    bool  // the sender wrote a client-to-mixer level (RFC 6464)
	Level       Level // valid if HasLevel
	Voice       bool  // RFC 6464 V bit, valid if HasLevel
	// Payload is valid only until the receiver returns: who keeps it copies it.
	Payload []byte
}

// Receiver takes packets from a Source.
type Receiver interface {
	Receive(p *Packet)
}

// ReceiverFunc lets a function be a Receiver.
type ReceiverFunc func(p *Packet)

// Receive calls f.
func (f ReceiverFunc) Receive(p *Packet) { f(p) }

// Source is what speaks: a phone's leg, the ring behind a shared socket, a prompt, a link
// to another node.
type Source interface {
	// Poll hands to "to" the packets that have arrived by now, oldest first, at most
	// limit of them, and returns how many. It never blocks. Only the owner of the tick
	// calls it, or a thread that helps it: different sources are polled at the same time.
	Poll(now int64, limit int, to Receiver) int
}

// Nearer is a Source or Sink that can be told that it is next.
type Nearer interface {
	// Near has what the next Poll and Send touch brought near to the processor. It changes
	// nothing and does not wait. Only the owner of the tick calls it.
	Near()
}

// PayloadKind tells a sink which of its payload types an outgoing payload goes under.
type PayloadKind uint8

// Kinds of payload.
const (
	Audio        PayloadKind = iota // in the class's format
	ComfortNoise                    // RFC 3389, where the peer negotiated it
)

// Outgoing is one packet's worth of egress: what a class encoded, the same for all its sinks.
type Outgoing struct {
	Time        int64 // media timeline, nanoseconds, of the first sample
	Kind        PayloadKind
	PayloadType uint8  // of the sink that is called
	ClockRate   uint32 // RTP timestamp units per second
	Marker      bool   // first packet after a pause (RFC 3551 section 4.1)
	Data        []byte // valid until Send returns; never modified by a sink
	// Contributors are the sources that this payload mixes, loudest first, at most 15,
	// for the CSRC list; Levels are theirs (RFC 6465), as long as Contributors.
	Contributors []uint32
	Levels       []Level
	Outbox       Outbox // of the thread that sends; nil if it has none
}

// Outbox gathers what sinks that know its kind send, to give it to the kernel in batches. It belongs
// to one thread.
type Outbox interface {
	// Flush has all that was gathered sent. Whoever calls sinks calls it when it is through with
	// them, and before others may touch one of them. It never blocks.
	Flush() Posted
	// Close ends an outbox that was flushed.
	Close()
}

// Posted counts what an outbox gave to the kernel since the Flush before.
type Posted struct {
	Batches int // system calls
	Packets int // in them
	Singly  int // more packets, one by one because a batch was refused
}

// Sink is what hears: a phone's leg, a multicast group, a recorder of the mix.
type Sink interface {
	// Send takes one payload on its way. It never blocks; what cannot be sent is
	// dropped and counted. Only the owner of the tick calls it, or a thread that helps it:
	// one output at a time, but several outputs at the same time.
	Send(o *Outgoing)
}

// Frame is one tick of one input's sound, for taps.
type Frame struct {
	Time       int64   // media timeline, nanoseconds, of the first sample
	SampleRate int     // of Samples
	Samples    []int16 // valid until Frame returns
	Level      Level
	Concealed  bool // made up in place of lost or missing sound
}

// Tap hears one input before the mix, every tick, gaps filled, whether or not it is a
// talker. Its demand forces the decode.
type Tap interface {
	// Frame is called at the tick and never blocks; for several inputs at the same time.
	Frame(f *Frame)
}

// PacketTap sees one input's packets as they arrive; it costs no decode.
type PacketTap interface {
	// Packet is called at the tick and never blocks; p is valid until it returns. For several
	// inputs it is called at the same time.
	Packet(p *Packet)
}
