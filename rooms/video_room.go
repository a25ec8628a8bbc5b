package rooms

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/media"
)

// roomVideo is what a room has while somebody in it has video lines. The room's goroutine
// owns it.
type roomVideo struct {
	screen  screen
	news    *news
	byLine  map[*forwarder.Line]*videoLine
	heard   bool // somebody begins or ends to talk, or has had the floor for long enough
	changed bool // something else that decides who is seen
	voted   bool // something that decides in which format
	failed  bool // the forwarder gave up
	floor   floor
	begun   uint64    // pictures that ever began
	wake    *deadline // when the floor wants to be looked at
	later   *deadline // when what can wait is asked for

	format  media.VideoFormat // that the room has settled on
	told    media.VideoFormat // by event
	speaker string            // who is to be seen
	leasts  leasts            // of what those present take of the format

	group   *groupView // the multicast group; nil while it is without video
	leaving *groupView // one that the forwarder has not let go of yet
}

// presence is what a participant with video lines has.
type presence struct {
	onlooker
	lines   []*videoLine
	refused map[media.VideoFormat]string // why the peer did not change to it
	asking  bool                         // signalling asks the peer to change
	patient bool                         // and, in the next order, for what has waited
	films   bool                         // its camera may send
	told    bounds                       // what it was told to send at most
	stale   bool                         // other lines than were told
}

// videoLine is one of them.
type videoLine struct {
	VideoMedia
	of    *onlooker       // whose it is
	line  *forwarder.Line // nil where it was refused
	given forwarder.LineConfig
	began uint64     // numbers pictures as they begin; 0 while none come
	shows *videoLine // what it is to show; nil is nothing
	sees  string     // id of whose picture it shows
	told  lineState

	unserved atomic.Bool // the forwarder did not take it
}

// lineState is what of a line is told by event.
type lineState struct {
	state VideoState
	why   string
	sends bool
}

// What follows is called by the room's goroutine.

// openVideo has the room take video lines, and reports whether this server has any.
func (r *room) openVideo() bool {
	if r.video != nil {
		return true
	}
	if r.registry.newVideoStage == nil {
		return false
	}
	v := &roomVideo{news: newNews(), byLine: make(map[*forwarder.Line]*videoLine)}
	v.screen.stage = r.registry.newVideoStage(v.news.add)
	r.video, r.pictures = v, v.news.wake
	for _, p := range r.inOrder() {
		r.noteTalk(p)
	}
	return true
}

// closeVideo is called when nobody is in the room any more.
func (r *room) closeVideo() {
	if r.video == nil {
		return
	}
	r.video.wake.cancel()
	r.video.later.cancel()
	if r.video.group != nil {
		r.dropGroupView()
	}
	r.detaching.Add(1)
	r.video.screen.do(func(s videoStage) { s.Close(r.detaching.Done) })
	r.video, r.pictures = nil, nil
}

// doVideo takes in what the forwarder noticed. News of lines that have left are void.
func (r *room) doVideo() {
	v := r.video
	v.noteGroup()
	all, failed := v.news.take()
	if failed != nil {
		r.log.Error("the room's video failed", "error", failed)
		v.failed, v.changed = true, true
	}
	for _, n := range all {
		if l := v.byLine[n.line]; l != nil {
			r.noteVideo(l, n)
		}
	}
}

func (r *room) noteVideo(l *videoLine, n *lineNews) {
	if n.told {
		r.video.begin(l, n.sends)
	}
	if from := r.video.byLine[n.source]; n.shown && from != nil && l.shows != nil {
		l.sees = from.of.id
	}
	if call, ok := r.participants[l.of.id].call.(VideoCall); n.ask && ok {
		call.AskKeyFrame(l.Line)
	}
}

// begin notes whether pictures come of a line.
func (v *roomVideo) begin(l *videoLine, sends bool) {
	if sends == (l.began != 0) {
		return
	}
	v.changed = true
	l.began = 0
	if sends {
		v.begun++
		l.began = v.begun
	}
}

// noteTalk gives who talks and is heard a chance to have the floor.
func (r *room) noteTalk(p *Participant) {
	if r.video == nil {
		return
	}
	heard := !p.settings.Muted && p.state != StateHeld
	r.video.floor.talk(p.id, p.talking && heard, time.Now())
	r.video.heard = true
}

// noteState has the room look at what somebody sees, and who sees it, for settings or a hold
// that have changed.
func (r *room) noteState(p *Participant) {
	if r.video != nil {
		r.noteTalk(p)
		r.video.changed = true
	}
}

// review puts into force what follows from changes: once for all that a request has changed.
func (r *room) review() {
	v := r.video
	if v == nil || r.stage == nil || !v.heard && !v.changed {
		return
	}
	rules := r.videoRules()
	if r.listen(&rules) || v.changed {
		r.reviewAll(&rules)
	}
	v.heard, v.changed, v.voted = false, false, false
}

// listen gives the floor to whom it is due, and reports whether it has changed hands.
func (r *room) listen(rules *videoRules) bool {
	f := &r.video.floor
	was := f.given
	r.wakeAt(f.choose(time.Now(), rules.hold, r.loudness))
	return f.given != was
}

func (r *room) reviewAll(rules *videoRules) {
	v := r.video
	if v.voted {
		r.agree(rules)
	}
	if v.format != v.told {
		v.told = v.format
		r.log.Info("video format settled", "format", v.format.String())
		r.tellOfRoom(Event{Kind: VideoSettled})
	}
	for _, p := range r.inOrder() {
		if p.video != nil {
			r.reviewLines(p, rules)
		}
	}
	if v.voted {
		r.postpone()
	}
	r.reviewGroup()
	r.direct()
}

// agree settles the room's format.
func (r *room) agree(rules *videoRules) {
	var cans [][]media.VideoFormat
	if rules.enabled {
		cans = r.votes(nil)
	}
	v := r.video
	v.format = agreed(rules.policy, rules.formats, v.format, cans)
	v.leasts = r.limits(v.format)
}

// votes is what each participant but one can and would change to.
func (r *room) votes(but *Participant) (cans [][]media.VideoFormat) {
	for _, p := range r.participants {
		if p.video != nil && p != but {
			have := p.video.have()
			cans = append(cans, have.votes())
		}
	}
	return cans
}

// reviewLines brings a participant's lines to what settings and the room's format say.
func (r *room) reviewLines(p *Participant, rules *videoRules) {
	for _, l := range p.video.lines {
		if c := p.served(l, rules); l.line != nil && c != l.given {
			l.given = c
			line := l.line
			r.video.screen.do(func(s videoStage) { s.Configure(line, c, nil) })
		}
	}
	if r.restate(p) {
		r.tell(p, Event{Kind: ParticipantUpdated})
	}
	if r.video.voted {
		r.ask(p)
	}
}

// restate brings what is told of a participant's lines up to date, and reports whether that is
// news.
func (r *room) restate(p *Participant) bool {
	news := p.video.stale
	p.video.stale = false
	for _, l := range p.video.lines {
		if now := r.stateOf(p, l); now != l.told {
			l.told, news = now, true
		}
	}
	return news
}

// slidesFreeze is how long slides may stand still before it counts as a freeze.
const slidesFreeze = 5 * time.Second

// served is what the forwarder is told of a line.
func (p *Participant) served(l *videoLine, rules *videoRules) forwarder.LineConfig {
	c, held := l.Config, p.state == StateHeld
	c.Muted = c.Muted || p.settings.VideoMuted || held
	c.Stopped = c.Stopped || p.settings.VideoStopped || held
	c.Low = c.Low || p.settings.VideoLow
	if l.isSlides() {
		c.Freeze = slidesFreeze
	}
	if limit := uint64(rules.bitrate); c.SourceLimit == 0 || c.SourceLimit > limit {
		c.SourceLimit = limit
	}
	return c
}

// stateOf says what becomes of a line, and why it is not on.
func (r *room) stateOf(p *Participant, l *videoLine) lineState {
	now := lineState{state: VideoOff, sends: l.began != 0}
	switch format := r.video.format; {
	case l.Port == nil:
		now.state, now.why = VideoRefused, l.Why
	case r.video.failed || l.unserved.Load():
		now.why = "the server could not take it"
	case l.Config.Format == format:
		now.state = VideoOn
	case p.video.refused[format] != "":
		now.why = p.video.refused[format]
	case format == media.VideoFormat{}:
		now.why = "the room has no video"
	default:
		now.why = "the room has " + format.String()
	}
	return now
}

// direct decides who sees whom.
func (r *room) direct() {
	v := r.video
	var cameras, slides []*videoLine
	for _, p := range r.participants {
		if p.video == nil {
			continue
		}
		p.video.onlooker = onlooker{p.hearer(), p.settings.VideoPin}
		if p.settings.VideoMuted || p.state == StateHeld {
			continue
		}
		cameras = p.video.send(cameras, false)
		slides = p.video.send(slides, true)
	}
	slices.SortFunc(cameras, func(a, b *videoLine) int { return cmp.Compare(a.began, b.began) })
	slices.SortFunc(slides, func(a, b *videoLine) int { return cmp.Compare(b.began, a.began) })
	cameras = rank(cameras, v.floor.order)
	for _, p := range r.participants {
		if p.video != nil {
			r.showOn(p, false, cameras)
			r.showOn(p, true, slides)
		}
	}
	r.showGroup(cameras)
	speaker := ""
	if len(cameras) > 0 {
		speaker = cameras[0].of.id
	}
	if speaker != v.speaker {
		v.speaker = speaker
		r.tellOfRoom(Event{Kind: VideoSwitched})
	}
}

// send adds what a participant sends of cameras, or of slides, of several lines the first.
func (w *presence) send(to []*videoLine, slides bool) []*videoLine {
	for _, l := range w.lines {
		if l.isSlides() == slides && l.told.state == VideoOn && l.began != 0 {
			return append(to, l)
		}
	}
	return to
}

func (l *videoLine) isSlides() bool { return l.Content == "slides" }

// showOn has a participant's lines of one kind show what is to be seen.
func (r *room) showOn(p *Participant, slides bool, ranked []*videoLine) {
	var lines, now []*videoLine
	for _, l := range p.video.lines {
		switch on := l.told.state == VideoOn && l.Config.Send && !p.settings.VideoStopped && p.state != StateHeld; {
		case l.isSlides() != slides || l.line == nil:
		case on:
			lines, now = append(lines, l), append(now, l.shows)
		default:
			r.show(l, nil)
		}
	}
	for i, source := range p.video.watch(now, ranked) {
		r.show(lines[i], source)
	}
}

// show has a line show another one, or nothing.
func (r *room) show(l, source *videoLine) {
	if l.shows == source {
		return
	}
	l.shows = source
	line, from := l.line, (*forwarder.Line)(nil)
	if source == nil {
		l.sees = ""
	} else {
		from = source.line
	}
	r.video.screen.do(func(s videoStage) { s.Show(line, from) })
}

// loudness is how loud a participant is now, dBov.
func (r *room) loudness(id string) int {
	if p := r.participants[id]; p != nil && p.leg.in != nil {
		return -int(p.leg.in.Stats().Level)
	}
	return -127
}

// wakeAt has the room look again at that time; zero is never.
func (r *room) wakeAt(at time.Time) {
	v := r.video
	v.wake.cancel()
	v.wake = nil
	if at.IsZero() {
		return
	}
	v.wake = r.registry.deadlines.after(time.Until(at), func() {
		_ = tellRoom(r, func() error { // an error: it has ended
			if r.video != nil {
				r.video.heard = true
			}
			return nil
		})
	})
}

func (r *room) keyFrameWanted(p *Participant, line int) {
	if p.video == nil {
		return
	}
	for _, l := range p.video.lines {
		if l.Line == line && l.line != nil {
			r.video.screen.do(func(s videoStage) { s.RequestKeyFrame(l.line) })
		}
	}
}

// videoPlan is what the room wants of p, or, nil, of who is to come, which can what it offers.
func (r *room) videoPlan(p *Participant, can []media.VideoFormat) VideoPlan {
	rules := r.videoRules()
	plan := r.registry.videoPlan(&r.def.Video, r.formatWith(p, can, &rules))
	plan.Bitrate = rules.bitrate
	if plan.Settled {
		plan.Limit = r.due(p, plan.Formats[0]).limit()
	}
	return plan
}

// formatWith is the format that the room has, or will have when p, or, nil, who is to come, can
// what it offers.
func (r *room) formatWith(p *Participant, can []media.VideoFormat, rules *videoRules) media.VideoFormat {
	if r.video == nil {
		return media.VideoFormat{}
	}
	now := r.video.format
	if len(can) == 0 || now == (media.VideoFormat{}) || slices.Contains(can, now) {
		return now
	}
	return agreed(rules.policy, rules.formats, now, append(r.votes(p), can))
}

// videoSnapshot is the room's video now.
func (r *room) videoSnapshot() VideoSnapshot {
	rules := r.videoRules()
	s := VideoSnapshot{Enabled: rules.enabled, Policy: rules.policy, Formats: rules.formats, MaxBitrate: rules.bitrate, Hold: rules.hold}
	if r.video != nil {
		s.Format, s.Speaker = r.video.format, r.video.speaker
	}
	return s
}
