//go:build linux

package cameras

import (
	"slices"
	"testing"

	"github.com/pion/rtcp"

	"github.com/confd/confd/transport/feedback"
)

// What is written is what another library reads.
func TestWrittenAsOthersRead(t *testing.T) {
	b := appendSenderReport(nil, 7, sending{now: 1e18, timestamp: 5, packets: 6, octets: 8},
		&reception{ssrc: 9, fraction: 3, lost: 70000, highest: 1 << 17, jitter: 4, lastReport: 11, delay: 12})
	b = appendName(b, 7, 12345)
	b = appendPLI(b, 7, 9)
	b = appendFIR(b, 7, 9, 3)
	b = appendNACK(b, 7, 9, []uint16{65530, 65531, 10, 11, 28})
	all, err := rtcp.Unmarshal(b)
	if err != nil || len(all) != 5 {
		t.Fatal(len(all), err)
	}
	s := all[0].(*rtcp.SenderReport)
	want := rtcp.ReceptionReport{SSRC: 9, FractionLost: 3, TotalLost: 70000, LastSequenceNumber: 1 << 17, Jitter: 4, LastSenderReport: 11, Delay: 12}
	if s.SSRC != 7 || s.NTPTime>>32 != 1e9+epoch1900 || s.RTPTime != 5 || s.PacketCount != 6 || s.OctetCount != 8 || s.Reports[0] != want {
		t.Errorf("%+v", s)
	}
	if d := all[1].(*rtcp.SourceDescription); d.Chunks[0].Items[0].Text != "load-12345" {
		t.Errorf("%+v", d)
	}
	if p := all[2].(*rtcp.PictureLossIndication); p.MediaSSRC != 9 || p.SenderSSRC != 7 {
		t.Errorf("%+v", p)
	}
	if f := all[3].(*rtcp.FullIntraRequest); len(f.FIR) != 1 || f.FIR[0] != (rtcp.FIREntry{SSRC: 9, SequenceNumber: 3}) {
		t.Errorf("%+v", f)
	}
	var lost []uint16
	for _, n := range all[4].(*rtcp.TransportLayerNack).Nacks {
		lost = append(lost, n.PacketList()...)
	}
	if !slices.Equal(lost, []uint16{65530, 65531, 10, 11, 28}) {
		t.Errorf("%v", lost)
	}
}

// What servers ask for is read as they mean it.
func TestReadAsOthersWrite(t *testing.T) {
	b := feedback.AppendTMMBR(nil, 1, feedback.Limit{SSRC: 7, Bitrate: 300_000, Overhead: 40})
	b = feedback.AppendREMB(b, 1, 500_000, 8, 7)
	b = feedback.AppendFIR(b, 1, feedback.Refresh{SSRC: 7, Sequence: 9})
	var got []uint64
	for {
		m, rest, ok := readMessage(b)
		if !ok {
			break
		}
		b = rest
		if bits, ok := m.limit(7); ok {
			got = append(got, bits)
		}
		if _, ok := m.limit(6); ok {
			t.Error("a limit for somebody else is taken")
		}
		if n, ok := m.refresh(7); ok {
			got = append(got, uint64(n))
		}
	}
	if len(got) != 3 || got[0] < 299_000 || got[0] > 300_000 || got[1] < 499_000 || got[1] > 500_000 || got[2] != 9 {
		t.Errorf("%v", got)
	}
	m, _, ok := readMessage(appendTMMBN(nil, 7, 300_000))
	if n, whole := feedback.ReadLimits(m.body); !ok || !whole {
		t.Error("a notification that cannot be read")
	} else if l, _ := n.Next(); l.SSRC != 7 || l.Bitrate < 299_000 || l.Bitrate > 300_000 {
		t.Errorf("%+v", l)
	}
}

func FuzzControl(f *testing.F) {
	f.Add(appendFIR(appendNACK(nil, 1, 7, []uint16{1, 2, 30}), 1, 7, 3))
	f.Add(feedback.AppendREMB(feedback.AppendTMMBR(nil, 1, feedback.Limit{SSRC: 7, Bitrate: 1 << 40}), 1, 1<<50, 7))
	f.Add(appendSenderReport(nil, 7, sending{}, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		for rounds := 0; ; rounds++ {
			m, rest, ok := readMessage(b)
			if !ok {
				return
			}
			if len(rest) >= len(b) || rounds > len(b)/8 {
				t.Fatal("no end")
			}
			m.limit(7)
			m.refresh(7)
			b = rest
		}
	})
}
