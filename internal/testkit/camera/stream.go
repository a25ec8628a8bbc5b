package camera

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

const (
	kept     = 1024                   // packets that can be sent again
	again    = 60 * time.Millisecond  // after which a packet is asked for once more
	patience = 3 * time.Second        // after which it is not any more
	tick     = 20 * time.Millisecond  // of the camera's clock
	interval = 500 * time.Millisecond // of reports
)

// outbound is the stream that is sent.
type outbound struct {
	ssrc     uint32
	stamp    uint32
	packets  [kept][]byte // by the sequence number's lower bits
	repeated uint16       // sequence number of the next packet under RTX
}

// inbound is the stream that comes.
type inbound struct {
	ssrc     uint32
	begun    bool
	next     uint16 // which the screen gets next
	highest  uint16
	cycles   uint32
	waiting  map[uint16][]byte    // behind next
	missing  map[uint16]time.Time // since when
	asked    time.Time
	heard    int // packets since the last report
	fraction int // packets that should have come since then
	report   uint32
	reported time.Time
	told     time.Time
}

// filmed takes a packet of the encoder's.
func (c *Camera) filmed(b []byte) {
	c.mu.Lock()
	if c.closed || len(b) < 12 {
		c.mu.Unlock()
		return
	}
	if c.stats.Pictures == 0 || timestamp(b) != c.out.stamp {
		c.stats.Pictures++
		c.out.stamp = timestamp(b)
	}
	c.out.ssrc = binary.BigEndian.Uint32(b[8:])
	c.out.packets[binary.BigEndian.Uint16(b[2:])%kept] = b
	c.mu.Unlock()
	c.upRTP.Send(b)
}

// repeat sends a packet again, if it is still there. c.mu is held.
func (c *Camera) repeat(n uint16) {
	b := c.out.packets[n%kept]
	if b == nil || binary.BigEndian.Uint16(b[2:]) != n {
		return
	}
	c.stats.Repeated++
	if c.rtx {
		b = c.wrapped(n, b)
	}
	c.upRTP.Send(b)
}

// wrapped is a packet under RTX (RFC 4588), in a stream of its own. The marker stays.
func (c *Camera) wrapped(n uint16, b []byte) []byte {
	head := append([]byte(nil), b[:12]...)
	head[1] = b[1]&0x80 | rtxType
	c.out.repeated++
	binary.BigEndian.PutUint16(head[2:], c.out.repeated)
	binary.BigEndian.PutUint32(head[8:], c.out.ssrc+1)
	return append(binary.BigEndian.AppendUint16(head, n), b[12:]...)
}

// arrive takes what comes before it may be lost. The first packet never is: that it is
// missing, nothing could tell.
func (c *Camera) arrive(b []byte) {
	c.mu.Lock()
	begun := c.in.begun
	c.mu.Unlock()
	if !begun {
		c.receive(b)
		return
	}
	c.downRTP.Send(b)
}

// receive is the far end of the link down.
func (c *Camera) receive(b []byte) {
	p := &rtp.Packet{}
	if err := p.Unmarshal(b); err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.rtx && p.PayloadType == rtxType && c.in.begun:
		if len(p.Payload) < 2 {
			return
		}
		p.SequenceNumber, p.PayloadType, p.SSRC = binary.BigEndian.Uint16(p.Payload), payloadType, c.in.ssrc
		p.Payload = p.Payload[2:]
	case p.PayloadType != payloadType:
		return
	case p.SSRC != c.in.ssrc || !c.in.begun:
		c.stats.Streams++
		c.in.restart(p)
	}
	c.take(p)
}

func (in *inbound) restart(p *rtp.Packet) {
	n := p.SequenceNumber
	in.begun, in.ssrc, in.next, in.highest = true, p.SSRC, n, n-1
	in.waiting, in.missing = map[uint16][]byte{}, map[uint16]time.Time{}
}

// take keeps a packet until the screen may have it. c.mu is held.
func (c *Camera) take(p *rtp.Packet) {
	in, n := &c.in, p.SequenceNumber
	if int16(n-in.next) < 0 || in.waiting[n] != nil {
		return // once more
	}
	if _, ok := in.missing[n]; ok {
		delete(in.missing, n)
		c.stats.Repaired++
	} else {
		in.heard++
	}
	for ; int16(n-in.highest) > 0; in.highest++ {
		if in.highest == 0xffff {
			in.cycles++
		}
		if in.fraction++; in.highest+1 != n {
			in.missing[in.highest+1] = time.Now()
			in.asked = time.Time{} // at once
		}
	}
	in.waiting[n], _ = p.Marshal()
	c.show()
	c.ask()
}

// show hands the screen what has its turn. c.mu is held.
func (c *Camera) show() {
	for in := &c.in; in.next != in.highest+1; in.next++ {
		if _, awaited := in.missing[in.next]; awaited {
			return
		}
		if b := in.waiting[in.next]; b != nil {
			delete(in.waiting, in.next)
			c.screen.put(b)
		} // else it was given up
	}
}

// ask asks for what is missing, now and then. c.mu is held.
func (c *Camera) ask() {
	in, now := &c.in, time.Now()
	if len(in.missing) == 0 || now.Sub(in.asked) < again {
		return
	}
	in.asked = now
	var lost []uint16
	for n, since := range in.missing {
		if now.Sub(since) > patience {
			delete(in.missing, n)
			c.stats.Lost++
			continue
		}
		lost = append(lost, n)
	}
	c.show()
	slices.SortFunc(lost, func(a, b uint16) int { return int(int16(a - b)) })
	if len(lost) > 0 {
		c.tell(&rtcp.TransportLayerNack{SenderSSRC: c.out.ssrc, MediaSSRC: in.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(lost)})
	}
}

// keep asks again and reports, until the camera is closed.
func (c *Camera) keep() {
	defer c.running.Done()
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-c.done:
			return
		case now := <-t.C:
			c.mu.Lock()
			c.ask()
			if c.in.begun && now.Sub(c.in.told) >= interval {
				c.in.told = now
				c.tell(c.in.block(c.out.ssrc))
			}
			c.mu.Unlock()
		}
	}
}

// block is a receiver report on what came since the last.
func (in *inbound) block(from uint32) *rtcp.ReceiverReport {
	b := rtcp.ReceptionReport{SSRC: in.ssrc, LastSequenceNumber: in.cycles<<16 | uint32(in.highest), LastSenderReport: in.report}
	if in.report != 0 {
		b.Delay = uint32(time.Since(in.reported) * 65536 / time.Second)
	}
	if lost := in.fraction - in.heard; lost > 0 {
		b.FractionLost = uint8(min(255, lost*256/in.fraction))
	}
	in.heard, in.fraction = 0, 0
	return &rtcp.ReceiverReport{SSRC: from, Reports: []rtcp.ReceptionReport{b}}
}

// tell sends RTCP. c.mu is held.
func (c *Camera) tell(p rtcp.Packet) {
	packets := []rtcp.Packet{p}
	if _, report := p.(*rtcp.ReceiverReport); !report {
		packets = []rtcp.Packet{&rtcp.ReceiverReport{SSRC: c.out.ssrc}, p}
	}
	if b, err := rtcp.Marshal(packets); err == nil {
		c.upRTCP.Send(b)
	}
}
