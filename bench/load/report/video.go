package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/confd/confd/bench/plot"
)

// Video is what callers saw, in the window that counts.
type Video struct {
	Callers int            `json:"callers"`           // whose video the server took
	Cameras int            `json:"cameras"`           // of these, who show themselves
	Refused map[string]int `json:"refused,omitempty"` // callers whose video it did not take, by why

	Pictures Pictures  `json:"pictures"`
	DelayMS  Quantiles `json:"delay_ms"` // from when a picture's last packet was to leave to its arrival
	Switches Switches  `json:"switches"`
	Seen     Seen      `json:"seen"`
	Packets  Packets   `json:"packets"`
	Requests Requests  `json:"requests"`
	// Bit rates of payload, of all callers together.
	SentBPS     float64 `json:"sent_bps"`
	ReceivedBPS float64 `json:"received_bps"`

	Delays *Histogram `json:"delays,omitempty"` // behind DelayMS, of all rooms
	Lates  *Histogram `json:"lates,omitempty"`  // behind Switches.LateMS
}

// Pictures are those of whom callers saw, by each who saw them.
type Pictures struct {
	Sent          int     `json:"sent"`        // by the cameras
	Due           int     `json:"due"`         // that had to come
	Whole         int     `json:"whole"`       // that came, and could be decoded
	Keys          int     `json:"keys"`        // key frames of these
	Undecodable   int     `json:"undecodable"` // that came whole and need one that did not
	Broken        int     `json:"broken"`      // that came in part, or changed
	Faulty        int     `json:"faulty"`      // undecodable, broken or wrongly numbered at callers to whom every packet came
	Freezes       int     `json:"freezes"`     // of more than half a second
	FrozenSeconds float64 `json:"frozen_seconds"`
	FrozenPercent float64 `json:"frozen_percent"` // of the time of all who had somebody to see
}

// Switches are changes of who is seen that were due because somebody else began to speak.
type Switches struct {
	Expected int       `json:"expected"` // by each caller who had to see it
	Seen     int       `json:"seen"`
	Missed   int       `json:"missed"`
	LateMS   Quantiles `json:"late_ms"` // since the talk made it due, for those who saw it
	// Silent is how often a room saw somebody who had not talked.
	Silent int `json:"silent"`
}

// Seen counts callers who did not see what they should have.
type Seen struct {
	Blind    int `json:"blind_callers"`    // to whom no picture came, though somebody shows itself
	Own      int `json:"own_callers"`      // who saw themselves
	Stranger int `json:"stranger_callers"` // who saw who has no camera, or of another room
	Wrong    int `json:"wrong_callers"`    // who missed a switch
}

// Packets are those of video, all callers' together.
type Packets struct {
	Sent        int     `json:"sent"`     // repeated ones among them
	Withheld    int     `json:"withheld"` // not sent, because loss was asked for
	Resent      int     `json:"resent"`   // because the server asked for them
	Received    int     `json:"received"` // without repeated ones
	Repaired    int     `json:"repaired"` // that came again
	Lost        int     `json:"lost"`     // that did not
	LossPercent float64 `json:"loss_percent"`
}

// Requests are what callers and server asked of each other.
type Requests struct {
	KeysWanted int `json:"keys_wanted"` // by callers
	KeysAsked  int `json:"keys_asked"`  // by the server
	NACKsSent  int `json:"nacks_sent"`
	NACKsTaken int `json:"nacks_taken"`
	Limits     int `json:"limits"` // times that the server asked a camera for less than it sends
}

// VideoOptions are what was asked for.
type VideoOptions struct {
	Codec      string  `json:"codec"`
	BitrateBPS int     `json:"bitrate_bps"` // of the pictures that are sent
	Cameras    int     `json:"cameras"`     // in each room
	Burst      bool    `json:"burst"`       // a picture's packets leave at once
	HoldMS     float64 `json:"hold_ms"`     // for how long the server shows a speaker at least
	WithinMS   float64 `json:"within_ms"`   // in which the next must be seen, once it is due
}

// What can be wrong with a caller's video.
const (
	Blind        = "blind"         // no picture came to it
	OwnPicture   = "own-picture"   // it saw itself
	Stranger     = "stranger"      // it saw somebody whom it must not see
	WrongPicture = "wrong-picture" // it did not see who spoke
)

// Names of what can break with video.
const (
	BoundVideo        = "video"       // the server takes every caller's video
	BoundBlind        = "blind"       // everyone sees somebody, if somebody shows itself
	BoundOwnPicture   = "own-picture" // nobody sees itself
	BoundStranger     = "stranger"    // nobody sees anyone of another room
	BoundSpeaker      = "speaker"     // who speaks is seen
	BoundFaulty       = "pictures"    // pictures that come are as they were sent, and can be decoded
	BoundFrozen       = "max-frozen"
	BoundPictureDelay = "max-picture-delay"
)

// video judges what no bound allows, and the bounds of video.
func (v *Verdict) video(b Bounds, w *Video) {
	if w == nil {
		return
	}
	refused := 0
	for _, n := range w.Refused {
		refused += n
	}
	for _, each := range []struct {
		bound, text string
		n           int
	}{
		{BoundVideo, count(refused, "caller") + " without video: " + causes(w.Refused), refused},
		{BoundBlind, "no picture came to " + count(w.Seen.Blind, "caller"), w.Seen.Blind},
		{BoundOwnPicture, count(w.Seen.Own, "caller") + " saw themselves", w.Seen.Own},
		{BoundStranger, count(w.Seen.Stranger, "caller") + " saw somebody whom they must not see", w.Seen.Stranger},
		{BoundSpeaker, fmt.Sprintf("%s of %s switches to who spoke were not seen in time, by %s", thousands(w.Switches.Missed), thousands(w.Switches.Expected), count(w.Seen.Wrong, "caller")), w.Switches.Missed},
		{BoundSpeaker, "rooms saw somebody who had not spoken, " + count(w.Switches.Silent, "time"), w.Switches.Silent},
		{BoundFaulty, count(w.Pictures.Faulty, "picture") + " broken or undecodable, though every packet came", w.Pictures.Faulty},
	} {
		if each.n > 0 {
			v.add(each.bound, "%s", each.text)
		}
	}
	if most := b.MaxFrozenPercent; most != nil {
		v.atMost(BoundFrozen, "the share of time in which the picture stood still", "%", w.Pictures.Whole > 0, w.Pictures.FrozenPercent, *most)
	}
	if most := b.MaxPictureDelayP99MS; most != nil {
		v.atMost(BoundPictureDelay, "the 99th percentile of pictures' delay", "ms", w.DelayMS.N > 0, w.DelayMS.P99, *most)
	}
}

func (w *Video) calls() string {
	s := fmt.Sprintf("%s, %s", count(w.Callers, "caller"), count(w.Cameras, "camera"))
	for _, why := range slices.Sorted(maps.Keys(w.Refused)) {
		s += fmt.Sprintf("; %s refused: %s", thousands(w.Refused[why]), clean(why))
	}
	return fmt.Sprintf("%s; %s sent, %s received", s, bits(w.SentBPS), bits(w.ReceivedBPS))
}

// bits writes a bit rate.
func bits(bps float64) string {
	if bps >= 1e6 {
		return short(bps/1e6) + " Mbit/s"
	}
	return short(bps/1e3) + " kbit/s"
}

func (p *Pictures) words() string {
	return fmt.Sprintf("%s of %s due seen, %s; %s undecodable, %s broken; %s (%s of the time)", thousands(p.Whole), thousands(p.Due),
		count(p.Keys, "key frame"), thousands(p.Undecodable), thousands(p.Broken), count(p.Freezes, "freeze"), percent(p.FrozenPercent))
}

func (s *Switches) words() string {
	late := ""
	if s.LateMS.N > 0 {
		late = fmt.Sprintf("; late p50 %s ms   p99 %s ms   max %s ms", short(s.LateMS.P50), short(s.LateMS.P99), short(s.LateMS.Max))
	}
	return fmt.Sprintf("%s of %s seen%s", thousands(s.Seen), thousands(s.Expected), late)
}

func (p *Packets) words() string {
	return fmt.Sprintf("%s, %s of them again; %s received, %s repaired, %s lost (%s)", sent(p.Sent, p.Withheld), thousands(p.Resent),
		thousands(p.Received), thousands(p.Repaired), thousands(p.Lost), percent(p.LossPercent))
}

func (q *Requests) words() string {
	return fmt.Sprintf("key frames: %s by callers, %s by the server; NACKs: %s by callers, %s by the server; %s",
		thousands(q.KeysWanted), thousands(q.KeysAsked), thousands(q.NACKsSent), thousands(q.NACKsTaken), count(q.Limits, "limit"))
}

// lines are what is told of video, by name.
func (w *Video) lines() [][2]string {
	return [][2]string{
		{"video", w.calls()}, {"pictures", w.Pictures.words()}, {"latency", w.DelayMS.words("pictures")},
		{"speakers", w.Switches.words()}, {"packets", w.Packets.words()}, {"requests", w.Requests.words()},
	}
}

func (t *texter) video(r *Report) {
	if r.Video == nil {
		return
	}
	for i, l := range r.Video.lines() {
		t.line(l[0], "%s", l[1])
		if i == 0 {
			for _, each := range r.onlookers() {
				t.line("", "%s", each)
			}
		}
	}
}

// onlookers says who did not see what it should have, kind by kind.
func (r *Report) onlookers() (lines []string) {
	s := &r.Video.Seen
	for _, kind := range []struct {
		n             int
		what, trouble string
	}{
		{s.Blind, "without any picture", Blind}, {s.Own, "saw themselves", OwnPicture},
		{s.Stranger, "saw somebody whom they must not see", Stranger}, {s.Wrong, "did not see who spoke", WrongPicture},
	} {
		if kind.n > 0 {
			lines = append(lines, count(kind.n, "caller")+" "+kind.what+r.named(kind.trouble))
		}
	}
	return lines
}

// asked is what was asked of video, in a line.
func (o *VideoOptions) asked() string {
	how := ""
	if o.Burst {
		how = ", each picture at once"
	}
	return fmt.Sprintf("video: %s, %s in each room, %s%s; speakers are held for %s", clean(o.Codec), count(o.Cameras, "camera"), bits(float64(o.BitrateBPS)), how,
		time.Duration(o.HoldMS*1e6))
}

var videoHead = []string{"Room", "Callers", "Cameras", "Pictures", "Undecodable", "Frozen", "Delay p99", "Speakers seen", "Late p99", "People"}

func (r *Room) videoRow() []string {
	w := r.Video
	return []string{clean(r.Name), thousands(w.Callers), thousands(w.Cameras), fmt.Sprintf("%s of %s", thousands(w.Pictures.Whole), thousands(w.Pictures.Due)),
		thousands(w.Pictures.Undecodable), percent(w.Pictures.FrozenPercent), short(w.DelayMS.P99) + " ms",
		fmt.Sprintf("%s of %s", thousands(w.Switches.Seen), thousands(w.Switches.Expected)), short(w.Switches.LateMS.P99) + " ms", thousands(w.Seen.people())}
}

func (s *Seen) people() int { return s.Blind + s.Own + s.Stranger + s.Wrong }

// worse orders rooms by their video: by people, missed switches, what could not be decoded,
// and freezes.
func (w *Video) worse() [4]float64 {
	return [4]float64{float64(w.Seen.people()), float64(w.Switches.Missed), float64(w.Pictures.Undecodable + w.Pictures.Broken), w.Pictures.FrozenPercent}
}

// worstSights returns the n rooms that saw worst.
func worstSights(rooms []Room, n int) []Room {
	sorted := slices.SortedStableFunc(slices.Values(rooms), func(a, b Room) int {
		x, y := b.Video.worse(), a.Video.worse()
		return slices.Compare(x[:], y[:])
	})
	return sorted[:min(n, len(sorted))]
}

// videoTable is that of the rooms; nil without video.
func (r *Report) videoTable() *table {
	t := &table{Title: "Video of rooms, the worst first", Head: videoHead,
		Note: "People saw nobody, themselves, strangers, or not who spoke. Late is since somebody else was to be seen."}
	if r.Video != nil {
		for _, room := range worstSights(r.Rooms, worstInPage) {
			t.Rows = append(t.Rows, room.videoRow())
		}
	}
	return t.orNil()
}

func (t *texter) worstVideo(r *Report) {
	if r.Video == nil || len(r.Rooms) < 2 {
		return
	}
	head := make([]string, len(videoHead))
	for i, h := range videoHead {
		head[i] = strings.ToUpper(h)
	}
	rows := [][]string{head}
	for _, room := range worstSights(r.Rooms, worstInText) {
		rows = append(rows, room.videoRow())
	}
	t.printf("\n")
	t.table("video", rows)
}

func (w *Video) tiles() []tile {
	if w == nil {
		return nil
	}
	return []tile{
		ifMeasured(w.Pictures.Due, tile{"Pictures", thousands(w.Pictures.Whole), fmt.Sprintf("of %s due; %s undecodable, %s", thousands(w.Pictures.Due),
			thousands(w.Pictures.Undecodable), count(w.Pictures.Freezes, "freeze"))}),
		ifMeasured(w.Switches.Expected, tile{"Speakers", thousands(w.Switches.Seen), fmt.Sprintf("of %s switches seen; late p50 %s ms, p99 %s ms",
			thousands(w.Switches.Expected), short(w.Switches.LateMS.P50), short(w.Switches.LateMS.P99))}),
		ifMeasured(w.DelayMS.N, tile{"Picture delay", short(w.DelayMS.P50) + " ms", fmt.Sprintf("median, camera to eye; p99 %s ms", short(w.DelayMS.P99))}),
	}
}

func (r *Report) videoPlots(add func(plot.Plot)) {
	w := r.Video
	if w == nil {
		return
	}
	add(plot.Plot{
		Title: "Delay of pictures", About: "How often which delay was measured: " + w.DelayMS.words("pictures"),
		X: plot.Axis{Label: beyond(w.Delays, "ms")}, Y: plot.Axis{Label: "pictures"},
		Series: []plot.Series{bars(w.Delays)}, Marks: quantileMarks(w.DelayMS, w.Delays),
	})
	add(plot.Plot{
		Title: "How late speakers are seen", About: "How often a new speaker was seen how long after it was due: " + w.Switches.LateMS.words("switches"),
		X: plot.Axis{Label: beyond(w.Lates, "ms since it was due")}, Y: plot.Axis{Label: "switches"},
		Series: []plot.Series{bars(w.Lates)}, Marks: quantileMarks(w.Switches.LateMS, w.Lates),
	})
	add(plot.Plot{
		Title: "Bit rate of video over time", About: "What all cameras sent and all callers received, Mbit/s of payload.",
		X: seconds, Y: plot.Axis{Label: "Mbit/s", Zero: true},
		Series: []plot.Series{r.inTime("received", false, func(m *Moment) float64 { return m.VideoReceivedBPS / 1e6 }),
			r.inTime("sent", false, func(m *Moment) float64 { return m.VideoSentBPS / 1e6 })},
	})
}
