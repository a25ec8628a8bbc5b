package api

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/confd/confd/mixer"
	"github.com/confd/confd/rooms"
)

// mediaCollector tells the figures of the media plane: the engine's clock and what all
// participants sent and got.
type mediaCollector struct {
	engine   *mixer.Engine
	registry *rooms.Registry
}

var (
	tickLate  = prometheus.NewDesc("confd_tick_lateness_seconds", "By how much ticks began after they were due.", nil, nil)
	tickBusy  = prometheus.NewDesc("confd_tick_duration_seconds", "How long one pass over the rooms of a phase took.", nil, nil)
	tickStage = prometheus.NewDesc("confd_tick_stage_duration_seconds", "How long each stage of a pass took.", []string{"stage"}, nil)
	load      = prometheus.NewDesc("confd_mixer_load_ratio", "Share of its time that the busiest mixing thread is at work, 0 to 1.", nil, nil)
	inputs    = prometheus.NewDesc("confd_mixer_inputs", "Sources that are mixed.", nil, nil)
	ticks     = prometheus.NewDesc("confd_ticks_total", "Ticks of rooms.", nil, nil)
	rebased   = prometheus.NewDesc("confd_ticks_given_up_total", "Periods left out because the machine was too late for them.", nil, nil)
	panics    = prometheus.NewDesc("confd_mixer_panics_total", "Faults of the mixer's own, each of which ended a room.", nil, nil)
	encoded   = prometheus.NewDesc("confd_packets_encoded_total", "Payloads encoded, each for one listener or many.", nil, nil)
	encodeErr = prometheus.NewDesc("confd_encode_errors_total", "Payloads that could not be encoded.", nil, nil)

	received  = prometheus.NewDesc("confd_rtp_packets_received_total", "RTP packets that reached the mixer.", nil, nil)
	sent      = prometheus.NewDesc("confd_rtp_packets_sent_total", "RTP packets sent to participants.", nil, nil)
	dropped   = prometheus.NewDesc("confd_rtp_packets_unusable_total", "Of the received, those that could not be played, by reason.", []string{"reason"}, nil)
	lost      = prometheus.NewDesc("confd_rtp_packets_lost_total", "RTP packets that never came, but later ones did.", nil, nil)
	recovered = prometheus.NewDesc("confd_rtp_packets_recovered_total", "Of the lost, those restored from redundancy.", nil, nil)
	concealed = prometheus.NewDesc("confd_concealed_samples_total", "Samples made up because nothing came in time.", nil, nil)
)

func (c mediaCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{tickLate, tickBusy, tickStage, load, inputs, ticks, rebased, panics, encoded, encodeErr,
		received, sent, dropped, lost, recovered, concealed} {
		to <- d
	}
}

func (c mediaCollector) Collect(to chan<- prometheus.Metric) {
	c.collectEngine(to)
	c.collectTotals(to)
}

func (c mediaCollector) collectEngine(to chan<- prometheus.Metric) {
	s := c.engine.Stats()
	to <- histogram(tickLate, &s.Late)
	to <- histogram(tickBusy, &s.Busy)
	for i := range s.Stages {
		to <- histogram(tickStage, &s.Stages[i], mixer.StageNames[i])
	}
	to <- prometheus.MustNewConstMetric(load, prometheus.GaugeValue, c.engine.Load().Used)
	to <- prometheus.MustNewConstMetric(inputs, prometheus.GaugeValue, float64(s.Inputs))
	to <- counter(ticks, s.Ticks)
	to <- counter(rebased, s.Rebased)
	to <- counter(panics, s.Panics)
	to <- counter(encoded, s.Encoded)
	to <- counter(encodeErr, s.EncodeErrors)
}

func (c mediaCollector) collectTotals(to chan<- prometheus.Metric) {
	t := c.registry.MediaTotals()
	to <- counter(received, t.Received)
	to <- counter(sent, t.Sent)
	to <- counter(dropped, t.Malformed, "malformed")
	to <- counter(dropped, t.Unknown, "payload_type")
	to <- counter(dropped, t.Duplicate, "duplicate")
	to <- counter(dropped, t.Late, "late")
	to <- counter(lost, t.Lost)
	to <- counter(recovered, t.Recovered)
	to <- counter(concealed, t.Concealed)
}

func counter(d *prometheus.Desc, v uint64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

func gauge(d *prometheus.Desc, v int) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v))
}

// histogram tells a mixer's histogram as Prometheus counts: each bucket with all below it.
func histogram(d *prometheus.Desc, s *mixer.HistogramSnapshot, labels ...string) prometheus.Metric {
	bounds := s.Bounds()
	buckets := make(map[float64]uint64, len(bounds))
	var n uint64
	for i, bound := range bounds {
		n += s.Buckets[i]
		buckets[bound] = n
	}
	return prometheus.MustNewConstHistogram(d, s.Count(), s.Sum.Seconds(), buckets, labels...)
}
