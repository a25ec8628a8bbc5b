package forwarder

import "github.com/confd/confd/transport"

// learn takes what the peer says about its path.
func (o *outlet) learn(f *transport.Feedback) {
	if f.Kind == transport.FeedbackReport && f.RoundTrip > 0 {
		o.line.roundTrip = f.RoundTrip
		o.sub.SetRoundTrip(f.RoundTrip)
	}
}

// estimate tells the subscription what its path bears.
func (o *outlet) estimate() { o.sub.SetEstimate(o.line.cfg.MaxBitrate) }
