package ingress

import (
	"slices"
	"testing"
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

const ms = time.Millisecond

func TestAGapIsAskedForAfterThreePacketsOrTenMilliseconds(t *testing.T) {
	r, s := vp8(t)
	r.put(s.picture(shape{key: true})...)
	p := s.picture(shape{packets: 5})
	r.put(p[0], p[2], p[3])
	if lost := r.missing(); len(lost) != 0 {
		t.Errorf("%v are missing after two packets", lost)
	}
	r.put(p[4])
	if lost := r.missing(); !slices.Equal(lost, []uint16{p[1].Sequence}) {
		t.Errorf("%v are missing, want %d", lost, p[1].Sequence)
	}
	if lost := r.missing(); len(lost) != 0 {
		t.Errorf("%v are asked for twice", lost)
	}
	r.put(p[1])
	r.want(2, 2)
	p = s.picture(shape{packets: 3})
	r.put(p[0], p[2])
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{10*ms - 1, 0}, {1, 1}} {
		r.pass(c.after)
		if lost := r.missing(); len(lost) != c.want {
			t.Errorf("after %v %v are missing", c.after, lost)
		}
	}
	if st := r.s.Stats(); st.Repaired != 1 || st.Asked != 2 || st.Lost != 0 {
		t.Errorf("%+v", st)
	}
}

// lose begins a stream and loses the second of three packets of its second picture. The gap is
// due for asking.
func lose(t *testing.T, c Config, roundTrip time.Duration) (*run, *source, transport.VideoPacket) {
	t.Helper()
	r := newRun(t, c)
	s := &source{codec: c.Codec}
	r.s.SetRoundTrip(roundTrip)
	r.put(s.picture(shape{key: true})...)
	p := s.picture(shape{packets: 6})
	r.put(p[0], p[2], p[3], p[4], p[5])
	return r, s, p[1]
}

func TestRequestsAreRepeatedByTheRoundTripUntilGivenUp(t *testing.T) {
	for _, c := range []struct {
		roundTrip, interval, patience time.Duration
		asked                         int
	}{
		{0, 130 * ms, 530 * ms, 5}, {20 * ms, 30 * ms, 130 * ms, 5}, {ms, 15 * ms, 120 * ms, 6},
		{-time.Second, 130 * ms, 530 * ms, 5}, {time.Hour, 1255 * ms, 600 * ms, 1}, {200 * ms, 255 * ms, 600 * ms, 3},
	} {
		r, _, p := lose(t, Config{Codec: media.VP8, NACK: true}, c.roundTrip)
		began, asked, last := r.now, 0, int64(0)
		for due := r.s.Due(); due != 0; due = r.s.Due() {
			if due < r.now {
				t.Fatalf("%v: due %v ago", c.roundTrip, time.Duration(r.now-due))
			}
			r.pass(time.Duration(due - r.now))
			for range r.missing() {
				if gap := time.Duration(r.now - last); asked > 0 && gap != c.interval {
					t.Errorf("%v: asked again after %v, want %v", c.roundTrip, gap, c.interval)
				}
				asked, last = asked+1, r.now
			}
		}
		if gone := time.Duration(r.now - began); gone != c.patience || asked != c.asked {
			t.Errorf("%v: given up after %v and %d requests, want %v and %d", c.roundTrip, gone, asked, c.patience, c.asked)
		}
		r.want(1, 1)
		r.put(p)
		if st := r.s.Stats(); st.Late != 1 || st.Lost != 1 || st.GivenUp != 1 || st.Asked != uint64(asked) {
			t.Errorf("%v: %+v", c.roundTrip, st)
		}
	}
}

func TestRequestsAreBoundedHoweverOftenOneLooks(t *testing.T) {
	r, _, _ := lose(t, Config{Codec: media.VP8, NACK: true}, ms)
	asked := 0
	for range 119 {
		asked += len(r.missing())
		r.pass(ms)
	}
	if asked != maxTries {
		t.Errorf("%d requests, want %d", asked, maxTries)
	}
}

func TestWithoutNACKNothingIsAskedForAndLittleWaited(t *testing.T) {
	r, s, _ := lose(t, Config{Codec: media.VP8}, 0)
	if due := r.s.Due(); due != r.now+barePatience {
		t.Errorf("due in %v", time.Duration(due-r.now))
	}
	r.pass(30*ms - 1)
	if st := r.s.Stats(); st.Lost != 0 || len(r.missing()) != 0 {
		t.Errorf("%+v", st)
	}
	r.pass(1)
	r.put(s.picture(shape{})...)
	r.want(2, 1)
}

func TestARepairInTimeCostsNothing(t *testing.T) {
	r, s, p := lose(t, Config{Codec: media.VP8, NACK: true}, 20*ms)
	r.put(s.picture(shape{packets: 2})...)
	r.want(1, 1)
	r.missing()
	r.pass(129 * ms)
	p.Repaired = true
	r.put(p)
	r.want(3, 3)
	if st := r.s.Stats(); st.Repaired != 1 || st.Lost != 0 || r.s.WantsKey(r.now) {
		t.Errorf("%+v", st)
	}
}

// A gap of more is not waited for: part of it would be of no use.
func TestOutstandingLossIsBounded(t *testing.T) {
	for _, c := range []struct{ first, gap, asked, lost int }{
		{0, MaxOutstanding, MaxOutstanding, 0}, {0, MaxOutstanding + 1, 0, MaxOutstanding + 1}, {0, 400, 0, 400},
		{1, MaxOutstanding - 1, MaxOutstanding, 0}, {1, MaxOutstanding, 1, MaxOutstanding},
	} {
		r, s := vp8(t)
		r.put(s.picture(shape{key: true})...)
		r.put(s.picture(shape{packets: 1 + c.first})[c.first:]...)
		s.sequence += uint16(c.gap)
		s.id, s.tl0 = s.id+100, s.tl0+100
		r.put(s.picture(shape{packets: 3})...)
		r.pass(10 * ms)
		if lost, st := r.missing(), r.s.Stats(); len(lost) != c.asked || st.Lost != uint64(c.lost) {
			t.Errorf("%+v: %d asked for, %d lost", c, len(lost), st.Lost)
		}
		r.pass(time.Second)
		r.put(s.picture(shape{key: true})...)
		if f := r.frames[len(r.frames)-1]; !f.Key || r.s.Due() != 0 {
			t.Errorf("%+v: %+v, due %d", c, f, r.s.Due())
		}
	}
}

// A picture that is not decodable is not waited for once a key frame has come behind it.
func TestNobodyWaitsForWhatCannotBeDecoded(t *testing.T) {
	r, s, _ := lose(t, Config{Codec: media.VP8, NACK: true}, 0)
	r.pass(time.Second) // given up
	r.put(s.picture(shape{packets: 2})...)
	r.put(s.picture(shape{packets: 2})[1])
	r.put(s.picture(shape{packets: 2})...)
	r.want(2, 1)
	r.put(s.picture(shape{key: true})...)
	r.want(4, 2)
	if !r.frames[3].Key || r.s.Due() != 0 {
		t.Errorf("%+v", r.frames[3])
	}
}

// But the key frame itself is, if its own first packet is missing.
func TestAKeyFrameIsRepaired(t *testing.T) {
	r, s := vp8(t)
	p := s.picture(shape{})
	r.put(p...)
	key := s.picture(shape{packets: 4, key: true})
	r.put(key[1:]...)
	lost := r.missing()
	if !slices.Equal(lost, []uint16{key[0].Sequence}) {
		t.Fatalf("missing %v", lost)
	}
	r.put(key[0])
	r.want(2, 1)
}

// Also where what is missing are parameter sets ahead of it.
func TestParameterSetsOfAKeyFrameAreRepaired(t *testing.T) {
	for missing := range 3 {
		r := newRun(t, Config{Codec: media.H264, NACK: true})
		s := &source{codec: media.H264}
		r.put(s.picture(shape{packets: 2})...)
		key := s.picture(shape{packets: 4, key: true})
		for i := range key {
			if i != missing {
				r.put(key[i])
			}
		}
		if lost := r.missing(); !slices.Equal(lost, []uint16{key[missing].Sequence}) {
			t.Fatalf("missing %v, want packet %d of the key frame", lost, missing)
		}
		r.put(key[missing])
		r.want(2, 1)
	}
}

func TestRequestsAndRepairsDoNotAllocate(t *testing.T) {
	r, s := vp8(t)
	r.put(s.picture(shape{key: true})...)
	var dst [MaxOutstanding]uint16
	step := func() {
		r.now += 10 * millisecond
		p := s.picture(shape{packets: 8})
		for _, i := range []int{0, 3, 4, 5, 6, 7, 1, 2} {
			p[i].Arrival = r.now
			r.s.Put(&p[i])
			r.s.Missing(r.now, dst[:0])
			r.s.Advance(r.now)
			r.s.Next()
			r.s.Due()
			r.s.Bitrates(r.now)
		}
	}
	own := testing.AllocsPerRun(1, func() { s.picture(shape{packets: 8}) })
	for range 300 {
		step()
	}
	if n := testing.AllocsPerRun(200, step); n > own {
		t.Errorf("%v allocations, of which the test's own are %v", n, own)
	}
	if st := r.s.Stats(); st.Frames < 400 {
		t.Errorf("%+v", st)
	}
}
