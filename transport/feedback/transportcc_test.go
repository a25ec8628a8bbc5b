package feedback

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

const ms = int64(time.Millisecond)

// all reads what is left of a report.
func all(r *Reception) (list []Arrival) {
	for a, ok := r.Next(); ok; a, ok = r.Next() {
		list = append(list, a)
	}
	return list
}

// TestTransportCCGolden: base 5, three packets, of which the second is lost; 64 ms, 250 us
// and 100 ms later.
func TestTransportCCGolden(t *testing.T) {
	golden := []byte{
		0x8f, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2,
		0, 5, 0, 3, 0, 0, 1, 9,
		0xd2, 0x00, // 01 00 10
		1, 1, 0x90, 0, 0, 0,
	}
	got, n := AppendTransportCC(nil, &Report{Sender: 1, Media: 2, Count: 9, First: 5, Times: []int64{64*ms + ms/4, -1, 164*ms + ms/4}})
	if n != 3 || !bytes.Equal(got, golden) {
		t.Fatalf("wrote %d packets\n% x, want\n% x", n, got, golden)
	}
	m, _ := Read(got)
	r, ok := ReadTransportCC(m.FCI)
	list := all(&r)
	if !ok || r.Count != 9 || len(list) != 3 || list[0] != (Arrival{Sequence: 5, Arrived: true, At: 64*ms + ms/4}) ||
		list[1] != (Arrival{Sequence: 6}) || list[2] != (Arrival{Sequence: 7, Arrived: true, At: 164*ms + ms/4}) {
		t.Errorf("read %+v", list)
	}
}

// library reads a message as pion/rtcp does.
func library(t *testing.T, b []byte) (list []Arrival, ok bool) {
	t.Helper()
	var p rtcp.TransportLayerCC
	if err := p.Unmarshal(b); err != nil {
		return nil, false
	}
	number, at, delta := p.BaseSequenceNumber, int64(p.ReferenceTime)*64*ms, 0
	tell := func(symbol uint16) {
		if len(list) == int(p.PacketStatusCount) {
			return
		}
		a := Arrival{Sequence: number}
		if symbol != rtcp.TypeTCCPacketNotReceived {
			at += p.RecvDeltas[delta].Delta * int64(time.Microsecond)
			delta++
			a.Arrived, a.At = true, at
		}
		number++
		list = append(list, a)
	}
	for _, c := range p.PacketChunks {
		switch c := c.(type) {
		case *rtcp.RunLengthChunk:
			for range c.RunLength {
				tell(c.PacketStatusSymbol)
			}
		case *rtcp.StatusVectorChunk:
			for _, s := range c.SymbolList {
				tell(s)
			}
		}
	}
	return list, true
}

// TestTransportCCRandom: whatever is written reads the same, here and in the library.
func TestTransportCCRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		loss, spread := random.Float64(), []int64{ms, 50 * ms, 500 * ms}[random.IntN(3)]
		times := make([]int64, 1+random.IntN(300))
		now := random.Int64N(1 << 40)
		for i := range times {
			now += random.Int64N(spread)
			if times[i] = now - random.Int64N(2*ms); random.Float64() < loss || times[i] < 0 {
				times[i] = -1
			}
		}
		first := uint16(random.Uint32())
		b, n := AppendTransportCC(nil, &Report{Sender: 1, Media: 2, First: first, Times: times})
		if n == 0 {
			continue
		}
		if len(b)%4 != 0 || len(b) > MaxReportSize || n > MaxReported {
			t.Fatalf("%d bytes about %d packets", len(b), n)
		}
		m, ok := Read(b)
		if !ok {
			t.Fatalf("% x does not read", b)
		}
		r, ok := ReadTransportCC(m.FCI)
		list := all(&r)
		if !ok || len(list) != n {
			t.Fatalf("read %d of %d", len(list), n)
		}
		for i, a := range list {
			want := Arrival{Sequence: first + uint16(i), Arrived: times[i] >= 0}
			if want.Arrived {
				want.At = times[i] / tick * tick % ((referenceMask + 1) * reference)
			}
			if a != want {
				t.Fatalf("packet %d: %+v, want %+v", i, a, want)
			}
		}
		theirs, ok := library(t, b)
		if !ok || len(theirs) != n {
			t.Fatalf("the library reads %d of %d: % x", len(theirs), n, b)
		}
		for i := range theirs {
			if theirs[i] != list[i] {
				t.Fatalf("packet %d: the library has %+v, we %+v", i, theirs[i], list[i])
			}
		}
	}
}

func TestTransportCCAtItsLimits(t *testing.T) {
	write := func(times ...int64) int {
		_, n := AppendTransportCC(nil, &Report{Times: times})
		return n
	}
	farthest := 0x7fff * tick
	if n := write(-1, -1); n != 0 {
		t.Errorf("a report about %d packets that did not arrive", n)
	}
	if b, n := AppendTransportCC([]byte{1}, &Report{}); n != 0 || len(b) != 1 {
		t.Errorf("%d packets, %d bytes of nothing", n, len(b))
	}
	if n := write(0, farthest); n != 2 {
		t.Errorf("%d of 2 packets as far apart as can be", n)
	}
	if n := write(0, farthest+tick, farthest); n != 1 {
		t.Errorf("%d packets, of which the second is too far away", n)
	}
	if n := write(farthest+reference, reference); n != 2 {
		t.Errorf("%d of 2 packets that changed places", n)
	}
	if n := write(make([]int64, MaxReported+1)...); n != MaxReported {
		t.Errorf("%d packets, want %d", n, MaxReported)
	}
	worst := make([]int64, MaxReported) // large deltas, none like the next
	for i := range worst {
		worst[i] = int64(i) * 70 * ms
		if i%3 == 2 {
			worst[i] = -1
		}
	}
	if b, n := AppendTransportCC(nil, &Report{Times: worst}); n != MaxReported || len(b) > MaxReportSize {
		t.Errorf("%d bytes about %d packets, at most %d", len(b), n, MaxReportSize)
	}
}

func TestTransportCCReadsEachChunk(t *testing.T) {
	head := func(count byte) []byte { return []byte{0, 1, 0, count, 0, 0, 0, 0} }
	for _, c := range []struct {
		name string
		fci  []byte
		ok   bool
		want string // + arrived, - not
	}{
		{"run", append(head(3), 0x20, 3, 1, 2, 3), true, "+++"},
		{"run of large ones", append(head(2), 0x40, 2, 0, 1, 0xff, 0xff), true, "++"},
		{"run that is longer than the list", append(head(2), 0x20, 9, 1, 2), true, "++"},
		{"run of none, then one", append(head(1), 0x20, 0, 0x20, 1, 7), true, "+"},
		{"vector of one bit", append(head(3), 0xa8, 0, 1, 2), true, "+-+"},
		{"vector of two bits", append(head(3), 0xd2, 0, 1, 1, 0x90), true, "+-+"},
		{"run and vector", append(head(4), 0, 2, 0xb0, 0, 1, 1), true, "--++"},
		{"nobody", head(0), true, ""},
		{"reserved run", append(head(1), 0x60, 1, 0, 0, 0), false, ""},
		{"reserved in a vector", append(head(1), 0xf0, 0, 0, 0, 0), false, ""},
		{"reserved beyond the list", append(head(1), 0xdc, 0, 1), true, "+"},
		{"no chunk", head(1), false, ""},
		{"half a chunk", append(head(1), 0x20), false, ""},
		{"no delta", append(head(1), 0x20, 1), false, ""},
		{"half a delta", append(head(1), 0x40, 1, 0), false, ""},
		{"no head", make([]byte, 7), false, ""},
	} {
		r, ok := ReadTransportCC(c.fci)
		got := ""
		for _, a := range all(&r) {
			got += map[bool]string{true: "+", false: "-"}[a.Arrived]
		}
		if ok != c.ok || got != c.want {
			t.Errorf("%s: %q (%v), want %q (%v)", c.name, got, ok, c.want, c.ok)
		}
	}
	many := []byte{0, 0, 0xff, 0xff, 0, 0, 0, 0}
	for range 9 {
		many = append(many, 0x1f, 0xff)
	}
	r, ok := ReadTransportCC(many)
	if n := len(all(&r)); !ok || n != MaxStatuses {
		t.Errorf("%d statuses are read (%v), want %d", n, ok, MaxStatuses)
	}
	if _, ok := ReadTransportCC(many[:len(many)-2]); ok {
		t.Error("a list whose last chunk is missing reads")
	}
}

func TestNothingAllocates(t *testing.T) {
	times := make([]int64, MaxReported)
	for i := range times {
		times[i] = int64(i%70) * ms
	}
	dst := make([]byte, 0, MaxReportSize)
	report := &Report{Times: times}
	n := testing.AllocsPerRun(100, func() {
		b, _ := AppendTransportCC(dst, report)
		m, _ := Read(b)
		r, _ := ReadTransportCC(m.FCI)
		for _, ok := r.Next(); ok; _, ok = r.Next() {
		}
		b = AppendREMB(AppendTMMBN(AppendFIR(dst, 1, Refresh{}), 1, Limit{}), 1, 2, 3)
		m, _ = Read(b)
		f, _ := ReadFIR(m.FCI)
		f.Next()
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzTransportCC: whatever reads stays within its bounds, and is what the library reads.
func FuzzTransportCC(f *testing.F) {
	for _, times := range [][]int64{{0}, {64*ms + ms/4, -1, 164 * ms}, make([]int64, 40), {5 * ms, -1, -1, -1, -1, -1, -1, -1, -1, 900 * ms}} {
		b, _ := AppendTransportCC(nil, &Report{First: 65530, Times: times})
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, ok := Read(b)
		if !ok || m.Type != TypeTransport || m.Format != FormatTransportCC {
			return
		}
		r, ok := ReadTransportCC(m.FCI)
		if !ok {
			return
		}
		if n := len(all(&r)); n > MaxStatuses {
			t.Fatalf("%d statuses", n)
		}
	})
}
