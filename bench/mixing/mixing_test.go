//go:build linux

package mixing

import (
	"context"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/media"
)

func formats(t testing.TB, names ...string) (all []media.Format) {
	t.Helper()
	for _, n := range names {
		f, err := Format(n, 0, 20*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

func TestCheckAtTheEdges(t *testing.T) {
	f := formats(t, "pcmu")
	odd := formats(t, "opus")
	odd[0].PacketTime = 40 * time.Millisecond
	broken := formats(t, "opus")
	broken[0].SampleRate = 11025
	large := formats(t, "l16")
	large[0].SampleRate, large[0].ClockRate = 44100, 44100
	for _, c := range []struct {
		Case
		want string
	}{
		{Case{1, 1, f}, ""}, {Case{MaxParticipants, MaxTalkers, f}, ""},
		{Case{0, 1, f}, "0 participants"}, {Case{MaxParticipants + 1, 1, f}, "2001 participants"},
		{Case{10, 0, f}, "0 talkers"}, {Case{100, MaxTalkers + 1, f}, "51 talkers"}, {Case{2, 3, f}, "3 talkers among 2"},
		{Case{1, 1, nil}, "no codec"}, {Case{1, 1, odd}, "packets of 40ms"}, {Case{2, 1, append(odd, f...)}, "packets of"}, {Case{1, 1, broken}, "11025"},
		{Case{1, 1, large}, "1764 bytes"},
	} {
		err := c.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%d participants, %d talkers: %v, want …%q…", c.Participants, c.Talkers, err, c.want)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		name       string
		rate       int
		samples    int
		clock      int
		complaints string
	}{
		{"pcmu", 0, 160, 8000, ""}, {"pcma", 8000, 160, 8000, ""}, {"g722", 0, 320, 8000, ""}, {"opus", 0, 960, 48000, ""},
		{"opus", 16000, 320, 48000, ""}, {"l16", 0, 320, 16000, ""}, {"l16", 8000, 160, 8000, ""},
		{"pcmu", 16000, 0, 0, "8000 samples per second and no other"}, {"speex", 0, 0, 0, "one of pcmu"},
	} {
		f, err := Format(c.name, c.rate, 20*time.Millisecond)
		if c.complaints != "" {
			if err == nil || !strings.Contains(err.Error(), c.complaints) {
				t.Errorf("%s at %d: %v", c.name, c.rate, err)
			}
			continue
		}
		if err != nil || f.Samples(20*time.Millisecond) != c.samples || f.ClockRate != c.clock {
			t.Errorf("%s at %d: %+v, %v", c.name, c.rate, f, err)
		}
	}
}

// A room settles and serves everyone, also if everybody talks, or nobody but one.
func TestRoomSettles(t *testing.T) {
	for _, c := range []Case{
		{1, 1, formats(t, "pcmu")}, {2, 2, formats(t, "g722")}, {20, 16, formats(t, "pcmu")}, {4, 3, formats(t, "l16")}, {12, 3, formats(t, "pcmu", "g722", "opus", "l16")},
	} {
		r, err := NewRoom(c)
		if err != nil {
			t.Errorf("%d, %d: %v", c.Participants, c.Talkers, err)
			continue
		}
		if r.Tick(); r.sent != c.Participants || r.payload == 0 {
			t.Errorf("%d, %d: %d packets, %d bytes", c.Participants, c.Talkers, r.sent, r.payload)
		}
	}
}

// The bare calls are as many as the tick needs.
func TestCallsAreThoseNeeded(t *testing.T) {
	for _, c := range []struct {
		Case
		decodes, encodes int
	}{
		{Case{10, 3, formats(t, "opus")}, 3, 4}, {Case{3, 3, formats(t, "opus")}, 3, 3}, {Case{10, 3, formats(t, "opus", "pcmu")}, 3, 5},
		{Case{4, 3, formats(t, "opus", "pcmu")}, 3, 4}, {Case{1, 1, formats(t, "pcmu")}, 1, 1},
		{Case{2, 1, formats(t, "pcmu")}, 1, 1}, {Case{2, 2, formats(t, "pcmu")}, 2, 2},
	} {
		b, err := NewCalls(c.Case)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.decodes) != c.decodes || len(b.encodes) != c.encodes {
			t.Errorf("%d, %d of %s: %d decodes, %d encodes, want %d and %d", c.Participants, c.Talkers, c.Codec(), len(b.decodes), len(b.encodes), c.decodes, c.encodes)
		}
		if err := b.Check(); err != nil {
			t.Error(err)
		}
		runtime.GC()
		if n := testing.AllocsPerRun(10, b.Run); n != 0 {
			t.Errorf("%v allocations per tick's calls", n)
		}
	}
}

// What every leg and every bare socket sends reaches its phone, and the other way.
func TestWiresCarry(t *testing.T) {
	w, err := NewWires(Case{3, 1, formats(t, "pcmu")})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.Speak()
	w.Legs()
	w.Bare()
	if w.taken != 3 {
		t.Errorf("the legs read %d packets, want 3", w.taken)
	}
	buf := make([]byte, 2000)
	for i, p := range w.phones {
		if n := p.Receive(buf); n != wire.HeaderSize+160 || i < 3 && wire.Payload(buf[:n]) == nil {
			t.Errorf("phone %d got %d bytes", i, n)
		}
	}
	for i, s := range w.bare {
		if n := s.Receive(buf); n != 0 {
			t.Errorf("bare socket %d had not read its %d bytes", i, n)
		}
	}
}

// A tiny run gives figures that can be compared.
func TestMeasure(t *testing.T) {
	for _, c := range []Case{{4, 2, formats(t, "pcmu")}, {3, 1, formats(t, "opus", "g722")}} {
		r, err := Measure(context.Background(), c, 50*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		for name, cost := range map[string]Cost{"kernel": r.Kernel, "tick": r.Tick, "transport": r.Transport, "whole": r.Whole} {
			if x := cost.Ratio(); !(cost.NS > 0) || !(cost.FloorNS > 0) || math.IsInf(x, 0) || math.IsNaN(x) || !(x > 0) {
				t.Errorf("%s: %+v", name, cost)
			}
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Measure(ended, Case{4, 2, formats(t, "pcmu")}, time.Hour); err == nil {
		t.Error("went on after its end")
	}
	if _, err := Measure(context.Background(), Case{}, time.Second); err == nil {
		t.Error("measured nothing")
	}
}

// Nothing is left open.
func TestWiresClose(t *testing.T) {
	files := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	before := files()
	w, err := NewWires(Case{10, 1, formats(t, "pcmu")})
	if err != nil {
		t.Fatal(err)
	}
	if during := files(); during < before+50 {
		t.Errorf("%d files before, %d while ten have their sockets", before, during)
	}
	w.Close()
	if after := files(); after > before {
		t.Errorf("%d files before, %d after", before, after)
	}
}
