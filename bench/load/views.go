//go:build linux

package load

import (
	"fmt"
	"time"

	"github.com/confd/confd/bench/load/calls"
	"github.com/confd/confd/bench/load/cameras"
	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/report"
	"github.com/confd/confd/media"
)

// Video is what callers show and see.
type Video struct {
	Codec   string // vp8 or h264; "" is no video
	Cameras int    // in each room, the talkers first; the others only look. 0: as many as talk
	Bitrate int    // of what is shown, bits per second: 300,000 or 1,200,000; default 300,000
	Burst   bool   // a picture's packets leave at once
	// Hold is for how long the server shows a speaker at least, 0 to MaxHold.
	// Within is in which time, from then on or from when somebody else begins to speak, the
	// next must be seen, MinWithin to MaxHold; default 1.5 s.
	Hold, Within time.Duration
}

// Limits of Video.
const (
	MaxHold   = time.Minute
	MinWithin = 100 * time.Millisecond
)

// Bit rates of prepared streams.
const (
	videoLow  = 300_000
	videoHigh = 1_200_000
)

func (v Video) withDefaults(talkers int) Video {
	if v.Codec == "" {
		return v
	}
	v.Cameras = or(v.Cameras, talkers)
	v.Bitrate = or(v.Bitrate, videoLow)
	v.Within = or(v.Within, 1500*time.Millisecond)
	return v
}

func (v Video) check(seats int) error {
	switch {
	case v == Video{}:
		return nil
	case videoCodings[v.Codec].name == "":
		return fmt.Errorf("video codec %q, want vp8 or h264", v.Codec)
	case v.Cameras < 1 || v.Cameras > seats:
		return fmt.Errorf("%d cameras in rooms of %d, want 1 to that", v.Cameras, seats)
	case v.Bitrate != videoLow && v.Bitrate != videoHigh:
		return fmt.Errorf("video of %d bit/s, want %d or %d", v.Bitrate, videoLow, videoHigh)
	case v.Hold < 0 || v.Hold > MaxHold:
		return fmt.Errorf("speakers are held for %v, want 0 to %v", v.Hold, MaxHold)
	case v.Within < MinWithin || v.Within > MaxHold:
		return fmt.Errorf("speakers are to be seen within %v, want %v to %v", v.Within, MinWithin, MaxHold)
	}
	return nil
}

// asked is v as the report has it.
func (v *Video) asked() *report.VideoOptions {
	if v.Codec == "" {
		return nil
	}
	return &report.VideoOptions{Codec: v.Codec, BitrateBPS: v.Bitrate, Cameras: v.Cameras, Burst: v.Burst, HoldMS: ms(v.Hold), WithinMS: ms(v.Within)}
}

// Payload types that callers offer for video.
const (
	videoType  = 96
	repairType = 97
)

// videoCodings are named as in SDP. The streams of H.264 are constrained baseline.
var videoCodings = map[string]struct {
	name, parameters string
	codec            media.VideoCodec
}{
	"vp8":  {"VP8/90000", "", media.VP8},
	"h264": {"H264/90000", "profile-level-id=42e01f;packetization-mode=1", media.H264},
}

// cameras is how the callers' video is made.
func (o *Options) cameras(f *fleet.Fleet) cameras.Config {
	return cameras.Config{Callers: o.Callers, Rooms: o.Rooms, Cameras: o.Video.Cameras, Codec: videoCodings[o.Video.Codec].codec, Bitrate: o.Video.Bitrate,
		Burst: o.Video.Burst, Local: f.Host, Impair: o.Impair, Seed: o.Seed}
}

// videoOffer is what caller i offers of video; nil if there is none.
func (r *run) videoOffer(i int) *calls.Video {
	if r.crew == nil {
		return nil
	}
	c := videoCodings[r.o.Video.Codec]
	v := &calls.Video{Format: calls.Format{PayloadType: videoType, Name: c.name, Parameters: c.parameters}, RTX: repairType,
		Kbps: 2 * videoHigh / 1000, Sends: r.crew.Camera(i)}
	v.Media, v.RTCP = r.crew.Local(i)
	return v
}

// show has caller i's video go where the server wants it, if that has changed.
func (r *run) show(i int, a calls.VideoAnswer) {
	if r.crew == nil {
		return
	}
	s := &r.seats[i]
	s.mu.Lock()
	same := s.view == a || s.call == nil
	s.view = a
	s.mu.Unlock()
	if same {
		return
	}
	if a.Refused != "" {
		r.crew.Disconnect(i)
		return
	}
	p := cameras.Peer{Media: a.Media, Control: a.RTCP, PayloadType: a.PayloadType, RTX: a.RTX, NACK: a.NACK, PLI: a.PLI, FIR: a.FIR, Shows: a.Receives}
	if err := r.crew.Connect(i, p); err != nil {
		r.drop(i, &calls.Failure{Cause: calls.Protocol, Reason: "video", Err: err})
	}
}

// refused words why a caller whose call is up has no video; empty if it has, or has no call.
func (s *seat) refused() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.call == nil:
		return ""
	case s.view == calls.VideoAnswer{}:
		return "not answered"
	}
	return s.view.Refused
}

// confessVideo notes what makes figures of video doubtful.
func (r *run) confessVideo(m *cameras.Report) {
	if m == nil {
		return
	}
	given, unlogged := 0, 0
	for i := range m.Callers {
		given += m.Callers[i].GivenUp + m.Callers[i].Refused
		unlogged += m.Callers[i].Unlogged
	}
	if given > 0 {
		r.watch.note(fmt.Sprintf("%d packets of video did not leave: this machine was too busy", given))
	}
	if unlogged > 0 {
		r.watch.note(fmt.Sprintf("%d changes of who was seen are not judged: there were too many", unlogged))
	}
	if m.Late > 10*time.Millisecond {
		r.watch.note(fmt.Sprintf("cameras were %v late: this machine was too busy to trust the delay of pictures", m.Late))
	}
}
