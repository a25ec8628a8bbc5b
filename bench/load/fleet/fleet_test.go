//go:build linux

package fleet

import (
	"fmt"
	"testing"
	"time"

	"github.com/confd/confd/bench/load/signal"
)

// enough tells whether every talker of every room had to be heard so many times.
func enough(least int) func(*Report) bool {
	return func(r *Report) bool {
		for i := range r.Rooms {
			for _, t := range r.Rooms[i].Talkers {
				if t.Expected < least {
					return false
				}
			}
		}
		return true
	}
}

// set makes a fleet and a server with all callers connected.
func set(t testing.TB, c Config) *server {
	t.Helper()
	if c.Codec == (Coding{}) {
		c.Codec = pcmu
	}
	if c.Cycle == 0 {
		c.Cycle = signal.MinCycle
	}
	s := newServer(t, newFleet(t, c))
	s.connect()
	return s
}

// On a server without fault everybody is heard by everybody, and everybody is verified.
func TestEverybodyIsHeard(t *testing.T) {
	for _, sharing := range []int{1, 4} {
		t.Run(fmt.Sprintf("sharing=%d", sharing), func(t *testing.T) { t.Parallel(); testEverybodyIsHeard(t, sharing) })
	}
}

func testEverybodyIsHeard(t *testing.T, sharing int) {
	s := set(t, Config{Callers: 21, Rooms: 3, Plans: 2, Talkers: 3, Seed: 1, Threads: 2, Sharing: sharing})
	s.start()
	r := s.until("everybody", func(r *Report) bool { return enough(3)(r) && r.Verified()[Unverified] == 0 })
	checkClean(t, r)
	all, d := r.Heard()
	// Half a packet time either way is for a server that is late: a tick too many or too few shows all the same.
	least := usualDepth*packetTime - packetTime/2
	if m := d.Quantile(0.5); d.Len() < all.Heard*3/4 || m < least || m > least+2*packetTime+r.Late {
		t.Errorf("%d delays of %d spurts, most near %v, want %d ticks and up to one more", d.Len(), all.Heard, m, usualDepth)
	}
	if v := r.Verified(); v != [3]int{0, 12, 9} {
		t.Errorf("verified %v, want 9 talkers and 3 references by sound, 9 by payload", v)
	}
	for i := range r.Callers {
		c := &r.Callers[i]
		due := int(r.Window / packetTime)
		if !c.Connected || c.Deaf() || max(c.Sent-due, due-c.Sent, c.Received-due, due-c.Received) > askForMore+3 {
			t.Errorf("caller %d: %+v in %v", i, c, r.Window)
		}
	}
	if l := s.fleet.Live(); l.Connected != 21 || l.Silent != 0 || l.Received < 900 || l.Delay50 < usualDepth*packetTime-packetTime/2 {
		t.Errorf("live: %+v", l)
	}
	if r.CPU <= 0 || r.CPU > r.Window {
		t.Errorf("%v of processor time in %v", r.CPU, r.Window)
	}
}

// checkClean fails the test if anything was wrong.
func checkClean(t *testing.T, r *Report) {
	t.Helper()
	all, _ := r.Heard()
	if all.Heard != all.Expected || all.Expected == 0 || all.Counts[signal.Unexpected]+all.Counts[signal.Own] > 0 {
		t.Errorf("heard %d of %d, %v", all.Heard, all.Expected, all.Counts)
	}
	for i := range r.Rooms {
		if u := r.Rooms[i].Unheard(); u != nil {
			t.Errorf("room %d: nobody heard %v", i, u)
		}
	}
	c := r.Counts()
	if c.Lost+c.Reordered+c.Duplicated+c.Restarts+c.Foreign+c.Unparsable+c.Refused+c.Differing > 0 {
		t.Errorf("%+v", c)
	}
}

// Callers may be connected before and while the fleet runs, and leave; nobody is expected to
// hear those who are not there.
func TestComingAndGoing(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{Callers: 5, Talkers: 3, Codec: pcmu, Seed: 2, Cycle: signal.MinCycle})
	s := newServer(t, f)
	for _, i := range []int{0, 1, 4} {
		if err := f.Connect(i, s.peer(i)); err != nil {
			t.Fatal(err)
		}
	}
	s.start()
	s.until("a first packet", func(*Report) bool { return f.Heard(0) && f.Heard(1) && f.Heard(4) })
	if f.Heard(2) || f.Heard(3) {
		t.Error("who was not connected has heard")
	}
	if at, ok := f.First(4); !ok || at <= 0 || at > patience {
		t.Errorf("first after %v, %v", at, ok)
	}
	for _, i := range []int{2, 3} {
		if err := f.Connect(i, s.peer(i)); err != nil {
			t.Fatal(err)
		}
	}
	s.until("talker 2", func(r *Report) bool { return r.Rooms[0].Talkers[2].Heard > 1 })
	f.Disconnect(0)
	f.Disconnect(4) // the reference
	f.Begin()
	r := s.until("the others", func(r *Report) bool {
		return r.Rooms[0].Talkers[1].Expected > 2 && r.Rooms[0].Talkers[2].Expected > 2
	})
	checkClean(t, r)
	if e := r.Rooms[0].Talkers[0].Expected; e > 0 {
		t.Errorf("talker 0, who left, is expected %d times", e)
	}
	if r.Callers[0].Connected || r.Callers[0].Sent > 1 || r.Callers[3].Verified != BySound || !r.Callers[3].Connected {
		t.Errorf("%+v, %+v", r.Callers[0], r.Callers[3])
	}
}

// A window begins with nothing.
func TestBeginForgets(t *testing.T) {
	t.Parallel()
	s := set(t, Config{Callers: 3, Talkers: 2, Seed: 3})
	s.start()
	s.until("something", enough(1))
	s.fleet.Begin()
	r := s.fleet.Report()
	if all, d := r.Heard(); all != (signal.Totals{}) || d.Len() != 0 {
		t.Errorf("heard %+v", all)
	}
	if c := r.Counts(); c.Sent > 3 || c.Received > 3 || r.Window > time.Second {
		t.Errorf("%+v in %v", c, r.Window)
	}
}

// Where nobody is to listen but the reference of the first room, nobody else does.
func TestFewEars(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{Callers: 9, Rooms: 3, Talkers: 2, Codec: pcmu, Cycle: signal.MinCycle, Seed: 4, Ears: NoEars, References: 1, Grain: packetTime / 80})
	s := newServer(t, f)
	for i := range 6 { // the talkers, of whom the first is the reference meanwhile
		if err := f.Connect(i, s.peer(i)); err != nil {
			t.Fatal(err)
		}
	}
	s.start()
	s.until("a talker has an ear", func(*Report) bool { return f.rooms[0].leader.Load() == 0 })
	for i := 6; i < 9; i++ {
		if err := f.Connect(i, s.peer(i)); err != nil {
			t.Fatal(err)
		}
	}
	s.until("it is a listener's", func(*Report) bool { return f.rooms[0].leader.Load() == 6 })
	f.Begin()
	r := s.until("the first room", func(r *Report) bool { return r.Rooms[0].Heard.Heard > 3 })
	checkClean(t, r)
	if v := r.Verified(); v[BySound] != 1 || r.Rooms[1].Heard.Expected+r.Rooms[2].Heard.Expected > 0 {
		t.Errorf("verified %v; %+v", v, r.Rooms[1].Heard)
	}
}
