package forwarder

import (
	"github.com/confd/confd/forwarder/bandwidth"
	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/transport"
)

// silence is how long a source that sends nothing counts as one, ns.
const silence = 2 * second

// intake is what a line's peer sends. Its streams belong to the conference's worker: they are
// made when the line is added, and let go when it leaves.
type intake struct {
	line     *Line
	streams  []*ingress.Stream // one for each encoding; none while nothing may come
	asks     []asker           // of the streams
	frames   []bucket
	epoch    int // how often the streams were made
	ssrcs    [MaxEncodings]uint32
	watchers []*Line // who is shown it, or is about to be

	packets, bytes bucket
	effort         bucket // of polling

	live          bool
	width, height uint16
	heard         int64 // arrival of the latest packet that was taken
	hidden        int64 // until when it is shown to nobody, since it sends too many pictures
	asked         int64 // for a key frame, last
	lost          []uint16
	limit         bandwidth.Limit
	thought       int64 // when that was thought over last
	takes         []uint64
	rate          rate
	past          ingress.Stats // of streams that are gone
	count         ingressCounts
}

// open begins to take what comes.
func (in *intake) open() {
	l, c := in.line, &in.line.conf.engine.cfg
	in.packets, in.bytes = newBucket(c.Packets), newBucket(c.Bytes)
	in.effort = newBucket(effortRate * c.Packets)
	in.hidden = 0
	if l.cfg.Receive {
		in.make()
	}
}

// make makes the streams.
func (in *intake) make() {
	l := in.line
	in.epoch++
	for range l.cfg.Encodings {
		s, err := ingress.New(ingress.Config{Codec: l.cfg.Format.Codec, NACK: l.cfg.NACK})
		if err != nil {
			return // of a format that there is not: nothing may come
		}
		s.SetRoundTrip(l.roundTrip)
		in.streams = append(in.streams, s)
		in.asks = append(in.asks, asker{})
		in.frames = append(in.frames, newBucket(l.conf.engine.cfg.Frames))
	}
}

// drop lets the streams go: nobody refers to their rings any more.
func (in *intake) drop() {
	for _, other := range in.line.conf.lines {
		other.out.forget(in)
	}
	in.keep()
	in.streams, in.asks, in.frames = nil, nil, nil
	in.ssrcs = [MaxEncodings]uint32{}
	in.heard = 0
	in.live, in.width, in.height = false, 0, 0
}

// close ends it: who is shown it is shown nothing from now on.
func (in *intake) close() {
	in.drop()
	for _, other := range in.line.conf.lines {
		if other.out.source == in.line {
			other.out.show(nil)
		}
	}
	in.watchers = nil
}

// reconfigure goes over to the line's new configuration.
func (in *intake) reconfigure(old *LineConfig) {
	c := &in.line.cfg
	if c.Receive != old.Receive || c.Format != old.Format || c.Encodings != old.Encodings || c.NACK != old.NACK {
		in.stop()
		in.drop()
		if c.Receive {
			in.make()
		}
	}
	if c.Muted {
		in.stop()
	}
	in.aimAll()
}

// aimAll has all who are to see the source see it, or not, as things are now.
func (in *intake) aimAll() {
	for _, other := range in.line.conf.lines {
		if other.out.source == in.line {
			other.out.aim()
		}
	}
}

// visible tells whether the source may be shown.
func (in *intake) visible() bool {
	return len(in.streams) > 0 && !in.line.cfg.Muted && in.hidden == 0
}

// Video takes a packet of the peer.
func (in *intake) Video(p *transport.VideoPacket) {
	in.count.Packets++
	in.count.Bytes += uint64(len(p.Payload))
	switch {
	case int(p.Encoding) >= len(in.streams) || in.line.cfg.Muted:
		in.count.Unwanted++
	case !in.packets.take(in.line.worker.now, 1) || !in.bytes.take(in.line.worker.now, len(p.Payload)):
		in.count.Excess++
	default:
		in.put(p)
	}
}

// put hands a packet to its stream, which begins anew where the sender has.
func (in *intake) put(p *transport.VideoPacket) {
	s := in.streams[p.Encoding]
	if ssrc := &in.ssrcs[p.Encoding]; *ssrc != p.SSRC {
		if in.count.SourceChanges++; *ssrc != 0 {
			s.Reset()
		}
		*ssrc = p.SSRC
	}
	in.heard, in.line.worker.heard = in.line.worker.now, in.line.worker.now
	s.Put(p)
	in.line.worker.freshen(in.line)
}

// Feedback takes what the peer says about what it is sent, or sends.
func (in *intake) Feedback(f *transport.Feedback) { in.line.out.feedback(f) }

// forward hands on at most one whole picture of each encoding, and reports whether there
// may be more.
func (in *intake) forward(now int64) (more bool) {
	for i, s := range in.streams {
		s.Advance(now)
		f := s.Next()
		in.asks[i].see(s.KeyFrameAt())
		if f == nil {
			continue
		}
		more = true
		if !in.frames[i].take(now, 1) {
			in.hide(now)
		}
		in.follow(f)
		if f.Key {
			in.asks[i].done = max(f.Done, in.asks[i].began)
		}
		if in.visible() {
			in.line.worker.fan(in.line, f)
		}
	}
	return more
}

// follow notes what a picture tells about the source.
func (in *intake) follow(f *ingress.Frame) {
	if in.line.cfg.Muted {
		return
	}
	if f.Key && f.Stream == in.streams[len(in.streams)-1] || in.width == 0 {
		in.resize(f)
	}
	if !in.live {
		in.live = true
		in.line.emit(Event{Kind: SourceStarted, Width: int(in.width), Height: int(in.height)})
	}
}

// resize notes the size of pictures, which is that of the highest encoding.
func (in *intake) resize(f *ingress.Frame) {
	if f.Width == 0 || f.Width == in.width && f.Height == in.height {
		return
	}
	in.width, in.height = f.Width, f.Height
	if in.live {
		in.line.emit(Event{Kind: SourceChanged, Width: int(in.width), Height: int(in.height)})
	}
}

// stop tells that the source sends no more.
func (in *intake) stop() {
	if in.live {
		in.live = false
		in.line.emit(Event{Kind: SourceStopped})
	}
}

// hide takes a source that sends more pictures than it may out of sight for a second.
func (in *intake) hide(now int64) {
	if in.hidden == 0 {
		in.count.Hidden++
		in.aimLater(now + second)
	}
}

func (in *intake) aimLater(until int64) {
	in.hidden = until
	in.aimAll()
}

// repair asks for what is lost.
func (in *intake) repair(now int64) {
	for i, s := range in.streams {
		lost := s.Missing(now, in.lost[:0])
		in.lost = lost[:0]
		if len(lost) > 0 && in.line.port.NACK(now, uint8(i), lost) {
			in.count.NACKs++
		}
		if due := s.Due(); due != 0 {
			in.line.worker.wheel.set(in.line, due)
		}
	}
}
