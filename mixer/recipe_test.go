package mixer

import (
	"fmt"
	"testing"
	"time"
)

// floor is a room of 8 kHz in which four people speak, each 4 dB louder than the next, a
// coach whispers 18 dB under the last of them, and somebody breathes. All are tapped.
type floor struct {
	*bed
	people []*testPhone // loudest first: four speakers, the coach, who breathes
	taps   []*pcmTap
}

const (
	coach    = 4
	breather = 5
)

func newFloor(t *testing.T, cfg Config) *floor {
	f := &floor{bed: newBed(t, cfg)}
	for i, level := range []float64{-10, -14, -18, -22, -40, -75} {
		p, tap := f.phone(narrow(t), level, 300+float64(i)*210, network{phase: time.Duration(3*i) * time.Millisecond}), &pcmTap{}
		f.people, f.taps = append(f.people, p), append(f.taps, tap)
	}
	for i := len(f.people) - 1; i >= 0; i-- { // the quiet are there first
		f.conf.Apply(AddInput(f.people[i].in), AddTap(f.people[i].in, f.taps[i]))
	}
	return f
}

// source is a person in a recipe.
func (f *floor) source(i int, gain float32, pinned bool) MixSource {
	return MixSource{Input: f.people[i].in, Gain: gain, Pinned: pinned}
}

// listen hangs somebody who does not speak on a mix of a recipe.
func (f *floor) listen(cfg MixConfig) *testPhone {
	p := f.phone(narrow(f.t), 0, 0, network{})
	f.conf.Apply(Attach(p.out, f.conf.NewMix(cfg), nil))
	return p
}

// sum is what a recipe that takes these people, times their gains, must sound like, sample
// for sample.
func (f *floor) sum(n int, gains map[int]int32) []int16 {
	all := make([]int32, n)
	for i, gain := range gains {
		tap := f.taps[i].pcm
		for j, v := range tap[len(tap)-n:] {
			all[j] += int32(v) * gain
		}
	}
	pcm := make([]int16, n)
	for j, v := range all {
		pcm[j] = int16(v)
	}
	return pcm
}

// Whatever a recipe takes is summed exactly, and nothing else: sources by name, with gains,
// under their own limit of talkers, pinned ones beside the loudest however quiet they are,
// all but for some, and for a talker all but itself.
func TestRecipesAreExact(t *testing.T) {
	for k := 1; k <= 3; k++ {
		t.Run(fmt.Sprintf("%d talkers", k), func(t *testing.T) {
			f := newFloor(t, Config{Talkers: k})
			loudest := func(more map[int]int32) map[int]int32 {
				for i := range k {
					more[i] = 1
				}
				return more
			}
			agent := f.people[0]
			both := f.listen(MixConfig{Talkers: 3, Sources: []MixSource{f.source(0, 1, false), f.source(1, 1, false), f.source(coach, 4, true)}})
			f.run(time.Second)
			f.conf.Apply(Attach(agent.out, both.out.mix, agent.in))
			cases := []struct {
				name string
				who  *testPhone
				want map[int]int32
			}{
				{"everybody", f.listen(MixConfig{All: true}), loudest(map[int]int32{})},
				{"a whisper alone", f.listen(MixConfig{Sources: []MixSource{f.source(coach, 4, false)}}), map[int]int32{coach: 4}},
				{"a whisper beside the floor", f.listen(MixConfig{All: true, Sources: []MixSource{f.source(coach, 4, true)}}),
					loudest(map[int]int32{coach: 4})},
				{"a whisper that is not pinned", f.listen(MixConfig{All: true, Sources: []MixSource{f.source(coach, 4, false)}}),
					loudest(map[int]int32{})},
				{"all pinned", f.listen(MixConfig{Sources: []MixSource{f.source(1, 1, true), f.source(3, 2, true),
					f.source(coach, 1, true), f.source(breather, 8, true)}}), map[int]int32{1: 1, 3: 2, coach: 1, breather: 8}},
				{"more than may talk", f.listen(MixConfig{Talkers: 2, Sources: []MixSource{f.source(1, 1, false), f.source(2, 1, false),
					f.source(3, 1, false)}}), map[int]int32{1: 1, 2: 1}},
				{"the floor without the loudest", f.listen(MixConfig{All: true, Except: f.ins(0, 1), Talkers: 1}), map[int]int32{2: 1}},
				{"an agent and its coach", both, map[int]int32{0: 1, 1: 1, coach: 4}},
				{"the agent itself", agent, map[int]int32{1: 1, coach: 4}},
			}
			f.run(3 * time.Second)
			for _, c := range cases {
				got := c.who.tail(time.Second)
				same(t, c.name, got, f.sum(len(got), c.want))
			}
		})
	}
}

func (f *floor) ins(people ...int) (ins []*Input) {
	for _, i := range people {
		ins = append(ins, f.people[i].in)
	}
	return ins
}

// A whisper stays as it is, sample for sample, while louder ones begin and stop around it,
// and when its listener is taken from one mix to another that has it, too.
func TestWhisperOutlastsTheFloor(t *testing.T) {
	f := newFloor(t, Config{Talkers: 2})
	whisper := f.source(coach, 1, true)
	ear := f.listen(MixConfig{Sources: []MixSource{whisper}})
	floor := f.conf.NewMix(MixConfig{All: true, Except: f.ins(0, 1, 2, 3, breather), Sources: []MixSource{whisper}})
	f.run(time.Second)
	from, heard := len(f.taps[coach].pcm), len(ear.heard)
	for i := range 40 {
		f.people[i%4].mute = !f.people[i%4].mute
		if i == 20 {
			f.conf.Apply(Attach(ear.out, floor, nil))
		}
		f.run(140 * time.Millisecond)
	}
	same(t, "the whisper", ear.heard[heard:], f.taps[coach].pcm[from:])
}

// Who is heard changes at once with the number of talkers, although nobody pauses: fewer are
// the loudest of those before, and a pinned one counts when it is let go.
func TestTalkersCanBecomeFewer(t *testing.T) {
	f := newFloor(t, Config{Talkers: 3})
	recipe := func(talkers int, pinned ...MixSource) MixConfig {
		return MixConfig{All: true, Talkers: talkers, Sources: pinned}
	}
	ear := f.listen(recipe(3))
	f.run(time.Second)
	hears := func(what string, cfg MixConfig, want map[int]int32) {
		t.Helper()
		f.conf.Apply(ConfigureMix(ear.out.mix, cfg))
		f.run(2 * time.Second)
		got := ear.tail(time.Second)
		same(t, what, got, f.sum(len(got), want))
	}
	hears("three talkers", recipe(3), map[int]int32{0: 1, 1: 1, 2: 1})
	hears("one talker", recipe(1), map[int]int32{0: 1})
	hears("one talker and a pinned one", recipe(1, f.source(3, 1, true)), map[int]int32{0: 1, 3: 1})
	hears("nobody pinned", recipe(1), map[int]int32{0: 1})
	hears("two talkers", recipe(2), map[int]int32{0: 1, 1: 1})
}
