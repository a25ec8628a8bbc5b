package multicast

import (
	"net/netip"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/control"
	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/multicast/sap"
	"github.com/confd/confd/multicast/socket"
	"github.com/confd/confd/multicast/stream"
	"github.com/confd/confd/transport"
)

// Group is one room's group. Claimed without sockets, Open starts its stream, Close ends it,
// Release gives its addresses back. It is a media.Sink while it is open. Send is for the media
// thread; any goroutine may call the other methods.
type Group struct {
	host   *Host
	room   string
	spec   Spec
	place  Place
	format media.Format
	cname  string
	id     uint64 // of the session, as descriptions have it

	live     atomic.Pointer[plant] // nil while nothing is sent
	expected expectations

	inside atomic.Int64 // calls of Send under way
	video  Video

	mu       sync.Mutex // guards what follows
	title    string
	open     bool // Open was called, Close was not
	released bool
	path     socket.Path // as described; its source is invalid if none was found yet
	version  uint64      // of the description
	key      *groupkey.Key
	rekey    *time.Timer // puts key in force; nil if it is
	due      time.Time   // when
	latest   time.Time   // and when at the latest, whatever other keys come
	ad       *sap.Announcement
	pictured media.VideoFormat // of the video; zero if none is known yet
	past     GroupStats        // of the plants that were taken down
}

// plant is what an open group sends with, on one path.
type plant struct {
	stream  *stream.Stream
	control *control.Control
	key     *groupkey.Key // in force
	screen  *screen       // nil without video; guarded by the group's mutex
}

// Audience is what the listeners' reports say.
type Audience = control.Audience

// Percentiles are what half, 90 and 99 of 100 listeners do not pass.
type Percentiles = control.Percentiles

// GroupStats are the counts of a group since it was claimed.
type GroupStats struct {
	Sending   bool   // it is open, and its interface is there
	Announced bool   // by SAP
	SSRC      uint32 // of the stream; 0 if nothing is sent
	Moved     uint64 // changes of interface or source address that it followed
	Lost      uint64 // times that it found no way to go on after such a change
	Rekeyed   uint64
	Stream    stream.Stats
	Control   control.Stats

	// Of the video.
	Pictures     stream.PictureStats
	VideoControl control.Stats
}

func newGroup(h *Host, room, title string, s Spec, p Place) *Group {
	g := &Group{host: h, room: room, title: title, spec: s, place: p, format: s.format(&h.config), cname: transport.NewCNAME(),
		id: hash("session "+p.Group.String(), room) >> 2, version: h.next()}
	if s.SRTP {
		g.key = g.newKey()
	}
	g.path, _ = g.find() // Open says what is wrong
	return g
}

// Spec returns what the room asked for, defaults written out.
func (g *Group) Spec() Spec { return g.spec }

// Place returns what the room was given.
func (g *Group) Place() Place { return g.place }

// Source returns what the group sends from; it is invalid as long as no interface is found.
func (g *Group) Source() netip.Addr {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.path.Source
}

// Format returns what the class that the group listens to encodes.
func (g *Group) Format() media.Format { return g.format }

// PayloadType returns that of the format, without redundancy.
func (g *Group) PayloadType() uint8 { return codecs[g.spec.Codec].pt }

// Send implements media.Sink. The media thread calls it; it does not block, lock or allocate.
// What comes while the group is closed is dropped.
func (g *Group) Send(o *media.Outgoing) {
	g.inside.Add(1)
	if p := g.live.Load(); p != nil {
		p.stream.Send(o)
	}
	g.inside.Add(-1)
}

// Description returns the session description (SDP) and its version, which grows with every
// change. With a key it says how to decrypt: it is for those who may listen. It is nil as long
// as there is no interface to send on.
func (g *Group) Description(withKey bool) (sdp []byte, version uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.described(withKey, true), g.version
}

// Sound returns the description of the sound alone, with the key, for who can take nothing else.
func (g *Group) Sound() (sdp []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.described(true, false)
}

// described is describe for a group that may not have found its interface yet.
func (g *Group) described(withKey, withVideo bool) []byte {
	if !g.path.Source.IsValid() {
		g.path, _ = g.find()
	}
	return g.describe(withKey, withVideo)
}

// describe writes the description. The mutex is held.
func (g *Group) describe(withKey, withVideo bool) []byte {
	if !g.path.Source.IsValid() {
		return nil
	}
	d := description{id: g.id, version: g.version, title: g.title, source: g.path.Source, spec: g.spec,
		place: g.place, format: g.format, rtcp: g.rtcp(), repair: g.host.config.RepairShare > 0}
	if withVideo && g.pictured != (media.VideoFormat{}) {
		d.video, d.videoRTCP = g.pictured, g.videoRTCP()
	}
	if withKey {
		d.key = g.key
		if p := g.live.Load(); p != nil && p.key != g.key {
			d.inForce = []groupkey.Key{*p.key}
		}
	}
	return d.text()
}

// rtcp shares the bandwidth of reports as RFC 3550 section 6.2 does: a quarter to the sender.
func (g *Group) rtcp() feedback.Bandwidth {
	all := float64(bandwidth(g.format, g.spec)) * g.host.config.FeedbackShare
	return feedback.Bandwidth{Senders: all / 4, Receivers: all * 3 / 4}
}

// SetTitle changes what descriptions show.
func (g *Group) SetTitle(title string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if title != g.title {
		g.title = title
		g.changed()
	}
}

// changed gives the description a new version, and has it announced. The mutex is held.
func (g *Group) changed() {
	g.version = g.host.next()
	if g.ad == nil {
		return
	}
	if err := g.ad.Update(g.describe(false, true)); err != nil {
		g.host.log.Warn("a group's announcement cannot be changed", "room", g.room, "group", g.place.Group, "error", err)
	}
}

// Audience returns what listeners report; it is empty while the group is closed.
func (g *Group) Audience() Audience {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := g.live.Load(); p != nil {
		return p.control.Audience()
	}
	return Audience{}
}

// Stats returns the counts of the moment.
func (g *Group) Stats() GroupStats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.past
	if p := g.live.Load(); p != nil {
		s.Sending, s.Announced, s.SSRC = true, g.ad != nil, p.stream.Stats().SSRC
		s.add(p)
		if p.screen != nil {
			s.addScreen(p.screen)
			s.Pictures.SSRC = p.screen.pictures.Stats().SSRC
		}
	}
	return s
}

// add counts what a plant has done.
func (s *GroupStats) add(p *plant) {
	s.merge(&GroupStats{Stream: p.stream.Stats(), Control: p.control.Stats()})
}

// merge counts what another group has done.
func (s *GroupStats) merge(o *GroupStats) {
	s.Moved += o.Moved
	s.Lost += o.Lost
	s.Rekeyed += o.Rekeyed
	sum(&s.Stream, &o.Stream)
	sum(&s.Control, &o.Control)
	sum(&s.Pictures, &o.Pictures)
	sum(&s.VideoControl, &o.VideoControl)
}

// sum adds the counters of one struct to those of another of its type.
func sum[T any](to, from *T) {
	a, b := reflect.ValueOf(to).Elem(), reflect.ValueOf(from).Elem()
	for i := range a.NumField() {
		if f := a.Field(i); f.Kind() == reflect.Uint64 {
			f.SetUint(f.Uint() + b.Field(i).Uint())
		}
	}
}
