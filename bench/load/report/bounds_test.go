package report

import (
	"slices"
	"strings"
	"testing"
)

func p(x float64) *float64 { return &x }

// fine is a report in which nothing is wrong.
func fine() *Report {
	r := &Report{Calls: Calls{Tried: 10, Answered: 10, Running: 10}}
	r.Total = Quality{
		Media:   Media{Sent: 1000, Received: 990, Lost: 10, LossPercent: 1},
		DelayMS: NewQuantiles([]float64{10, 20, 30}),
		MOS:     NewMOS([]float64{4.1, 4.3}),
	}
	return r
}

// A bound itself is within; the next figure is not.
func TestJudgeAtTheEdges(t *testing.T) {
	for _, c := range []struct {
		bounds Bounds
		broken string
		words  string
	}{
		{Bounds{}, "", ""},
		{Bounds{MaxLossPercent: p(1), MaxDelayP99MS: p(30), MinMOS: p(4.1)}, "", ""},
		{Bounds{MaxLossPercent: p(0.999)}, BoundLoss, "is 1 %; at most 0.999 % is right"},
		{Bounds{MaxLossPercent: p(0.9999)}, BoundLoss, "is 1 %; at most 0.9999 % is right"},
		{Bounds{MaxDelayP99MS: p(29.9)}, BoundDelay, "is 30 ms; at most 29.9 ms is right"},
		{Bounds{MinMOS: p(4.11)}, BoundMOS, "is 4.1; at least 4.11 is right"},
		{Bounds{MaxLossPercent: p(0), MaxDelayP99MS: p(0), MinMOS: p(5)}, "max-loss max-delay min-mos", ""},
	} {
		v := c.bounds.Judge(fine())
		if got := strings.Join(v.Names(), " "); got != c.broken || v.Passed != (c.broken == "") {
			t.Errorf("%+v: broke %q, passed %v, want %q", c.bounds, got, v.Passed, c.broken)
		}
		if c.words != "" && !strings.HasSuffix(v.Broken[0].Text, c.words) {
			t.Errorf("%+v: %q, want …%q", c.bounds, v.Broken[0].Text, c.words)
		}
	}
}

// What nothing allows breaks without any bound.
func TestJudgePeople(t *testing.T) {
	for want, change := range map[string]func(*Report){
		BoundCalls: func(r *Report) {
			r.Calls.Failed = map[string]int{"busy": 2, "no-answer": 3, "declined": 0, "dropped": 2}
		},
		BoundDeaf:       func(r *Report) { r.Total.Heard.DeafCallers = 1 },
		BoundUnheard:    func(r *Report) { r.Total.Heard.UnheardCallers = 1 },
		BoundOwnVoice:   func(r *Report) { r.Total.Heard.OwnCallers = 1 },
		BoundUnexpected: func(r *Report) { r.Total.Heard.UnexpectedCallers = 1 },
	} {
		r := fine()
		change(r)
		v := Bounds{}.Judge(r)
		if !slices.Equal(v.Names(), []string{want}) || v.Passed {
			t.Errorf("%s: broke %q", want, v.Names())
		}
		if text := v.Broken[0].Text; want == BoundCalls && text != "7 of 10 calls failed: 3 no-answer, 2 busy, 2 dropped" {
			t.Errorf("%s: %q", want, text)
		}
	}
	r := fine()
	r.Total.Heard.Missed, r.Total.Sound.Gaps = 5, 5
	if v := (Bounds{}).Judge(r); !v.Passed {
		t.Errorf("single spurts and gaps broke %q", v.Names())
	}
}

// What could not be measured is not within its bound.
func TestJudgeWithoutFigures(t *testing.T) {
	v := Bounds{MaxLossPercent: p(100), MaxDelayP99MS: p(1e9), MinMOS: p(0)}.Judge(&Report{})
	if got, want := v.Names(), []string{BoundCalls, BoundLoss, BoundDelay, BoundMOS}; !slices.Equal(got, want) {
		t.Errorf("broke %q, want %q", got, want)
	}
}

// What nothing allows of video breaks without any bound, and bounds at their edges.
func TestJudgeVideo(t *testing.T) {
	seen := func() *Video {
		return &Video{Pictures: Pictures{Due: 100, Whole: 90, FrozenPercent: 2}, DelayMS: NewQuantiles([]float64{1, 2, 3})}
	}
	for _, k := range []struct {
		change func(*Video)
		bounds Bounds
		want   string
	}{
		{func(*Video) {}, Bounds{MaxFrozenPercent: p(2), MaxPictureDelayP99MS: p(3)}, ""},
		{func(*Video) {}, Bounds{MaxFrozenPercent: p(1.9)}, BoundFrozen},
		{func(*Video) {}, Bounds{MaxPictureDelayP99MS: p(2.9)}, BoundPictureDelay},
		{func(v *Video) { *v = Video{} }, Bounds{MaxFrozenPercent: p(1), MaxPictureDelayP99MS: p(1)}, "max-frozen max-picture-delay"},
		{func(v *Video) { v.Refused = map[string]int{"port 0": 2} }, Bounds{}, BoundVideo},
		{func(v *Video) { v.Seen.Blind = 1 }, Bounds{}, BoundBlind},
		{func(v *Video) { v.Seen.Own = 1 }, Bounds{}, BoundOwnPicture},
		{func(v *Video) { v.Seen.Stranger = 1 }, Bounds{}, BoundStranger},
		{func(v *Video) { v.Switches.Missed = 1 }, Bounds{}, BoundSpeaker},
		{func(v *Video) { v.Switches.Silent = 1 }, Bounds{}, BoundSpeaker},
		{func(v *Video) { v.Pictures.Faulty = 1 }, Bounds{}, BoundFaulty},
		{func(v *Video) { v.Pictures.Undecodable, v.Pictures.Freezes, v.Packets.Lost = 5, 5, 5 }, Bounds{}, ""},
	} {
		r := fine()
		r.Video = seen()
		k.change(r.Video)
		v := k.bounds.Judge(r)
		if got := strings.Join(v.Names(), " "); got != k.want || v.Passed != (k.want == "") {
			t.Errorf("%+v: broke %q, want %q", r.Video, got, k.want)
		}
	}
}
