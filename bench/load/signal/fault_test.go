package signal

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// loud returns moments, in samples, at least half a second apart, at which somebody whom
// the ear should hear has a tone, and has it for 40 ms before and after.
func (h *hall) loud() (at []int) {
	random := rand.New(rand.NewPCG(9, 9))
	last := time.Duration(0)
	for turn := range cycles {
		for _, s := range h.room.spurts {
			if s.Talker == h.self {
				continue
			}
			room := s.Length - 240*time.Millisecond
			t := time.Duration(turn)*h.room.options.Cycle + s.Start + 140*time.Millisecond + time.Duration(random.Int64N(int64(room)))
			if t > last+time.Second/2 && t < (cycles*h.room.options.Cycle)-6*time.Second {
				at = append(at, h.coding.samples(t))
				last = t
			}
		}
	}
	return at
}

// counts returns how many findings there are of each kind.
func (h *hall) counts() (n [Kinds]int) {
	for _, f := range h.found {
		n[f.Kind]++
	}
	return n
}

// only fails the test if there are faults of other kinds than those.
func (h *hall) only(kinds ...Kind) {
	h.t.Helper()
	for _, f := range h.faults() {
		if !slices.Contains(kinds, f.Kind) {
			h.t.Error(f)
		}
	}
}

var faultCodings = []coding{pcmu, g722, opus, celt}

// each runs a test with some codecs and with few and many talkers.
func each(t *testing.T, codings []coding, f func(h *hall)) {
	for _, c := range codings {
		for _, n := range []int{3, 8} {
			t.Run(fmt.Sprintf("%s/%d", c.name, n), func(t *testing.T) {
				f(newHall(t, c, Options{Talkers: n, Seed: 21, Cycle: MinCycle}))
			})
		}
	}
}

func TestSilencedTalkerIsMissed(t *testing.T) {
	each(t, faultCodings, func(h *hall) {
		h.hurt(1, func(pcm []int16) { clear(pcm) })
		s := h.listen(h.mix()).Totals()
		h.only(Missed)
		missed := 0
		for _, f := range h.faults() {
			if f.Talker != 1 {
				h.t.Error(f)
			}
			missed++
		}
		if want := s.Expected - s.Heard; missed == 0 || missed != want {
			h.t.Errorf("%d found missing, %d not heard", missed, want)
		}
	})
}

// A single spurt is missed, too.
func TestSilencedSpurtIsMissed(t *testing.T) {
	each(t, faultCodings, func(h *hall) {
		s := h.room.Plan(2)[1]
		h.hurt(2, func(pcm []int16) { clear(pcm[h.coding.samples(s.Start):h.coding.samples(s.End())]) })
		h.listen(h.mix())
		h.only(Missed)
		if n := h.counts()[Missed]; n != 1 {
			h.t.Errorf("%d missed", n)
		}
	})
}

// One's own voice is found, whether as loud as the others or 20 dB below them.
func TestOwnVoiceIsFound(t *testing.T) {
	for _, gain := range []float64{1, 0.1} {
		t.Run(fmt.Sprint(gain), func(t *testing.T) {
			each(t, faultCodings, func(h *hall) {
				h.self = 0
				mix := h.mix()
				add(mix, h.voices[0], gain)
				h.listen(mix)
				spurts := 0
				for i := range h.room.Plan(0) {
					if s := &h.room.Plan(0)[i]; len(s.tones) >= 3 {
						spurts++
					}
				}
				n := h.counts()[Own]
				h.t.Logf("%d of %d spurts", n, spurts*cycles)
				if n < spurts/2 && gain == 1 || n == 0 && (len(h.voices) < 8 || !coded(h)) {
					h.t.Errorf("%d of %d spurts", n, spurts*cycles)
				}
				if gain == 1 {
					h.only(Own)
				}
			})
		})
	}
}

// Somebody from another room is found, whether as loud as the others or 20 dB below them,
// even if his cycle is in step.
func TestOtherRoomIsFound(t *testing.T) {
	for _, gain := range []float64{1, 0.1} {
		t.Run(fmt.Sprint(gain), func(t *testing.T) {
			each(t, faultCodings, func(h *hall) {
				other := newRoom(h.t, Options{Talkers: len(h.voices), Seed: 22, Cycle: MinCycle})
				mix := h.mix()
				leak := h.coding.through(h.t, slices.Repeat(other.Render(0, h.coding.format.SampleRate), cycles))
				add(mix, leak, gain)
				s := h.listen(mix).Totals()
				h.t.Logf("%d times, %v of %v", h.counts()[Unexpected], s.UnexpectedTime, cycles*MinCycle)
				if h.counts()[Unexpected] == 0 && (len(h.voices) < 8 || !coded(h)) {
					h.t.Error("not found")
				}
				if s.Heard != s.Expected {
					h.t.Errorf("heard %d of %d", s.Heard, s.Expected)
				}
			})
		})
	}
}

// Somebody of this room is heard at a time at which he does not speak.
func TestWrongTimeIsUnexpected(t *testing.T) {
	each(t, faultCodings, func(h *hall) {
		mix := h.mix()
		late := h.coding.samples(3100 * time.Millisecond)
		add(mix[late:], h.voices[0], 1)
		h.listen(mix)
		if h.counts()[Unexpected] == 0 {
			h.t.Error("not found")
		}
	})
}

// Sound is missing, of everybody or of one.
func TestGapsAreFound(t *testing.T) {
	each(t, faultCodings, func(h *hall) {
		for _, all := range []bool{true, false} {
			for _, length := range []time.Duration{20 * time.Millisecond, 7 * time.Millisecond} {
				if length < 20*time.Millisecond && coded(h) {
					continue
				}
				h.checkGaps(all, length)
			}
		}
	})
}

func (h *hall) checkGaps(all bool, length time.Duration) {
	h.t.Helper()
	n, at := h.coding.samples(length), h.loud()
	cut := func(pcm []int16) {
		for _, i := range at {
			clear(pcm[i : i+n])
		}
	}
	mix := h.mix()
	if all {
		cut(mix)
	} else {
		whole := h.voices[1]
		h.hurt(1, cut)
		mix, h.voices[1] = h.mix(), whole
	}
	h.listen(mix)
	h.only(Gap, Click, Jump, Clipped)
	if !all {
		at = h.speaking(1, at)
	}
	found := h.at(Gap, at, length)
	h.t.Logf("all %v, %v: %d of %d", all, length, found, len(at))
	least := len(at) * 3 / 4
	if coded(h) && len(h.voices) == 8 { // often four speak at once, and it cannot be told
		least = len(at) / 2
	}
	if found < least || len(at) == 0 {
		h.t.Errorf("all %v, %v: %d of %d found", all, length, found, len(at))
	}
}

// speaking returns the moments at which a talker has a tone, and has it for some time.
func (h *hall) speaking(talker int, at []int) (during []int) {
	const around = 100 * time.Millisecond
	for _, i := range at {
		t := time.Duration(i) * time.Second / time.Duration(h.coding.format.SampleRate) % h.room.options.Cycle
		for _, s := range h.room.Plan(talker) {
			if s.Start+around < t && t < s.End()-around {
				during = append(during, i)
			}
		}
	}
	return during
}

// at returns at how many moments there is a finding of a kind, about as long as wanted if that
// is not 0.
func (h *hall) at(k Kind, moments []int, length time.Duration) (n int) {
	for _, i := range moments {
		t := epoch + int64(i)*int64(time.Second)/int64(h.coding.format.SampleRate) + int64(h.delay)
		if slices.ContainsFunc(h.found, func(f Finding) bool {
			near := f.At-t < 100e6 && t-f.At < 60e6
			return near && f.Kind == k && (length == 0 || f.Time > length/2 && f.Time < length*3/2)
		}) {
			n++
		}
	}
	return n
}

func TestClicksAreFound(t *testing.T) {
	for _, k := range []struct {
		coding coding
		height int
		long   time.Duration
	}{{pcmu, 3500, 0}, {pcma, 3500, 0}, {g722, 12000, 0}, {opus, 12000, time.Millisecond / 10}, {celt, 12000, time.Millisecond / 10}} {
		t.Run(k.coding.name, func(t *testing.T) {
			h := newHall(t, k.coding, Options{Talkers: 3, Seed: 21, Cycle: MinCycle})
			heard, at := k.coding.through(t, h.mix()), h.loud()
			for _, i := range at {
				for j := range k.coding.samples(k.long) + 1 {
					heard[i+j] = int16(min(int(heard[i+j])+k.height, 32767))
				}
			}
			h.hear(heard)
			h.only(Click, Jump, Gap)
			n := h.at(Click, at, 0)
			t.Logf("%d of %d", n, len(at))
			if n < len(at)*3/4 {
				t.Errorf("%d of %d found", n, len(at))
			}
		})
	}
}

// A packet of the mix is sent twice instead of the next, or before the next.
func TestDoubledPacketIsFound(t *testing.T) {
	each(t, faultCodings, func(h *hall) {
		n := h.coding.samples(packetTime)
		heard, at := h.coding.through(h.t, h.mix()), h.loud()
		instead := slices.Clone(heard)
		for k, i := range at {
			at[k] = i / n * n
			copy(instead[at[k]:at[k]+n], heard[at[k]-n:at[k]])
		}
		h.hear(instead)
		found := 0
		for _, i := range at {
			if h.at(Click, []int{i}, 0)+h.at(Jump, []int{i}, 0)+h.at(Gap, []int{i}, 0) > 0 {
				found++
			}
		}
		h.t.Logf("%d of %d", found, len(at))
		if least := len(at) * 3 / 4; found < least && !coded(h) || found < least/4 && len(h.voices) < 8 {
			h.t.Errorf("%d of %d found", found, len(at))
		}
		h.only(Click, Jump, Gap)
	})
}

// coded tells whether sound comes through Opus, which leaves less to see.
func coded(h *hall) bool { return h.coding.format.Codec == opus.format.Codec }

func TestDelayThatGrowsIsSeen(t *testing.T) {
	each(t, []coding{pcmu}, func(h *hall) {
		n := h.coding.samples(packetTime)
		mix := h.mix()
		half := len(mix) / 2
		copy(mix[half+n:], mix[half:]) // one packet more
		h.listen(mix)
		for _, f := range h.found {
			want := h.delay
			if f.At > epoch+int64(MinCycle) {
				want += packetTime
			}
			if off := f.Time - want; f.Kind == Delayed && (off > h.coding.within || off < -h.coding.within) {
				h.t.Errorf("%v, want %v", f, want)
			}
		}
	})
}

func TestWrongLevelIsFound(t *testing.T) {
	for _, gain := range []float64{0.5, 2} {
		each(t, faultCodings, func(h *hall) {
			h.hurt(2, func(pcm []int16) {
				for k, x := range pcm {
					pcm[k] = int16(min(max(float64(x)*gain, -32768), 32767))
				}
			})
			h.listen(h.mix())
			if !coded(h) || len(h.voices) < 8 { // Opus leaves little of one who is faint among many
				h.only(OffLevel)
			}
			n := 0
			for _, f := range h.faults() {
				if f.Kind != OffLevel {
					continue
				}
				if f.Talker != 2 || f.DB*float32(gain-1) < 0 {
					h.t.Error(f)
				}
				n++
			}
			if n < len(h.room.Plan(2)) {
				h.t.Errorf("gain %v: found in %d of %d spurts", gain, n, 2*len(h.room.Plan(2)))
			}
		})
	}
}

// The beginning of a spurt is missing.
func TestClippedBeginningIsFound(t *testing.T) {
	each(t, faultCodings, func(h *hall) {
		const cut = 90 * time.Millisecond
		h.hurt(0, func(pcm []int16) {
			for turn := range time.Duration(cycles) {
				for _, s := range h.room.Plan(0) {
					at := h.coding.samples(turn*h.room.options.Cycle + s.Start)
					clear(pcm[at : at+h.coding.samples(cut)])
				}
			}
		})
		h.listen(h.mix())
		n := 0
		for _, f := range h.faults() {
			switch {
			case f.Kind == Clipped && f.Talker == 0 && f.Time > cut*3/4 && f.Time < cut*5/4:
				n++
			case f.Kind != Click:
				h.t.Error(f)
			}
		}
		if n < len(h.room.Plan(0)) && !coded(h) || n == 0 && len(h.voices) < 8 {
			h.t.Errorf("found in %d of %d spurts", n, 2*len(h.room.Plan(0)))
		}
	})
}
