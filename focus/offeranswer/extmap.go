package offeranswer

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// Header extensions (RFC 8285) that confd knows.
const (
	uriAudioLevel   = "urn:ietf:params:rtp-hdrext:ssrc-audio-level" // RFC 6464: theirs to us
	uriMixerLevel   = "urn:ietf:params:rtp-hdrext:csrc-audio-level" // RFC 6465: ours to them
	uriFrameMarking = "urn:ietf:params:rtp-hdrext:framemarking"     // RFC 9626: theirs to us
	uriMID          = "urn:ietf:params:rtp-hdrext:sdes:mid"         // RFC 9143: theirs to us
	uriRID          = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	uriRepairedRID  = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"

	uriTransportCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// levels are the ids of the two level extensions, 0 where not agreed.
type levels struct {
	audio, mixer uint8
}

// levels reads a=extmap of session and media. Only ids of the one-byte form count, and
// only where the peer's direction leaves us the part that we play.
func (d *description) levels(m *section) levels {
	var got levels
	for id, e := range d.extensions(m) {
		switch {
		case e.uri == uriAudioLevel && e.peer.Sends() && got.audio == 0:
			got.audio = id
		case e.uri == uriMixerLevel && e.peer.Receives() && got.mixer == 0:
			got.mixer = id
		}
	}
	return got
}

// extension is one a=extmap, with the peer's direction.
type extension struct {
	uri  string
	peer Direction
}

// extensions yields the a=extmap of the medium and then the session, by id; of those with the
// same id the first.
func (d *description) extensions(m *section) iter.Seq2[uint8, extension] {
	return func(yield func(uint8, extension) bool) {
		var used [15]bool
		for _, attrs := range [][]attribute{m.attrs, d.attrs} {
			for _, a := range attrs {
				if !strings.EqualFold(a.name, "extmap") {
					continue
				}
				id, uri, peer, ok := parseExtmap(a.value)
				if !ok || used[id] {
					continue
				}
				used[id] = true
				if !yield(id, extension{uri, peer}) {
					return
				}
			}
		}
	}
}

// parseExtmap reads "1/sendrecv urn:... attributes".
func parseExtmap(value string) (id uint8, uri string, peer Direction, ok bool) {
	words := strings.Fields(value)
	if len(words) < 2 {
		return 0, "", 0, false
	}
	number, way, directed := strings.Cut(words[0], "/")
	peer = SendRecv
	if directed {
		if peer, ok = parseDirection(way); !ok {
			return 0, "", 0, false
		}
	}
	n, err := strconv.ParseUint(number, 10, 16)
	return uint8(n), words[1], peer, err == nil && n >= 1 && n <= 14
}

// lines returns our a=extmap values: we read their level and write the mix's.
func (l levels) lines() []string {
	var s []string
	if l.audio != 0 {
		s = append(s, fmt.Sprintf("%d/recvonly %s", l.audio, uriAudioLevel))
	}
	if l.mixer != 0 {
		s = append(s, fmt.Sprintf("%d/sendonly %s", l.mixer, uriMixerLevel))
	}
	return s
}

// videoExtensions are the ids of those of a video line, 0 where not agreed.
type videoExtensions struct {
	transportCC, marking, mid, rid, repaired uint8
}

// videoExtensions reads a=extmap of session and media as levels does. Packets are numbered
// for transport-cc in both directions, all else only comes in.
func (d *description) videoExtensions(m *section) videoExtensions {
	var got videoExtensions
	for id, e := range d.extensions(m) {
		to := map[string]*uint8{
			uriTransportCC: &got.transportCC, uriFrameMarking: &got.marking, uriMID: &got.mid,
			uriRID: &got.rid, uriRepairedRID: &got.repaired,
		}[e.uri]
		if to != nil && *to == 0 && e.peer.Sends() && (e.peer == SendRecv || e.uri != uriTransportCC) {
			*to = id
		}
	}
	return got
}

// and keeps what both sides have under the same id.
func (v videoExtensions) and(w videoExtensions) videoExtensions {
	same := func(a, b uint8) uint8 {
		if a == b {
			return a
		}
		return 0
	}
	return videoExtensions{
		same(v.transportCC, w.transportCC), same(v.marking, w.marking), same(v.mid, w.mid),
		same(v.rid, w.rid), same(v.repaired, w.repaired),
	}
}

// lines returns our a=extmap values.
func (v videoExtensions) lines() []string {
	var s []string
	if v.transportCC != 0 {
		s = append(s, fmt.Sprintf("%d %s", v.transportCC, uriTransportCC))
	}
	for _, e := range []struct {
		id  uint8
		uri string
	}{{v.marking, uriFrameMarking}, {v.mid, uriMID}, {v.rid, uriRID}, {v.repaired, uriRepairedRID}} {
		if e.id != 0 {
			s = append(s, fmt.Sprintf("%d/recvonly %s", e.id, e.uri))
		}
	}
	return s
}
