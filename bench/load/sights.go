//go:build linux

package load

import (
	"maps"
	"time"

	"github.com/confd/confd/bench/load/cameras"
	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/report"
	"github.com/confd/confd/bench/load/sight"
	"github.com/confd/confd/bench/load/video"
)

// views are what the callers of each room saw; none without video.
type views struct{ rooms []view }

// view is what callers of a room, or of all, saw in a window.
type view struct {
	callers, cameras, due int // due: callers who had somebody to see
	refused               map[string]int
	counts                cameras.Counts
	watch                 video.Counts
	faulty                int
	seen                  report.Seen
	switches              sight.Result
	delays                fleet.Delays
	window                time.Duration
}

// judge judges all rooms, and returns what is wrong with whom besides.
func (r *run) judge(m *cameras.Report) (all views, trouble map[int][]string) {
	trouble = map[int][]string{}
	if m == nil {
		return all, trouble
	}
	for number := range r.o.Rooms {
		v := view{delays: m.Delays[number], refused: map[string]int{}, window: time.Duration(m.To - m.From)}
		r.look(&v, m, number, trouble)
		all.rooms = append(all.rooms, v)
	}
	return all, trouble
}

// look takes in what the callers of a room saw.
func (r *run) look(v *view, m *cameras.Report, number int, trouble map[int][]string) {
	room := sight.Room{From: m.From, To: m.To, Hold: r.o.Video.Hold, Within: r.o.Video.Within}
	for i := number; i < len(m.Callers); i += r.o.Rooms {
		c := &m.Callers[i]
		if why := r.seats[i].refused(); why != "" {
			v.refused[why]++
		}
		if !c.Connected {
			continue
		}
		v.callers++
		v.counts.Add(&c.Counts)
		v.watch.Add(&c.Watch)
		if c.Lost == 0 {
			v.faulty += faultsOf(&c.Watch)
		}
		if c.Camera {
			v.cameras++
		}
		room.Viewers = append(room.Viewers, sight.Viewer{Number: i, Sights: c.Sights})
		room.People = append(room.People, r.person(m, i))
	}
	v.switches = sight.Judge(&room)
	for n, f := range v.switches.Faults {
		i := room.Viewers[n].Number
		c := &m.Callers[i]
		others := v.cameras
		if c.Camera {
			others--
		}
		if others > 0 {
			v.due++
		}
		trouble[i] = v.fault(f, others > 0 && c.Whole == 0)
	}
}

// person is caller i, with what it said lately enough to matter.
func (r *run) person(m *cameras.Report, i int) sight.Person {
	p := sight.Person{Number: i, Camera: m.Callers[i].Camera}
	for _, s := range r.fleet.Talks(i, m.From-int64(r.o.Video.Hold)-int64(10*time.Second), m.To) {
		p.Talks = append(p.Talks, sight.Span{From: s[0], To: s[1]})
	}
	return p
}

// faultsOf counts pictures that the server spoilt, if every packet came.
func faultsOf(w *video.Counts) int {
	return int(w.Broken + w.Undecodable + w.Unmarked + w.WithoutStart + w.Timestamps + w.PictureIDs)
}

// fault counts what was wrong with what a caller saw, and names it.
func (v *view) fault(f sight.Fault, blind bool) (trouble []string) {
	for _, t := range []struct {
		is   bool
		name string
		n    *int
	}{
		{blind, report.Blind, &v.seen.Blind}, {f.Own > 0, report.OwnPicture, &v.seen.Own},
		{f.Stranger > 0, report.Stranger, &v.seen.Stranger}, {f.Missed > 0, report.WrongPicture, &v.seen.Wrong},
	} {
		if t.is {
			trouble = append(trouble, t.name)
			*t.n++
		}
	}
	return trouble
}

// add takes in what another room saw.
func (v *view) add(o *view) {
	v.callers += o.callers
	v.cameras += o.cameras
	v.due += o.due
	for why, n := range o.refused {
		v.refused[why] += n
	}
	v.counts.Add(&o.counts)
	v.watch.Add(&o.watch)
	v.faulty += o.faulty
	v.seen.Blind += o.seen.Blind
	v.seen.Own += o.seen.Own
	v.seen.Stranger += o.seen.Stranger
	v.seen.Wrong += o.seen.Wrong
	v.switches.Expected += o.switches.Expected
	v.switches.Seen += o.switches.Seen
	v.switches.Silent += o.switches.Silent
	v.switches.Late = append(v.switches.Late, o.switches.Late...)
	v.delays.Add(o.delays)
	v.window = o.window
}

// room is a room's view for the report; nil without video.
func (v views) room(number int) *report.Video {
	if v.rooms == nil {
		return nil
	}
	return v.rooms[number].report()
}

// total is that of all rooms, with what plots need.
func (v views) total() *report.Video {
	if v.rooms == nil {
		return nil
	}
	all := view{refused: map[string]int{}}
	for i := range v.rooms {
		all.add(&v.rooms[i])
	}
	w := all.report()
	w.Delays, w.Lates = report.NewHistogram(sampled(all.delays)), report.NewHistogram(all.lates())
	return w
}

func (v *view) lates() []float64 {
	all := make([]float64, 0, len(v.switches.Late))
	for _, d := range v.switches.Late {
		all = append(all, ms(d))
	}
	return all
}

// report words the view for a report.
func (v *view) report() *report.Video {
	c, w, s := &v.counts, &v.watch, &v.switches
	seconds := max(v.window.Seconds(), 1e-3)
	out := &report.Video{
		Callers: v.callers, Cameras: v.cameras, Refused: maps.Clone(v.refused), DelayMS: report.NewQuantiles(sampled(v.delays)), Seen: v.seen,
		Pictures: report.Pictures{Sent: c.Pictures, Due: c.Due, Whole: c.Whole, Keys: int(w.KeyFrames), Undecodable: int(w.Undecodable),
			Broken: int(w.Broken + w.Unmarked + w.WithoutStart), Faulty: v.faulty, Freezes: c.Freezes, FrozenSeconds: c.Frozen.Seconds()},
		Switches: report.Switches{Expected: s.Expected, Seen: s.Seen, Missed: s.Expected - s.Seen, LateMS: report.NewQuantiles(v.lates()), Silent: s.Silent},
		Packets:  report.Packets{Sent: c.Sent, Withheld: c.Withheld, Resent: c.Resent, Received: c.Received, Repaired: c.Repaired, Lost: c.Lost},
		Requests: report.Requests{KeysWanted: c.KeyFramesWanted, KeysAsked: c.KeyFramesAsked, NACKsSent: c.NACKsSent, NACKsTaken: c.NACKsTaken,
			Limits: c.Limited},
		SentBPS: 8 * float64(c.SentBytes) / seconds, ReceivedBPS: 8 * float64(c.ReceivedBytes) / seconds,
	}
	if come := c.Received + c.Repaired + c.Lost; come > 0 {
		out.Packets.LossPercent = 100 * float64(c.Lost) / float64(come)
	}
	if v.due > 0 {
		out.Pictures.FrozenPercent = 100 * c.Frozen.Seconds() / (seconds * float64(v.due))
	}
	return out
}

// mostSamples bounds how many values quantiles are made of.
const mostSamples = 100_000

// sampled lists delays in ms as often as they were measured, or evenly fewer if they are many.
func sampled(d fleet.Delays) []float64 {
	every := max(1, d.Len()/mostSamples)
	if every == 1 {
		return values(d)
	}
	thin, carry := make(fleet.Delays, len(d)), 0
	for i, n := range d {
		carry += int(n)
		thin[i] = uint32(carry / every)
		carry %= every
	}
	return values(thin)
}
