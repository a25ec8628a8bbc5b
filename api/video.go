package api

import (
	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/media"
	"github.com/confd/confd/rooms"
)

// VideoFields are what can be set in a room's video.
type VideoFields struct {
	Enabled    optional[bool]     `json:"enabled,omitempty" doc:"Let participants have video. Default true, as far as the configuration has video.enabled." example:"true"`
	Policy     optional[string]   `json:"policy,omitempty" enum:"majority,fixed" doc:"How the room comes by the one format that all who see each other share: majority, what most of them can, changed when another would serve more; fixed, the first of codecs that the first of them can. Default: the configuration's." example:"majority"`
	Codecs     optional[[]string] `json:"codecs,omitempty" maxItems:"16" doc:"What it may be, in order of preference, of what the configuration has: codecs, as h264, or formats, as h264/constrained-baseline/mode1. Default []: all of them." example:"[\"vp8\",\"h264\"]"`
	MaxBitrate optional[int]      `json:"max_bitrate,omitempty" minimum:"0" maximum:"100000000" doc:"Most that a participant is asked to send, bits per second, from 64000 on; 0 is the configuration's. Default 0." example:"1000000"`
	Hold       optional[float64]  `json:"hold,omitempty" minimum:"0" maximum:"60" doc:"How long a speaker is seen before the next is, seconds, from 0.1 on; 0 is the configuration's. Default 0." example:"2"`
}

func (f *VideoFields) patch(s *rooms.VideoSettings) {
	if f.Enabled.set {
		s.Off = !f.Enabled.null && !f.Enabled.value
	}
	if f.Policy.set {
		s.Policy = rooms.VideoPolicy(f.Policy.value)
	}
	f.Codecs.to(&s.Codecs)
	f.MaxBitrate.to(&s.MaxBitrate)
	toDuration(f.Hold, &s.Hold)
}

// toVideo merges a patch into what a room has; null resets all of it.
func toVideo(o optional[VideoFields], s *rooms.VideoSettings) {
	switch {
	case !o.set:
	case o.null:
		*s = rooms.VideoSettings{}
	default:
		o.value.patch(s)
	}
}

// Video is a room's video as JSON.
type Video struct {
	Enabled    bool     `json:"enabled" doc:"Participants may have video." example:"true"`
	Policy     string   `json:"policy" enum:"majority,fixed" doc:"How the room comes by the one format that all who see each other share: majority, what most of them can; fixed, the first of codecs that the first of them can." example:"majority"`
	Codecs     []string `json:"codecs" nullable:"false" doc:"What it may be, in order of preference." example:"[\"vp8\",\"h264/constrained-baseline/mode1\"]"`
	MaxBitrate int      `json:"max_bitrate" minimum:"0" doc:"Most that a participant is asked to send, bits per second." example:"2000000"`
	Hold       float64  `json:"hold" minimum:"0" doc:"How long a speaker is seen before the next is, seconds." example:"2"`
	Codec      string   `json:"codec,omitempty" doc:"The format that the room has settled on; absent while nobody has video." example:"vp8"`
	Speaker    string   `json:"speaker,omitempty" maxLength:"32" doc:"The id of the participant who is to be seen; absent: nobody." example:"1kjmajsj0q3v7mq4wz"`
}

func videoOf(s *rooms.VideoSnapshot) Video {
	v := Video{
		Enabled: s.Enabled, Policy: string(s.Policy), Codecs: []string{}, MaxBitrate: s.MaxBitrate, Hold: seconds(s.Hold),
		Codec: formatName(s.Format), Speaker: s.Speaker,
	}
	for _, f := range s.Formats {
		v.Codecs = append(v.Codecs, f.String())
	}
	return v
}

// formatName is "" for none.
func formatName(f media.VideoFormat) string {
	if f == (media.VideoFormat{}) {
		return ""
	}
	return f.String()
}

// VideoLine is a participant's video line as JSON.
type VideoLine struct {
	Line     int            `json:"line" minimum:"0" doc:"Its place among the m= lines of the session, from 0." example:"1"`
	Content  string         `json:"content" doc:"What it is for (RFC 4796): slides, or else whoever speaks." example:"main"`
	State    string         `json:"state" enum:"on,off,refused" doc:"on: it shows and is shown; off: it was accepted, and is not used; refused." example:"on"`
	Why      string         `json:"why,omitempty" doc:"It is not on, for people." example:"the room has vp8"`
	Codec    string         `json:"codec,omitempty" doc:"Its format; absent if it was refused." example:"vp8"`
	Sending  bool           `json:"sending" doc:"Pictures come from it." example:"true"`
	Sees     string         `json:"sees,omitempty" maxLength:"32" doc:"The id of the participant whose picture it is shown; absent: none. In events and snapshots it is as of the participant's last event." example:"1kjmajsj0j1b7mq4xz"`
	Takes    *VideoLimit    `json:"takes,omitempty" doc:"The most that its phone says it takes; absent: it says nothing."`
	Told     *VideoLimit    `json:"told,omitempty" doc:"The most that its phone was told to send, which is what all others take; absent: as much as it likes."`
	Sends    *VideoSends    `json:"sends,omitempty" doc:"Figures of what it sends. Absent in events, and of a line that was refused."`
	Receives *VideoReceives `json:"receives,omitempty" doc:"Figures of what it is sent, likewise."`
}

func videoLinesOf(lines []rooms.VideoLineSnapshot) []VideoLine {
	var all []VideoLine
	for _, l := range lines {
		v := VideoLine{
			Line: l.Line, Content: l.Content, State: string(l.State), Why: l.Why, Codec: formatName(l.Format),
			Sending: l.Sends, Sees: l.Sees, Takes: limitOf(l.Takes), Told: limitOf(l.Told),
		}
		if v.Content == "" {
			v.Content = "main"
		}
		all = append(all, v)
	}
	return all
}

// VideoLimit bounds pictures, as JSON.
type VideoLimit struct {
	Level     int `json:"level,omitempty" minimum:"0" doc:"As the codec writes it: 31 is level 3.1 of H.264 (9 is 1b), 93 that of H.265, 5 that of AV1; absent: not bounded." example:"31"`
	Width     int `json:"width,omitempty" minimum:"0" doc:"Pixels; absent: not bounded." example:"1280"`
	Height    int `json:"height,omitempty" minimum:"0" doc:"Likewise." example:"720"`
	FrameSize int `json:"frame_size,omitempty" minimum:"0" doc:"Macroblocks of 16 by 16 pixels, of VP8 and VP9; absent: not bounded." example:"3600"`
	FrameRate int `json:"frame_rate,omitempty" minimum:"0" doc:"Pictures a second, of VP8 and VP9; absent: not bounded." example:"30"`
}

// limitOf is nil for none.
func limitOf(l media.VideoLimit) *VideoLimit {
	if l == (media.VideoLimit{}) {
		return nil
	}
	return &VideoLimit{int(l.Level), l.Width, l.Height, l.FrameSize, l.FrameRate}
}

// VideoSends are figures of what a participant sends on a video line.
type VideoSends struct {
	Width     int    `json:"width" minimum:"0" doc:"Pixels, by the last key frame; 0: it does not tell." example:"1280"`
	Height    int    `json:"height" minimum:"0" doc:"Likewise." example:"720"`
	Bitrate   uint64 `json:"bitrate" doc:"Bits per second, over the last second." example:"1200000"`
	Frames    uint64 `json:"frames" doc:"Whole pictures that came." example:"4500"`
	KeyFrames uint64 `json:"key_frames" doc:"Of them, key frames." example:"12"`
	Lost      uint64 `json:"lost" doc:"RTP packets that never came." example:"3"`
	Repaired  uint64 `json:"repaired" doc:"RTP packets that came because they were asked for again." example:"40"`
	Limit     uint64 `json:"limit" doc:"Bits per second that it was last asked to send at most (TMMBR, REMB): what most of those who see it can take; 0: as much as it likes." example:"900000"`
	Requests  uint64 `json:"key_frame_requests" doc:"Times that it was asked for a key frame." example:"6"`
}

// VideoReceives are figures of what a participant is sent on a video line.
type VideoReceives struct {
	Bitrate   uint64 `json:"bitrate" doc:"Bits per second, over the last second." example:"1150000"`
	Estimate  uint64 `json:"estimate" doc:"What its path seems to bear, bits per second; 0: unknown." example:"1800000"`
	Dropped   uint64 `json:"frames_dropped" doc:"Pictures that it was not sent, as they were more than its path bears, or broken." example:"5"`
	Freezes   uint64 `json:"freezes" doc:"Times that its picture stood still." example:"0"`
	KeyFrames uint64 `json:"key_frame_requests" doc:"Times that it asked for a key frame." example:"4"`
}

// addVideoStats fills in figures of now.
func addVideoStats(lines []VideoLine, stats []rooms.VideoStats) {
	for i := range lines {
		for j := range stats {
			if stats[j].Line == lines[i].Line {
				lines[i].Sends, lines[i].Receives = sendsOf(&stats[j].Ingress), receivesOf(&stats[j].Egress)
			}
		}
	}
}

func sendsOf(s *forwarder.IngressStats) *VideoSends {
	return &VideoSends{
		Width: s.Width, Height: s.Height, Bitrate: s.Bitrate, Frames: s.Streams.Frames, KeyFrames: s.Streams.KeyFrames,
		Lost: s.Streams.Lost, Repaired: s.Streams.Repaired, Limit: s.Limit, Requests: s.Requests,
	}
}

func receivesOf(s *forwarder.EgressStats) *VideoReceives {
	d := &s.Subscription.Dropped
	return &VideoReceives{
		Bitrate: s.Bitrate, Estimate: s.Subscription.Estimate, Freezes: s.Subscription.Freezes, KeyFrames: s.Requests,
		Dropped: d.Broken + d.Slow + d.Low + d.Queue + d.Overwritten + d.Forgotten,
	}
}
