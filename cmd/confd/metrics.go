package main

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/confd/confd/focus"
	"github.com/confd/confd/focus/guard"
	"github.com/confd/confd/transport"
)

// sipCollector tells the figures of signalling, of what stands before it, and of the ports.
type sipCollector struct {
	agent *focus.Agent
	guard *guard.Guard
	pool  *transport.PortPool
}

var (
	sipCalls       = prometheus.NewDesc("confd_calls", "Calls that are in a room.", nil, nil)
	sipDialogs     = prometheus.NewDesc("confd_sip_dialogs", "SIP dialogs, those that are ending included.", nil, nil)
	sipRequests    = prometheus.NewDesc("confd_sip_requests_total", "SIP requests received, by method.", []string{"method"}, nil)
	sipResponses   = prometheus.NewDesc("confd_sip_responses_total", "Final SIP responses sent, by code.", []string{"code"}, nil)
	sipRefused     = prometheus.NewDesc("confd_calls_refused_total", "Calls turned away, by reason.", []string{"reason"}, nil)
	sipAnswered    = prometheus.NewDesc("confd_calls_answered_total", "Calls answered with 200.", nil, nil)
	sipFailed      = prometheus.NewDesc("confd_calls_failed_total", "Calls that ended without a BYE of the peer's, by reason.", []string{"reason"}, nil)
	sipResent      = prometheus.NewDesc("confd_sip_answers_resent_total", "200 responses sent again for want of an ACK.", nil, nil)
	sipMerged      = prometheus.NewDesc("confd_sip_requests_merged_total", "Requests that came twice by different paths.", nil, nil)
	sipUnparsable  = prometheus.NewDesc("confd_sip_unparsable_total", "Messages that passed the guard and could not be parsed or placed.", nil, nil)
	sipPanics      = prometheus.NewDesc("confd_sip_faults_total", "Requests in whose handling confd itself failed.", nil, nil)
	guardMessages  = prometheus.NewDesc("confd_sip_messages_total", "SIP messages read, by transport.", []string{"transport"}, nil)
	guardDropped   = prometheus.NewDesc("confd_sip_guard_refused_total", "What the guard dropped, answered, closed or slowed, by reason.", []string{"reason"}, nil)
	guardAnswers   = prometheus.NewDesc("confd_sip_guard_answers_total", "Malformed requests that were answered.", nil, nil)
	guardWithheld  = prometheus.NewDesc("confd_sip_guard_answers_withheld_total", "Malformed requests that were not answered because of their rate.", nil, nil)
	guardConns     = prometheus.NewDesc("confd_sip_connections", "TCP and TLS connections.", nil, nil)
	guardConnsEver = prometheus.NewDesc("confd_sip_connections_accepted_total", "TCP and TLS connections let in.", nil, nil)
	rtpOctets      = prometheus.NewDesc("confd_rtp_payload_bytes_total", "Payload of RTP packets, by direction.", []string{"direction"}, nil)
	rtpDropped     = prometheus.NewDesc("confd_rtp_packets_dropped_total", "RTP packets that did not get past the transport, by reason.", []string{"reason"}, nil)
	rtpSendErrors  = prometheus.NewDesc("confd_rtp_send_errors_total", "RTP packets that did not leave.", nil, nil)
	rtpPeerLost    = prometheus.NewDesc("confd_rtp_peer_lost_packets", "Packets lost on the way to participants, as their latest reports tell (RFC 3550).", nil, nil)
	portsInUse     = prometheus.NewDesc("confd_rtp_port_pairs_in_use", "Pairs of RTP and RTCP ports in use.", nil, nil)
	portsAll       = prometheus.NewDesc("confd_rtp_port_pairs", "Pairs of RTP and RTCP ports that there are.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c sipCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{sipCalls, sipDialogs, sipRequests, sipResponses, sipRefused, sipAnswered, sipFailed,
		sipResent, sipMerged, sipUnparsable, sipPanics, guardMessages, guardDropped, guardAnswers, guardWithheld,
		guardConns, guardConnsEver, rtpOctets, rtpDropped, rtpSendErrors, rtpPeerLost, portsInUse, portsAll} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c sipCollector) Collect(to chan<- prometheus.Metric) {
	c.collectAgent(to)
	c.collectGuard(to)
	c.collectLegs(to)
	to <- gauge(portsInUse, c.pool.InUse())
	to <- gauge(portsAll, c.pool.Size())
}

func (c sipCollector) collectAgent(to chan<- prometheus.Metric) {
	s := c.agent.Stats()
	to <- gauge(sipCalls, s.Calls)
	to <- gauge(sipDialogs, s.Dialogs)
	for method, n := range s.Requests {
		to <- counter(sipRequests, n, method)
	}
	for code, n := range s.Responses {
		to <- counter(sipResponses, n, strconv.Itoa(code))
	}
	for why, n := range s.Refused {
		to <- counter(sipRefused, n, why)
	}
	to <- counter(sipAnswered, s.Answered)
	to <- counter(sipFailed, s.NoACK, "no_ack")
	to <- counter(sipFailed, s.Expired, "session_expired")
	to <- counter(sipFailed, s.Unreachable, "unreachable")
	to <- counter(sipResent, s.Resent)
	to <- counter(sipMerged, s.Merged)
	to <- counter(sipUnparsable, s.Unparsable)
	to <- counter(sipPanics, s.Panics)
}

func (c sipCollector) collectLegs(to chan<- prometheus.Metric) {
	m := c.agent.Media()
	to <- counter(rtpOctets, m.OctetsReceived, "received")
	to <- counter(rtpOctets, m.OctetsSent, "sent")
	to <- counter(rtpDropped, m.Strangers, "stranger")
	to <- counter(rtpDropped, m.Unauthenticated, "unauthenticated")
	to <- counter(rtpDropped, m.Dropped, "other")
	to <- counter(rtpSendErrors, m.SendErrors)
	to <- gauge(rtpPeerLost, int(m.PeerLost)) // reports may take losses back
}

func (c sipCollector) collectGuard(to chan<- prometheus.Metric) {
	s := c.guard.Stats()
	to <- counter(guardMessages, s.Datagrams, "datagram")
	to <- counter(guardMessages, s.Messages, "stream")
	for why, n := range s.Refused {
		to <- counter(guardDropped, n, why)
	}
	to <- counter(guardAnswers, s.Answers)
	to <- counter(guardWithheld, s.AnswersWithheld)
	to <- gauge(guardConns, s.Connections)
	to <- counter(guardConnsEver, s.Accepted)
}

func counter(d *prometheus.Desc, v uint64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

func gauge(d *prometheus.Desc, v int) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v))
}
