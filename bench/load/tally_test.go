//go:build linux

package load

import (
	"testing"
	"time"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/signal"
)

func newTally() tally {
	o := good().withDefaults()
	return tally{codec: o.format()}
}

func TestTally(t *testing.T) {
	room := newTally()
	room.hear(&fleet.Room{
		Heard:   signal.Totals{Tally: signal.Tally{Expected: 9, Heard: 7}, Counts: [signal.Kinds]int{signal.Missed: 2, signal.Own: 1, signal.Gap: 3}},
		Talkers: []signal.Tally{{Expected: 4, Heard: 4}, {Expected: 5}, {}},
		Delays:  fleet.Delays{0, 0, 1, 0, 3},
	})
	for talker, want := range []bool{false, true, false, false} {
		if room.unheard(talker) != want {
			t.Errorf("talker %d unheard: %v", talker, !want)
		}
	}
	lossy := fleet.Caller{Counts: fleet.Counts{Sent: 100, Received: 90, Lost: 10, Jitter: 2 * time.Millisecond}, Verified: fleet.BySound}
	room.meet(&lossy, true)
	room.meet(&fleet.Caller{Counts: fleet.Counts{Sent: 100, Received: 100}, Verified: fleet.ByPayload}, false)
	room.meet(&fleet.Caller{Counts: fleet.Counts{Sent: 100}}, false)
	all := newTally()
	all.add(&room)
	all.add(&room)
	q := all.quality()
	if m := q.Media; m.Sent != 600 || m.Received != 380 || m.Lost != 20 || m.LossPercent != 5 || m.JitterMaxMS != 2 || m.JitterMeanMS != 2 {
		t.Errorf("media: %+v", m)
	}
	if v := q.Verified; v.BySound != 2 || v.ByPayload != 2 || v.Not != 2 {
		t.Errorf("verified: %+v", v)
	}
	if h := q.Heard; h.Expected != 18 || h.Heard != 14 || h.Missed != 4 || h.Own != 2 || q.Sound.Gaps != 6 {
		t.Errorf("heard: %+v, sound: %+v", h, q.Sound)
	}
	if d := q.DelayMS; d.N != 8 || d.Min != 0.2 || d.P50 != 0.4 {
		t.Errorf("delays: %+v", d)
	}
	// Who got nothing is not rated; a tenth of loss is worse than none.
	if q.MOS == nil || len(all.scores) != 4 || all.scores[0] > all.scores[1]-0.5 {
		t.Errorf("MOS: %+v of %v", q.MOS, all.scores)
	}
}
