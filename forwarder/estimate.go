package forwarder

import (
	"math"

	"github.com/confd/confd/forwarder/bandwidth"
	"github.com/confd/confd/transport"
)

const (
	// firstEstimate is what a path is taken to bear once its peer says something about it, bits
	// per second, until that tells better. Before, it is not bounded.
	firstEstimate = 5_000_000
	// leastLimit is the least that a source is asked for, bits per second: below it pictures are
	// of no use to those who could take more.
	leastLimit = 64_000
	// restrainEvery is how often that is thought over, ns.
	restrainEvery = second / 2
	// unbounded is an estimate that does not bound a source.
	unbounded = math.MaxUint64

	headerBytes = 12          // of RTP
	tellEvery   = second / 10 // the estimator about what went out, ns
)

// SendVideo makes the outlet the way out of its subscription: what goes out is counted.
func (o *outlet) SendVideo(now int64, out []transport.VideoOut) int {
	n := o.line.port.SendVideo(now, out)
	for i := range out[:n] {
		o.bytes += headerBytes + len(out[i].Head) + len(out[i].Body)
	}
	if now-o.told >= tellEvery {
		o.tell(now)
	}
	return n
}

// tell tells the estimator what went out. It lies far away, so not every picture is worth it.
func (o *outlet) tell(now int64) {
	o.est.Sent(now, o.bytes)
	o.bytes, o.told = 0, now
}

// learn takes what the peer says about its path.
func (o *outlet) learn(f *transport.Feedback, now int64) {
	o.tell(now)
	switch f.Kind {
	case transport.FeedbackReport:
		o.est.Report(now, f.Fraction, f.RoundTrip)
		if f.RoundTrip > 0 {
			o.line.roundTrip = f.RoundTrip
			o.sub.SetRoundTrip(f.RoundTrip)
		}
	case transport.FeedbackREMB:
		o.est.REMB(now, f.Bitrate)
	case transport.FeedbackTMMBR:
		o.est.TMMBR(now, f.Bitrate)
	case transport.FeedbackTransportCC:
		o.est.TransportCC(now, f.Sent)
	}
	o.estimate()
}

// estimate tells the subscription what its path bears.
func (o *outlet) estimate() {
	bits := o.est.Estimate()
	if o.est.Reason() == bandwidth.Starting {
		bits = 0
	}
	if most := o.line.cfg.MaxBitrate; most != 0 && (bits == 0 || bits > most) {
		bits = most
	}
	o.sub.SetEstimate(bits)
}

// takes returns what the peer can take of a source, unbounded if nothing is known that would
// bound it.
func (o *outlet) takes() uint64 {
	most := uint64(unbounded)
	if m := o.line.cfg.MaxBitrate; m != 0 {
		most = m
	}
	switch o.est.Reason() {
	case bandwidth.Starting, bandwidth.Sent, bandwidth.Rising:
		return most
	}
	return min(most, o.est.Estimate())
}

// restrain asks a source that has but one layer for what most of those who look at it can take.
func (in *intake) restrain(now int64) {
	if now-in.thought < restrainEvery {
		return
	}
	in.thought = now
	free := in.poll(now) <= len(in.takes)/4 && in.line.cfg.SourceLimit == 0
	switch asked := in.limit.Asked(); {
	case free && asked == 0:
		return
	case free && asked >= bandwidth.DefaultCeiling: // as much as it likes: no need to say so again
		in.limit.Reset()
		in.line.port.LimitBitrate(now, 0)
		return
	case len(in.takes) == 0:
		in.takes = append(in.takes, unbounded)
	}
	in.limit.Floor, in.limit.Ceiling = leastLimit, in.line.cfg.SourceLimit
	if bits, ask := in.limit.Update(now, in.takes); ask {
		in.line.port.LimitBitrate(now, bits)
	}
}

// poll collects what those who look at a source of one layer can take, and returns how many
// of them that bounds.
func (in *intake) poll(now int64) (bounded int) {
	in.takes = in.takes[:0]
	if in.layered(now) {
		return 0
	}
	for _, l := range in.watchers {
		if l.cfg.Low {
			continue
		}
		bits := l.out.takes()
		in.takes = append(in.takes, bits)
		if bits != unbounded {
			bounded++
		}
	}
	return bounded
}

// layered tells whether receivers can be sent less than all.
func (in *intake) layered(now int64) bool {
	if len(in.streams) != 1 {
		return true
	}
	rates := in.streams[0].Bitrates(now)
	return rates.UpTo(0, 0) < rates.UpTo(math.MaxUint8, math.MaxUint8)
}
