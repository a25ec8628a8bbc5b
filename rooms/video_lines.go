package rooms

import (
	"maps"
	"slices"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/media"
)

// What follows is called by the room's goroutine.

// have is what the peer's lines have.
func (w *presence) have() videoHave {
	h := videoHave{refused: slices.Collect(maps.Keys(w.refused))}
	for _, l := range w.lines {
		for _, f := range l.Can {
			if !slices.Contains(h.can, f) {
				h.can = append(h.can, f)
			}
		}
		switch {
		case l.Port != nil:
			h.accepted = append(h.accepted, l.Config.Format)
		case l.Lacking:
			h.lacking = append(h.lacking, l.Can...)
		}
	}
	return h
}

func (w *presence) find(line int) *videoLine {
	for _, l := range w.lines {
		if l.Line == line {
			return l
		}
	}
	return nil
}

// enterVideo takes in the lines of who joins, or has video from now on.
func (r *room) enterVideo(p *Participant, lines []VideoMedia) {
	if len(lines) == 0 || !r.openVideo() {
		return
	}
	p.video = &presence{onlooker: onlooker{hearer: p.hearer()}, refused: make(map[media.VideoFormat]string)}
	rules := r.videoRules()
	for _, m := range lines {
		r.addLine(p, m, &rules)
	}
	r.agree(&rules)
	r.videoChanged(p)
}

// addLine takes in a line that is new.
func (r *room) addLine(p *Participant, m VideoMedia, rules *videoRules) {
	l := &videoLine{VideoMedia: m, of: &p.video.onlooker}
	p.video.lines = append(p.video.lines, l)
	if m.Port == nil {
		return
	}
	if m.Do != nil {
		m.Do()
	}
	l.given = p.served(l, rules)
	l.line = forwarder.NewLine(m.Port, l.given)
	r.video.byLine[l.line] = l
	r.registry.videoLedger.open(l.line)
	r.video.screen.do(func(s videoStage) { r.takeLine(s, p, l) })
}

// takeLine adds a line to a stage. It may be called by a worker.
func (r *room) takeLine(s videoStage, p *Participant, l *videoLine) {
	err := s.Add(l.line)
	l.unserved.Store(err != nil)
	if err != nil {
		r.log.Warn("a video line is not served", "participant", p.id, "line", l.Line, "error", err)
	}
}

// videoChanged notes that p's lines are others.
func (r *room) videoChanged(p *Participant) {
	var lines []liveLine
	for _, l := range p.video.lines {
		if l.line != nil {
			lines = append(lines, liveLine{l.Line, l.line})
			delete(p.video.refused, l.Config.Format)
		}
	}
	p.live.Load().video.Store(&lines)
	p.video.noteTold()
	r.video.changed, r.video.voted, p.video.stale = true, true, true
}

// dropLine takes a line out; t waits until the worker has let go of its port.
func (r *room) dropLine(l *videoLine, t *tally) {
	if l.line == nil {
		return
	}
	r.forgetLine(l)
	r.registry.videoLedger.close(l.line)
	line, done := l.line, t.more()
	r.video.screen.do(func(s videoStage) { s.Remove(line, done) })
}

// forgetLine has nobody see a line any more. The forwarder does the same by itself.
func (r *room) forgetLine(l *videoLine) {
	delete(r.video.byLine, l.line)
	for _, o := range r.video.byLine {
		if o.shows == l {
			o.shows, o.sees = nil, ""
		}
	}
	if g := r.video.group; g != nil && g.shows == l {
		g.shows, g.sees = nil, ""
	}
	l.shows, l.sees, l.began = nil, "", 0
}

// leaveVideo takes out all lines of who leaves.
func (r *room) leaveVideo(p *Participant, t *tally) {
	if r.video == nil {
		return
	}
	r.video.floor.leave(p.id)
	r.video.changed, r.video.voted = true, true
	if p.video == nil {
		return
	}
	for _, l := range p.video.lines {
		r.dropLine(l, t)
	}
	p.video = nil
}

// moveVideo takes the lines of who moves to a room that stands still.
func (r *room) moveVideo(p *Participant, to *room) {
	if r.video == nil {
		return
	}
	r.video.floor.leave(p.id)
	r.video.changed, r.video.voted = true, true
	if p.video == nil || !to.openVideo() {
		return
	}
	to.video.changed, to.video.voted = true, true
	for _, l := range p.video.lines {
		if l.line == nil {
			continue
		}
		r.forgetLine(l)
		to.video.byLine[l.line] = l
		land := to.video.screen.expect(func(s videoStage) { to.takeLine(s, p, l) })
		r.video.screen.do(func(s videoStage) { s.Remove(l.line, land) })
	}
}

// updateVideo puts into force what signalling negotiated: lines is all that there are from now
// on. t waits for the worker.
func (r *room) updateVideo(p *Participant, lines []VideoMedia, t *tally) {
	if p.video == nil {
		r.enterVideo(p, lines)
		return
	}
	rules := r.videoRules()
	was := p.video.lines
	p.video.lines = nil
	for _, m := range lines {
		i := slices.IndexFunc(was, func(l *videoLine) bool { return l.Line == m.Line && l.line != nil && l.Port == m.Port })
		if i < 0 {
			r.addLine(p, m, &rules)
			continue
		}
		l := was[i]
		was = slices.Delete(was, i, i+1)
		p.video.lines = append(p.video.lines, l)
		r.changeLine(p, l, m, &rules, t)
	}
	for _, l := range was {
		r.dropLine(l, t)
	}
	r.videoChanged(p)
}

// changeLine puts what was negotiated for a line into force.
func (r *room) changeLine(p *Participant, l *videoLine, m VideoMedia, rules *videoRules, t *tally) {
	l.VideoMedia = m
	l.given = p.served(l, rules)
	line, c, done := l.line, l.given, t.more()
	r.video.screen.do(func(s videoStage) {
		s.Configure(line, c, func() {
			if m.Do != nil {
				m.Do()
			}
			done()
		})
	})
}

// videoLines are p's lines as others may see them.
func (p *Participant) videoLines() []VideoLineSnapshot {
	if p.video == nil {
		return nil
	}
	all := make([]VideoLineSnapshot, len(p.video.lines))
	for i, l := range p.video.lines {
		all[i] = VideoLineSnapshot{Line: l.Line, Content: l.Content, State: l.told.state, Why: l.told.why, Sends: l.began != 0, Sees: l.sees}
		if l.Port != nil {
			all[i].Format, all[i].Takes, all[i].Told = l.Config.Format, l.Takes, l.Told
		}
	}
	return all
}
