package rooms

import (
	"sync/atomic"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast"
)

// groupView is the room's multicast group as one more who looks on.
type groupView struct {
	videoLine
	me   onlooker
	port *multicast.Video
	gone atomic.Bool // the forwarder has let go of the line
}

// What follows is called by the room's goroutine.

// reviewGroup has the room's group look on, in the room's format, while it sends and is to have
// video. Another format is another stream: the line of the one before leaves first, so that no
// packet of it goes under the other's name.
func (r *room) reviewGroup() {
	v := r.video
	if v.leaving != nil {
		return // its end brings us back
	}
	port := r.groupPort()
	switch now := v.group; {
	case now != nil && (now.port != port || now.given.Format != v.format):
		r.dropGroupView()
	case now == nil && port != nil && v.format != media.VideoFormat{}:
		r.addGroupView(port)
	}
}

// groupPort is where pictures for the group go, nil if none do.
func (r *room) groupPort() *multicast.Video {
	if r.group == nil || r.broadcast == nil {
		return nil
	}
	return r.group.Video()
}

func (r *room) addGroupView(port *multicast.Video) {
	v := r.video
	if err := r.group.SetVideo(v.format); err != nil {
		r.log.Error("the room's multicast group cannot send video", "error", err)
	}
	w := &groupView{me: onlooker{hearer: groupHearer()}, port: port}
	w.of = &w.me
	w.given = forwarder.LineConfig{Format: v.format, Send: true, MaxBitrate: uint64(r.group.Spec().VideoBitrate)}
	w.line = forwarder.NewLine(port, w.given)
	v.group = w
	v.screen.do(func(s videoStage) {
		if err := s.Add(w.line); err != nil {
			r.log.Error("the room's multicast group is sent no video", "error", err)
		}
	})
	r.tellGroup()
}

// dropGroupView takes the group's line out. The room looks again once the forwarder has let go.
func (r *room) dropGroupView() {
	v, w := r.video, r.video.group
	v.group, v.leaving = nil, w
	v.screen.do(func(s videoStage) {
		s.Remove(w.line, func() {
			w.gone.Store(true)
			v.news.rouse()
		})
	})
}

// noteGroup takes note that the group's line has left.
func (v *roomVideo) noteGroup() {
	if v.leaving != nil && v.leaving.gone.Load() {
		v.leaving, v.changed = nil, true
	}
}

// showGroup has the group show who is to be seen, of those whom it may hear.
func (r *room) showGroup(ranked []*videoLine) {
	w := r.video.group
	if w == nil {
		return
	}
	if seen := w.me.inView(ranked, 1); len(seen) > 0 {
		r.show(&w.videoLine, seen[0])
	} else {
		r.show(&w.videoLine, nil)
	}
}

// videoRules are the registry's for this room. A camera has one rate for all: where a group looks
// on, it is one that the group bears.
func (r *room) videoRules() videoRules {
	rules := r.registry.videoRules(&r.def.Video)
	rules.bitrate = r.bearable(rules.bitrate)
	return rules
}

// bearable bounds a rate by that of the group's video, bits per second.
func (r *room) bearable(rate int) int {
	if r.group != nil && r.group.Spec().Video {
		return min(rate, r.group.Spec().VideoBitrate)
	}
	return rate
}
