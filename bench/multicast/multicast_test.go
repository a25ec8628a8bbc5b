//go:build linux

package multicast

import (
	"bytes"
	"container/heap"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/multicast/listen"
)

// A crowd that has settled uses the receivers' bandwidth, from its first minute on.
func TestCrowdIsSettled(t *testing.T) {
	const receivers, size, bandwidth, second = 2000, 92, 3200.0, int64(time.Second)
	p := &people{size: size, s: &listen.Session{Bandwidth: feedback.Bandwidth{Receivers: bandwidth}, Target: netip.MustParseAddrPort("10.99.0.1:9")}}
	now := 3600 * second
	p.settle(receivers, now)
	for minute := range 3 {
		sent := 0
		for end := now + 60*second; p.due[0].at < end; {
			q := p.due[0]
			if now = q.at; q.Due(now) {
				sent++
				q.Sent(now, size)
			}
			q.at = q.Next()
			heap.Fix(p, 0)
		}
		now = (3600 + 60*int64(minute+1)) * second
		if share := float64(sent) * size * 8 / 60 / bandwidth; share < 0.8 || share > 1.2 {
			t.Errorf("minute %d: %d reports, %.2f of the bandwidth", minute, sent, share)
		}
	}
}

func TestReception(t *testing.T) {
	var r reception
	at := time.Unix(1000, 0)
	for i := range 200 {
		if i%10 == 3 {
			continue // lost
		}
		b := make([]byte, 20)
		binary.BigEndian.PutUint16(b[2:], uint16(65500+i)) // wraps
		binary.BigEndian.PutUint32(b[4:], uint32(math.MaxUint32-1000)+uint32(160*i))
		r.take(b, at.Add(time.Duration(i)*20*time.Millisecond+time.Duration(i%2)*time.Millisecond), 8000)
	}
	q := r.quality(8000)
	if q.received != 180 || math.Abs(q.lost-0.1) > 0.001 {
		t.Errorf("%+v, want 180 and 10 %% lost", q)
	}
	if q.jitter < 0.7 || q.jitter > 1.1 { // every other packet a millisecond late
		t.Errorf("jitter %.2f ms", q.jitter)
	}
	if q := new(reception).quality(8000); q != (quality{}) {
		t.Errorf("nothing is heard as %+v", q)
	}
}

func TestMemberReadsWholeLines(t *testing.T) {
	var m member
	for _, part := range []string{`{"received":1}` + "\n" + `{"recei`, `ved":20,"jitter_ms":1.5,"loss_before":0.25}` + "\n", `{"received":3`} {
		if _, err := io.WriteString(&m, part); err != nil {
			t.Fatal(err)
		}
	}
	if q := m.quality(); q != (quality{20, 0.25, 1.5}) {
		t.Errorf("%+v", q)
	}
	if q := new(member).quality(); q != (quality{}) {
		t.Errorf("before the first line: %+v", q)
	}
}

func sample() *Report {
	return &Report{
		Codec: "PCMU/8000", Machine: "a machine", Crowd: &Crowd{Receivers: 10000, Feedback: 4.9},
		Cases: []Case{
			{1, Side{Megabits: 0.09, CPU: 1}, Side{Megabits: 0.1, CPU: 1, Ratio: 1, Noise: 1, Feedback: 1}},
			{50, Side{Megabits: 4.5, CPU: 2}, Side{Megabits: 0.1019, CPU: 1.04, Ratio: 1.04, Noise: 1, Feedback: 5}},
		},
	}
}

func TestBars(t *testing.T) {
	r := sample()
	r.judge()
	if len(r.Bars) != 5 || r.Missed() != nil {
		t.Errorf("%+v: %v", r.Bars, r.Missed())
	}
	for name, spoil := range map[string]func(*Report){
		"group traffic":              func(r *Report) { r.Cases[1].Group.Megabits = 0.1021 },
		"group CPU of reference":     func(r *Report) { r.Cases[1].Group.Ratio = 1.06 },
		"feedback of 50 hosts":       func(r *Report) { r.Cases[1].Group.Feedback = 5.01 },
		"feedback of 10000 receiver": func(r *Report) { r.Crowd.Feedback = 5.01 },
	} {
		r := sample()
		spoil(r)
		r.judge()
		if err := r.Missed(); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is noise is not growth, and growth is found in spite of noise.
func TestGrowth(t *testing.T) {
	for _, c := range []struct {
		each, want float64
	}{{0, 0}, {0.01, 0.49}} {
		r := &Report{}
		for i, n := range []int{1, 2, 5, 10, 20, 50} {
			r.Cases = append(r.Cases, Case{Hosts: n, Group: Side{Ratio: 1 + c.each*float64(n-1) + 0.05*float64(i%2)}})
		}
		if growth, deviation := r.growth(); math.Abs(growth-c.want) > 2*deviation || deviation < 0.02 || deviation > 0.2 {
			t.Errorf("%v for each: growth %.3f, standard error %.3f", c.each, growth, deviation)
		}
	}
}

func TestPlotIsOneDrawing(t *testing.T) {
	svg := sample().Plot()
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
	}
	for _, want := range []string{"unicast", "group", "hosts", "Mbit/s", "% of a processor"} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("%q is not in the plot", want)
		}
	}
}
