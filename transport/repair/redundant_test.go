package repair

import (
	"bytes"
	"testing"
)

// The layout of RFC 2198 section 3: two generations of 20 ms at 8 kHz and the packet's own.
func TestRedundantIsAsTheRFCHasIt(t *testing.T) {
	blocks := []Block{
		{Offset: 320, PayloadType: 0, Payload: []byte{1, 2}},
		{Offset: 160, PayloadType: 96, Payload: []byte{3}},
		{PayloadType: 96, Payload: []byte{4, 5, 6}},
	}
	want := []byte{0x80, 0x05, 0x00, 0x02, 0xe0, 0x02, 0x80, 0x01, 0x60, 1, 2, 3, 4, 5, 6}
	got, ok := AppendRedundant(nil, blocks)
	if !ok || !bytes.Equal(got, want) {
		t.Fatalf("wrote % x (%v), want % x", got, ok, want)
	}
	if Overhead(3) != len(want)-6 {
		t.Errorf("overhead of three blocks is said to be %d, is %d", Overhead(3), len(want)-6)
	}
	same(t, got, blocks)
}

func same(t *testing.T, payload []byte, want []Block) {
	t.Helper()
	r, ok := ReadRedundant(payload)
	if !ok {
		t.Fatalf("% x does not read", payload)
	}
	for _, w := range want {
		b, ok := r.Next()
		if !ok || b.Offset != w.Offset || b.PayloadType != w.PayloadType || !bytes.Equal(b.Payload, w.Payload) {
			t.Fatalf("block %+v (%v), want %+v", b, ok, w)
		}
	}
	if b, ok := r.Next(); ok {
		t.Fatalf("a block too many: %+v", b)
	}
}

func TestRedundantAtItsLimits(t *testing.T) {
	own := Block{PayloadType: 127, Payload: make([]byte, 1400)}
	many := func(n int) []Block { return append(make([]Block, n-1), own) }
	for _, c := range []struct {
		name   string
		blocks []Block
		ok     bool
	}{
		{"largest offset", []Block{{Offset: MaxOffset}, own}, true},
		{"offset too large", []Block{{Offset: MaxOffset + 1}, own}, false},
		{"largest block", []Block{{Payload: make([]byte, MaxBlock)}, own}, true},
		{"block too large", []Block{{Payload: make([]byte, MaxBlock+1)}, own}, false},
		{"payload type too large", []Block{{PayloadType: 128}}, false},
		{"own block with an offset", []Block{{Offset: 1}}, false},
		{"most blocks", many(MaxBlocks), true},
		{"too many blocks", many(MaxBlocks + 1), false},
		{"none", nil, false},
	} {
		got, ok := AppendRedundant([]byte{}, c.blocks)
		if ok != c.ok || !ok && len(got) != 0 {
			t.Errorf("%s: %v with %d bytes, want %v", c.name, ok, len(got), c.ok)
		}
		if ok {
			same(t, got, c.blocks)
		}
	}
}

func TestRedundantRefusesWhatIsNotWhole(t *testing.T) {
	long := bytes.Repeat([]byte{0x80, 0, 0, 0}, MaxBlocks)
	for _, b := range [][]byte{nil, {0x80}, {0x80, 0, 0}, {0x80, 0, 0, 1}, {0x80, 0, 0, 1, 0}, append(long, 0)} {
		if r, ok := ReadRedundant(b); ok {
			t.Errorf("% x reads as %+v", b, r)
		}
	}
	if _, ok := ReadRedundant(long[4:]); ok {
		t.Error("blocks without the packet's own read")
	}
}

// Whatever reads has a block of its own at the end, and reads the same when written again.
func FuzzRedundant(f *testing.F) {
	f.Add([]byte{0x80, 0x05, 0x00, 0x02, 0xe0, 0x02, 0x80, 0x01, 0x60, 1, 2, 3, 4, 5, 6})
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, ok := ReadRedundant(payload)
		if !ok {
			return
		}
		var blocks []Block
		for b, more := r.Next(); more; b, more = r.Next() {
			blocks = append(blocks, b)
		}
		again, ok := AppendRedundant(nil, blocks)
		if !ok || !bytes.Equal(again, payload) {
			t.Fatalf("% x became % x (%v)", payload, again, ok)
		}
	})
}
