package forwarder

import (
	"math/rand/v2"

	"github.com/confd/confd/forwarder/bandwidth"
	"github.com/confd/confd/forwarder/egress"
	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

// outlet is what a line's peer is sent. It goes with the line wherever that moves.
type outlet struct {
	line  *Line
	codec media.VideoCodec     // of sub
	sub   *egress.Subscription // nil before the line is first added
	est   *bandwidth.Estimator
	hot   setupNearer // the port, if it is one

	source  *Line // what control wants shown
	aimed   *Line // what sub was told to show: source, or nil while that cannot be
	epoch   int   // of the streams of aimed
	showing *Line // whose pictures are sent

	pleas  bucket // key-frame requests of the peer
	frozen bool
	next   int64 // when the pacer is due
	bytes  int   // that went out since the estimator was told
	told   int64
	rate   rate
	count  egressCounts
}

// pleasRate is how many key-frame requests of a peer are heeded in a second.
const pleasRate = 4

// open begins to send.
func (o *outlet) open() {
	o.pleas = newBucket(pleasRate)
	if o.sub == nil {
		o.codec = o.line.cfg.Format.Codec
		o.sub = egress.New(egress.Config{Codec: o.codec, Workspace: &o.line.worker.space,
			Sequence: uint16(rand.Uint32() & 0x7fff), Timestamp: rand.Uint32()})
	}
	o.sub.Use(&o.line.worker.space)
	o.reconfigure()
}

// close ends it; nothing of the conference is referred to any more.
func (o *outlet) close() {
	o.show(nil)
	for _, other := range o.line.conf.lines {
		o.forget(&other.in)
	}
}

// reconfigure goes over to the line's new configuration.
func (o *outlet) reconfigure() {
	now := o.line.worker.now
	if codec := o.line.cfg.Format.Codec; codec != o.codec {
		o.codec = codec
		o.sub.SetCodec(codec)
	}
	o.sub.SetFreeze(o.line.cfg.Freeze)
	o.sub.SetLow(o.line.cfg.Low, now)
	o.estimate()
	o.aim()
}

// show sets what control wants shown.
func (o *outlet) show(source *Line) {
	o.source = source
	o.aim()
}

// aim tells the subscription what to show, as things are now.
func (o *outlet) aim() {
	to := o.source
	if to != nil && !o.sees(to) {
		to = nil
	}
	if to == o.aimed && (to == nil || to.in.epoch == o.epoch) {
		return
	}
	old := o.aimed
	o.aimed = to
	var streams []*ingress.Stream
	if to != nil {
		streams, o.epoch = to.in.streams, to.in.epoch
	}
	if old != nil && old != to && old != o.showing {
		old.in.watchers = remove(old.in.watchers, o.line)
	}
	if to != nil && to != old && to != o.showing {
		to.in.watchers = append(to.in.watchers, o.line)
	}
	now := o.line.worker.now
	o.sub.Show(streams, now)
	o.settle()
	o.wants(now)
}

// sees tells whether a source can be shown to the line.
func (o *outlet) sees(source *Line) bool {
	c := &o.line.cfg
	return c.Send && !c.Stopped && source.cfg.Format == c.Format && source.in.visible()
}

// settle notes whose pictures are sent.
func (o *outlet) settle() {
	was, is := o.showing, (*Line)(nil)
	if s := o.sub.Showing(); s != nil {
		is = was
		if o.aimed != nil && o.aimed.in.has(s) {
			is = o.aimed
		}
	}
	if is == was {
		return
	}
	o.showing = is
	if was != nil && was != o.aimed {
		was.in.watchers = remove(was.in.watchers, o.line)
	}
	if is != nil {
		o.line.emit(Event{Kind: Shown, Source: is})
	}
}

func (in *intake) has(s *ingress.Stream) bool {
	for _, own := range in.streams {
		if own == s {
			return true
		}
	}
	return false
}

// offer hands a picture to the line.
func (o *outlet) offer(f *ingress.Frame, now int64) {
	o.sub.Offer(f, now, o)
	if f.Key {
		o.settle()
	}
	o.wants(now)
	o.flush(now)
}

// flush sends what is due, and has the line come back for the rest.
func (o *outlet) flush(now int64) {
	o.next = o.sub.Flush(now, o)
	if o.next != 0 {
		o.line.worker.wheel.set(o.line, o.next)
	}
}

// forget lets go of all that refers to a source's streams. Of those that never had a packet
// nothing does: most lines of a large room only look.
func (o *outlet) forget(in *intake) {
	if in.heard == 0 {
		return
	}
	for _, s := range in.streams {
		o.sub.Forget(s, o.line.worker.now, o)
	}
	o.settle()
}

// wants passes on of which streams a key frame is needed.
func (o *outlet) wants(now int64) {
	next, current := o.sub.Wants(now)
	if next != nil {
		o.wish(next, now)
	}
	if current != nil {
		o.wish(current, now)
	}
}

func (o *outlet) wish(s *ingress.Stream, now int64) {
	for _, source := range [...]*Line{o.aimed, o.showing} {
		if source != nil && source.in.wish(s, now) {
			return
		}
	}
}

// request takes the peer's own request for a key frame.
func (o *outlet) request(now int64) {
	o.count.Requests++
	if !o.pleas.take(now, 1) {
		o.count.Ignored++
		return
	}
	if s := o.sub.Showing(); s != nil {
		o.wish(s, now)
	}
}

// feedback takes what the peer says.
func (o *outlet) feedback(f *transport.Feedback) {
	now := o.line.worker.now
	switch f.Kind {
	case transport.FeedbackNACK:
		o.repair(f, now)
	case transport.FeedbackPLI, transport.FeedbackFIR:
		o.request(now)
	default:
		if !f.Repair {
			o.learn(f, now)
		}
	}
}

// repair sends again what the peer says it lost.
func (o *outlet) repair(f *transport.Feedback, now int64) {
	if f.Repair {
		o.count.Ignored++ // a lost retransmission is asked for under its own number
		return
	}
	o.sub.NACK(f.Lost, now, o)
	o.flush(now)
}
