package rooms

import (
	"slices"

	"github.com/confd/confd/mixer"
)

// tuning is what the settings ask of the media plane.
func (r *room) tuning() tuning {
	return tuning{talkers: r.def.Talkers, rate: r.def.SampleRate}
}

// mixes returns who hears whom, nil if everyone hears everyone as before.
func (r *room) mixes() []recipe {
	special := len(r.playing) > 0
	for _, p := range r.participants {
		s := &p.settings
		special = special || s.Hears != nil || s.HeardBy != nil || s.Pinned || s.Deaf || s.Held
	}
	if !special && r.last == nil {
		return nil
	}
	mixes := r.compile()
	r.last = mixes
	if !special {
		r.last = nil
	}
	return mixes
}

// comers stand for all who may still call: without lists, and in nobody's.
var comers = []hearer{{listens: true}, {speaks: true}}

// fits tells whether there would be no more than MaxMixes with one more, and with all who
// are to come: those who are being called, and any number of callers. It is asked before
// lists come into force, so that nobody has to be refused for those of others.
func (r *room) fits(op string, more ...hearer) error {
	all := append(more, comers...)
	if r.registry.config.Groups != nil {
		all = append(all, groupHearer()) // which the room may have later
	}
	for p := range r.dialling {
		all = append(all, p.hearer())
	}
	for _, p := range r.participants {
		all = append(all, p.hearer())
	}
	for _, a := range r.playing {
		all = append(all, a.hearer())
	}
	if !slices.ContainsFunc(all, func(h hearer) bool { return h.hears != nil || h.heardBy != nil || h.deaf }) {
		return nil
	}
	if n := len(arrange(all).mixes); n > MaxMixes {
		return errorf(Full, op, "who hears whom would take %d different mixes in room %q, with who is still to come, and %d are allowed: let more participants share their lists", n, r.name, MaxMixes)
	}
	return nil
}

// compile returns the recipes of all mixes.
func (r *room) compile() []recipe {
	var hearers []hearer
	var legs []*leg
	var pinned []*mixer.Input
	for _, p := range r.inOrder() {
		if !p.connected() {
			continue
		}
		hearers = append(hearers, p.hearer())
		legs = append(legs, &p.leg)
		if p.settings.Pinned && p.leg.in != nil {
			pinned = append(pinned, p.leg.in)
		}
	}
	for _, a := range r.announcements() {
		hearers = append(hearers, a.hearer())
		legs = append(legs, &a.leg)
		pinned = append(pinned, a.leg.in)
	}
	if r.broadcast != nil {
		hearers = append(hearers, groupHearer())
		legs = append(legs, r.broadcast)
	}
	return recipes(arrange(hearers), legs, pinned)
}

// hearer returns what p is, or will be once it has answered.
func (p *Participant) hearer() hearer {
	s, called := &p.settings, p.dial != nil
	return hearer{
		id: p.id, groups: s.Groups, hears: s.Hears, heardBy: s.HeardBy,
		listens: called || p.leg.out != nil, speaks: called || p.leg.in != nil, deaf: s.Deaf || s.Held,
	}
}

// recipes puts an arrangement into the words of the stage: each mix by whom it takes, or by
// whom it leaves out if that is shorter.
func recipes(a arrangement, legs []*leg, pinned []*mixer.Input) []recipe {
	all := make([]recipe, len(a.mixes))
	for i, set := range a.mixes {
		var in, out []*mixer.Input
		for j, l := range legs {
			switch {
			case l.in == nil:
			case set.has(j):
				in = append(in, l.in)
			default:
				out = append(out, l.in)
			}
		}
		all[i] = recipe{inputs: in}
		if len(out) < len(in) || len(in) == 0 && len(out) == 0 {
			all[i] = recipe{all: true, inputs: out}
		}
		for _, p := range pinned {
			if contains(in, p) {
				all[i].pinned = append(all[i].pinned, p)
			}
		}
	}
	for j, m := range a.of {
		if m >= 0 {
			all[m].listeners = append(all[m].listeners, legs[j])
		}
	}
	return all
}

func contains(all []*mixer.Input, one *mixer.Input) bool {
	for _, in := range all {
		if in == one {
			return true
		}
	}
	return false
}
