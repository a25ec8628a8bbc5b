package main

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/confd/confd/api"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast"
	"github.com/confd/confd/rooms"
)

// MulticastConfig is the groups that rooms may have.
type MulticastConfig struct {
	Enabled       bool          `yaml:"enabled" help:"let rooms have multicast groups; each room is without until its setting multicast says otherwise"`
	ASM4          string        `yaml:"asm4" help:"IPv4 groups to give to rooms, to which anyone may send: prefixes, ranges and addresses with blanks between; ! before one leaves it out"`
	SSM4          string        `yaml:"ssm4" help:"IPv4 groups for source-specific multicast (RFC 4607), of 232.0.0.0/8"`
	ASM6          string        `yaml:"asm6" help:"IPv6 groups to which anyone may send; ff15: is the site"`
	SSM6          string        `yaml:"ssm6" help:"IPv6 groups for source-specific multicast, of ff3x::8000:0/97"`
	Ports         PortRange     `yaml:"ports" help:"UDP ports to give to groups, two each, four with video; those of rtp.ports are others"`
	MaxTTL        int           `yaml:"max_ttl" help:"the farthest that a room may send, 1 to 255: 1 stays in the network of the server, each router takes 1"`
	Interface     string        `yaml:"interface" help:"network interface of rooms that name none; empty: that of the route"`
	Source        netip.Addr    `yaml:"source" help:"address of the interface to send from; empty: that of the route, or the interface's first"`
	FeedbackShare float64       `yaml:"feedback_share" help:"share of a stream's bandwidth for the reports of all its listeners together, 0.01 to 0.1"`
	RepairShare   float64       `yaml:"repair_share" help:"share of a stream's bandwidth for packets that listeners ask for again, 0 (none) to 1"`
	ReportTimeout time.Duration `yaml:"report_timeout" help:"how long a phone that was moved to the group may take to report before it is served by unicast again, longer in large audiences; 0 is for ever, for phones without RTCP"`
}

// host returns the configuration of the groups, or what is wrong with it, by key.
func (c *Config) host() (multicast.Config, error) {
	m := &c.Multicast
	h := multicast.DefaultConfig()
	h.Enabled, h.Ports, h.MaxTTL = m.Enabled, [2]int{m.Ports.Low, m.Ports.High}, m.MaxTTL
	h.Interface, h.Source, h.FeedbackShare, h.RepairShare = m.Interface, m.Source, m.FeedbackShare, m.RepairShare
	h.Formats = c.groupFormats()
	for _, p := range []struct {
		key, text string
		pool      *multicast.Pool
	}{{"asm4", m.ASM4, &h.Pools.ASM4}, {"ssm4", m.SSM4, &h.Pools.SSM4}, {"asm6", m.ASM6, &h.Pools.ASM6}, {"ssm6", m.SSM6, &h.Pools.SSM6}} {
		pool, err := multicast.ParsePool(p.text)
		if err != nil {
			return h, fmt.Errorf("multicast.%s: %w", p.key, err)
		}
		*p.pool = pool
	}
	var e *multicast.Error
	if err := h.Check(); errors.As(err, &e) {
		return h, fmt.Errorf("multicast.%s: %s", keyOf(e.Field), e.Message)
	}
	return h, nil
}

// keyOf is what the configuration calls a field.
func keyOf(field string) string {
	if key, is := map[string]string{"pool_asm4": "asm4", "pool_ssm4": "ssm4", "pool_asm6": "asm6", "pool_ssm6": "ssm6"}[field]; is {
		return key
	}
	return field
}

// groupFormats are what listeners without wishes are sent, so that a group shares their
// encoders.
func (c *Config) groupFormats() map[media.Codec]media.Format {
	all := make(map[media.Codec]media.Format)
	caps := c.capabilities()
	for _, codec := range []media.Codec{media.Opus, media.PCMU, media.L16} {
		if f, ok := caps.Plain(codec); ok {
			all[codec] = f
		}
	}
	return all
}

func (c *Config) checkMulticast(w *wrongs) {
	if _, err := c.host(); err != nil {
		*w = append(*w, err)
	}
	w.duration("multicast.report_timeout", c.Multicast.ReportTimeout, 0, 10*time.Minute)
}

// newGroups makes the host of the groups; nil where they are switched off.
func (s *server) newGroups() (*multicast.Host, error) {
	if !s.config.Multicast.Enabled {
		return nil, nil
	}
	c, err := s.config.host()
	if err != nil {
		return nil, err
	}
	c.Logger = s.log
	c.Changed = func(room string) { s.registry.GroupMoved(rooms.Name(room)) }
	return multicast.NewHost(c)
}

// groupMetrics tells of multicast groups.
func groupMetrics(h *multicast.Host) []prometheus.Collector {
	if h == nil {
		return nil
	}
	return []prometheus.Collector{api.Tell(h.Stats, groupFigures...)}
}

var groupFigures = []api.Figure{
	api.One("Groups", "confd_multicast_groups", "Multicast groups that rooms have."),
	api.One("Open", "confd_multicast_groups_sending", "Multicast groups that send."),
	api.One("Moved", "confd_multicast_moves_total", "Changes of interface or source address that groups followed."),
	api.One("Lost", "confd_multicast_lost_ways_total", "Times that a group found no way to go on after such a change."),
	api.One("Rekeyed", "confd_multicast_rekeys_total", "New keys of groups."),
	api.One("Stream.Packets", "confd_multicast_packets_total", "RTP packets sent to groups."),
	api.One("Stream.Octets", "confd_multicast_payload_bytes_total", "Payload of these."),
	api.One("Stream.Suppressed", "confd_multicast_packets_suppressed_total", "RTP packets that groups were spared because nobody spoke."),
	api.By("reason", "confd_multicast_send_errors_total", "RTP packets that did not leave, by reason.", map[string]string{
		"failed": "Stream.Failed", "no_room": "Stream.Busy", "unreachable": "Stream.Unreachable", "oversize": "Stream.Oversize",
	}),
	api.One("Stream.Trimmed", "confd_multicast_packets_trimmed_total", "RTP packets sent with a shortened list of contributors."),
	api.One("Stream.Unrepeated", "confd_multicast_redundancy_left_out_total", "Payloads that there was no room to repeat (RFC 2198)."),
	api.One("Stream.TimeSteps", "confd_multicast_time_steps_total", "Times that media time ran backwards."),
	api.One("Stream.Forgotten", "confd_multicast_repair_overruns_total", "RTP packets that came too fast to be kept for repair."),
	api.One("Stream.Sources", "confd_multicast_ssrc_changes_total", "Changes of groups' SSRCs."),
	api.One("Control.Reports", "confd_multicast_reports_sent_total", "RTCP packets sent to groups."),
	api.One("Control.Failed", "confd_multicast_control_errors_total", "RTCP packets and retransmissions that did not leave."),
	api.One("Control.Taken", "confd_multicast_feedback_total", "Datagrams of listeners' feedback that were read."),
	api.By("reason", "confd_multicast_feedback_dropped_total", "Feedback that was of no use, by reason.", map[string]string{
		"overrun": "Control.Overrun", "malformed": "Control.Malformed", "forged": "Control.Forged", "foreign": "Control.Foreign",
		"unsampled": "Control.Unsampled",
	}),
	api.One("Control.Byes", "confd_multicast_byes_total", "Listeners that said that they leave."),
	api.One("Control.Collisions", "confd_multicast_collisions_total", "Others that use the SSRC of a group."),
	api.One("Control.Tokens", "confd_multicast_tokens_total", "Tokens given to listeners (RFC 6284)."),
	api.One("Control.Nacks", "confd_multicast_nacks_total", "Requests for packets, with a good token."),
	api.By("reason", "confd_multicast_repairs_refused_total", "Packets that listeners asked for in vain, by reason.", map[string]string{
		"unproven": "Control.Unproven", "unknown": "Control.Unknown", "repeated": "Control.Repeated", "bandwidth": "Control.Refused",
	}),
	api.By("to", "confd_multicast_repairs_total", "Retransmissions, by whom they were for.",
		map[string]string{"listener": "Control.Unicast", "group": "Control.Multicast"}),
	api.One("Control.RepairBytes", "confd_multicast_repair_bytes_total", "Bytes of these."),
	api.One("Pictures.Pictures", "confd_multicast_video_pictures_total", "Pictures sent to groups."),
	api.One("Pictures.Packets", "confd_multicast_video_packets_total", "RTP packets of video sent to groups."),
	api.One("Pictures.Octets", "confd_multicast_video_payload_bytes_total", "Payload of these."),
	api.By("reason", "confd_multicast_video_send_errors_total", "RTP packets of video that did not leave, by reason.", map[string]string{
		"failed": "Pictures.Failed", "unreachable": "Pictures.Unreachable", "oversize": "Pictures.Oversize", "repeated": "Pictures.Repairs",
	}),
	api.One("Pictures.Busy", "confd_multicast_video_waits_total", "Times that packets of video waited for room in a socket."),
	api.One("Pictures.Large", "confd_multicast_video_packets_large_total", "RTP packets of video of more than 1,400 bytes, which tunnels may break up."),
	api.One("Pictures.Forgotten", "confd_multicast_video_repair_overruns_total", "RTP packets of video that came too fast to be kept for repair."),
	api.One("Pictures.Sources", "confd_multicast_video_ssrc_changes_total", "Changes of SSRCs of groups' video."),
	api.One("Pictures.Wishes", "confd_multicast_video_key_frame_wishes_total", "Requests of listeners for a key frame."),
	api.One("Pictures.Asked", "confd_multicast_video_key_frames_asked_total", "Key frames that groups asked for, whether listeners wished for one or not."),
	api.One("VideoControl.Reports", "confd_multicast_video_reports_sent_total", "RTCP packets about video sent to groups."),
	api.One("VideoControl.Failed", "confd_multicast_video_control_errors_total", "RTCP packets and retransmissions of video that did not leave."),
	api.One("VideoControl.Taken", "confd_multicast_video_feedback_total", "Datagrams of feedback on video that were read."),
	api.By("reason", "confd_multicast_video_feedback_dropped_total", "Feedback on video that was of no use, by reason.", map[string]string{
		"overrun": "VideoControl.Overrun", "malformed": "VideoControl.Malformed", "forged": "VideoControl.Forged",
		"foreign": "VideoControl.Foreign", "unsampled": "VideoControl.Unsampled",
	}),
	api.One("VideoControl.Byes", "confd_multicast_video_byes_total", "Listeners that said that they leave the video."),
	api.One("VideoControl.Collisions", "confd_multicast_video_collisions_total", "Others that use the SSRC of a group's video."),
	api.One("VideoControl.Tokens", "confd_multicast_video_tokens_total", "Tokens given to who sees a group's video (RFC 6284)."),
	api.One("VideoControl.Nacks", "confd_multicast_video_nacks_total", "Requests for packets of video, with a good token."),
	api.By("reason", "confd_multicast_video_repairs_refused_total", "Packets of video that were asked for in vain, by reason.", map[string]string{
		"unproven": "VideoControl.Unproven", "unknown": "VideoControl.Unknown", "repeated": "VideoControl.Repeated", "bandwidth": "VideoControl.Refused",
	}),
	api.By("to", "confd_multicast_video_repairs_total", "Retransmissions of video, by whom they were for.",
		map[string]string{"listener": "VideoControl.Unicast", "group": "VideoControl.Multicast"}),
	api.One("VideoControl.RepairBytes", "confd_multicast_video_repair_bytes_total", "Bytes of these."),
	api.One("SAP.Sessions", "confd_sap_sessions", "Sessions that SAP announces."),
	api.One("SAP.Sent", "confd_sap_packets_sent_total", "SAP packets sent, deletions included."),
	api.One("SAP.Failed", "confd_sap_send_errors_total", "SAP packets that did not leave."),
	api.By("outcome", "confd_sap_packets_received_total", "SAP packets of others, by what became of them.",
		map[string]string{"heard": "SAP.Heard", "refused": "SAP.Refused", "ignored": "SAP.Ignored", "dropped": "SAP.Dropped"}),
}
