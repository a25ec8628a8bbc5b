package rooms

import (
	"reflect"
	"slices"
	"time"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/media"
)

// VideoPolicy says how a room comes by its video format.
type VideoPolicy string

// The policies. Empty is the server's.
const (
	// VideoMajority settles on the format that most participants can, and changes it when
	// another would serve more.
	VideoMajority VideoPolicy = "majority"
	// VideoFixed settles on the first format of the list that the first participant can, and
	// stays with it as long as anybody has video.
	VideoFixed VideoPolicy = "fixed"
)

// The limits of what video settings may hold.
const (
	MaxVideoCodecs  = 16                     // names of a room
	MinVideoBitrate = 64_000                 // bits per second
	MaxVideoBitrate = 100_000_000            // bits per second
	MinVideoHold    = 100 * time.Millisecond //
	MaxVideoHold    = time.Minute            //
	MaxVideoLines   = 16                     // of a participant
)

// VideoConfig is what the rooms of a server do with video, unless their settings say
// otherwise.
type VideoConfig struct {
	Engine     *forwarder.Engine   // nil: there is no video
	Formats    []media.VideoFormat // that rooms may settle on, in order of preference
	Policy     VideoPolicy         // VideoMajority if empty
	MaxBitrate int                 // most that a participant is to send on a line, bits per second; 2,000,000 if 0
	Lines      int                 // video lines of a participant, 1 to MaxVideoLines; 3 if 0
	Hold       time.Duration       // how long a speaker is seen before the next; 2 s if 0
	Patience   time.Duration       // until a peer is told that it may send more, or a line without ports is tried again; 30 s if 0
}

func (c *VideoConfig) fill() {
	if c.Policy == "" {
		c.Policy = VideoMajority
	}
	if c.MaxBitrate == 0 {
		c.MaxBitrate = 2_000_000
	}
	if c.Lines == 0 {
		c.Lines = 3
	}
	if c.Hold == 0 {
		c.Hold = 2 * time.Second
	}
	if c.Patience == 0 {
		c.Patience = 30 * time.Second
	}
}

// VideoSettings are those of a room; the zero value is what [VideoConfig] says.
type VideoSettings struct {
	Off        bool          `json:"off,omitempty"`         // nobody has video
	Policy     VideoPolicy   `json:"policy,omitempty"`      //
	Codecs     []string      `json:"codecs,omitempty"`      // formats, or codecs for all of theirs that the server has, in order of preference
	MaxBitrate int           `json:"max_bitrate,omitempty"` // MinVideoBitrate to MaxVideoBitrate
	Hold       time.Duration `json:"hold,omitempty"`        // MinVideoHold to MaxVideoHold
}

func (s *VideoSettings) clone() VideoSettings {
	c := *s
	c.Codecs = slices.Clone(s.Codecs)
	return c
}

// check brings s into its canonical form, or says which field is wrong.
func (s *VideoSettings) check(op string) error {
	switch {
	case s.Policy != "" && s.Policy != VideoMajority && s.Policy != VideoFixed:
		return wrong(op, "video.policy", "%.40q is neither majority nor fixed", string(s.Policy))
	case s.MaxBitrate != 0 && (s.MaxBitrate < MinVideoBitrate || s.MaxBitrate > MaxVideoBitrate):
		return wrong(op, "video.max_bitrate", "%d is not within %d to %d, nor 0 for the server's", s.MaxBitrate, MinVideoBitrate, MaxVideoBitrate)
	case s.Hold != 0 && (s.Hold < MinVideoHold || s.Hold > MaxVideoHold):
		return wrong(op, "video.hold", "%v is not within %v and %v, nor 0 for the server's", s.Hold, MinVideoHold, MaxVideoHold)
	case len(s.Codecs) > MaxVideoCodecs:
		return wrong(op, "video.codecs", "they are %d, and %d are allowed", len(s.Codecs), MaxVideoCodecs)
	}
	var codecs []string
	for _, name := range s.Codecs {
		canonical, err := canonicalVideo(name)
		switch {
		case err != nil:
			return wrong(op, "video.codecs", "%v", err)
		case slices.Contains(codecs, canonical):
			return wrong(op, "video.codecs", "%s is there twice", canonical)
		}
		codecs = append(codecs, canonical)
	}
	s.Codecs = codecs
	return nil
}

// canonicalVideo returns how a codec or a format is written.
func canonicalVideo(name string) (string, error) {
	name = clipped(name)
	if c, err := media.ParseVideoCodec(name); err == nil {
		return c.String(), nil
	}
	f, err := media.ParseVideoFormat(name)
	return f.String(), err
}

// clipped bounds what an error repeats.
func clipped(name string) string { return name[:min(len(name), 64)] }

// checkVideo says what of a room's new settings this server does not have.
func (g *Registry) checkVideo(op string, s *VideoSettings) error {
	have := g.config.Video.Formats
	switch {
	case reflect.DeepEqual(s, &VideoSettings{}):
	case g.newVideoStage == nil:
		return wrong(op, "video", "this server has video switched off; video.enabled = true in its configuration switches it on")
	case len(chosen(have, s.Codecs)) == 0:
		return wrong(op, "video.codecs", "the server has none of these; it has %v, see video.codecs in its configuration", have)
	}
	return nil
}

// chosen returns those of the formats that names stand for, in the order of the names. Without
// names it is all.
func chosen(formats []media.VideoFormat, names []string) []media.VideoFormat {
	if len(names) == 0 {
		return formats
	}
	var all []media.VideoFormat
	for _, name := range names {
		exact, err := media.ParseVideoFormat(name)
		for _, f := range formats {
			is := f.Codec.String() == name || err == nil && f == exact
			if is && !slices.Contains(all, f) {
				all = append(all, f)
			}
		}
	}
	return all
}

// videoRules are a room's settings with the server's in place of what they leave open.
type videoRules struct {
	enabled bool
	formats []media.VideoFormat // in order of preference
	policy  VideoPolicy
	bitrate int
	hold    time.Duration
}

func (g *Registry) videoRules(s *VideoSettings) videoRules {
	c := &g.config.Video
	r := videoRules{formats: chosen(c.Formats, s.Codecs), policy: c.Policy, bitrate: c.MaxBitrate, hold: c.Hold}
	if s.Policy != "" {
		r.policy = s.Policy
	}
	if s.MaxBitrate != 0 {
		r.bitrate = s.MaxBitrate
	}
	if s.Hold != 0 {
		r.hold = s.Hold
	}
	r.enabled = g.newVideoStage != nil && !s.Off && len(r.formats) > 0
	return r
}

// videoPlan is what settings ask for where a format is in force, which may be none.
func (g *Registry) videoPlan(s *VideoSettings, now media.VideoFormat) VideoPlan {
	r := g.videoRules(s)
	p := VideoPlan{Enabled: r.enabled, Formats: slices.Clone(r.formats), Lines: g.config.Video.Lines, Bitrate: r.bitrate}
	if i := slices.Index(p.Formats, now); i >= 0 {
		p.Settled = true
		p.Formats = slices.Insert(slices.Delete(p.Formats, i, i+1), 0, now)
	}
	return p
}
