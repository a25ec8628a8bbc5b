package transport

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/confd/confd/internal/clock"
)

// pairOf returns two legs that send to each other.
func pairOf(t *testing.T, suite Suite, mux bool) (a, b *VideoLeg) {
	a, b = listenVideo(t), listenVideo(t)
	for _, x := range []struct {
		v, to *VideoLeg
		swap  bool
	}{{a, b, false}, {b, a, true}} {
		x.v.Vouch(loopback)
		p := VideoParams{
			RemoteRTP: x.to.leg.at(loopback), RTCPMux: mux, Send: true, Receive: true,
			ReceivePTs: []uint8{videoPT}, ReceiveRTX: []RTXType{{rtxPT, videoPT}}, SendPT: videoPT, SendRTX: rtxPT,
			NACK: true, FIR: true, TMMBR: true, TransportCC: true, TransportCCID: 1,
			SSRCs: []VideoSSRC{{x.to.SSRC(), x.to.RepairSSRC()}},
		}
		if suite != 0 {
			p.SRTP = testKeys(suite)
			if k := p.SRTP; x.swap {
				k.LocalKey, k.RemoteKey, k.LocalSalt, k.RemoteSalt = k.RemoteKey, k.LocalKey, k.RemoteSalt, k.LocalSalt
			}
		}
		applyVideo(t, x.v, p)
	}
	return a, b
}

func (w *viewer) heard(k FeedbackKind) *Feedback {
	for i := range w.said {
		if w.said[i].Kind == k {
			return &w.said[i]
		}
	}
	return nil
}

// TestVideoLegsTalk: what one leg sends and asks for, another understands: a loss is asked
// for and repaired, a key frame and a bit rate are asked for, arrivals and reports are told.
func TestVideoLegsTalk(t *testing.T) {
	for _, suite := range append([]Suite{0}, allSuites...) {
		for _, mux := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, one port %v", suite, mux), func(t *testing.T) {
				a, b := pairOf(t, suite, mux)
				now := clock.Now()
				out := frameOut(10, 9000, 5, 700)
				a.SendVideo(now, out[:2])
				a.SendVideo(now, out[3:]) // 12 is lost
				var atB, atA viewer
				b.look(&atB)
				if !slices.Equal(atB.sequences(), []uint16{10, 11, 13, 14}) {
					t.Fatalf("heard %v: %+v", atB.sequences(), b.Stats().Dropped)
				}
				b.NACK(now, 0, []uint16{12})
				b.RequestKeyFrame(now, 0)
				b.LimitBitrate(now, 400_000)
				a.look(&atA)
				if !slices.Equal(atA.lost, []uint16{12}) || atA.heard(FeedbackFIR) == nil || atA.heard(FeedbackTMMBR).Bitrate != 400_000 {
					t.Fatalf("told %+v", atA.said)
				}
				out[2].Repair = true
				a.SendVideo(now, out[2:3])
				b.look(&atB)
				p := atB.packets[4]
				if !p.Repaired || p.Sequence != 12 || p.SSRC != a.SSRC() || p.Timestamp != 9000 ||
					!bytes.Equal(p.Payload, append(bytes.Clone(out[2].Head), out[2].Body...)) {
					t.Errorf("repaired %+v", p)
				}
				if f := atB.heard(FeedbackTMMBN); f == nil || f.Bitrate != 400_000 || !b.asked.confirmed {
					t.Errorf("the bit rate is not confirmed: %+v", atB.said)
				}
				for _, v := range []*VideoLeg{a, b, a} { // everything is due
					v.leg.report.next, v.came.next = 1, 0
					v.look(map[*VideoLeg]*viewer{a: &atA, b: &atB}[v])
				}
				told := 0
				for _, f := range atA.said {
					for _, x := range f.Sent {
						if told++; !x.Arrived || x.SentAt != now {
							t.Errorf("told of %+v", x)
						}
					}
				}
				if told != 5 {
					t.Errorf("told of %d packets, want 5", told)
				}
				if f := atA.heard(FeedbackReport); f == nil || f.Highest&0xffff != 14 || f.CumulativeLost != 1 || f.RoundTrip == 0 {
					t.Errorf("reported: %+v", f)
				}
				if f := atB.heard(FeedbackSenderReport); f == nil || f.RTP < 9000 || f.RTP > 9000+90_000*60 {
					t.Errorf("sender reported: %+v", f)
				}
				_ = a.Close()
				b.look(&atB)
				if atB.heard(FeedbackBye) == nil {
					t.Errorf("no goodbye: %+v", atB.said)
				}
				for _, v := range []*VideoLeg{a, b} {
					if s := v.Stats(); s.Dropped != (Dropped{}) || s.FeedbackReceived.Malformed+s.FeedbackReceived.Foreign != 0 || s.RTCP.Malformed != 0 {
						t.Errorf("%+v", s)
					}
				}
			})
		}
	}
}
