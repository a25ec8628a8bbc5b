package rooms

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
)

// MaxPlaying is how many announcements may play in a room at once.
const MaxPlaying = 16

// PlayRequest is a source that speaks into a room beside its participants: an announcement.
type PlayRequest struct {
	Name    string // for people and events, at most MaxDisplayName bytes
	Source  media.Source
	Receive mixer.InputConfig
	// To lists who hears it, as ParticipantSettings.HeardBy does; nil means everyone but
	// those whose Hears leaves it out. Who is listed hears it whatever their Hears says.
	To *[]string
	// Gain is in dB, MinGain to MaxGain.
	Gain float64
}

// AnnouncementSnapshot is an announcement at one moment.
type AnnouncementSnapshot struct {
	ID      string
	Name    string
	To      *[]string // nil: everyone
	Started time.Time
}

// Announcement is a source at work in a room. Its methods may be called by any goroutine.
type Announcement struct {
	room *room
	id   string
	gone chan struct{}
}

// playing is the room's side of it.
type playing struct {
	*Announcement
	about AnnouncementSnapshot
	leg   leg
	place uint64
}

// Play lets a source speak into a room that has participants, from the next tick on, until
// it is stopped or the conference ends. It is pinned: heard beside the loudest. Errors:
// NotFound, Invalid, Conflict if there is nobody in the room, Full (MaxPlaying, MaxMixes).
func (g *Registry) Play(name Name, q PlayRequest) (*Announcement, error) {
	const op = "play"
	if err := checkText(op, "name", q.Name, MaxDisplayName); err != nil {
		return nil, err
	}
	if err := checkGain(op, "gain", q.Gain); err != nil {
		return nil, err
	}
	q.To = cloneList(q.To)
	if err := checkList(op, "to", q.To); err != nil {
		return nil, err
	}
	r, err := g.find(name)
	if err != nil {
		return nil, err
	}
	q.Receive.Gain = amplified(q.Receive.Gain, q.Gain)
	in := mixer.NewInput(q.Source, q.Receive)
	return ask(r, func() (*Announcement, error) { return r.play(q, in) })
}

func (r *room) play(q PlayRequest, in *mixer.Input) (*Announcement, error) {
	if r.stage == nil || len(r.participants) == 0 {
		return nil, errorf(Conflict, "play", "nobody is in room %q to hear it", r.name)
	}
	if len(r.playing) >= MaxPlaying {
		return nil, errorf(Full, "play", "%d announcements play in room %q at once, as many as may", len(r.playing), r.name)
	}
	now := time.Now()
	a := &playing{Announcement: &Announcement{room: r, id: newID(now), gone: make(chan struct{})}, leg: leg{in: in}}
	a.about = AnnouncementSnapshot{ID: a.id, Name: q.Name, To: q.To, Started: now}
	if err := r.fits("play", a.hearer()); err != nil {
		return nil, err
	}
	r.places++
	a.place = r.places
	r.playing[a.id] = a
	r.stage.attach(&a.leg, change{mixes: r.mixes()})
	about := a.about
	r.publish(Event{Kind: AnnouncementStarted, Announcement: &about})
	return a.Announcement, nil
}

// ID returns what names the announcement in events.
func (a *Announcement) ID() string { return a.id }

// Done is closed when the media plane no longer touches the source: after Stop, or because
// the conference has ended.
func (a *Announcement) Done() <-chan struct{} { return a.gone }

// Stop ends the announcement for that reason, unless it has ended, and returns when the
// media plane no longer touches the source. Error: TimedOut if ctx ended first.
func (a *Announcement) Stop(ctx context.Context, why Reason) error {
	_ = tellRoom(a.room, func() error {
		if p := a.room.playing[a.id]; p != nil {
			a.room.stopOne(p, why)
		}
		return nil
	})
	return wait(ctx, a.gone, "stop")
}

func (r *room) stopOne(a *playing, why Reason) {
	delete(r.playing, a.id)
	r.detaching.Add(1)
	r.stage.detach(&a.leg, change{mixes: r.mixes(), done: func() {
		close(a.gone)
		r.detaching.Done()
	}})
	about := a.about
	r.publish(Event{Kind: AnnouncementEnded, Announcement: &about, Reason: why})
}

// stopPlaying ends all announcements.
func (r *room) stopPlaying(why Reason) {
	for _, a := range r.announcements() {
		r.stopOne(a, why)
	}
}

// announcements returns them in the order in which they began.
func (r *room) announcements() []*playing {
	all := make([]*playing, 0, len(r.playing))
	for _, a := range r.playing {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *playing) int { return cmp.Compare(a.place, b.place) })
	return all
}

func (a *playing) hearer() hearer {
	return hearer{id: a.id, heardBy: a.about.To, speaks: true, insists: a.about.To != nil}
}
