package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/phone"
	"github.com/confd/confd/internal/testkit/tone"
)

// settle is how long after a change the sound is left out of judgement: ramps, the jitter
// buffer, the choice of talkers.
const settle = 500 * time.Millisecond

// ear is what one phone, or client, should hear.
type ear struct {
	p   listener
	who string
	e   tone.Expect
}

// hears is hearAll for one; it returns the second that it found.
func hears(t *testing.T, p listener, who string, e tone.Expect) []int16 {
	t.Helper()
	return hearAll(t, []ear{{p, who, e}})[0]
}

// hearAll looks, for each phone, for a second of sound from now on, after settle, that is as
// expected. On a machine that is busy with other tests any one second may have a gap in it,
// so it goes on for patience; what must not be heard at all would be in every second.
func hearAll(t *testing.T, ears []ear) [][]int16 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	begins := make([]time.Duration, len(ears))
	for i, x := range ears {
		begins[i] = x.p.Mark() + settle
	}
	found := make([][]int16, len(ears))
	for i, x := range ears {
		x.e.Shift = shift
		found[i] = x.find(ctx, t, begins[i], func(pcm []int16) error { return tone.Check(pcm, x.p.Rate(), x.e) })
	}
	return found
}

// find returns the first second from begin on that is right.
func (x ear) find(ctx context.Context, t *testing.T, begin time.Duration, right func([]int16) error) []int16 {
	t.Helper()
	const patience, step = 8 * time.Second, 250 * time.Millisecond
	for from := begin; ; from += step {
		if err := x.p.WaitSound(ctx, from+time.Second); err != nil {
			t.Fatalf("%s: %v", x.who, err)
		}
		pcm, err := x.p.Sound(from, from+time.Second)
		if err != nil {
			t.Fatalf("%s: %v", x.who, err)
		}
		if err = right(pcm); err == nil {
			return pcm
		}
		if from > begin+patience {
			t.Errorf("%s, for %v: %v", x.who, patience, err)
			keep(t, x.p, x.who)
			return pcm
		}
	}
}

// othersThan is what phone i of those with tones must hear.
func othersThan(i int, tones []float64) tone.Expect {
	return tone.Expect{Present: without(tones, tones[i]), Absent: tones[i : i+1]}
}

// clean fails the test unless the stream that p got is without fault. A machine that is too
// busy for a tick makes the server leave it out, which is not the stream's fault.
func (c *confd) clean(t *testing.T, l listener, who string) {
	t.Helper()
	p, ok := l.(*phone.Phone)
	if !ok {
		return // a client that tells no such thing
	}
	r := p.Report()
	if c.metric(t, "confd_ticks_given_up_total") > 0 {
		r.TimestampJumps = 0
	}
	if err := r.Fault(); err != nil {
		t.Errorf("%s: %v", who, err)
	}
	for _, m := range p.Malformed() {
		t.Errorf("%s: a SIP message that does not parse: %v", who, m)
	}
}

func without(list []float64, x float64) []float64 {
	return slices.DeleteFunc(slices.Clone(list), func(y float64) bool { return y == x })
}
