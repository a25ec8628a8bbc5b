//go:build linux

package load

import (
	"fmt"
	"slices"
	"time"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/machine"
	"github.com/confd/confd/bench/load/report"
)

// gather makes a report of what was measured.
func (r *run) gather(m measured) *report.Report {
	out := &report.Report{
		Schema: report.Schema, Program: r.o.Program, Began: r.began, Options: r.o.asked(), Machine: machine.Here(r.stolen),
		Rooms: []report.Room{}, Troubled: []report.Caller{}, Server: m.server,
		Load: report.Self{CPUPercent: 100 * float64(m.cpu) / float64(max(m.Window, 1)), LateP99MS: ms(m.Late), Threads: r.fleet.Config().Threads},
	}
	all := tally{codec: r.o.format()}
	views, trouble := r.judge(m.video)
	for number := range m.Rooms {
		room := tally{codec: r.o.format()}
		room.hear(&m.Rooms[number])
		for i := number; i < len(m.Callers); i += r.o.Rooms {
			s := r.seat(m, i, &room)
			s.Trouble = append(s.Trouble, trouble[i]...)
			if len(s.Trouble) > 0 {
				out.Troubled = append(out.Troubled, s)
			}
		}
		all.add(&room)
		out.Rooms = append(out.Rooms, report.Room{Name: r.o.target(number), Callers: room.callers, Talkers: room.talkers, Quality: room.quality(),
			Video: views.room(number)})
	}
	slices.SortFunc(out.Troubled, func(a, b report.Caller) int { return a.Number - b.Number })
	out.Total, out.Delays = all.quality(), report.NewHistogram(values(all.delays))
	out.Video = views.total()
	out.Calls = r.ledger.calls(r.deadCalls())
	r.confess(m)
	return out
}

// seat adds a caller to its room's tally, and says what is wrong with it.
func (r *run) seat(m measured, i int, room *tally) report.Caller {
	_, seat := r.o.room(i)
	c := report.Caller{Number: i, Room: r.o.target(i % r.o.Rooms), Seat: seat, Talker: r.fleet.Talker(i)}
	met := &m.Callers[i]
	if !met.Connected {
		if why := r.seats[i].why(); why != "" {
			c.Trouble = append(c.Trouble, why)
		}
		return c
	}
	room.meet(met, c.Talker)
	unheard := c.Talker && room.unheard(seat)
	for _, t := range []struct {
		is   bool
		name string
		n    *int
	}{
		{met.Deaf(), report.Deaf, &room.heard.DeafCallers},
		{unheard, report.Unheard, &room.heard.UnheardCallers},
		{met.Own > 0, report.OwnVoice, &room.heard.OwnCallers},
		{met.Unexpected > 0, report.Unexpected, &room.heard.UnexpectedCallers},
		{met.Verified == fleet.Unverified, report.Unverified, new(int)},
	} {
		if t.is {
			c.Trouble = append(c.Trouble, t.name)
			*t.n++
		}
	}
	return c
}

// deadCalls returns how many calls are up to which no media has come.
func (r *run) deadCalls() (n int) {
	for i := range r.seats {
		if r.seats[i].dead(r.fleet, i) {
			n++
		}
	}
	return n
}

// confess notes what makes figures doubtful.
func (r *run) confess(m measured) {
	if m.Overflow > 0 {
		r.watch.note(fmt.Sprintf("%d packets came to ears that were too busy, for which they are gaps", m.Overflow))
	}
	r.confessVideo(m.video)
	if m.Trouble != nil {
		r.watch.note(m.Trouble.Error())
	}
	if late := m.Late; late > time.Millisecond {
		r.watch.note(fmt.Sprintf("the load itself was %v late: this machine was too busy to trust delay and jitter", late))
	}
}

// why words what became of a caller who has no call; empty if its call was not placed.
func (s *seat) why() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == nil {
		return ""
	}
	return string(causeOf(s.lost))
}

// asked is the options as the report has them.
func (o *Options) asked() report.Options {
	a := report.Options{To: o.To, Transport: o.transport(), Callers: o.Callers, Rooms: o.Rooms, Talkers: o.Talkers, Mixed: o.Mixed,
		Codec: o.Codec, PacketTimeMS: ms(o.PacketTime), RatePerSecond: o.Rate, ForSeconds: o.Window.Seconds(),
		Continuous: o.Continuous, CallersPerPort: o.Sharing, Bounds: o.Bounds, Video: o.Video.asked()}
	if m := o.Impair; m != (fleet.Impairment{}) {
		a.Impairments = &report.Impairments{LossPercent: 100 * m.Loss, BurstPackets: max(m.Burst, 1), JitterMS: ms(m.Jitter),
			ReorderPercent: 100 * m.Reorder, DriftPPM: m.Drift, DTX: m.DTX}
	}
	return a
}
