package feedback

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/pion/rtcp"

	"github.com/confd/confd/transport/repair"
)

func marshal(t testing.TB, packets ...rtcp.Packet) []byte {
	t.Helper()
	b, err := rtcp.Marshal(packets)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func walk(b []byte) (all []Packet) {
	c := Read(b)
	for p, ok := c.Next(); ok; p, ok = c.Next() {
		all = append(all, p)
	}
	return all
}

func TestCompoundAsTheReferenceWritesIt(t *testing.T) {
	block := rtcp.ReceptionReport{SSRC: 7, FractionLost: 12, TotalLost: 300, LastSequenceNumber: 70000, Jitter: 55, LastSenderReport: 1, Delay: 2}
	other := rtcp.ReceptionReport{SSRC: 8}
	nack := &rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: 7, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{5, 6})}
	all := walk(marshal(t,
		&rtcp.SenderReport{SSRC: 1, NTPTime: 1 << 40, RTPTime: 2, PacketCount: 3, OctetCount: 4, Reports: []rtcp.ReceptionReport{other, block}},
		&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{block}},
		rtcp.NewCNAMESourceDescription(1, "a@b"), nack,
		&rtcp.Goodbye{Sources: []uint32{1, 9}, Reason: "over"}))
	if len(all) != 5 {
		t.Fatalf("%d packets, want 5", len(all))
	}
	if i, ok := all[0].SenderInfo(); !ok || i != (SenderInfo{1 << 40, 2, 3, 4}) || all[0].SSRC() != 1 {
		t.Errorf("sender information %+v (%v) of %d", i, ok, all[0].SSRC())
	}
	for _, p := range all[:2] {
		if r, ok := p.ReportOn(7); !ok || !reflect.DeepEqual(r, block) {
			t.Errorf("report %+v (%v), want %+v", r, ok, block)
		}
		if _, ok := p.ReportOn(9); ok {
			t.Error("there is a report on someone of whom there is none")
		}
	}
	if media, fci, ok := all[3].NACK(); !ok || media != 7 || !bytes.Equal(fci, []byte{0, 5, 0, 1}) {
		t.Errorf("NACK about %d: % x (%v)", media, fci, ok)
	}
	fci, _ := repair.AppendNACK(nil, []uint16{5, 6})
	if got := AppendNACK(nil, 1, 7, fci); !bytes.Equal(got, marshal(t, nack)) {
		t.Errorf("NACK % x, want % x", got, marshal(t, nack))
	}
	if bye := &all[4]; !bye.Leaves(9) || bye.Leaves(7) {
		t.Error("a BYE does not name whom it names")
	}
}

func TestCompoundEndsAtWhatIsNotWhole(t *testing.T) {
	one := marshal(t, &rtcp.ReceiverReport{SSRC: 1})
	padded := append([]byte{0xa0, 201, 0, 2, 0, 0, 0, 1}, 0, 0, 0, 4)
	for _, c := range []struct {
		name string
		b    []byte
		want int
	}{
		{"nothing", nil, 0}, {"three bytes", one[:3], 0}, {"cut short", one[:7], 0},
		{"version 1", append([]byte{0x40}, one[1:]...), 0}, {"RTP", append([]byte{0x80, 96}, one[2:]...), 0},
		{"whole, then not", append(bytes.Clone(one), one[:7]...), 1},
		{"padding", padded, 1}, {"padding over the end", append(bytes.Clone(padded[:11]), 12), 0},
		{"padding of 0", append(bytes.Clone(padded[:11]), 0), 0},
		{"the most", bytes.Repeat(one, MaxPackets), MaxPackets},
		{"more than the most", bytes.Repeat(one, MaxPackets+1), MaxPackets},
	} {
		if got := walk(c.b); len(got) != c.want {
			t.Errorf("%s: %d packets, want %d", c.name, len(got), c.want)
		}
	}
	if p := walk(padded)[0]; len(p.Body) != 4 {
		t.Errorf("body of %d bytes with its padding", len(p.Body))
	}
}

// Whatever comes, no reader goes wrong, and what reads comes back.
func FuzzCompound(f *testing.F) {
	f.Add(marshal(f, &rtcp.SenderReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: 7}}}, &rtcp.Goodbye{Sources: []uint32{1}}))
	f.Add(AppendSummary(nil, fullSummary()))
	f.Add(AppendToken(nil, &Token{Kind: TokenVerification, Value: []byte{1, 2, 3}, Expires: 5}))
	f.Add(AppendToken(nil, &Token{Kind: PortMappingResponse, Value: []byte{1}, Lifetime: 5}))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, p := range walk(b) {
			p.SSRC()
			p.SenderInfo()
			p.ReportOn(7)
			p.Leaves(7)
			p.NACK()
			if s, ok := ReadSummary(&p); ok {
				comesBack(t, &s)
			}
			if k, ok := ReadToken(&p); ok && k.Kind != TokenFailure {
				again := walk(AppendToken(nil, &k))
				if got, ok := ReadToken(&again[0]); !ok || !reflect.DeepEqual(got, k) {
					t.Fatalf("%+v became %+v (%v)", k, got, ok)
				}
			}
		}
	})
}
