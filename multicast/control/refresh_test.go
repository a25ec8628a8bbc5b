package control

import (
	"testing"

	"github.com/pion/rtcp"

	"github.com/confd/confd/media"
)

// Requests for key frames are passed on if they are about the stream; nobody is answered.
func TestKeyFrameRequests(t *testing.T) {
	wishes := 0
	c := testConfig()
	c.KeyFrame = func() { wishes++ }
	s, out := testSession(c)
	s.take(marshal(t, &rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: ourSSRC}), host(1), false, second)
	s.take(marshal(t, &rtcp.FullIntraRequest{SenderSSRC: 1, FIR: []rtcp.FIREntry{{SSRC: 5}, {SSRC: ourSSRC}}}), host(1), true, second)
	if wishes != 2 {
		t.Errorf("%d wishes", wishes)
	}
	s.take(marshal(t, &rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: 5}), host(1), false, second)
	s.take(marshal(t, &rtcp.FullIntraRequest{SenderSSRC: 1, FIR: []rtcp.FIREntry{{SSRC: 5}}}), host(1), false, second)
	s.take(marshal(t, &rtcp.FullIntraRequest{SenderSSRC: 1, MediaSSRC: ourSSRC}), host(1), false, second)
	if wishes != 2 || s.count.foreign.Load() != 3 {
		t.Errorf("%d wishes, %d foreign", wishes, s.count.foreign.Load())
	}
	s.take(marshal(t, &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, Bitrate: 1e6, SSRCs: []uint32{ourSSRC}}), host(1), false, second)
	s.take([]byte{0x81, 206, 0, 1, 0, 0, 0, 1}, host(1), false, second)
	if wishes != 2 || s.count.malformed.Load() != 2 || len(out.answers) != 0 {
		t.Errorf("%d wishes, %d malformed, %d answers", wishes, s.count.malformed.Load(), len(out.answers))
	}
	plain, _ := testSession(testConfig())
	plain.take(marshal(t, &rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: ourSSRC}), host(1), false, second)
	if plain.count.malformed.Load() != 1 {
		t.Error("a group without video knows requests for pictures")
	}
}

// A longer history is fetched whole at a time, and keeps what it is told to.
func TestLongHistory(t *testing.T) {
	c := testConfig()
	c.Kept = 1024
	q := new(backlog)
	c.History = q
	s, _ := testSession(c)
	for i := range uint16(1500) {
		q.send(t, ourSSRC, i)
	}
	s.repairer.history.drain(q, second)
	for sequence, want := range map[uint16]bool{0: false, 475: false, 476: true, 1499: true, 1500: false} {
		if s.repairer.history.find(ourSSRC, sequence) != nil != want {
			t.Errorf("%d is there: %v", sequence, !want)
		}
	}
	for size, want := range map[int]bool{maxPacket: true, maxPacket + 1: false} {
		b := make([]byte, size)
		b[0], b[1] = 0x80, 96
		s.repairer.history.Receive(&media.Packet{SSRC: ourSSRC, Sequence: uint16(size), Payload: b})
		if s.repairer.history.find(ourSSRC, uint16(size)) != nil != want {
			t.Errorf("%d bytes are kept: %v", size, !want)
		}
	}
	for kept, want := range map[int]bool{-1: false, 0: true, maxKept: true, maxKept + 1: false} {
		if c.Kept = kept; c.keptFits() != want {
			t.Errorf("%d packets: %v", kept, !want)
		}
	}
}
