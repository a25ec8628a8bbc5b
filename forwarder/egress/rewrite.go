package egress

import (
	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/forwarder/payload"
	"github.com/confd/confd/media"
)

const (
	tickMultiplier, tickDivisor = 9, 100_000 // 90 kHz for nanoseconds
	leastStep                   = 90         // 1 ms: from one picture to the next of another stream
	// mostDrift is how far a source's timestamps may be off the time that passed between its
	// pictures: 5 s. Beyond it they have jumped, and are continued by the time that passed.
	mostDrift = 5 * 90_000
	mostBack  = 90_000 // 1 s: how far a B picture is behind the latest
	pictureID = 1<<15 - 1
)

// rewriter writes the numbers of one egress stream so that they run on whatever the pictures
// come from.
//
// Sequence numbers have no gaps. Timestamps follow the source's while it stays the same, and
// over a switch the time that passed between the arrivals of the pictures; then they rise.
//
// VP8 picture ids have no gaps either: libwebrtc waits for pictures that ids say are missing,
// also where a temporal layer was dropped. VP9's references are differences of picture ids
// (RFC 9628 section 4.2, P_DIFF and the scalability structure), so within a run of one source
// they keep their distances. Ids always leave with 15 bits (see payload.Rewrite), since
// libwebrtc unwraps any id in that range and would take 7 bits behind 15 for old;
// ffmpeg and baresip take either. TL0PICIDX and KEYIDX step by one at a key frame and keep
// the source's distances between them.
type rewriter struct {
	codec    media.VideoCodec
	sequence uint64 // extended number of the next packet

	// of the last picture
	stream    *ingress.Stream
	in        uint32 // timestamp of the source
	timestamp uint32
	inPicture uint16
	inTL0     uint8
	inKey     uint8
	numbers   payload.Numbers

	// of the latest picture in time, which with B pictures is not the last
	latest uint32
	began  int64
	any    bool
}

// number gives a picture that begins to leave its numbers. packet is its first one.
func (r *rewriter) number(p *picture, packet *ingress.Packet) {
	again := r.any && p.stream == r.stream
	p.base = r.sequence
	r.sequence += uint64(p.count)
	p.timestamp = r.stamp(p, packet.Timestamp, again)
	r.identify(p, &packet.Info, again)
	p.numbers = r.numbers
	r.stream, r.any = p.stream, true
}

// stamp continues the timestamps. in is the source's.
func (r *rewriter) stamp(p *picture, in uint32, again bool) uint32 {
	elapsed := (p.began - r.began) / tickDivisor * tickMultiplier
	out := r.timestamp + in - r.in
	ahead := int64(int32(out - r.latest)) // less than 0 for a B picture
	switch {
	case !r.any:
		out = r.latest
	case !again || in == r.in || max(ahead-elapsed, elapsed-ahead) > mostDrift, ahead < -mostBack:
		out = r.latest + uint32(max(elapsed, leastStep))
	}
	r.in, r.timestamp = in, out
	if !r.any || int32(out-r.latest) > 0 {
		r.latest, r.began = out, p.began
	}
	return out
}

// identify continues the picture ids.
func (r *rewriter) identify(p *picture, i *payload.Info, again bool) {
	n := &r.numbers
	if i.HasPictureID {
		step := uint16(1)
		if again && r.codec == media.VP9 {
			step = (i.PictureID - r.inPicture) & (1<<i.PictureIDBits - 1)
		}
		if p.key && (step == 0 || step > 1<<(i.PictureIDBits-1)) {
			step = 1 // a sender that begins anew
		}
		n.PictureID = (n.PictureID + step) & pictureID
		r.inPicture = i.PictureID
	}
	if i.HasTL0 {
		step := uint8(1)
		if again && !p.key {
			step = i.TL0 - r.inTL0
		}
		n.TL0 += step
		r.inTL0 = i.TL0
	}
	if i.HasKeyIndex {
		step := uint8(1)
		if again && !p.key {
			step = i.KeyIndex - r.inKey
		}
		n.KeyIndex = (n.KeyIndex + step) & 31
		r.inKey = i.KeyIndex
	}
}

// forget has the next picture taken for one of another stream.
func (r *rewriter) forget(stream *ingress.Stream) {
	if r.stream == stream {
		r.stream = nil
	}
}
