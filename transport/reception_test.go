package transport

import (
	"testing"
	"time"
)

// feed admits packets of one source.
func (r *reception) feed(ssrc uint32, seqs ...uint16) (admitted int) {
	for _, s := range seqs {
		if r.admit(&header{ssrc: ssrc, sequence: s}) {
			admitted++
		}
	}
	return admitted
}

func run(from, n int) (seqs []uint16) {
	for i := range n {
		seqs = append(seqs, uint16(from+i))
	}
	return seqs
}

func TestReceptionCounts(t *testing.T) {
	for _, c := range []struct {
		name     string
		seqs     []uint16
		admitted int
		lost     int64
		extended uint32
	}{
		{"in order", run(1, 10), 10, 0, 10},
		{"wrap", run(65530, 10), 10, 0, 65539},
		{"two lost", []uint16{1, 2, 5, 6}, 4, 2, 6},
		{"reordered", []uint16{1, 3, 2, 4}, 4, 0, 4},
		{"reordered over the wrap", []uint16{65534, 0, 65535, 1}, 4, 0, 65537},
		{"duplicate", []uint16{1, 2, 2, 3}, 4, -1, 3},
		{"jump", []uint16{1, 2, 10000, 3}, 3, 0, 3},
		{"jump, confirmed", []uint16{1, 2, 10000, 10001, 10002}, 4, 0, 10002},
		{"a jump of one less than the bound", []uint16{1, 3000}, 2, 2998, 3000},
		{"a jump at the bound", []uint16{1, 3001}, 1, 0, 1},
		{"as late as may be", []uint16{200, 101}, 2, -1, 200},
		{"too late", []uint16{200, 99}, 1, 0, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r reception
			if n := r.feed(7, c.seqs...); n != c.admitted {
				t.Errorf("%d admitted, want %d", n, c.admitted)
			}
			if r.totalLost() != c.lost || r.extended() != c.extended {
				t.Errorf("lost %d, highest %d, want %d and %d", r.totalLost(), r.extended(), c.lost, c.extended)
			}
		})
	}
}

func TestReceptionManyWraps(t *testing.T) {
	var r reception
	for i := range 500_000 {
		if i%100 != 50 {
			r.feed(1, uint16(i))
		}
	}
	if r.lost() != 5000 || r.extended() != 499_999 {
		t.Errorf("lost %d, highest %d", r.lost(), r.extended())
	}
}

func TestReceptionChangesSource(t *testing.T) {
	var r reception
	r.feed(1, 1, 2, 4) // one lost
	if n := r.feed(2, 500); n != 0 {
		t.Error("another source was admitted at its first packet")
	}
	if n := r.feed(1, 5) + r.feed(2, 501); n != 1 {
		t.Error("another source was admitted though the current one speaks")
	}
	if n := r.feed(2, 502, 503, 504); n != 3 || r.ssrc != 2 {
		t.Errorf("%d admitted of a source that follows, current is %d", n, r.ssrc)
	}
	if r.changes != 1 || r.totalLost() != 1 {
		t.Errorf("%d changes, lost %d, want 1 and 1", r.changes, r.totalLost())
	}
	if n := r.feed(3, 9, 11, 13); n != 0 {
		t.Error("a source out of sequence was admitted")
	}
}

func TestReceptionFraction(t *testing.T) {
	var r reception
	r.feed(1, run(0, 100)...)
	if f := r.fraction(); f != 0 {
		t.Errorf("fraction %d, want 0", f)
	}
	for i := 100; i < 200; i += 2 {
		r.feed(1, uint16(i))
	}
	r.feed(1, 199)
	if f := r.fraction(); f != 125 { // 49 of 100
		t.Errorf("fraction %d of 256, want 125", f)
	}
	r.feed(1, run(200, 10)...)
	if f := r.fraction(); f != 0 {
		t.Errorf("fraction %d of an interval without loss", f)
	}
	if f := r.fraction(); f != 0 {
		t.Errorf("fraction %d of an empty interval", f)
	}
}

func TestReceptionJitter(t *testing.T) {
	const day = 24 * int64(time.Hour)
	var r reception
	for i := range int64(1000) {
		r.measure(uint32(i*160), 8000, 100*day+i*tickTime)
	}
	if j := r.jitterTime(); j != 0 {
		t.Errorf("jitter %v of packets on time", j)
	}
	for i := int64(1000); i < 3000; i++ {
		r.measure(uint32(i*160), 8000, 100*day+i*tickTime+i%2*10*ms)
	}
	// Transit times differ by 10 ms from packet to packet: that is where the mean settles.
	if j := r.jitterTime(); j < 9*time.Millisecond || j > 11*time.Millisecond {
		t.Errorf("jitter %v, want about 10 ms", j)
	}
	before := r.jitterTime()
	for range 100 { // a telephone event: one timestamp, many packets
		r.measure(2999*160, 8000, 100*day+3100*tickTime)
	}
	r.measure(0x7fffffff, 8000, 100*day+3101*tickTime) // timestamps jump
	if j := r.jitterTime(); j != before {
		t.Errorf("jitter %v after what says nothing about it, %v before", j, before)
	}
	r.measure(0, 48000, 100*day+3102*tickTime)
	if j := r.jitterTime(); j < before-time.Millisecond || j > before+time.Millisecond {
		t.Errorf("jitter %v after a change of clock rate, %v before", j, before)
	}
}
