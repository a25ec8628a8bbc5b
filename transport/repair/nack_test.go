package repair

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

func read(t testing.TB, fci []byte) (all []uint16) {
	t.Helper()
	l, ok := ReadNACK(fci)
	if !ok {
		t.Fatalf("% x does not read", fci)
	}
	for seq, ok := l.Next(); ok; seq, ok = l.Next() {
		all = append(all, seq)
	}
	return all
}

func TestNACKAsTheReferenceHasIt(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		var lost []uint16
		for seq, n := uint16(random.Uint32()), 1+random.IntN(40); n > 0; n-- {
			seq += uint16(1 + random.IntN(30))
			lost = append(lost, seq)
		}
		fci, n := AppendNACK(nil, lost)
		if got := read(t, fci); !slices.Equal(got, lost[:n]) {
			t.Fatalf("read %v, want %v", got, lost[:n])
		}
		body := append(make([]byte, 8), fci...)
		packet := append([]byte{2<<6 | 1, 205}, binary.BigEndian.AppendUint16(nil, uint16(len(body)/4))...)
		var reference rtcp.TransportLayerNack
		if err := reference.Unmarshal(append(packet, body...)); err != nil {
			t.Fatal(err)
		}
		var want []uint16
		for _, p := range reference.Nacks {
			want = append(want, p.PacketList()...)
		}
		if !slices.Equal(want, lost[:n]) {
			t.Fatalf("the reference reads %v, want %v", want, lost[:n])
		}
	}
}

func TestNACKPacks(t *testing.T) {
	for _, c := range []struct {
		lost []uint16
		want []byte
	}{
		{[]uint16{7}, []byte{0, 7, 0, 0}},
		{[]uint16{7, 7, 8, 23}, []byte{0, 7, 0x80, 1}},     // 16 behind is the last that fits
		{[]uint16{7, 24}, []byte{0, 7, 0, 0, 0, 24, 0, 0}}, // 17 behind does not
		{[]uint16{65535, 0}, []byte{0xff, 0xff, 0, 1}},     // the numbers wrap
		{[]uint16{9, 8}, []byte{0, 9, 0, 0, 0, 8, 0, 0}},   // out of order costs an entry
		{nil, nil},
	} {
		if got, n := AppendNACK(nil, c.lost); !bytes.Equal(got, c.want) || n != len(c.lost) {
			t.Errorf("%v packs to % x (%d), want % x", c.lost, got, n, c.want)
		}
	}
}

func TestNACKAtItsLimit(t *testing.T) {
	var lost []uint16
	for n := range MaxPairs + 1 {
		lost = append(lost, uint16(100*n))
	}
	fci, n := AppendNACK(nil, lost)
	if len(fci) != 4*MaxPairs || n != MaxPairs {
		t.Fatalf("%d bytes name %d packets, want %d entries", len(fci), n, MaxPairs)
	}
	if got := read(t, append(fci, 1, 2, 3, 4)); len(got) != MaxPairs {
		t.Errorf("%d packets of %d entries, want the first %d", len(got), MaxPairs+1, MaxPairs)
	}
	for _, b := range [][]byte{nil, {0}, {0, 1, 2}, {0, 1, 2, 3, 4}} {
		if _, ok := ReadNACK(b); ok {
			t.Errorf("% x reads", b)
		}
	}
}

func TestRetransmission(t *testing.T) {
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 99, SequenceNumber: 5, SSRC: 9},
		Payload: AppendRetransmission(nil, 65535, []byte{1, 2, 3})}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	seq, payload, ok := ReadRetransmission(b[12:])
	if !ok || seq != 65535 || !bytes.Equal(payload, []byte{1, 2, 3}) {
		t.Errorf("read %d % x (%v)", seq, payload, ok)
	}
	if _, _, ok := ReadRetransmission([]byte{1}); ok {
		t.Error("one byte reads as a retransmission")
	}
	if _, payload, ok := ReadRetransmission([]byte{1, 2}); !ok || len(payload) != 0 {
		t.Error("an empty payload does not come back")
	}
}

func FuzzNACK(f *testing.F) {
	f.Add([]byte{0, 7, 0x80, 1, 0xff, 0xff, 0, 1})
	f.Fuzz(func(t *testing.T, fci []byte) {
		if l, ok := ReadNACK(fci); ok {
			n := 0
			for _, ok := l.Next(); ok; _, ok = l.Next() {
				n++
			}
			if n > MaxPairs*(reach+1) || n == 0 {
				t.Fatalf("% x names %d packets", fci, n)
			}
		}
	})
}

func FuzzRetransmission(f *testing.F) {
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		if seq, payload, ok := ReadRetransmission(b); ok && !bytes.Equal(AppendRetransmission(nil, seq, payload), b) {
			t.Fatalf("% x does not come back", b)
		}
	})
}

func TestReadersDoNotAllocate(t *testing.T) {
	own, _ := AppendRedundant(nil, []Block{{Offset: 960, Payload: []byte{1}}, {PayloadType: 96, Payload: []byte{2}}})
	fci, _ := AppendNACK(nil, []uint16{1, 2, 3, 40})
	room := make([]byte, 0, 64)
	blocks := []Block{{Offset: 960, Payload: []byte{1}}, {PayloadType: 96}}
	n := testing.AllocsPerRun(100, func() {
		r, _ := ReadRedundant(own)
		for _, ok := r.Next(); ok; _, ok = r.Next() {
		}
		l, _ := ReadNACK(fci)
		for _, ok := l.Next(); ok; _, ok = l.Next() {
		}
		room, _ = AppendRedundant(room[:0], blocks)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
