package mixer

import "github.com/confd/confd/media"

// heldPacket is one that is handed out when the packets of all classes are made.
type heldPacket struct {
	out media.Outgoing
	end int64  // media time at which its sound ends
	buf []byte // that its payload may be in
}

// shares reports a class whose packets are handed out in parts: while the conference is split,
// one with so many outputs that it is worth it.
func (c *Conference) shares(k *class) bool {
	return c.parted && (len(k.outputs) > 2*callChunk || c.engine.forced)
}

// hold keeps a packet. The next of the same tick is made in other memory.
func (k *class) hold(o *media.Outgoing, end int64) {
	k.held = append(k.held, heldPacket{*o, end, k.payload})
	n := len(k.free)
	if n == 0 {
		k.payload = make([]byte, 0, maxPayload)
		return
	}
	k.payload, k.free = k.free[n-1], k.free[:n-1]
}

// release takes the memory of packets back that were handed out.
func (k *class) release() {
	for i := range k.held {
		k.free = append(k.free, k.held[i].buf)
		k.held[i] = heldPacket{}
	}
	k.held = k.held[:0]
}
