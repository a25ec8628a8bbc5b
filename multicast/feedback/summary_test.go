package feedback

import (
	"bytes"
	"net/netip"
	"reflect"
	"testing"
)

func fullSummary() *Summary {
	return &Summary{
		SSRC: 1, Summarised: 2, NTP: 3 << 32,
		Target:     netip.MustParseAddrPort("192.0.2.1:5005"),
		Loss:       &Distribution{0, 255, []uint32{9, 0, 1 << 20}},
		Jitter:     &Distribution{0, 960, []uint32{1, 2}},
		Cumulative: &Distribution{10, 20, []uint32{7}},
		Statistics: &Statistics{5, 1 << 20, 77},
		Bandwidth:  &Indication{Receivers: true, Each: 250},
		Group:      &GroupSize{10000, 120},
	}
}

func comesBack(t *testing.T, s *Summary) {
	t.Helper()
	b := AppendSummary(nil, s)
	all := walk(b)
	if len(all) != 1 || all[0].Type != TypeSummary {
		t.Fatalf("% x is not one RSI packet", b)
	}
	if got, ok := ReadSummary(&all[0]); !ok || !reflect.DeepEqual(&got, s) {
		t.Fatalf("%+v became %+v (%v)", s, got, ok)
	}
}

func TestSummaryComesBack(t *testing.T) {
	comesBack(t, &Summary{SSRC: 1})
	comesBack(t, fullSummary())
	s := fullSummary()
	s.Target = netip.MustParseAddrPort("[2001:db8::1]:5005")
	comesBack(t, s)
}

// The blocks as sections 7.1.2 to 7.1.11 draw them.
func TestSummaryIsAsTheRFCHasIt(t *testing.T) {
	s := fullSummary()
	s.Loss, s.Cumulative = nil, nil
	want := []byte{
		0x80, 209, 0, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0,
		0, 2, 0x13, 0x8d, 192, 0, 2, 1, // IPv4 target, two words, port 5005
		5, 5, 0, 0x20, 0, 0, 0, 0, 0, 0, 3, 0xc0, 0, 0, 0, 1, 0, 0, 0, 2, // jitter: 2 buckets, factor 0
		10, 3, 0, 0, 5, 0x10, 0, 0, 0, 0, 0, 77,
		11, 2, 0x40, 0, 0, 0, 0x40, 0, // for receivers, 0.25 kbit/s
		12, 2, 0, 120, 0, 0, 0x27, 0x10,
	}
	want[3] = byte(len(want)/4 - 1)
	if got := AppendSummary(nil, s); !bytes.Equal(got, want) {
		t.Errorf("wrote % x\nwant  % x", got, want)
	}
}

// Other writers pack buckets as they like: here 5 of 12 bits and a factor of 3, in two
// words with four bits to spare.
func TestDistributionOfOtherSizes(t *testing.T) {
	b := []byte{0x80, 209, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0,
		4, 5, 0, 5<<4 | 3, 0, 0, 0, 0, 0, 0, 0, 255,
		0x00, 0x1f, 0xff, 0x00, 0x30, 0x00, 0x00, 0x50}
	s, ok := ReadSummary(&walk(b)[0])
	want := []uint32{1 << 3, 0xfff << 3, 3 << 3, 0, 5 << 3}
	if !ok || s.Loss == nil || !reflect.DeepEqual(s.Loss.Buckets, want) {
		t.Fatalf("%+v (%v), want buckets %v", s.Loss, ok, want)
	}
}

func TestDistributionCounts(t *testing.T) {
	d := Distribution{Low: 10, High: 20, Buckets: make([]uint32, 5)}
	for _, v := range []uint32{0, 10, 11, 12, 19, 20, 1 << 31} {
		d.Add(v)
	}
	if want := []uint32{3, 1, 0, 0, 3}; !reflect.DeepEqual(d.Buckets, want) {
		t.Errorf("%v, want %v", d.Buckets, want)
	}
}

func TestSummaryRefusesWhatIsWrong(t *testing.T) {
	block := func(b ...byte) []byte {
		head := append([]byte{0x80, 209, 0, 0}, make([]byte, summaryHeader)...)
		head = append(head, b...)
		head[3] = byte(len(head)/4 - 1)
		return head
	}
	for _, c := range []struct {
		name string
		b    []byte
		ok   bool
	}{
		{"no blocks", block(), true},
		{"unknown block", block(99, 1, 0, 0), true},
		{"DNS target", block(2, 2, 1, 1, 'a', 'b', 0, 0), true},
		{"no length", block(99, 0, 0, 0), false},
		{"length over the end", block(99, 2, 0, 0), false},
		{"IPv4 target with the length of IPv6", block(0, 5, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), false},
		{"target port 0", block(0, 2, 0, 0, 1, 1, 1, 1), false},
		{"short statistics", block(10, 2, 0, 0, 0, 0, 0, 0), false},
		{"long group size", block(12, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), false},
		{"no buckets", block(4, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), false},
		{"more buckets than bits", block(4, 4, 2, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0), false},
		{"empty range", block(4, 4, 0, 0x10, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0), false},
		{"bucket of more than 32 bits", block(4, 5, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0), false},
	} {
		if s, ok := ReadSummary(&walk(c.b)[0]); ok != c.ok {
			t.Errorf("%s: %+v (%v), want %v", c.name, s, ok, c.ok)
		}
	}
	if _, ok := ReadSummary(&Packet{Type: TypeSummary, Body: make([]byte, summaryHeader-1)}); ok {
		t.Error("a short packet reads")
	}
}
