package offeranswer

import "strings"

// feedback reads what a=rtcp-fb says about a payload type, by its number or by * (RFC 4585
// section 4.2, RFC 5104 section 7.1). The profile does not matter: phones write it in RTP/AVP.
func (m *section) feedback(pt uint8) VideoFeedback {
	return m.feedbackOf(func(number uint8) bool { return number == pt })
}

// anyFeedback is what is named for any payload type.
func (m *section) anyFeedback() VideoFeedback {
	return m.feedbackOf(func(uint8) bool { return true })
}

func (m *section) feedbackOf(wanted func(uint8) bool) (f VideoFeedback) {
	for _, a := range m.attrs {
		if !strings.EqualFold(a.name, "rtcp-fb") {
			continue
		}
		number, _, ok := cutNumber(a.value)
		if words := strings.Fields(strings.ToLower(a.value)); len(words) > 1 && (words[0] == "*" || ok && wanted(number)) {
			f.read(words[1:])
		}
	}
	return f
}

func (f *VideoFeedback) read(words []string) {
	rest := words[1:]
	switch words[0] {
	case "nack":
		f.NACK = f.NACK || len(rest) == 0
		f.PLI = f.PLI || len(rest) > 0 && rest[0] == "pli"
	case "ccm": // some phones list several on one line
		for _, word := range rest {
			f.FIR = f.FIR || word == "fir"
			f.TMMBR = f.TMMBR || word == "tmmbr"
		}
	case "goog-remb":
		f.REMB = true
	case "transport-cc":
		f.TransportCC = true
	}
}

// and is what both sides know.
func (f VideoFeedback) and(g VideoFeedback) VideoFeedback {
	return VideoFeedback{
		NACK: f.NACK && g.NACK, PLI: f.PLI && g.PLI, FIR: f.FIR && g.FIR, TMMBR: f.TMMBR && g.TMMBR,
		REMB: f.REMB && g.REMB, TransportCC: f.TransportCC && g.TransportCC,
	}
}

// lines returns our a=rtcp-fb values. They are for all payload types of the line, which is
// shorter than one by one.
func (f VideoFeedback) lines() []string {
	var lines []string
	for _, l := range []struct {
		on   bool
		text string
	}{
		{f.NACK, "nack"}, {f.PLI, "nack pli"}, {f.FIR, "ccm fir"}, {f.TMMBR, "ccm tmmbr"},
		{f.REMB, "goog-remb"}, {f.TransportCC, "transport-cc"},
	} {
		if l.on {
			lines = append(lines, "* "+l.text)
		}
	}
	return lines
}
