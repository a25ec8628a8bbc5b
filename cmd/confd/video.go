package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/confd/confd/api"
	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/media"
	"github.com/confd/confd/rooms"
)

// VideoConfig is the video that is forwarded among participants.
type VideoConfig struct {
	Enabled    bool              `yaml:"enabled" help:"forward video: everyone sees who speaks; nothing is decoded, so that a room has one format at a time"`
	Codecs     []string          `yaml:"codecs" help:"formats that rooms may settle on, in order of preference: vp8, vp9, h264, av1, h265, or more exactly vp9/PROFILE, h264/PROFILE/mode1 or /mode0 (PROFILE is constrained-baseline, baseline, main, constrained-high or high), av1/PROFILE, h265/PROFILE; h264 alone is constrained-baseline in both modes"`
	Policy     rooms.VideoPolicy `yaml:"policy" help:"how a room settles on one: majority, what most of its participants can, changed when another would serve more; fixed, the first of codecs that the first of them can"`
	MaxBitrate int               `yaml:"max_bitrate" help:"most that a participant is asked to send, bits per second, 64000 to 100000000"`
	Lines      int               `yaml:"lines" help:"video lines of a participant, 1 to 16: one for who speaks, others for slides and further speakers"`
	Hold       time.Duration     `yaml:"hold" help:"how long a speaker is seen before the next is, 100ms to 1m"`
	Workers    int               `yaml:"workers" help:"threads that forward; 0: chosen by the number of processors"`
}

func defaultVideo() VideoConfig {
	return VideoConfig{
		Enabled: true, Codecs: []string{"vp8", "h264", "vp9", "av1", "h265"}, Policy: rooms.VideoMajority,
		MaxBitrate: 2_000_000, Lines: 3, Hold: 2 * time.Second,
	}
}

// usualVideo is what the names of codecs stand for.
var usualVideo = map[string][]string{
	"vp9": {"vp9/0"}, "av1": {"av1/0"}, "h265": {"h265/1"},
	"h264": {"h264/constrained-baseline/mode1", "h264/constrained-baseline/mode0"},
}

// formats returns what codecs stands for. The error says which of them stands for nothing.
func (c *VideoConfig) formats() (all []media.VideoFormat, err error) {
	for _, name := range c.Codecs {
		names := usualVideo[strings.ToLower(name)]
		if names == nil {
			names = []string{name}
		}
		for _, n := range names {
			f, err := media.ParseVideoFormat(n)
			switch {
			case err != nil:
				return nil, err
			case slices.Contains(all, f):
				return nil, fmt.Errorf("%v is there twice", f)
			}
			all = append(all, f)
		}
	}
	return all, nil
}

func (c *VideoConfig) check(w *wrongs) {
	formats, err := c.formats()
	switch {
	case err != nil:
		*w = append(*w, fmt.Errorf("video.codecs: %w", err))
	case len(formats) == 0:
		w.add("video.codecs", "nothing", "at least one of vp8, vp9, h264, av1, h265; video.enabled = false switches video off")
	}
	w.oneOf("video.policy", string(c.Policy), string(rooms.VideoMajority), string(rooms.VideoFixed))
	w.whole("video.max_bitrate", c.MaxBitrate, rooms.MinVideoBitrate, rooms.MaxVideoBitrate)
	w.whole("video.lines", c.Lines, 1, rooms.MaxVideoLines)
	w.duration("video.hold", c.Hold, rooms.MinVideoHold, rooms.MaxVideoHold)
	w.whole("video.workers", c.Workers, 0, 64)
}

// startVideo makes what forwards video; there is nothing where that is switched off.
func (s *server) startVideo() (err error) {
	if s.config.Video.Enabled {
		s.video, err = forwarder.New(forwarder.Config{Workers: s.config.Video.Workers})
	}
	return err
}

// rooms returns what rooms do with video.
func (c *VideoConfig) rooms(engine *forwarder.Engine) rooms.VideoConfig {
	formats, _ := c.formats() // checked before
	return rooms.VideoConfig{
		Engine: engine, Formats: formats, Policy: c.Policy, MaxBitrate: c.MaxBitrate, Lines: c.Lines, Hold: c.Hold,
	}
}

// videoMetrics tells of forwarded video.
func (s *server) videoMetrics() []prometheus.Collector {
	if s.video == nil {
		return nil
	}
	return []prometheus.Collector{api.Tell(s.video.Stats, forwarderFigures...), api.Tell(s.registry.VideoTotals, lineFigures...)}
}

// forwarderFigures are those of forwarder.Stats.
var forwarderFigures = []api.Figure{
	api.One("Lines", "confd_forwarder_lines", "Video lines that are served."),
	api.One("Frames", "confd_forwarder_frames_total", "Pictures that came whole and were handed on to those who see their source."),
	api.One("Looks", "confd_forwarder_looks_total", "Times that sockets were seen to in the midst of a picture."),
	api.One("Panics", "confd_forwarder_panics_total", "Faults of the forwarder's own, each of which ended a room's video."),
	api.One("Faults", "confd_forwarder_wait_errors_total", "Times that the system did not let a thread wait for its sockets."),
	api.One("Used", "confd_forwarder_load_ratio", "Share of its time that the busiest forwarding thread is at work, 0 to 1."),
	api.One("Turns", "confd_forwarder_turn_duration_seconds", "How long one turn of a forwarding thread took."),
	api.One("Delay", "confd_forwarder_delay_seconds", "From the last packet of a picture to its last send."),
}

// lineFigures are those of all lines together.
var lineFigures = []api.Figure{
	api.One("Ingress.Packets", "confd_forwarder_packets_received_total", "RTP packets of video that came."),
	api.One("Ingress.Bytes", "confd_forwarder_received_bytes_total", "Payload of these."),
	api.By("reason", "confd_forwarder_packets_unusable_total", "Of these, those that were of no use, by reason.", map[string]string{
		"unwanted": "Ingress.Unwanted", "excess": "Ingress.Excess", "padding": "Ingress.Streams.Padding", "duplicate": "Ingress.Streams.Duplicates",
		"late": "Ingress.Streams.Late", "oversized": "Ingress.Streams.Oversized", "malformed": "Ingress.Streams.Malformed",
	}),
	api.One("Ingress.Streams.Packets", "confd_forwarder_packets_taken_total", "Of these, those that reached a stream of a source."),
	api.One("Ingress.Streams.Bytes", "confd_forwarder_taken_bytes_total", "Payload of these."),
	api.One("Ingress.Streams.Reordered", "confd_forwarder_packets_reordered_total", "RTP packets that came out of order without being asked for."),
	api.One("Ingress.Streams.Lost", "confd_forwarder_packets_lost_total", "RTP packets that never came, and were given up."),
	api.One("Ingress.Streams.Asked", "confd_forwarder_packets_asked_total", "RTP packets that sources were asked for again, repetitions included."),
	api.One("Ingress.Streams.Repaired", "confd_forwarder_packets_repaired_total", "RTP packets that came because they were asked for."),
	api.One("Ingress.NACKs", "confd_forwarder_nacks_sent_total", "Messages that ask sources for lost packets."),
	api.One("Ingress.Requests", "confd_forwarder_key_frame_requests_sent_total", "Requests to sources for key frames."),
	api.One("Ingress.Floods", "confd_forwarder_floods_total", "Times that the sockets of a line were left alone because too much came."),
	api.One("Ingress.SourceChanges", "confd_forwarder_source_changes_total", "SSRCs of sources, the first of each included."),
	api.One("Ingress.Hidden", "confd_forwarder_sources_hidden_total", "Times that a source was hidden because it sent more pictures than it may."),
	api.One("Ingress.Streams.Frames", "confd_forwarder_frames_received_total", "Pictures that came whole."),
	api.One("Ingress.Streams.KeyFrames", "confd_forwarder_key_frames_received_total", "Of these, key frames."),
	api.One("Ingress.Streams.Undecodable", "confd_forwarder_frames_undecodable_total", "Of the whole pictures, those that need one that was lost."),
	api.One("Ingress.Streams.Leading", "confd_forwarder_frames_leading_total", "Pictures of H.265 that were left out, because they need what was before a key frame."),
	api.One("Ingress.Streams.GivenUp", "confd_forwarder_frames_given_up_total", "Pictures that never became whole."),
	api.By("reason", "confd_forwarder_frames_broken_total", "Of these, those that were hopeless from the start, by reason.",
		map[string]string{"headless": "Ingress.Streams.Headless", "endless": "Ingress.Streams.Endless"}),
	api.One("Ingress.Streams.Unusable", "confd_forwarder_key_frames_unusable_total", "Key frames whose parameter sets are unknown."),
	api.One("Ingress.Streams.BadSets", "confd_forwarder_parameter_sets_refused_total", "Parameter sets that were too long to be remembered."),
	api.One("Ingress.Streams.Overruns", "confd_forwarder_ring_overruns_total", "Times that a ring was too small for what was waited for."),
	api.One("Ingress.Streams.Restarts", "confd_forwarder_stream_restarts_total", "Jumps of sequence numbers that a source went on from."),
	api.One("Ingress.Streams.Resets", "confd_forwarder_stream_resets_total", "Times that a source's stream began anew."),
	api.One("Egress.Requests", "confd_forwarder_key_frame_requests_received_total", "Requests of receivers for key frames."),
	api.One("Egress.Ignored", "confd_forwarder_key_frame_requests_ignored_total", "Of these, those beyond the rate that is heeded."),
	api.One("Egress.Subscription.Packets", "confd_forwarder_packets_sent_total", "RTP packets of video that were sent, those sent again included."),
	api.One("Egress.Subscription.Bytes", "confd_forwarder_sent_bytes_total", "Payload of these."),
	api.One("Egress.Subscription.Full", "confd_forwarder_packets_put_off_total", "RTP packets that a socket had no room for."),
	api.One("Egress.Subscription.Pictures", "confd_forwarder_frames_sent_total", "Pictures that were sent."),
	api.One("Egress.Subscription.KeyFrames", "confd_forwarder_key_frames_sent_total", "Of these, key frames."),
	api.One("Egress.Subscription.Switches", "confd_forwarder_switches_total", "Times that a receiver was given another source."),
	api.One("Egress.Subscription.EncodingSwitches", "confd_forwarder_encoding_switches_total", "Times that it was given another encoding of the same."),
	api.One("Egress.Subscription.Filtered", "confd_forwarder_frames_filtered_total", "Pictures of layers that a receiver was not to have."),
	api.By("reason", "confd_forwarder_frames_dropped_total", "Pictures that a receiver did not get, by reason.", map[string]string{
		"broken": "Egress.Subscription.Dropped.Broken", "slow": "Egress.Subscription.Dropped.Slow", "low": "Egress.Subscription.Dropped.Low",
		"queue": "Egress.Subscription.Dropped.Queue", "overwritten": "Egress.Subscription.Dropped.Overwritten", "forgotten": "Egress.Subscription.Dropped.Forgotten",
	}),
	api.One("Egress.Subscription.Asked", "confd_forwarder_repairs_asked_total", "RTP packets that receivers asked for again."),
	api.One("Egress.Subscription.Repaired", "confd_forwarder_repairs_total", "RTP packets that were sent again."),
	api.One("Egress.Subscription.RepairedBytes", "confd_forwarder_repair_bytes_total", "Payload of these."),
	api.By("reason", "confd_forwarder_repairs_refused_total", "RTP packets that receivers asked for in vain, by reason.", map[string]string{
		"unknown": "Egress.Subscription.Unanswered.Unknown", "overwritten": "Egress.Subscription.Unanswered.Overwritten",
		"early": "Egress.Subscription.Unanswered.Early", "often": "Egress.Subscription.Unanswered.Often",
		"budget": "Egress.Subscription.Unanswered.Budget", "flood": "Egress.Subscription.Unanswered.Flood",
	}),
	api.One("Egress.Subscription.Freezes", "confd_forwarder_freezes_total", "Times that a receiver's picture stood still."),
	api.One("Frozen", "confd_forwarder_frozen_seconds_total", "Time that they did."),
}
