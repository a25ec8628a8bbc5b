package rooms

import "github.com/confd/confd/mixer"

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
	return recipes(arrange(hearers), legs, pinned)
}

func (p *Participant) hearer() hearer {
	s := &p.settings
	return hearer{
		id: p.id, groups: s.Groups, hears: s.Hears, heardBy: s.HeardBy,
		listens: p.leg.out != nil, speaks: p.leg.in != nil, deaf: s.Deaf || s.Held,
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
