package sight

import (
	"testing"
	"time"
)

const second = int64(time.Second)

// room is one in which 0, 1 and 2 have cameras, and 3 only looks. 0 talks until 10 s, 1 from
// then to 20 s, and 0 again.
func room() *Room {
	return &Room{From: 5 * second, To: 30 * second, Hold: 2 * time.Second, Within: time.Second,
		Viewers: []Viewer{
			{0, []Sight{{5 * second, 1}}},
			{1, []Sight{{5 * second, 0}}},
			{2, []Sight{{5 * second, 0}, {10*second + second/2, 1}, {20*second + second/4, 0}}},
			{3, []Sight{{5 * second, 0}, {10*second + second/2, 1}, {20*second + second/4, 0}}},
		},
		People: []Person{
			{0, true, []Span{{0, 10 * second}, {20 * second, 30 * second}}},
			{1, true, []Span{{10 * second, 20 * second}}},
			{2, true, nil},
			{3, false, nil},
		},
	}
}

func TestEveryoneSeesWhoSpeaks(t *testing.T) {
	r := Judge(room())
	if r.Expected != 4 || r.Seen != 4 || r.Silent != 0 || len(r.Late) != 4 {
		t.Errorf("%+v", r)
	}
	for i, f := range r.Faults {
		if f != (Fault{}) {
			t.Errorf("viewer %d: %+v", i, f)
		}
	}
	for i, want := range []time.Duration{500, 500, 250, 250} {
		if d := r.Late[i] - want*time.Millisecond; d < -20*time.Millisecond || d > 20*time.Millisecond {
			t.Errorf("late by %v, want %v ms", r.Late, want)
		}
	}
}

// Each fault of a server is found, at the viewer whom it is about.
func TestFaults(t *testing.T) {
	for name, k := range map[string]struct {
		spoil  func(*Room)
		viewer int
		want   Fault
		silent int
	}{
		"one viewer is left behind": {func(r *Room) { r.Viewers[3].Sights = r.Viewers[3].Sights[:1] }, 3, Fault{Missed: 1}, 0},
		"one is late":               {func(r *Room) { r.Viewers[3].Sights[1].At = 11*second + second/10 }, 3, Fault{Missed: 1}, 0},
		"one is just in time":       {func(r *Room) { r.Viewers[3].Sights[1].At = 11*second - second/20 }, 3, Fault{}, 0},
		"one sees somebody else":    {func(r *Room) { r.Viewers[3].Sights[1].Sender = 2 }, 3, Fault{Missed: 1}, 0},
		"nobody follows": {func(r *Room) {
			r.Viewers[2].Sights, r.Viewers[3].Sights = r.Viewers[2].Sights[:1], r.Viewers[3].Sights[:1]
		}, 3, Fault{Missed: 3}, 0}, // every hold time and bound until 0 talks again
		"itself":           {func(r *Room) { r.Viewers[1].Sights = append(r.Viewers[1].Sights, Sight{12 * second, 1}) }, 1, Fault{Own: 1, Missed: 1}, 0},
		"a stranger":       {func(r *Room) { r.Viewers[1].Sights = append(r.Viewers[1].Sights, Sight{12 * second, 9}) }, 1, Fault{Stranger: 1, Missed: 1}, 0},
		"without a camera": {func(r *Room) { r.Viewers[1].Sights = append(r.Viewers[1].Sights, Sight{12 * second, 3}) }, 1, Fault{Stranger: 1, Missed: 1}, 0},
		"who is silent": {func(r *Room) {
			for _, v := range []int{0, 1, 3} {
				r.Viewers[v].Sights = append(r.Viewers[v].Sights, Sight{28 * second, 2})
			}
		}, 3, Fault{}, 1},
	} {
		r := room()
		k.spoil(r)
		got := Judge(r)
		if got.Faults[k.viewer] != k.want || got.Silent != k.silent {
			t.Errorf("%s: %+v and %d silent, want %+v and %d", name, got.Faults[k.viewer], got.Silent, k.want, k.silent)
		}
	}
}

// Nothing is expected while the speaker goes on, is held, or has the floor unseen.
func TestNothingIsDue(t *testing.T) {
	for name, change := range map[string]func(*Room){
		"the speaker goes on":              func(r *Room) { r.People[0].Talks = []Span{{0, 30 * second}} },
		"it is held":                       func(r *Room) { r.Hold = time.Minute },
		"only who has no camera speaks":    func(r *Room) { r.People[1].Talks, r.People[3].Talks = nil, []Span{{10 * second, 20 * second}} },
		"who has no camera speaks besides": func(r *Room) { r.People[3].Talks = []Span{{9 * second, 30 * second}} },
		"too short to be noticed": func(r *Room) {
			r.People[1].Talks = []Span{{10 * second, 10*second + second/2}}
		},
	} {
		r := room()
		for i := range r.Viewers {
			r.Viewers[i].Sights = r.Viewers[i].Sights[:1]
		}
		change(r)
		if got := Judge(r); got.Expected != 0 || got.Silent != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestEmptyRooms(t *testing.T) {
	for _, r := range []*Room{{}, {From: 0, To: second}, {To: second, Viewers: []Viewer{{Number: 1}, {Number: 2, Sights: []Sight{{0, Nobody}}}}}} {
		if got := Judge(r); got.Expected != 0 || got.Silent != 0 {
			t.Errorf("%+v", got)
		}
	}
}
