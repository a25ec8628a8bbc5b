package forwarder

import (
	"testing"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/transport"
)

// canned has a phone send the same pictures again and again, with new numbers, without
// allocating.
type canned struct {
	*phone
	packets []transport.VideoPacket
	one     transport.VideoPacket
	next    int
	base    uint16
	stamp   uint32
	due     int // packets
}

func (p *canned) Poll(now int64, limit int, to transport.VideoReceiver) (n int) {
	for ; n < limit && p.due > 0; n++ {
		p.due--
		one := &p.one
		*one = p.packets[p.next]
		one.Sequence += p.base
		one.Timestamp += p.stamp
		one.Arrival = now
		if p.next++; p.next == len(p.packets) {
			p.next = 0
			p.base += uint16(len(p.packets))
			p.stamp += 50 * 3600
		}
		to.Video(one)
	}
	return n
}

// In steady state a turn allocates nothing, with 20 who look, reports, retransmissions and
// requests for key frames.
func TestTurnAllocatesNothing(t *testing.T) {
	b := newBed(t, Config{})
	source := &canned{phone: b.phone(both(), pictures.Config{})}
	source.line = NewLine(source, both())
	if err := b.conf.Add(source.line); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		for _, p := range source.cam.Next(false) {
			source.packets = append(source.packets, transport.VideoPacket{SSRC: 1, Sequence: p.Sequence, Timestamp: p.Timestamp, Marker: p.Marker, Payload: p.Payload})
		}
	}
	source.phone.stop()
	var all []*phone
	for range 20 {
		p := b.viewer()
		p.mute = true
		b.conf.Show(p.line, source.line)
		all = append(all, p)
	}
	lost := nack(t, 1, 2, 3)
	token := []transport.Token{0}
	turn := func() {
		b.now += 10 * ms
		source.due = 3
		token[0] = transport.Token(source.line.token)
		b.worker.turn(b.now, token)
		all[0].line.in.Feedback(&lost)
		b.worker.turn(b.now, nil)
	}
	for range 2000 {
		turn()
	}
	frames := b.engine.Stats().Frames
	if n := testing.AllocsPerRun(2000, turn); n != 0 {
		t.Errorf("%v allocations in a turn, want none", n)
	}
	if got := b.engine.Stats().Frames - frames; got < 1900 {
		t.Errorf("only %d pictures were handed out", got)
	}
	for _, p := range all {
		if s := p.line.Stats().Egress.Subscription; s.Pictures < frames {
			t.Errorf("one was sent %d pictures of %d", s.Pictures, frames)
		}
	}
}
