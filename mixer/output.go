package mixer

import (
	"math"
	"sync/atomic"

	"github.com/confd/confd/media"
)

// OutputConfig says how a sink is to be served.
type OutputConfig struct {
	PayloadType uint8
	// ComfortNoise allows RFC 3389 in silence, under ComfortNoisePayloadType.
	ComfortNoise            bool
	ComfortNoisePayloadType uint8
	// Gain is linear, quantised to whole dB; 0 means 1.
	Gain   float32
	Format media.Format
}

// Output is one stream of egress. It hangs on a mix; who sends the matching ingress is its
// self and is left out of what it gets. It is made by any goroutine; from Attach to Detach
// it belongs to the worker of its conference.
type Output struct {
	// What every packet touches comes first, in one line of the cache.
	sink   media.Sink
	nearer media.Nearer // sink, if it is one
	next   int64        // media time at which its last packet ended; 0 before the first
	sent   atomic.Uint64
	cfg    OutputConfig

	conf  *Conference
	mix   *Mix
	self  *Input
	class *class
	carry *class // encoder of the mix that it left, to go on from
}

// NewOutput makes an output that feeds sink. It hangs on no mix yet.
func NewOutput(sink media.Sink, cfg OutputConfig) *Output {
	warmKernel(cfg.Format.SampleRate)
	nearer, _ := sink.(media.Nearer)
	return &Output{sink: sink, nearer: nearer, cfg: cfg}
}

// Sent returns how many packets went to the sink. Any goroutine may call it.
func (o *Output) Sent() uint64 { return o.sent.Load() }

// key returns what class the output belongs to.
func (o *Output) key() classKey {
	return classKey{format: o.cfg.Format, noise: o.cfg.ComfortNoise, gain: quantGain(o.cfg.Gain)}
}

// send hands one payload, whose sound ends at a media time, to the sink under the output's
// own payload type.
func (o *Output) send(p *media.Outgoing, end int64) {
	if p.Time < o.next {
		return // another codec had packets at other times, or it was detached meanwhile
	}
	o.next = end
	p.PayloadType = o.cfg.PayloadType
	if p.Kind == media.ComfortNoise {
		p.PayloadType = o.cfg.ComfortNoisePayloadType
	}
	o.sink.Send(p)
	o.sent.Add(1)
}

func quantGain(gain float32) int8 {
	if gain <= 0 || gain == 1 {
		return 0
	}
	return int8(max(min(math.Round(20*math.Log10(float64(gain))), 40), -90))
}

func dbGain(db int8) float32 { return float32(math.Pow(10, float64(db)/20)) }
