package stream

import (
	"github.com/confd/confd/transport"
	"github.com/confd/confd/transport/repair"
)

// maxRedundancy is how many payloads a packet carries again.
const maxRedundancy = 2

// past are the payloads that went out last, to be sent once or twice more (RFC 2198).
type past struct {
	generations int   // 0 to maxRedundancy
	kind        uint8 // payload type of redundant packets
	held        int
	sent        [maxRedundancy]generation // the newest first
	blocks      [maxRedundancy + 1]repair.Block
}

type generation struct {
	stamp  uint32
	kind   uint8
	length int
	data   [repair.MaxBlock]byte
}

// overhead returns how many bytes a packet gets longer without any redundancy.
func (p *past) overhead() int {
	if p.generations == 0 {
		return 0
	}
	return repair.Overhead(1)
}

// forget is for a pause: what was said before it is of no use after it.
func (p *past) forget() { p.held = 0 }

// wrap writes packet b, whose payload begins at head, as a redundant one into dst, of at
// most limit bytes. Payloads that do not fit, or are too old, are left out, the oldest first; it
// returns how many.
func (p *past) wrap(dst, b []byte, head int, h *transport.Heading, limit int) (out []byte, left int) {
	data := b[head:]
	n := p.fit(h.Timestamp, limit-len(b)-repair.Overhead(1))
	left = p.held - n
	for i := range n {
		g := &p.sent[n-1-i]
		p.blocks[i] = repair.Block{Payload: g.data[:g.length], Offset: h.Timestamp - g.stamp, PayloadType: g.kind}
	}
	p.blocks[n] = repair.Block{Payload: data, PayloadType: h.PayloadType}
	out = append(dst, b[:head]...)
	out[1] = out[1]&0x80 | p.kind
	out, ok := repair.AppendRedundant(out, p.blocks[:n+1])
	if !ok {
		return b, left // does not happen; the packet goes out as it is
	}
	p.remember(h, data)
	return out, left
}

// fit returns how many of the payloads can go into room bytes of a packet of this timestamp.
func (p *past) fit(stamp uint32, room int) int {
	for n := range p.held {
		g := &p.sent[n]
		room -= repair.Overhead(2) - repair.Overhead(1) + g.length
		if offset := stamp - g.stamp; room < 0 || offset > repair.MaxOffset {
			return n
		}
	}
	return p.held
}

// remember takes a payload in. One that is too long to be repeated ends what can be.
func (p *past) remember(h *transport.Heading, data []byte) {
	if len(data) > repair.MaxBlock {
		p.forget()
		return
	}
	p.held = min(p.held+1, p.generations)
	for i := p.held - 1; i > 0; i-- {
		p.sent[i] = p.sent[i-1]
	}
	g := &p.sent[0]
	g.stamp, g.kind, g.length = h.Timestamp, h.PayloadType, copy(g.data[:], data)
}
