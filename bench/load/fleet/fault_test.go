//go:build linux

package fleet

import (
	"testing"
	"time"

	"github.com/confd/confd/bench/load/signal"
)

// The callers of these tests are in two rooms of three talkers and three silent callers each:
// even ones in room 0, odd ones in room 1; 0 to 5 talk, 6 to 11 are silent; 6 and 7 are the
// references.
var two = Config{Callers: 12, Rooms: 2, Talkers: 3, Seed: 4}

// sound checks how often it was found that something was wrong.
func (r *Room) sound(t *testing.T, name string, missed bool, kinds ...signal.Kind) {
	t.Helper()
	if (r.Heard.Heard < r.Heard.Expected) != missed {
		t.Errorf("%s: heard %d of %d", name, r.Heard.Heard, r.Heard.Expected)
	}
	for _, k := range []signal.Kind{signal.Own, signal.Unexpected, signal.Clipped} {
		want := false
		for _, x := range kinds {
			want = want || x == k
		}
		if (r.Heard.Counts[k] > 0) != want {
			t.Errorf("%s: %v found %d times", name, k, r.Heard.Counts[k])
		}
	}
}

func TestDroppedTalker(t *testing.T) {
	t.Parallel()
	s := set(t, two)
	s.gain = func(from, to int) float64 { return s.others(from, to) * float64(min(1, max(from-2, 2-from))) } // 2 is talker 1 of room 0
	s.start()
	r := s.until("everybody", enough(2))
	if u := r.Rooms[0].Unheard(); len(u) != 1 || u[0] != 1 {
		t.Errorf("unheard are %v, want talker 1", u)
	}
	r.Rooms[0].sound(t, "room of whom is not heard", true)
	r.Rooms[1].sound(t, "other room", false)
	if n := r.Rooms[0].Heard.Counts[signal.Missed]; n != r.Rooms[0].Talkers[1].Expected {
		t.Errorf("missed %d times, want %d", n, r.Rooms[0].Talkers[1].Expected)
	}
}

// Somebody who does not hear one of the talkers is found out though he is not the reference.
func TestOneDoesNotHear(t *testing.T) {
	t.Parallel()
	s := set(t, two)
	s.between(2, 10, 0)
	s.start()
	r := s.until("an ear for who got other payloads", func(r *Report) bool {
		return r.Callers[10].Verified == BySound && r.Rooms[0].Heard.Counts[signal.Missed] > 1
	})
	if c := r.Callers[10]; c.Differing == 0 {
		t.Errorf("%+v", c)
	}
	if r.Callers[8].Verified != ByPayload || len(r.Rooms[0].Unheard()) > 0 || r.Rooms[0].Reference.Counts[signal.Missed] > 0 {
		t.Errorf("others: %v, %v, %+v", r.Callers[8].Verified, r.Rooms[0].Unheard(), r.Rooms[0].Reference)
	}
	r.Rooms[1].sound(t, "other room", false)
}

func TestOwnVoice(t *testing.T) {
	t.Parallel()
	s := set(t, two)
	s.between(3, 3, 0.5)
	s.start()
	r := s.until("one's own voice", func(r *Report) bool { return r.Rooms[1].Heard.Counts[signal.Own] > 1 && enough(2)(r) })
	r.Rooms[0].sound(t, "other room", false)
	r.Rooms[1].sound(t, "room with an echo", false, signal.Own)
}

// A voice of another room is found, whether its plan is another or the same.
func TestCrossedRooms(t *testing.T) {
	t.Parallel()
	for _, plans := range []int{1, 2} {
		c := two
		c.Plans = plans
		s := set(t, c)
		s.gain = func(from, to int) float64 {
			if s.fleet.Room(to) == 0 && s.fleet.Room(from) == 1 {
				return 1
			}
			return s.others(from, to)
		}
		s.start()
		t.Cleanup(func() {
			r := s.until("a voice of the other room", func(r *Report) bool { return r.Rooms[0].Heard.Counts[signal.Unexpected] > 0 && enough(2)(r) })
			r.Rooms[1].sound(t, "other room", false)
		})
	}
}

func TestLateRoom(t *testing.T) {
	t.Parallel()
	s := set(t, two)
	s.depth = func(to int) int { return usualDepth + 4*s.fleet.Room(to) }
	s.start()
	r := s.until("everybody", enough(2))
	checkClean(t, r)
	for _, q := range []float64{0, 0.5, 0.9} {
		if d := r.Rooms[1].Delays.Quantile(q) - r.Rooms[0].Delays.Quantile(q); d < 60*time.Millisecond || d > 100*time.Millisecond {
			t.Errorf("room 1 hears %v later, want 80 ms", d)
		}
	}
}

func TestLossyServer(t *testing.T) {
	t.Parallel()
	s := set(t, two)
	s.lost = func(to, tick int) bool { return s.fleet.Room(to) == 0 && tick%20 == to }
	s.start()
	r := s.until("everybody", enough(2))
	for i := range r.Callers {
		c, want := &r.Callers[i], 0
		if i%2 == 0 {
			want = (r.Callers[i].Received + 9) / 19
		}
		if c.Lost < want-2 || c.Lost > want+2 || c.Reordered+c.Duplicated+c.Restarts > 0 {
			t.Errorf("caller %d: %+v, want %d lost", i, c.Counts, want)
		}
	}
	r.Rooms[0].sound(t, "room of losses", false) // what ears do not get is not missed by them
	r.Rooms[1].sound(t, "other room", false)
	if r.Callers[8].Verified != ByPayload {
		t.Errorf("what did come was not like the reference's: %+v", r.Callers[8])
	}
}

func TestDeadMedia(t *testing.T) {
	t.Parallel()
	s := set(t, two)
	s.lost = func(to, _ int) bool { return to == 5 || to == 9 }
	s.start()
	r := s.until("everybody", enough(2))
	for i := range r.Callers {
		dead := i == 5 || i == 9
		if c := &r.Callers[i]; c.Deaf() != dead || s.fleet.Heard(i) == dead || (c.Verified == Unverified) != dead {
			t.Errorf("caller %d: %+v", i, c)
		}
	}
	if l := s.fleet.Live(); l.Silent != 2 {
		t.Errorf("live: %+v", l)
	}
	checkClean(t, r) // of those who hear
}

// Callers whose payloads are all different share the ears that there are.
func TestPayloadsOfTheirOwn(t *testing.T) {
	t.Parallel()
	for _, ears := range []int{2, DefaultEars} {
		c := two
		c.Ears = ears
		s := set(t, c)
		s.alter = func(to int, pcm []int16) {
			for i := range pcm {
				if i%12 == to {
					pcm[i] += 8
				}
			}
		}
		s.start()
		t.Cleanup(func() {
			verified := 2 + min(ears, 10)
			r := s.until("those who have ears", func(r *Report) bool { return enough(1)(r) && r.Verified()[BySound] >= verified })
			if v := r.Verified(); v[BySound] < verified || v[ByPayload] != 0 { // ears go on to others with time
				t.Errorf("%d ears verified %v", ears, v)
			}
			all, _ := r.Heard()
			if all.Heard != all.Expected {
				t.Errorf("heard %d of %d", all.Heard, all.Expected)
			}
		})
	}
}

// A server that sends nothing while nobody speaks loses nothing, and is heard as it should be.
func TestServerLeavesPausesOut(t *testing.T) {
	t.Parallel()
	s := set(t, Config{Callers: 3, Talkers: 1, Seed: 8})
	left := 0
	s.left = func(_, _ int, pcm []int16) bool {
		for _, x := range pcm {
			if x > 16 || x < -16 {
				return false
			}
		}
		left++
		return true
	}
	s.start()
	r := s.until("everybody", enough(3))
	checkClean(t, r)
	if n := r.Rooms[0].Heard.Counts; n[signal.Gap]+n[signal.Jump]+n[signal.Clipped] > 0 {
		t.Errorf("found %v", n)
	}
	if c := r.Callers[1]; c.Received*int(packetTime) > int(r.Window)*3/4 {
		t.Errorf("nothing was left out: %+v in %v", c, r.Window)
	}
}

// Everything that is not the agreed sound is told apart.
func TestWhatElseComes(t *testing.T) {
	t.Parallel()
	s := set(t, Config{Callers: 3, Talkers: 1, Seed: 9})
	extra := make([]byte, 0, 100)
	s.mangle = func(to, tick int, packet []byte) []byte {
		send := s.legs[to].socket.Send
		switch extra = append(extra[:0], packet[:20]...); tick % 20 {
		case 1:
			send(append(extra[:0], 0x80, 200, 0, 6, 0, 0, 0, 1)) // RTCP
		case 2:
			send([]byte("not RTP"))
		case 3:
			send(packet) // twice
		case 5:
			packet[1] = 13
		case 6:
			packet[1] = serverEvent
		case 7:
			packet[1] = 8
		}
		if tick%500 == 250 {
			s.legs[to].out.SSRC++
		}
		return packet
	}
	s.start()
	r := s.until("twelve seconds", func(r *Report) bool { return r.Window > 12*time.Second })
	for i := range r.Callers {
		c := &r.Callers[i].Counts
		n := int(r.Window / packetTime / 20)
		for what, got := range map[string]int{"RTCP": c.RTCP, "unparsable": c.Unparsable, "duplicated": c.Duplicated, "comfort noise": c.Comfort,
			"events": c.Events, "foreign": c.Foreign} {
			if got < n-1 || got > n+1 {
				t.Errorf("caller %d: %s %d times, want %d", i, what, got, n)
			}
		}
		if c.Restarts < 1 || c.Restarts > 2 || c.Lost > 0 {
			t.Errorf("caller %d: %+v", i, c)
		}
	}
}

// Through every codec everybody is heard, with no more delay than through G.711.
func TestCodecs(t *testing.T) {
	t.Parallel()
	for _, c := range []Coding{pcma, g722, l16, opus} {
		t.Run(c.Format.Codec.String(), func(t *testing.T) {
			t.Parallel()
			s := set(t, Config{Callers: 4, Talkers: 2, Codec: c, Seed: 10})
			s.start()
			r := s.until("everybody", enough(3))
			all, d := r.Heard()
			if all.Heard != all.Expected || all.Counts[signal.Unexpected]+all.Counts[signal.Own]+all.Counts[signal.Gap] > 0 {
				t.Errorf("heard %d of %d, %v", all.Heard, all.Expected, all.Counts)
			}
			if d.Len() == 0 || d.Quantile(0) < usualDepth*packetTime-2*time.Millisecond || d.Quantile(0.9) > (usualDepth+1)*packetTime+10*time.Millisecond+r.Late {
				t.Errorf("%d delays from %v to %v", d.Len(), d.Quantile(0), d.Quantile(0.9))
			}
		})
	}
}

// A fleet on IPv6, and on one port.
func TestIPv6(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{Callers: 2, Talkers: 1, Codec: pcmu, Seed: 11, Server: loopback6, Cycle: signal.MinCycle, Sharing: 2})
	if a := f.Local(1).Addr(); a != loopback6 || f.RTCP().Addr() != loopback6 || f.Local(1).Port()%2 != 0 {
		t.Fatalf("bound to %v and %v", f.Local(1), f.RTCP())
	}
	s := newServer(t, f)
	s.connect()
	s.start()
	r := s.until("the talker", enough(1))
	checkClean(t, r)
}
