package multicast

import (
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/control"
	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/multicast/socket"
	"github.com/confd/confd/multicast/stream"
	"github.com/confd/confd/transport"
)

// Video is where a room's pictures go to reach its group: what a forwarder needs of the port of
// a line that only looks on. It is there as long as the group; what it is sent while the group is
// closed is dropped. Its methods are for the worker of the line.
type Video struct {
	live   atomic.Pointer[stream.Pictures] // nil while nothing is sent
	inside atomic.Int64                    // calls under way
}

// SendVideo sends packets to the group.
func (v *Video) SendVideo(now int64, out []transport.VideoOut) int {
	v.inside.Add(1)
	defer v.inside.Add(-1)
	if p := v.live.Load(); p != nil {
		return p.SendVideo(now, out)
	}
	return len(out)
}

// Poll passes on that the group needs a key frame.
func (v *Video) Poll(now int64, limit int, to transport.VideoReceiver) int {
	v.inside.Add(1)
	defer v.inside.Add(-1)
	if p := v.live.Load(); p != nil {
		return p.Poll(now, limit, to)
	}
	return 0
}

// RequestKeyFrame does nothing: a group sends no pictures. So do NACK and LimitBitrate.
func (*Video) RequestKeyFrame(int64, uint8) bool { return false }

// NACK does nothing.
func (*Video) NACK(int64, uint8, []uint16) bool { return false }

// LimitBitrate does nothing.
func (*Video) LimitBitrate(int64, uint64) bool { return false }

// Descriptors are none: RTCP of a group is control's.
func (*Video) Descriptors() []int { return nil }

// take puts p in the place of the stream that there is, and returns that when nobody uses it any
// more.
func (v *Video) take(p *stream.Pictures) *stream.Pictures {
	before := v.live.Swap(p)
	for v.inside.Load() != 0 { // a call takes microseconds, and the next finds p
		runtime.Gosched()
	}
	return before
}

// screen is what an open group sends its pictures with.
type screen struct {
	pictures *stream.Pictures
	control  *control.Control
}

// videoHistory is how many packets of video may be asked for again, and how many may go out in
// the second that control takes to fetch them: 20 Mbit/s.
const videoHistory = 2048

// Video returns where the pictures for the group go, nil if it is to have none.
func (g *Group) Video() *Video {
	if !g.spec.Video {
		return nil
	}
	return &g.video
}

// Pictured returns what its pictures are coded in, as described; zero if that is not known.
func (g *Group) Pictured() media.VideoFormat {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pictured
}

// SetVideo says what the pictures are coded in from now on. The stream of them, if there was one
// in another format, ends with a BYE; the next has an SSRC of its own and is described. The
// format stays until it is told another. The error is an *Error: Unavailable if sockets cannot be
// had; the group then is without pictures until it is opened anew.
func (g *Group) SetVideo(f media.VideoFormat) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.spec.Video || f == g.pictured || videoTypes[f.Codec].name == "" {
		return nil
	}
	g.pictured = f
	p := g.live.Load()
	if p != nil {
		g.darken(p)
		if err := g.light(p); err != nil {
			g.changed()
			return &Error{Code: Unavailable, Message: "cannot send video to " + g.place.Group.String(), Err: err}
		}
	}
	g.changed()
	return nil
}

// light begins to send pictures, if their format is known. The mutex is held.
func (g *Group) light(p *plant) (err error) {
	if g.pictured == (media.VideoFormat{}) {
		return nil
	}
	s := &screen{}
	to := netip.AddrPortFrom(g.place.Group, uint16(g.place.VideoPort()))
	sender, err := socket.OpenSender(socket.SenderConfig{Group: to, Path: g.path, TTL: g.spec.TTL})
	if err != nil {
		return err
	}
	kind := videoTypes[g.pictured.Codec].pt
	if s.pictures, err = stream.NewPictures(stream.PicturesConfig{Socket: sender, PayloadType: kind, Key: p.key,
		History: videoHistory, Interval: time.Duration(g.spec.VideoInterval) * time.Second}); err != nil {
		sender.Close()
		return err
	}
	if s.control, err = control.Start(control.Config{Group: to, Path: g.path, TTL: g.spec.TTL,
		Target: netip.AddrPortFrom(g.path.Source, to.Port()+1), HearGroup: g.spec.Mode == AnySource,
		CNAME: g.cname, Bandwidth: g.videoRTCP(), PayloadType: kind, RepairType: videoRepairType,
		Repair: g.host.config.RepairShare * float64(g.spec.VideoBitrate), Kept: videoHistory,
		Sent: s.pictures.Sent, History: s.pictures.History(), Collided: s.pictures.NewSSRC,
		KeyFrame: s.pictures.WishKeyFrame, Key: p.key}); err != nil {
		s.pictures.Close()
		return err
	}
	if g.key != p.key { // another is on its way
		err = s.control.Expect(*g.key, time.Until(g.latest))
	}
	p.screen = s
	g.video.take(s.pictures)
	return err
}

// darken sends no more pictures. The mutex is held.
func (g *Group) darken(p *plant) {
	s := p.screen
	if s == nil {
		return
	}
	p.screen = nil
	g.video.take(nil)
	s.control.Close() // with a BYE
	s.pictures.Close()
	g.past.addScreen(s)
}

// videoRTCP shares the bandwidth of reports about the video.
func (g *Group) videoRTCP() feedback.Bandwidth {
	all := float64(g.spec.VideoBitrate) * g.host.config.FeedbackShare
	return feedback.Bandwidth{Senders: all / 4, Receivers: all * 3 / 4}
}

// addScreen counts what was done with pictures.
func (s *GroupStats) addScreen(o *screen) {
	s.merge(&GroupStats{Pictures: o.pictures.Stats(), VideoControl: o.control.Stats()})
}
