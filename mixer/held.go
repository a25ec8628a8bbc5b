package mixer

import "github.com/confd/confd/media"

// heldPacket is one that is handed out when the packets of all classes are made.
type heldPacket struct {
	out media.Outgoing
	end int64 // media time at which its sound ends
}

// shares reports a class whose packets are handed out in parts: while the conference is split,
// one with so many outputs that it is worth it.
func (c *Conference) shares(k *class) bool {
	return c.parted && (len(k.outputs) > 2*callChunk || c.engine.forced)
}

// hold keeps a packet, with copies of what it points to.
func (k *class) hold(o *media.Outgoing, end int64) {
	var kept heldPacket
	if n := len(k.free); n > 0 {
		kept, k.free = k.free[n-1], k.free[:n-1]
	}
	data, ids, levels := kept.out.Data[:0], kept.out.Contributors[:0], kept.out.Levels[:0]
	kept = heldPacket{*o, end}
	kept.out.Data = append(data, o.Data...)
	kept.out.Contributors = append(ids, o.Contributors...)
	kept.out.Levels = append(levels, o.Levels...)
	k.held = append(k.held, kept)
}

// release takes the memory of packets back that were handed out.
func (k *class) release() {
	k.free = append(k.free, k.held...)
	clear(k.held)
	k.held = k.held[:0]
}
