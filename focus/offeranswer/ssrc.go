package offeranswer

import (
	"slices"
	"strconv"
	"strings"
)

// maxSources is how many announced streams of a line are kept: encodings with retransmission.
const maxSources = 2 * maxRIDs

// sources reads a=ssrc and a=ssrc-group:FID (RFC 5576, RFC 4588 section 8.6).
func (m *section) sources() []VideoSource {
	var list []VideoSource
	var repairs []uint32
	for _, a := range m.attrs {
		words := strings.Fields(a.value)
		switch {
		case len(words) == 3 && strings.EqualFold(a.name, "ssrc-group") && strings.EqualFold(words[0], "FID"):
			source, ok1 := parseSSRC(words[1])
			repair, ok2 := parseSSRC(words[2])
			if ok1 && ok2 && source != repair {
				list, repairs = addSource(list, VideoSource{source, repair}), append(repairs, repair)
			}
		case len(words) > 0 && strings.EqualFold(a.name, "ssrc"):
			if source, ok := parseSSRC(words[0]); ok {
				list = addSource(list, VideoSource{SSRC: source})
			}
		}
	}
	return slices.DeleteFunc(list, func(s VideoSource) bool { return slices.Contains(repairs, s.SSRC) })
}

// addSource adds a stream, or what is new of it.
func addSource(list []VideoSource, s VideoSource) []VideoSource {
	for i := range list {
		if list[i].SSRC == s.SSRC {
			list[i].RTX = max(list[i].RTX, s.RTX)
			return list
		}
	}
	if len(list) == maxSources {
		return list
	}
	return append(list, s)
}

func parseSSRC(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil
}
