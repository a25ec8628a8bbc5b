package listen

import (
	"testing"
	"time"

	"github.com/confd/confd/multicast/feedback"
)

// Who joins reports when it knows how many it shares the bandwidth with, and not before, if it is
// told within seven seconds.
func TestFirstReportWaitsForTheSizeOfTheGroup(t *testing.T) {
	const now, second = int64(1e12), int64(time.Second)
	first := func(receivers uint32) int64 {
		r, err := newReporter(parse(t, repairSDP), "", now)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.conn.Close() }()
		if r.timer.Due(now + int64(sizePatient)) {
			t.Error("due before the group's size is known")
		}
		if !r.timer.Due(now + int64(sizePatient) + 4*second) {
			t.Error("not due though nothing is told")
		}
		told := feedback.AppendSummary(r.head(nil), &feedback.Summary{SSRC: 5, Summarised: 5, Group: &feedback.GroupSize{Receivers: receivers}})
		r.heard(told, 5, now+second)
		return r.timer.Next() - now - second
	}
	if in := first(1); in < second || in > 4*second {
		t.Errorf("one of one reports in %v", time.Duration(in))
	}
	// Of 10,000 with 120 bytes each in 4 kbit/s each has its turn in 2,400 s, before chance.
	if in := first(10_000); in < 800*second {
		t.Errorf("one of 10,000 reports in %v", time.Duration(in))
	}
}
