package rooms

import (
	"github.com/confd/confd/mixer"
)

// doMedia tells what the media plane noticed. Events of who has left meanwhile are void.
func (r *room) doMedia(e mixer.Event) {
	if e.Kind == mixer.Failed {
		r.log.Error("the room's media failed", "error", e.Err)
		r.clear(Reason{Code: ReasonServerError, Text: "the conference's media failed"})
		r.over = !r.persistent
		return
	}
	if p := r.byInput[e.Input]; p != nil {
		r.note(p, e)
	}
	if r.missed.Load() && len(r.media) == 0 {
		r.missed.Store(false)
		r.resync()
	}
}

// note tells one event of p's; repetitions of a state are void.
func (r *room) note(p *Participant, e mixer.Event) {
	switch e.Kind {
	case mixer.TalkStarted:
		r.setTalking(p, true)
	case mixer.TalkStopped:
		r.setTalking(p, false)
	case mixer.DigitEnded:
		if isKey(e.Digit) {
			r.tellDigit(p, e.Digit, e.Duration)
		}
	}
}

func (r *room) setTalking(p *Participant, talking bool) {
	if p.talking == talking {
		return
	}
	p.setTalking(talking)
	r.noteTalk(p)
	if talking {
		r.tell(p, Event{Kind: TalkingStarted})
	} else {
		r.tell(p, Event{Kind: TalkingStopped})
	}
}

// resync takes the states that lost events would have told from the inputs themselves.
func (r *room) resync() {
	for _, p := range r.inOrder() {
		if p.leg.in != nil {
			r.setTalking(p, p.leg.in.Stats().Talking)
		}
	}
}
