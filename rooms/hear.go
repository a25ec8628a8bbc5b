package rooms

import (
	"github.com/confd/confd/mixer"
)

// doMedia tells what the media plane noticed. Events of who has left meanwhile are void.
func (r *room) doMedia(e mixer.Event) {
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
	case mixer.TalkStart:
		r.setTalking(p, true, e)
	case mixer.TalkStop:
		r.setTalking(p, false, e)
	case mixer.DigitEnd:
		if key := digitOf(e.Digit); key != 0 {
			r.tell(p, Event{Kind: DigitPressed, Digit: key, Duration: e.Duration})
		}
	case mixer.SourceLost:
		r.setLost(p, true)
	case mixer.SourceResumed:
		r.setLost(p, false)
	}
}

func (r *room) setTalking(p *Participant, talking bool, e mixer.Event) {
	if p.talking == talking {
		return
	}
	p.talking = talking
	if talking {
		r.tell(p, Event{Kind: TalkingStarted, Level: e.Level})
	} else {
		r.tell(p, Event{Kind: TalkingStopped})
	}
}

func (r *room) setLost(p *Participant, lost bool) {
	if p.lost == lost {
		return
	}
	p.lost = lost
	if lost {
		r.tell(p, Event{Kind: MediaLost})
	} else {
		r.tell(p, Event{Kind: MediaResumed})
	}
}

// resync takes the states that lost events would have told from the inputs themselves.
func (r *room) resync() {
	for _, p := range r.inOrder() {
		if p.leg.in != nil {
			s := p.leg.in.Stats()
			r.setTalking(p, s.Talking, mixer.Event{Level: s.Level})
		}
	}
}
