package ingress

import (
	"github.com/confd/confd/forwarder/payload"
)

// intact is a temporal layer above all that there are.
const intact = 255

// damage tells what of a stream can still be decoded after something was given up. The zero
// value is a stream that nothing came of yet: a key frame has to come first.
type damage struct {
	broken uint8 // temporal layers from this one on cannot be decoded
	since  int64 // when broken was last lowered

	harm   uint8 // lowest layer of what was dropped since the last picture that was whole
	hole   bool  // packets are missing before the next one
	unsure bool  // whole pictures may be missing

	last identity // of the packet before
	tl0  uint8    // of the last picture that was whole
	base bool     // tl0 is valid
}

// identity tells two pictures apart.
type identity struct {
	valid     bool
	timestamp uint32
	id, mask  uint16 // mask 0: no picture id
}

// lost tells whether only a key frame helps.
func (d *damage) lost() bool { return d.broken == 0 || d.harm == 0 }

// gap notes that packets are missing.
func (d *damage) gap() { d.hole = true }

// drop notes that packets of a picture of a temporal layer were dropped.
func (d *damage) drop(temporal uint8, discardable bool) {
	if !discardable {
		d.harm = min(d.harm, temporal)
	}
}

// follow notes a packet that is there. Behind a hole it may show that no whole picture is
// missing: it is of the same one as the packet before the hole, or of the very next.
func (d *damage) follow(p *slot) {
	now := identity{valid: !p.bad, timestamp: p.Timestamp}
	if p.Info.HasPictureID {
		now.id, now.mask = p.Info.PictureID, 1<<p.Info.PictureIDBits-1
	}
	if d.hole && !d.last.next(&now) {
		d.unsure = true
	}
	d.hole, d.last = false, now
}

func (a *identity) next(b *identity) bool {
	if !a.valid || !b.valid {
		return false
	}
	return a.timestamp == b.timestamp || a.mask != 0 && a.mask == b.mask && (b.id-a.id)&a.mask == 1
}

// settle takes a whole picture, whose first packet says info, and tells whether something
// that it needs is missing.
func (d *damage) settle(f *Frame, info *payload.Info) (after bool) {
	harm := d.harm
	if d.unsure {
		harm = min(harm, d.doubt(f, info))
	}
	if harm < d.broken {
		d.broken, d.since = harm, f.Done
	}
	d.harm, d.unsure = intact, false
	d.base, d.tl0 = info.HasTL0, info.TL0
	switch {
	case f.Key:
		d.broken = intact
	case f.Temporal < d.broken:
	case f.Sync && d.broken > 0 && f.Temporal == d.broken: // one above may need what is between: VP9 U, H.265 TSA
		if !f.Discardable {
			d.broken++
		}
	default:
		return true
	}
	return false
}

// doubt returns the lowest layer that may be missing where it is not known which pictures
// are: not the base layer, if its running number (TL0PICIDX) shows that none of it is.
func (d *damage) doubt(f *Frame, info *payload.Info) uint8 {
	step := info.TL0 - d.tl0
	if d.base && info.HasTL0 && (step == 0 && f.Temporal > 0 || step == 1 && f.Temporal == 0) {
		return 1
	}
	return 0
}

// mendTime is how long a higher temporal layer is left broken before a key frame is worth it:
// most encoders soon send a picture from which the layer can be decoded again.
const mendTime = second

// WantsKey tells whether only a key frame makes the stream decodable, all of its layers: at
// the beginning, and after something was given up. The caller asks for it, if anyone watches.
func (s *Stream) WantsKey(now int64) bool {
	d := &s.damage
	return d.lost() || d.broken != intact && now-d.since >= mendTime
}

// turn is where decoding can begin anew: the first packet of the latest picture that is key, or
// that has parameter sets.
type turn struct {
	at        uint64
	timestamp uint32
}

// note takes a packet that was stored.
func (t *turn) note(p *slot) {
	switch {
	case !p.Info.Parameters && !(p.Info.Key && p.Info.Begin):
	case t.at > 0 && p.Timestamp == t.timestamp:
		t.at = min(t.at, p.ext)
	case p.ext > t.at:
		t.at, t.timestamp = p.ext, p.Timestamp
	}
}
