package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/confd/confd/api"
	"github.com/confd/confd/focus"
	"github.com/confd/confd/focus/guard"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

// sipMetrics tells of signalling, of what stands before it, and of the ports.
func sipMetrics(agent *focus.Agent, door *guard.Guard, pool *transport.PortPool) []prometheus.Collector {
	return []prometheus.Collector{
		api.Tell(func() focus.Stats { return withOutcomes(agent.Stats()) }, sipFigures...),
		api.Tell(agent.Media, legFigures...),
		api.Tell(agent.Video, videoLegFigures...),
		api.Tell(door.Stats, guardFigures...),
		api.Tell(func() portStats { return portStats{pool.InUse(), pool.Size()} }, portFigures...),
	}
}

// withOutcomes has each outcome of dial-outs told, before it happens for the first time.
func withOutcomes(s focus.Stats) focus.Stats {
	for _, o := range []rooms.Outcome{
		rooms.OutcomeAnswered, rooms.OutcomeBusy, rooms.OutcomeDeclined, rooms.OutcomeUnanswered, rooms.OutcomeFailed, rooms.OutcomeCancelled,
	} {
		s.DialOuts[string(o)] += 0
	}
	return s
}

var sipFigures = []api.Figure{
	api.One("Calls", "confd_calls", "Calls that are in a room, or about to be."),
	api.One("Dialogs", "confd_sip_dialogs", "SIP dialogs, those that are ending included."),
	api.One("Dialing", "confd_dial_outs_pending", "Calls that the server makes and nobody has answered yet."),
	api.Each("outcome", "DialOuts", "confd_dial_outs_total", "Calls that the server made, by outcome."),
	api.Each("method", "Requests", "confd_sip_requests_total", "SIP requests received, by method."),
	api.Each("code", "Responses", "confd_sip_responses_total", "Final SIP responses sent, by code."),
	api.Each("reason", "Refused", "confd_calls_refused_total", "Calls turned away, by reason."),
	api.One("Answered", "confd_calls_answered_total", "Calls answered with 200."),
	api.By("reason", "confd_calls_failed_total", "Calls that ended without a BYE of the peer's, by reason.",
		map[string]string{"no_ack": "NoACK", "session_expired": "Expired", "unreachable": "Unreachable"}),
	api.By("outcome", "confd_sip_group_moves_total", "Phones that were to listen to a multicast group: those that do since, that refused, and that never reported and were brought back.",
		map[string]string{"joined": "GroupJoined", "refused": "GroupRefused", "unreported": "GroupUnreported"}),
	api.By("kind", "confd_sip_key_frame_requests_total", "Requests for key frames by INFO (RFC 5168): received, sent, and those of the sent that were refused.",
		map[string]string{"received": "KeyFramesWanted", "sent": "KeyFramesAsked", "refused": "KeyFramesRefused"}),
	api.One("VideoNoPorts", "confd_video_lines_without_ports_total", "Video lines that were refused for want of ports."),
	api.One("Resent", "confd_sip_answers_resent_total", "200 responses sent again for want of an ACK."),
	api.One("Merged", "confd_sip_requests_merged_total", "Requests that came twice by different paths."),
	api.One("Unparsable", "confd_sip_unparsable_total", "Messages that passed the guard and could not be parsed or placed."),
	api.One("Panics", "confd_sip_faults_total", "Requests in whose handling confd itself failed."),
}

// transportFigures are those of legs of sound, or of video, whose names begin with what.
func transportFigures(what string) []api.Figure {
	return []api.Figure{
		api.By("direction", what+"rtp_transport_packets_total", "RTP packets that passed the transport, by direction.",
			map[string]string{"received": "PacketsReceived", "sent": "PacketsSent"}),
		api.By("direction", what+"rtp_payload_bytes_total", "Payload of RTP packets, by direction.",
			map[string]string{"received": "OctetsReceived", "sent": "OctetsSent"}),
		api.By("reason", what+"rtp_packets_dropped_total", "RTP packets that did not get past the transport, by reason.", map[string]string{
			"stranger": "Dropped.Stranger", "malformed": "Dropped.Malformed", "too_long": "Dropped.TooLong", "payload_type": "Dropped.PayloadType",
			"unauthenticated": "Dropped.Unauthenticated", "replayed": "Dropped.Replayed", "source": "Dropped.Source", "sequence": "Dropped.Sequence",
			"loop": "Dropped.Loop", "held": "Dropped.Held", "empty": "Dropped.Empty", "overrun": "Dropped.Overrun",
		}),
		api.By("reason", what+"rtp_send_errors_total", "RTP and RTCP packets that did not leave, by reason.", map[string]string{
			"refused": "SendErrors.Refused", "no_room": "SendErrors.NoRoom", "failed": "SendErrors.Failed",
			"oversize": "SendErrors.Oversize", "withheld": "SendErrors.Withheld",
		}),
		api.One("SendErrors.Trimmed", what+"rtp_packets_trimmed_total", "RTP packets sent with a shortened list of contributors."),
		api.One("SendErrors.TimeStep", what+"rtp_time_steps_total", "Times that media time ran backwards."),
		api.By("direction", what+"rtcp_packets_total", "RTCP packets, compound ones as one, by direction.",
			map[string]string{"received": "RTCP.Received", "sent": "RTCP.Sent"}),
		api.By("reason", what+"rtcp_packets_dropped_total", "RTCP packets that were of no use, by reason.",
			map[string]string{"malformed": "RTCP.Malformed", "unauthenticated": "RTCP.Unauthenticated"}),
		api.One("RTCP.Byes", what+"rtcp_byes_total", "RTCP BYEs received."),
		api.One("SourceChanges", what+"rtp_source_changes_total", "Changes of participants' SSRCs."),
		api.One("Collisions", what+"rtp_collisions_total", "Changes of the server's SSRCs because a participant had the same."),
		api.One("Relatches", what+"rtp_relatches_total", "Changes of the addresses that participants' media comes from."),
		// Reports may take losses back.
		api.One("Lost", what+"rtp_lost_packets", "Packets lost on the way from participants, late duplicates taken off (RFC 3550)."),
		api.One("PeerLost", what+"rtp_peer_lost_packets", "Packets lost on the way to participants, as their latest reports tell (RFC 3550)."),
	}
}

var legFigures = transportFigures("confd_")

var videoLegFigures = append(transportFigures("confd_video_"),
	api.By("direction", "confd_video_repairs_total", "Video packets that were sent again, by direction.",
		map[string]string{"received": "RepairsReceived", "sent": "RepairsSent"}),
	api.One("Probes", "confd_video_probes_total", "Retransmissions of nothing, received."),
	api.One("Runs", "confd_video_runs_total", "Runs of video packets that were sent at once."),
	api.One("Uncut", "confd_video_runs_uncut_total", "Of the runs, those that the system refused: their packets were sent singly."),
	api.By("reason", "confd_video_packets_unsent_total", "Video packets that were not sent, by reason: the peer wants none, or SRTP forbids their number.",
		map[string]string{"held": "Held", "stale": "Stale"}),
	api.By("kind", "confd_video_feedback_received_total", "What peers said about video that they are sent, by kind.", map[string]string{
		"nack": "FeedbackReceived.NACK", "pli": "FeedbackReceived.PLI", "fir": "FeedbackReceived.FIR", "remb": "FeedbackReceived.REMB",
		"tmmbr": "FeedbackReceived.TMMBR", "tmmbn": "FeedbackReceived.TMMBN", "transport_cc": "FeedbackReceived.TransportCC",
		"report": "FeedbackReceived.Reports", "repeated": "FeedbackReceived.Repeated", "foreign": "FeedbackReceived.Foreign",
		"unknown": "FeedbackReceived.Unknown", "malformed": "FeedbackReceived.Malformed",
	}),
	api.By("kind", "confd_video_feedback_sent_total", "What peers were told about video that they send, by kind.", map[string]string{
		"pli": "FeedbackSent.PLI", "fir": "FeedbackSent.FIR", "nack": "FeedbackSent.NACK",
	}),
	api.One("FeedbackSent.NACKed", "confd_video_packets_nacked_total", "Video packets that peers were asked to send again."),
	api.One("FeedbackSent.Datagrams", "confd_video_feedback_datagrams_total", "Datagrams of feedback on video, reports not among them."),
)

var guardFigures = []api.Figure{
	api.By("transport", "confd_sip_messages_total", "SIP messages read, by transport.",
		map[string]string{"datagram": "Datagrams", "stream": "Messages"}),
	api.By("kind", "confd_sip_messages_passed_total", "SIP messages that the guard let through, by kind.",
		map[string]string{"request": "Requests", "response": "Responses"}),
	api.Each("reason", "Refused", "confd_sip_guard_refused_total", "What the guard dropped, answered, closed or slowed, by reason."),
	api.One("Answers", "confd_sip_guard_answers_total", "Malformed requests that were answered."),
	api.One("AnswersWithheld", "confd_sip_guard_answers_withheld_total", "Malformed requests that were not answered because of their rate."),
	api.One("Pings", "confd_sip_keepalives_total", "Keep-alives on connections that were answered (RFC 5626)."),
	api.One("Connections", "confd_sip_connections", "TCP and TLS connections."),
	api.One("Accepted", "confd_sip_connections_accepted_total", "TCP and TLS connections let in."),
	api.One("StreamMemory", "confd_sip_stream_memory_bytes", "Unfinished messages on connections, beyond the first 4 KiB of each."),
}

// portStats are the figures of a pool of ports.
type portStats struct{ InUse, Size int }

var portFigures = []api.Figure{
	api.One("InUse", "confd_rtp_port_pairs_in_use", "Pairs of RTP and RTCP ports in use."),
	api.One("Size", "confd_rtp_port_pairs", "Pairs of RTP and RTCP ports that there are."),
}
