package transport

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"

	"github.com/confd/confd/transport/feedback"
	"github.com/confd/confd/transport/repair"
)

// refreshAgain is after what time a full intra request is new although its number is not:
// not everyone counts.
const refreshAgain = int64(time.Second)

// refreshed is the last full intra request of the peer.
type refreshed struct {
	sender uint32
	number uint8
	at     int64 // 0 = none
}

// tell hands over what the peer said, outside of Poll nobody wants it.
func (v *VideoLeg) tell(f Feedback) {
	if v.to == nil {
		return
	}
	v.count.feedbackIn[f.Kind].Add(1)
	v.said = f
	v.to.Feedback(&v.said)
	v.said.Sent = nil
}

// readFeedback takes one RTPFB or PSFB packet of the peer.
func (v *VideoLeg) readFeedback(b []byte, arrival int64) {
	m, ok := feedback.Read(b)
	if ok {
		switch {
		case m.Type == feedback.TypeTransport:
			ok = v.readTransport(&m, arrival)
		case m.Format == feedback.FormatPLI:
			v.readPLI(&m, arrival)
		case m.Format == feedback.FormatFIR:
			ok = v.readFIR(&m, arrival)
		case m.Format == feedback.FormatApplication:
			v.readREMB(&m, arrival)
		default:
			v.count.unknown.Add(1)
		}
	}
	if !ok {
		v.count.malformed.Add(1)
	}
}

func (v *VideoLeg) readTransport(m *feedback.Message, arrival int64) bool {
	switch m.Format {
	case feedback.FormatNACK:
		return v.readNACK(m, arrival)
	case feedback.FormatTMMBR:
		return v.readTMMBR(m, arrival)
	case feedback.FormatTMMBN:
		return v.readTMMBN(m, arrival)
	case feedback.FormatTransportCC:
		return v.readTransportCC(m, arrival)
	}
	v.count.unknown.Add(1)
	return true
}

func (v *VideoLeg) readNACK(m *feedback.Message, arrival int64) bool {
	lost, ok := repair.ReadNACK(m.FCI)
	if !ok {
		return false
	}
	if !v.ours(m.Media) {
		v.count.foreign.Add(1)
		return true
	}
	v.tell(Feedback{Kind: FeedbackNACK, Arrival: arrival, Lost: lost, Repair: m.Media != v.leg.ssrc.Load()})
	return true
}

// readPLI takes 0 for us, too, as there is nobody else on this line.
func (v *VideoLeg) readPLI(m *feedback.Message, arrival int64) {
	if m.Media != 0 && !v.ours(m.Media) {
		v.count.foreign.Add(1)
		return
	}
	v.tell(Feedback{Kind: FeedbackPLI, Arrival: arrival})
}

func (v *VideoLeg) readFIR(m *feedback.Message, arrival int64) bool {
	entries, ok := feedback.ReadFIR(m.FCI)
	if !ok {
		return false
	}
	for e, more := entries.Next(); more; e, more = entries.Next() {
		last := &v.lastRefresh
		switch {
		case e.SSRC != v.leg.ssrc.Load():
			v.count.foreign.Add(1)
		case last.at != 0 && last.sender == m.Sender && last.number == e.Sequence && arrival-last.at < refreshAgain:
			v.count.repeated.Add(1)
		default:
			*last = refreshed{m.Sender, e.Sequence, arrival}
			v.tell(Feedback{Kind: FeedbackFIR, Arrival: arrival})
		}
	}
	return true
}

// readREMB takes an estimate that names us, or nobody. Other applications' messages are not
// malformed for that.
func (v *VideoLeg) readREMB(m *feedback.Message, arrival int64) {
	e, ok := feedback.ReadREMB(m.FCI)
	if !ok {
		v.count.unknown.Add(1)
		return
	}
	bitrate, about, any := e.Bitrate, false, false
	for ssrc, more := e.Next(); more; ssrc, more = e.Next() {
		any, about = true, about || v.ours(ssrc)
	}
	if any && !about {
		v.count.foreign.Add(1)
		return
	}
	v.tell(Feedback{Kind: FeedbackREMB, Arrival: arrival, Bitrate: bitrate})
}

// readTMMBR notes what the peer can take; the answer goes out at the end of the poll.
func (v *VideoLeg) readTMMBR(m *feedback.Message, arrival int64) bool {
	entries, ok := feedback.ReadLimits(m.FCI)
	if !ok || len(m.FCI) == 0 {
		return false
	}
	for e, more := entries.Next(); more; e, more = entries.Next() {
		if e.SSRC != v.leg.ssrc.Load() {
			v.count.foreign.Add(1)
			continue
		}
		e.SSRC = m.Sender // whose limit it is
		v.asked.bound, v.asked.owed = e, true
		v.tell(Feedback{Kind: FeedbackTMMBR, Arrival: arrival, Bitrate: e.Bitrate})
	}
	return true
}

// readTMMBN looks for our own limit among those that the peer keeps to.
func (v *VideoLeg) readTMMBN(m *feedback.Message, arrival int64) bool {
	entries, ok := feedback.ReadLimits(m.FCI)
	for e, more := entries.Next(); ok && more; e, more = entries.Next() {
		if e.SSRC == v.leg.ssrc.Load() {
			v.asked.confirm(e.Bitrate)
			v.tell(Feedback{Kind: FeedbackTMMBN, Arrival: arrival, Bitrate: e.Bitrate})
		}
	}
	return ok
}

func (v *VideoLeg) readTransportCC(m *feedback.Message, arrival int64) bool {
	r, ok := feedback.ReadTransportCC(m.FCI)
	if !ok {
		return false
	}
	if v.sent == nil {
		v.count.foreign.Add(1)
		return true
	}
	v.tell(Feedback{Kind: FeedbackTransportCC, Arrival: arrival, Sent: v.sent.recall(&r)})
	return true
}

// reported takes a report block about one of our streams.
func (v *VideoLeg) reported(r *rtcp.ReceptionReport, repaired bool, arrival int64) {
	v.tell(Feedback{
		Kind: FeedbackReport, Arrival: arrival, Repair: repaired, Fraction: r.FractionLost,
		CumulativeLost: int32(r.TotalLost<<8) >> 8, Highest: r.LastSequenceNumber, Jitter: r.Jitter,
		RoundTrip: time.Duration(v.leg.count.roundTrip.Load()),
	})
}

// senderReport takes the first 24 bytes of a sender report, from its SSRC on.
func (v *VideoLeg) senderReport(ssrc uint32, b []byte, arrival int64) {
	for i := range v.sources {
		s := &v.sources[i]
		if !s.active || s.ssrc != ssrc {
			continue
		}
		s.lastSR, s.srTime = binary.BigEndian.Uint32(b[6:]), arrival
		if i%2 == 0 {
			v.tell(Feedback{
				Kind: FeedbackSenderReport, Arrival: arrival, Encoding: uint8(i / 2),
				NTP: binary.BigEndian.Uint64(b[4:]), RTP: binary.BigEndian.Uint32(b[12:]),
			})
		}
		return
	}
}

// bye takes the body of a BYE with so many sources.
func (v *VideoLeg) bye(n int, b []byte, arrival int64) {
	for ; n > 0 && len(b) >= 4; n, b = n-1, b[4:] {
		if e, ok := v.knownNow(binary.BigEndian.Uint32(b)); ok {
			v.tell(Feedback{Kind: FeedbackBye, Arrival: arrival, Encoding: e})
		}
	}
}

// knownNow finds the encoding of one of the peer's pictures.
func (v *VideoLeg) knownNow(ssrc uint32) (uint8, bool) {
	if v.setup == nil {
		return 0, false
	}
	return v.known(ssrc, videoMain)
}
