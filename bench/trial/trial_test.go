//go:build linux

package trial

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/signal"
	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
)

// some is a load with all flags there are.
func some() (f *Flags, l *Load, confd *string) {
	f, l, confd = NewFlags("some"), &Load{Callers: 6, Rooms: 2, Talkers: 1, Joins: 10, Settle: time.Second, Window: time.Second}, new(string)
	f.SetOutput(io.Discard)
	f.Confd(confd)
	l.Flags(f, "callers", "rooms", "talkers", "joins", "settle", "for")
	return f, l, confd
}

func TestFlagsAtTheirEdges(t *testing.T) {
	for args, want := range map[string]string{
		"-confd x": "",
		"-confd x -callers 1 -rooms 1 -talkers 1 -joins 1 -settle 0s -for 1s": "",
		"":                      "-confd is missing",
		"-confd x y":            `"y"`,
		"-confd x -callers 0":   "-callers 0: want at least 1",
		"-confd x -rooms 0":     "-rooms 0",
		"-confd x -talkers 0":   "-talkers 0",
		"-confd x -joins 0":     "-joins 0",
		"-confd x -settle -1ns": "-settle -1ns: want at least 0s",
		"-confd x -for 999ms":   "-for 999ms: want at least 1s",
		"-confd x -for soon":    "soon",
		"-confd x -unknown":     "unknown",
	} {
		f, _, _ := some()
		err := f.Parse(strings.Fields(args))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", args, err, want)
		}
	}
	f, l, confd := some()
	if err := f.Parse(strings.Fields("-confd x -joins 7 -for 3s")); err != nil || *confd != "x" ||
		*l != (Load{Callers: 6, Rooms: 2, Talkers: 1, Joins: 7, Settle: time.Second, Window: 3 * time.Second}) {
		t.Errorf("%+v, %q, %v", l, *confd, err)
	}
}

func TestPhonesOfALoad(t *testing.T) {
	for want, l := range map[string]Load{
		"":                         {Callers: 6, Rooms: 2, Talkers: 3},
		"-callers 7 in -rooms 2":   {Callers: 7, Rooms: 2, Talkers: 3},
		"-talkers 4 in rooms of 3": {Callers: 6, Rooms: 2, Talkers: 4},
	} {
		if _, err := l.phones(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", l, err, want)
		}
	}
}

func play(t *testing.T, l Load) *Callers {
	t.Helper()
	c, err := l.Play(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Callers are connected room by room, play, and play no more once they are closed.
func TestCallersPlay(t *testing.T) {
	leak.Check(t)
	l := Load{Callers: 6, Rooms: 2, Talkers: 1}
	c := play(t, l)
	if all := c.ByRoom(); !slices.Equal(all, []int{0, 2, 4, 1, 3, 5}) {
		t.Errorf("by room they are %v", all)
	}
	var sockets []*wire.Socket
	var legs []netip.AddrPort
	for _, local := range c.Locals() {
		s, err := wire.Listen()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Connect(local); err != nil {
			t.Fatal(err)
		}
		sockets, legs = append(sockets, s), append(legs, s.Local())
	}
	if err := c.Reach(legs, 0); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2048)
	for i, s := range sockets { // which take nothing but from their own callers
		wait.For(t, fmt.Sprintf("leg %d to get something", i), func() bool { return s.Receive(buf) > 0 })
	}
}

func TestJudgedEndsWithItsContext(t *testing.T) {
	c := play(t, Load{Callers: 2, Rooms: 1, Talkers: 1})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Judged(ctx, EachOnce); err == nil {
		t.Error("nobody was connected, and all was judged")
	}
}

func TestWhatIsHeard(t *testing.T) {
	room := fleet.Room{Talkers: []signal.Tally{{Expected: 2, Heard: 1}, {}}}
	r := &fleet.Report{Rooms: []fleet.Room{room}}
	if EachOnce(r) || Heard(r) != 0 {
		t.Errorf("heard %v, before all were judged", Heard(r))
	}
	r.Rooms[0].Talkers[1] = signal.Tally{Expected: 2, Heard: 2}
	r.Rooms[0].Heard.Tally = signal.Tally{Expected: 4, Heard: 3}
	if !EachOnce(r) || Heard(r) != 0.75 {
		t.Errorf("heard %v, want 3 of 4", Heard(r))
	}
	r.Rooms[0].Heard = signal.Totals{PlacesDue: 8 * time.Second, PlacesHeard: 6 * time.Second}
	if !EachOnce(r) || Heard(r) != 0.75 {
		t.Errorf("heard %v of a crowd, want 6 of 8 places", Heard(r))
	}
}

func TestHealthNamesWhatIsWrong(t *testing.T) {
	r := &fleet.Report{Window: time.Second, Callers: make([]fleet.Caller, 2), Rooms: make([]fleet.Room, 1)}
	r.Callers[0].Received, r.Callers[1].Received = 45, 50
	if got := Health(r, Fault{"ticks given up", 0}); got != "no packet lost; callers late 0.00 ms" {
		t.Errorf("nothing wrong: %s", got)
	}
	r.Callers[0].Received, r.Callers[1].Lost, r.Late = 44, 3, time.Millisecond
	r.Rooms[0].Heard.Counts[signal.Own] = 1
	want := "1 ticks given up, 3 packets lost, 1 callers starved, 1 talkers heard who should not be; callers late 1.00 ms"
	if got := Health(r, Fault{"ticks given up", 1}); got != want {
		t.Errorf("health %s, want %s", got, want)
	}
}
