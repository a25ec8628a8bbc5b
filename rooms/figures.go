package rooms

import (
	"sync/atomic"
	"time"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
)

// LegQuality are the figures of a participant's transport.
type LegQuality struct {
	Received   uint64        // RTP packets that came
	Lost       int64         // RTP packets that did not (RFC 3550 section 6.4.1); negative if duplicates prevail
	Jitter     time.Duration // of what comes (RFC 3550 appendix A.8)
	RoundTrip  time.Duration // 0 until the peer has reported
	PeerLoss   float64       // share of what is sent that does not reach the peer, 0 to 1, in its last report
	PeerJitter time.Duration // that the peer sees
}

// ParticipantStats are a participant's figures of now. Those of media are zero while it is
// not connected.
type ParticipantStats struct {
	Joined   time.Time
	Input    mixer.InputStats // of what it sends, as the mixer sees it
	Leg      LegQuality
	Codec    media.Format  // of what it gets; what it sends has Input.Codec
	Sent     uint64        // packets
	Loss     float64       // share of what it sent that nobody heard, lost or late, 0 to 1
	MOS      float64       // estimated for those who hear it, 1 to 4.5 (ITU-T G.107); 0 before anything came
	TalkTime time.Duration // all in all
}

// live is what figures are taken from, by any goroutine.
type live struct {
	leg     leg
	quality func() LegQuality
	format  atomic.Pointer[media.Format]
	video   atomic.Pointer[[]liveLine] // nil without video
	joined  atomic.Int64               // ns of Unix
	talked  atomic.Int64               // ns, up to the last time that it fell silent
	since   atomic.Int64               // ns of Unix since when it talks; 0 if it does not
}

func (l *live) setFormat(f media.Format) { l.format.Store(&f) }

// setTalking notes that the participant talks, or not. Its room's goroutine calls it.
func (p *Participant) setTalking(talking bool) {
	p.talking = talking
	l, now := p.live.Load(), time.Now().UnixNano()
	since := l.since.Load()
	switch {
	case talking && since == 0:
		l.since.Store(now)
	case !talking && since != 0:
		l.talked.Add(max(now-since, 0))
		l.since.Store(0)
	}
}

// talkTime is right to the moment but for a caller that races with the end of talking.
func (l *live) talkTime() time.Duration {
	total := l.talked.Load()
	if since := l.since.Load(); since != 0 {
		total += max(time.Now().UnixNano()-since, 0)
	}
	return time.Duration(total)
}

// Stats returns figures of now.
func (p *Participant) Stats() ParticipantStats {
	l := p.live.Load()
	if l == nil {
		return ParticipantStats{}
	}
	return l.stats()
}

func (l *live) stats() ParticipantStats {
	s := ParticipantStats{TalkTime: l.talkTime(), Codec: *l.format.Load()}
	if at := l.joined.Load(); at != 0 {
		s.Joined = time.Unix(0, at)
	}
	if l.quality != nil {
		s.Leg = l.quality()
	}
	if l.leg.out != nil {
		s.Sent = l.leg.out.Sent()
	}
	if l.leg.in == nil {
		return s
	}
	s.Input = l.leg.in.Stats()
	if sent, unheard := s.packets(); sent > 0 {
		s.Loss = float64(unheard) / float64(sent)
		s.MOS = s.rating().MOS()
	}
	return s
}

// packets returns how many the participant sent, as far as can be known, and how many of
// them nobody heard. What came too late had been found lost before.
func (s *ParticipantStats) packets() (sent, unheard uint64) {
	in := &s.Input
	sent = in.Packets - min(in.Packets, in.Duplicate+in.Late) + in.Lost
	return sent, in.Lost - min(in.Lost, in.Recovered)
}

// rating is what the E-model makes of the figures: one way from the participant's mouth to
// a listener's ear at the mixer, with half of the round trip on the way.
func (s *ParticipantStats) rating() EModel {
	m := DefaultEModel()
	oneWay := max(s.Leg.RoundTrip/2+s.Input.Delay, 0)
	m.Delay, m.TalkerDelay, m.RoundTrip = oneWay, oneWay, 2*oneWay
	m.Loss = 100 * s.Loss
	m.Equipment, m.Robustness = impairment(s.Input.Codec)
	return m
}

// ParticipantView is a participant and its figures.
type ParticipantView struct {
	ParticipantSnapshot
	Stats      ParticipantStats
	VideoStats []VideoStats // of the lines that were accepted
}

// View returns a participant and its figures of now. Error: NotFound.
func (g *Registry) View(name Name, id string) (ParticipantView, error) {
	p, err := g.Participant(name, id)
	if err != nil {
		return ParticipantView{}, err
	}
	s, err := p.Snapshot()
	return ParticipantView{s, p.Stats(), p.VideoStats()}, err
}

// Views returns all participants of a room, in the order in which they came, with their
// figures of now. Error: NotFound.
func (g *Registry) Views(name Name) ([]ParticipantView, error) {
	r, err := g.find(name)
	if err != nil {
		return nil, err
	}
	var all []*Participant
	views, err := ask(r, func() ([]ParticipantView, error) {
		all = r.inOrder()
		views := make([]ParticipantView, len(all))
		for i, p := range all {
			views[i].ParticipantSnapshot = p.snapshot()
		}
		return views, nil
	})
	for i := range views { // reading figures need not hold up the room
		views[i].Stats, views[i].VideoStats = all[i].Stats(), all[i].VideoStats()
	}
	return views, err
}

// liveLine is a video line that any goroutine may ask for figures.
type liveLine struct {
	number int
	line   *forwarder.Line
}

// VideoStats are figures of one of a participant's video lines.
type VideoStats struct {
	Line int // its number, as in [VideoMedia]
	forwarder.LineStats
}

// VideoStats returns figures of now of the lines that were accepted. Any goroutine may call it.
func (p *Participant) VideoStats() []VideoStats {
	l := p.live.Load()
	if l == nil || l.video.Load() == nil {
		return nil
	}
	var all []VideoStats
	for _, line := range *l.video.Load() {
		all = append(all, VideoStats{line.number, line.line.Stats()})
	}
	return all
}
