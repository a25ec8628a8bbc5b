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
func videoMetrics(e *forwarder.Engine) []prometheus.Collector {
	if e == nil {
		return nil
	}
	return []prometheus.Collector{api.Tell(e.Stats, forwarderFigures...)}
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
