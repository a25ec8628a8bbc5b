package rooms

import (
	"github.com/confd/confd/mixer"
)

// stage is what a room needs of the media plane: a conference whose changes are queued and
// happen at a tick, in the order in which they were asked for. None of its methods blocks.
// A stage without legs costs nothing and need not be given back.
type stage interface {
	// attach lets l be heard and hear, everyone unless c says otherwise.
	attach(l *leg, c change)
	// change reconfigures l.
	change(l *leg, c change)
	// detach takes l out: when c.done is called the plane no longer touches its source and
	// sink.
	detach(l *leg, c change)
	// move takes l to another stage of the same kind, with its streams unbroken: c happens
	// here as it leaves, arrival there as it comes, and whatever is asked of the other stage
	// meanwhile after that.
	move(l *leg, c change, to stage, arrival change)
	// tune changes how many are heard at once and the rate.
	tune(tuning)
	// rate returns the rate in force, Hz.
	rate() int
}

// leg is a participant's media inside the plane; either half may be nil.
type leg struct {
	in  *mixer.Input
	out *mixer.Output
}

// tuning is what of a room's settings the media plane needs; 0 is its default.
type tuning struct {
	talkers int
	rate    int
}

// change is what happens at one tick; nil fields change nothing. do runs before the rest
// and done after it, both on the media thread.
type change struct {
	do      func()
	receive *mixer.InputConfig
	send    *mixer.OutputConfig
	mixes   []recipe // who hears whom from now on: every leg with a sink is in one of them
	done    func()
}

// recipe is one mix and who gets it.
type recipe struct {
	all       bool           // everybody but inputs; else inputs alone
	inputs    []*mixer.Input //
	pinned    []*mixer.Input // of those in the mix: heard beside the loudest
	listeners []*leg
}
