package stream

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/multicast/socket"
	"github.com/confd/confd/transport"
)

// MaxPicturePacket is the most bytes of plain RTP that a stream of pictures sends in one
// datagram. What cameras make is forwarded as it came, and may be longer than the 1,400 of the
// group's sound; with SRTP, a retransmission's header and IPv6 this is what still fits into 1,500.
const MaxPicturePacket = 1500 - 48 - 14 - 2

// noLists is what a header without contributors names.
var noLists media.Outgoing

// largePacket is from where a packet is counted as one that tunnels may have to break up.
const largePacket = transport.MaxDatagram

// PicturesConfig says what a stream of pictures is like.
type PicturesConfig struct {
	Socket      Sender
	PayloadType uint8
	Key         *groupkey.Key // nil for plain RTP
	History     int           // packets kept for whoever repairs, 0 to 65536; 0 = none
	// Interval is how often a key frame is asked for while pictures go out, so that who joins
	// sees one: 1 s or more.
	Interval time.Duration
}

// wishPause is how long listeners' wishes for key frames wait for one another: a group of
// thousands gets one for all of them.
const wishPause = 2 * time.Second

// Pictures is the stream of a group's video. One worker calls SendVideo, Poll and, as the last
// of them, Close; the other methods are for any goroutine. The numbers of its packets are its
// own: contiguous under each SSRC, whatever those are that it is given.
type Pictures struct {
	course
	cfg    PicturesConfig
	ring   *transport.Ring // nil without history
	clock  moment
	asked  int64 // when a key frame was asked for last
	sent   bool  // something since then
	wished atomic.Bool

	packet   media.Packet // for the ring
	feedback transport.Feedback
	plain    [MaxPicturePacket]byte
	sealed   [MaxPicturePacket + 64]byte
	count    pictureCounters
}

// NewPictures makes a stream under an SSRC and a sequence number of its own.
func NewPictures(c PicturesConfig) (*Pictures, error) {
	switch {
	case c.Socket == nil:
		return nil, errors.New("pictures to a group without a socket")
	case c.PayloadType > 127:
		return nil, fmt.Errorf("payload type %d: want 0 to 127", c.PayloadType)
	case c.History < 0:
		return nil, fmt.Errorf("history of %d packets: want 0 to 65536", c.History)
	case c.Interval < time.Second:
		return nil, fmt.Errorf("a key frame each %v: want 1 s or more", c.Interval)
	}
	p := &Pictures{cfg: c}
	err := p.begin(c.Key, media.VideoRate)
	if err == nil && c.History > 0 {
		p.ring, err = transport.NewRing(c.History, MaxPicturePacket)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// History returns the packets that were sent, as Stream.History does.
func (p *Pictures) History() *transport.Ring { return p.ring }

// Close closes the socket, once, after the last SendVideo.
func (p *Pictures) Close() { p.cfg.Socket.Close() }

// SendVideo sends packets of pictures and returns how many are done with: those behind them
// found the socket full and may be offered again. It allocates nothing.
func (p *Pictures) SendVideo(now int64, out []transport.VideoOut) int {
	for i := range out {
		if !p.send(now, &out[i]) {
			return i
		}
	}
	return len(out)
}

// send returns false if the packet is to be offered again.
func (p *Pictures) send(now int64, o *transport.VideoOut) bool {
	switch n := headerSize + len(o.Head) + len(o.Body); {
	case o.Repair: // the group's listeners are repaired from the history
		p.count.repairs.Add(1)
		return true
	case n > MaxPicturePacket:
		p.count.oversize.Add(1)
		return true
	case n > largePacket:
		p.count.large.Add(1)
	}
	p.turn()
	h := transport.Heading{Sequence: uint16(p.self.sequence), Timestamp: o.Timestamp, SSRC: p.self.ssrc,
		PayloadType: p.cfg.PayloadType, Marker: o.Marker}
	b := append(append(transport.Lists{}.Append(p.plain[:0], h, &noLists, 0), o.Head...), o.Body...)
	if v := p.transmit(b); v == socket.Busy {
		p.count.busy.Add(1)
		return false
	} else if v != socket.Sent {
		p.count.lost(v)
	} else {
		p.tally(&h, len(b)-headerSize, now)
	}
	p.keep(&h, b) // also what was lost here: it may be asked for
	p.self.sequence++
	return true
}

func (p *Pictures) transmit(b []byte) socket.Verdict {
	if b = p.self.seal.RTP(p.sealed[:0], b); b == nil {
		return socket.Failed
	}
	return p.cfg.Socket.Send(b)
}

// tally counts a packet that has left, for statistics and for sender reports.
func (p *Pictures) tally(h *transport.Heading, payload int, now int64) {
	p.sent = true
	p.count.packets.Add(1)
	p.count.octets.Add(uint64(payload))
	if h.Marker {
		p.count.pictures.Add(1)
	}
	p.self.packets++
	p.self.octets += uint32(payload)
	p.report.write(&p.self, h.Timestamp, p.clock.of(h.Timestamp, now))
}

func (p *Pictures) keep(h *transport.Heading, b []byte) {
	if p.ring == nil {
		return
	}
	p.packet = media.Packet{SSRC: h.SSRC, Timestamp: h.Timestamp, Sequence: h.Sequence,
		PayloadType: h.PayloadType, Marker: h.Marker, Payload: b}
	p.ring.Push(&p.packet)
}

// WishKeyFrame notes that a listener needs a key frame. Any goroutine may call it, as often as
// it likes.
func (p *Pictures) WishKeyFrame() {
	p.count.wishes.Add(1)
	p.wished.Store(true)
}

// Poll asks for a key frame when one is due: for newcomers, each interval in which something
// was sent, or because listeners wish for one. It reads nothing.
func (p *Pictures) Poll(now int64, _ int, to transport.VideoReceiver) int {
	since := now - p.asked
	switch {
	case p.asked == 0 && p.sent: // the pictures begin with one
		p.asked = now
	case p.sent && since >= int64(p.cfg.Interval), p.asked != 0 && since >= int64(wishPause) && p.wished.Load():
		p.wished.Store(false)
		p.asked, p.sent = now, false
		p.count.asked.Add(1)
		p.feedback = transport.Feedback{Kind: transport.FeedbackPLI, Arrival: now}
		to.Feedback(&p.feedback)
	}
	return 0
}

// moment follows when a timestamp was the present: at the first packet of its picture, less
// what pacing and the network of the camera delayed it more than others, so that sender
// reports are about one clock and lips keep to it.
type moment struct {
	stamp uint32
	at    int64 // 0 before the first
}

// jump is from where timestamps have another origin: somebody else is shown.
const jump = int64(500 * time.Millisecond)

// of returns it for a picture of which a packet goes out now.
func (m *moment) of(stamp uint32, now int64) int64 {
	if m.at != 0 && stamp == m.stamp {
		return m.at
	}
	due := m.at + int64(int32(stamp-m.stamp))*int64(time.Second)/media.VideoRate
	m.stamp = stamp
	if late := now - due; m.at == 0 || late <= 0 || late > jump {
		m.at = now
	} else {
		m.at = due + late/256 // clocks drift
	}
	return m.at
}

// PictureStats are the counters of a stream of pictures since it began.
type PictureStats struct {
	SSRC        uint32 // at present
	Packets     uint64 // sent
	Octets      uint64 // of their payloads
	Pictures    uint64 // whose last packet was sent
	Failed      uint64 // packets not sent: the system refused them, or the key is used up
	Unreachable uint64 // not sent: the interface was down, or its address gone
	Busy        uint64 // times that the socket had no room, and packets waited
	Oversize    uint64 // not sent: longer than MaxPicturePacket
	Large       uint64 // longer than the 1,400 bytes that the group's sound keeps to
	Repairs     uint64 // not sent: repetitions that nobody asked for
	Forgotten   uint64 // packets that the history had no room for
	Sources     uint64 // changes of SSRC
	Wishes      uint64 // of listeners for a key frame
	Asked       uint64 // key frames that were asked for, whether listeners wished for one or not
}

type pictureCounters struct {
	packets, octets, pictures, failed, refused, busy, oversize, large, repairs, wishes, asked atomic.Uint64
}

func (c *pictureCounters) lost(v socket.Verdict) {
	if v == socket.Refused {
		c.refused.Add(1)
	} else {
		c.failed.Add(1)
	}
}

// Stats returns the counters.
func (p *Pictures) Stats() PictureStats {
	c := &p.count
	s := PictureStats{SSRC: p.report.ssrc.Load(), Packets: c.packets.Load(), Octets: c.octets.Load(), Pictures: c.pictures.Load(),
		Failed: c.failed.Load(), Unreachable: c.refused.Load(), Busy: c.busy.Load(), Oversize: c.oversize.Load(), Large: c.large.Load(),
		Repairs: c.repairs.Load(), Sources: p.sources.Load(), Wishes: c.wishes.Load(), Asked: c.asked.Load()}
	if p.ring != nil {
		s.Forgotten = p.ring.Dropped()
	}
	return s
}
