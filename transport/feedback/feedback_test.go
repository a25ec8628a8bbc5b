package feedback

import (
	"bytes"
	"math"
	"testing"

	"github.com/pion/rtcp"
)

// marshal is what pion/rtcp makes of a packet.
func marshal(t testing.TB, p rtcp.Packet) []byte {
	t.Helper()
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWrittenAsTheLibraryDoes(t *testing.T) {
	for _, c := range []struct {
		name string
		got  []byte
		want rtcp.Packet
	}{
		{"PLI", AppendPLI(nil, 1, 2), &rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: 2}},
		{"FIR", AppendFIR(nil, 1, Refresh{SSRC: 3, Sequence: 200}), &rtcp.FullIntraRequest{SenderSSRC: 1, FIR: []rtcp.FIREntry{{SSRC: 3, SequenceNumber: 200}}}},
		{"REMB", AppendREMB(nil, 1, 1_250_000, 7, 8), &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, Bitrate: 1_250_000, SSRCs: []uint32{7, 8}}},
		{"REMB about nobody", AppendREMB(nil, 1, 0), &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1}},
	} {
		if want := marshal(t, c.want); !bytes.Equal(c.got, want) {
			t.Errorf("%s: wrote\n% x, want\n% x", c.name, c.got, want)
		}
	}
}

// TestLimitsAsTheRFCHasThem: the library has no type for TMMBR. 1,250,000 bit/s are 78,125
// times 16; the overhead is 40 (RFC 5104 section 4.2.1.1).
func TestLimitsAsTheRFCHasThem(t *testing.T) {
	golden := []byte{0x83, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0x12, 0x62, 0x5a, 0x28}
	l := Limit{SSRC: 9, Bitrate: 1_250_000, Overhead: 40}
	got := AppendTMMBR(nil, 1, l)
	if !bytes.Equal(got, golden) {
		t.Fatalf("wrote\n% x, want\n% x", got, golden)
	}
	golden[0] = 0x84
	if got := AppendTMMBN(nil, 1, l); !bytes.Equal(got, golden) {
		t.Errorf("wrote\n% x, want\n% x", got, golden)
	}
	if got, want := AppendTMMBN(nil, 1), []byte{0x84, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0}; !bytes.Equal(got, want) {
		t.Errorf("no limits: % x, want % x", got, want)
	}
}

func TestBitratesAreRoundedDown(t *testing.T) {
	for _, rate := range []uint64{0, 1, 1<<17 - 1, 1 << 17, 1<<17 + 1, 1<<18 - 1, 1<<18 + 1, 1_234_567, 1 << 40, math.MaxUint64} {
		m, _ := Read(AppendTMMBR(nil, 1, Limit{SSRC: 2, Bitrate: rate, Overhead: 600}))
		limits, ok := ReadLimits(m.FCI)
		l, more := limits.Next()
		if !ok || !more || l.SSRC != 2 || l.Overhead != 511 || l.Bitrate > rate || rate-l.Bitrate > rate>>16 {
			t.Errorf("TMMBR of %d: %+v", rate, l)
		}
		m, _ = Read(AppendREMB(nil, 1, rate, 2))
		e, ok := ReadREMB(m.FCI)
		if !ok || e.Bitrate > rate || rate-e.Bitrate > rate>>17 {
			t.Errorf("REMB of %d: %+v", rate, e)
		}
	}
	if got := join(63, 1<<17-1); got != math.MaxUint64 {
		t.Errorf("the largest there is reads as %d", got)
	}
	if got := join(47, 1<<17-1); got != (1<<17-1)<<47 {
		t.Errorf("the largest that fits reads as %d", got)
	}
}

func TestEntriesRead(t *testing.T) {
	m, ok := Read(marshal(t, &rtcp.FullIntraRequest{SenderSSRC: 5, MediaSSRC: 6, FIR: []rtcp.FIREntry{{SSRC: 1, SequenceNumber: 255}, {SSRC: 2}}}))
	if !ok || m.Type != TypePayload || m.Format != FormatFIR || m.Sender != 5 || m.Media != 6 {
		t.Fatalf("%+v (%v)", m, ok)
	}
	entries, ok := ReadFIR(m.FCI)
	a, _ := entries.Next()
	b, _ := entries.Next()
	if _, more := entries.Next(); !ok || more || a != (Refresh{1, 255}) || b != (Refresh{2, 0}) {
		t.Errorf("%+v, %+v (%v)", a, b, ok)
	}
	limits := []Limit{{1, 1000, 40}, {2, 2000, 0}}
	m, _ = Read(AppendTMMBN(nil, 3, limits...))
	read, _ := ReadLimits(m.FCI)
	for _, want := range limits {
		if got, ok := read.Next(); !ok || got != want {
			t.Errorf("%+v (%v), want %+v", got, ok, want)
		}
	}
	m, _ = Read(AppendREMB(nil, 3, 5000, 7, 8))
	e, _ := ReadREMB(m.FCI)
	s, _ := e.Next()
	u, _ := e.Next()
	if _, more := e.Next(); more || s != 7 || u != 8 || e.Bitrate != 5000 {
		t.Errorf("REMB about %d and %d: %+v", s, u, e)
	}
}

func TestMessagesAtTheirLimits(t *testing.T) {
	pli := AppendPLI(nil, 1, 2)
	padded := append(append([]byte{}, pli...), 0, 0, 0, 4)
	padded[0] |= 0x20
	padded[3]++
	long := append(append([]byte{}, pli...), 9, 9)
	change := func(b []byte, at int, to byte) []byte {
		b = bytes.Clone(b)
		b[at] = to
		return b
	}
	for _, c := range []struct {
		name string
		b    []byte
		ok   bool
	}{
		{"whole", pli, true},
		{"with the next behind it", long, true},
		{"with padding", padded, true},
		{"nothing", nil, false},
		{"without the second SSRC", pli[:11], false},
		{"of a length that has none", change(pli, 3, 1), false},
		{"longer than there is", change(pli, 3, 3), false},
		{"of version 1", change(pli, 0, 0x41), false},
		{"a report", change(pli, 1, 201), false},
		{"padding without any", change(pli, 0, 0xa1), false},
		{"padding of 0", change(padded, 15, 0), false},
		{"padding of 3", change(padded, 15, 3), false},
		{"padding past the start", change(padded, 15, 8), false},
	} {
		if m, ok := Read(c.b); ok != c.ok || ok && len(m.FCI) != 0 {
			t.Errorf("%s: %+v (%v), want %v", c.name, m, ok, c.ok)
		}
	}
	for _, n := range []int{0, 4, 7, 9} {
		if _, ok := ReadFIR(make([]byte, n)); ok {
			t.Errorf("a FIR of %d bytes reads", n)
		}
	}
	for n, want := range map[int]bool{0: true, 4: false, 8: true, 12: false, 16: true} {
		if _, ok := ReadLimits(make([]byte, n)); ok != want {
			t.Errorf("limits of %d bytes: %v, want %v", n, ok, want)
		}
	}
	for fci, want := range map[string]bool{
		"REMB\x00\x00\x00\x00": true, "REMB\x01\x00\x00\x00\x00\x00\x00\x01": true, "REMB\x01\x00\x00\x00": false,
		"REMB\x02\x00\x00\x00\x00\x00\x00\x01": false, "REMC\x00\x00\x00\x00": false, "REMB": false, "": false,
	} {
		if _, ok := ReadREMB([]byte(fci)); ok != want {
			t.Errorf("REMB %q: %v, want %v", fci, ok, want)
		}
	}
	if m, _ := Read(AppendREMB(nil, 1, 1, make([]uint32, 300)...)); len(m.FCI) != 8+4*255 {
		t.Errorf("a REMB about 300 sources has %d bytes", len(m.FCI))
	}
}

func FuzzMessage(f *testing.F) {
	f.Add(AppendPLI(nil, 1, 2))
	f.Add(AppendFIR(nil, 1, Refresh{3, 4}))
	f.Add(AppendTMMBR(nil, 1, Limit{9, 1_250_000, 40}))
	f.Add(AppendTMMBN(nil, 1, Limit{9, 1_250_000, 40}, Limit{10, 5, 0}))
	f.Add(AppendREMB(nil, 1, 1_250_000, 7, 8))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, ok := Read(b)
		if !ok {
			return
		}
		if len(m.FCI) > len(b)-12 || len(m.FCI)%4 != 0 {
			t.Fatalf("%d bytes of % x", len(m.FCI), b)
		}
		if r, ok := ReadFIR(m.FCI); ok {
			for e, more := r.Next(); more; e, more = r.Next() {
				again, _ := Read(AppendFIR(nil, m.Sender, e))
				r, _ := ReadFIR(again.FCI)
				if got, _ := r.Next(); got != e {
					t.Fatalf("%+v became %+v", e, got)
				}
			}
		}
		if l, ok := ReadLimits(m.FCI); ok {
			for e, more := l.Next(); more; e, more = l.Next() {
				again, _ := Read(AppendTMMBR(nil, m.Sender, e))
				l, _ := ReadLimits(again.FCI)
				if got, _ := l.Next(); got.SSRC != e.SSRC || got.Overhead != e.Overhead || got.Bitrate > e.Bitrate || e.Bitrate-got.Bitrate > e.Bitrate>>16 {
					t.Fatalf("%+v became %+v", e, got)
				}
			}
		}
		if e, ok := ReadREMB(m.FCI); ok {
			n := 0
			for _, more := e.Next(); more; _, more = e.Next() {
				n++
			}
			if n != int(m.FCI[4]) {
				t.Fatalf("%d sources of %d", n, m.FCI[4])
			}
		}
	})
}
