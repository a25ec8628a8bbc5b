package offeranswer

import (
	"slices"
	"strconv"
	"strings"
)

// maxRIDs is how many encodings of a picture are taken, maxRIDLines how many that a peer can are
// looked at, maxRID how long a name of one may be: what a one-byte header extension holds.
const (
	maxRIDs     = 4
	maxRIDLines = 16
	maxRID      = 16
)

// rids returns the encodings that the peer may send under pt, in its order: of each group of
// alternatives the first (RFC 8853 section 5.1). It is nil for fewer than two.
func (m *section) rids(pt uint8) []string {
	a, _ := m.attr("simulcast")
	words := strings.Fields(a.value)
	i := slices.IndexFunc(words, func(w string) bool { return strings.EqualFold(w, "send") })
	if i < 0 || i+1 >= len(words) {
		return nil
	}
	can := m.sendRIDs(pt)
	var list []string
	for stream := range strings.SplitSeq(strings.TrimPrefix(words[i+1], "rid="), ";") {
		for id := range strings.SplitSeq(stream, ",") {
			id = strings.TrimPrefix(id, "~") // is paused at first
			if slices.Contains(can, id) && !slices.Contains(list, id) {
				list = append(list, strings.Clone(id))
				break
			}
		}
		if len(list) == maxRIDs {
			break
		}
	}
	if len(list) < 2 {
		return nil
	}
	return list
}

// sendRIDs returns the a=rid lines that the peer may send under pt (RFC 8851 section 4).
func (m *section) sendRIDs(pt uint8) []string {
	var list []string
	for _, a := range m.attrs {
		words := strings.Fields(a.value)
		if !strings.EqualFold(a.name, "rid") || len(words) < 2 || !strings.EqualFold(words[1], "send") || !isRID(words[0]) {
			continue
		}
		if len(list) < maxRIDLines && ridAllows(strings.Join(words[2:], ""), pt) {
			list = append(list, words[0])
		}
	}
	return list
}

// ridAllows reads the restrictions of a=rid, such as "pt=96,97;max-width=1280", for pt.
func ridAllows(restrictions string, pt uint8) bool {
	for r := range strings.SplitSeq(restrictions, ";") {
		name, value, _ := strings.Cut(r, "=")
		if strings.EqualFold(name, "pt") {
			return slices.Contains(strings.Split(value, ","), strconv.Itoa(int(pt)))
		}
	}
	return true
}

func isRID(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return s != "" && len(s) <= maxRID
}
