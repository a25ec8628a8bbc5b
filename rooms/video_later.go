package rooms

import (
	"slices"

	"github.com/confd/confd/media"
)

// What can wait is asked for after VideoConfig.Patience: that a peer may send more than it was
// told, since who took the least has left, and that a line get the ports that there were not. Each
// costs a re-INVITE, and in a room where people come and go the next one takes it back.

// What follows is called by the room's goroutine.

// lacksPorts tells whether a line is refused for want of ports alone.
func (w *presence) lacksPorts() bool {
	return slices.ContainsFunc(w.lines, func(l *videoLine) bool { return l.Lacking })
}

// lacks tells whether one is that could have a format.
func (w *presence) lacks(format media.VideoFormat) bool {
	return slices.ContainsFunc(w.lines, func(l *videoLine) bool { return l.Lacking && slices.Contains(l.Can, format) })
}

// giveUp has no line wait for ports any more.
func (w *presence) giveUp(why string) {
	for _, l := range w.lines {
		if l.Lacking {
			l.Lacking, l.Can, l.Why = false, nil, why
		}
	}
}

// mayMore tells whether the peer's camera may send more than it was told.
func (w *presence) mayMore(due bounds) bool { return w.films && w.told.under(due) }

// waits tells whether there is something for a peer that can wait.
func (r *room) waits(p *Participant) bool {
	if p.video == nil || p.video.told == (bounds{}) && !p.video.lacksPorts() {
		return false
	}
	have := p.video.have()
	format, anything := have.wants(r.video.format)
	return !anything && format != media.VideoFormat{} && (p.video.lacks(format) || p.video.mayMore(r.due(p, format)))
}

func (r *room) anybodyWaits() bool {
	for _, p := range r.participants {
		if r.waits(p) {
			return true
		}
	}
	return false
}

// postpone has what can wait be done in time, if there is anything.
func (r *room) postpone() {
	if r.video.later != nil || !r.anybodyWaits() {
		return
	}
	r.video.later = r.registry.deadlines.after(r.registry.config.Video.Patience, func() {
		_ = tellRoom(r, func() error { r.askLater(); return nil }) // an error: it has ended
	})
}

// askLater asks for what has waited.
func (r *room) askLater() {
	if r.video == nil {
		return
	}
	r.video.later = nil
	for _, p := range r.inOrder() {
		if r.waits(p) {
			p.video.patient = true
			r.ask(p)
		}
	}
	r.postpone()
}
