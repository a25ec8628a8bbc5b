package offeranswer

import (
	"fmt"
	"strconv"
	"strings"
)

// Header extensions (RFC 8285) that confd knows.
const (
	uriAudioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level" // RFC 6464: theirs to us
	uriMixerLevel = "urn:ietf:params:rtp-hdrext:csrc-audio-level" // RFC 6465: ours to them
)

// levels are the ids of the two level extensions, 0 where not agreed.
type levels struct {
	audio, mixer uint8
}

// levels reads a=extmap of session and media. Only ids of the one-byte form count, and
// only where the peer's direction leaves us the part that we play.
func (d *description) levels(m *section) levels {
	var got levels
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
			switch {
			case uri == uriAudioLevel && peer.Sends() && got.audio == 0:
				got.audio = id
			case uri == uriMixerLevel && peer.Receives() && got.mixer == 0:
				got.mixer = id
			}
		}
	}
	return got
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
