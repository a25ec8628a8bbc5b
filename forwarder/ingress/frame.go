package ingress

import "github.com/confd/confd/forwarder/payload"

// Frame is one whole picture: all packets from First to First+Count-1 are in the ring.
type Frame struct {
	Stream *Stream
	Number uint64 // 1 for the first picture of a Stream, then without gaps: those given up have none
	First  uint64 // extended sequence number of the first packet
	Count  int    // positions in the ring; those of padding among them have no payload
	Bytes  int    // of payload

	Timestamp   uint32
	Began, Done int64 // arrivals of the packet that came first, and last

	// Key: decodable without anything before it. Where Parameters is false, that is with the
	// parameter sets that came earlier: who switches to it is to be sent Stream.Parameters first.
	Key         bool
	Parameters  bool // H.264, H.265: parameter sets are among the packets
	Discardable bool // no other picture needs it
	Sync        bool // from here on its temporal layer can be decoded, if the lower ones can
	Temporal    uint8
	MaxSpatial  uint8 // highest spatial layer in it

	Width, Height uint16 // as the latest key frame told, 0 if none did
	// After: something that this picture needs was given up, or never came. It is not to be
	// sent to anyone.
	After bool
}

// Packet is one packet in the ring.
type Packet struct {
	Payload   []byte // in the ring; empty for padding
	Info      payload.Info
	Timestamp uint32 // its picture's, once that was handed out
	Marker    bool   // of the last packet of a picture, once that was handed out
}

// end returns the extended sequence number behind the last packet.
func (f *Frame) end() uint64 { return f.First + uint64(f.Count) }
