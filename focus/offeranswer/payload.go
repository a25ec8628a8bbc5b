package offeranswer

import (
	"strconv"
	"strings"

	"github.com/confd/confd/media"
)

// payload is what a description says about one payload type number.
type payload struct {
	number   uint8
	encoding string // as rtpmap has it; "" if nothing says what it is
	clock    int
	channels int
	params   string // of fmtp, several joined by ;
}

// statics are the payload types of RFC 3551 section 6 that need no rtpmap: ours, and the
// common ones that errors should name.
var statics = map[uint8]payload{
	0:  {number: 0, encoding: "PCMU", clock: 8000, channels: 1},
	3:  {number: 3, encoding: "GSM", clock: 8000, channels: 1},
	4:  {number: 4, encoding: "G723", clock: 8000, channels: 1},
	8:  {number: 8, encoding: "PCMA", clock: 8000, channels: 1},
	9:  {number: 9, encoding: "G722", clock: 8000, channels: 1},
	10: {number: 10, encoding: "L16", clock: 44100, channels: 2},
	11: {number: 11, encoding: "L16", clock: 44100, channels: 1},
	13: {number: 13, encoding: "CN", clock: 8000, channels: 1},
	18: {number: 18, encoding: "G729", clock: 8000, channels: 1},
}

// payloads returns the payload types of an m= line in its order, each number once. What is
// no number from 0 to 127 is left out.
func (m *section) payloads() []payload {
	var mapped [128]payload
	for n, p := range statics {
		mapped[n] = p
	}
	var described [128]bool
	for _, a := range m.attrs {
		number, rest, ok := cutNumber(a.value)
		switch {
		case !ok:
		case strings.EqualFold(a.name, "rtpmap") && !described[number]:
			if p, ok := parseRtpmap(number, rest); ok {
				p.params = mapped[number].params
				mapped[number], described[number] = p, true
			}
		case strings.EqualFold(a.name, "fmtp"):
			mapped[number].addParams(rest)
		}
	}
	var list []payload
	var seen [128]bool
	for _, f := range m.formats {
		number, _, ok := cutNumber(f)
		if !ok || seen[number] {
			continue
		}
		seen[number] = true
		p := mapped[number]
		p.number = number
		list = append(list, p)
	}
	return list
}

func (p *payload) addParams(text string) {
	if len(p.params)+len(text) < maxParams {
		p.params = strings.TrimPrefix(p.params+";"+text, ";")
	}
}

// cutNumber cuts a payload type number off; with leading zeros it is none, as we could not
// repeat it as it was.
func cutNumber(s string) (number uint8, rest string, ok bool) {
	word, rest, _ := strings.Cut(s, " ")
	n, err := strconv.ParseUint(word, 10, 7)
	plain := word == "0" || !strings.HasPrefix(word, "0")
	return uint8(n), strings.TrimSpace(rest), err == nil && plain
}

// parseRtpmap reads "opus/48000/2" (RFC 8866 section 6.6).
func parseRtpmap(number uint8, s string) (payload, bool) {
	words := strings.Split(strings.TrimSpace(s), "/")
	if len(words) < 2 || len(words) > 3 || !isToken(words[0], false) {
		return payload{}, false
	}
	clock, err := strconv.ParseUint(strings.TrimSpace(words[1]), 10, 31)
	if err != nil || clock == 0 {
		return payload{}, false
	}
	p := payload{number: number, encoding: words[0], clock: int(clock), channels: 1}
	if len(words) == 3 {
		n, err := strconv.ParseUint(strings.TrimSpace(words[2]), 10, 8)
		if err != nil || n == 0 {
			return payload{}, false
		}
		p.channels = int(n)
	}
	// RFC 3551 gives G.722 a clock of 8000 for historical reasons; phones that write
	// 16000 under the static number mean the same.
	if number == 9 && p.is("G722") && p.clock == 16000 {
		p.clock = 8000
	}
	return p, true
}

func (p payload) is(encoding string) bool { return strings.EqualFold(p.encoding, encoding) }

// rtpmap is how the payload is written, with our spelling of the names we know.
func (p payload) rtpmap() string {
	s := p.encoding + "/" + strconv.Itoa(p.clock)
	if p.channels > 1 {
		s += "/" + strconv.Itoa(p.channels)
	}
	return s
}

// same tells whether both name the same encoding, whatever their numbers.
func (p payload) same(q payload) bool {
	return p.is(q.encoding) && p.clock == q.clock && p.channels == q.channels
}

// param returns the value of a fmtp parameter; the first of several counts.
func (p payload) param(name string) (string, bool) {
	for _, part := range strings.Split(p.params, ";") {
		key, value, _ := strings.Cut(part, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// number returns a fmtp parameter that is a positive integer, 0 if it is none.
func (p payload) count(name string) int {
	value, _ := p.param(name)
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}

func (p payload) flag(name string) bool {
	value, _ := p.param(name)
	return value == "1"
}

// codec returns the payload's place in our preferences and what it decodes to.
func (c *Capabilities) codec(p payload) (rank int, f media.Format, ok bool) {
	for i, a := range c.Audio {
		if want, known := a.payload(); known && want.matches(p) {
			return i, a.format(p), true
		}
	}
	return 0, media.Format{}, false
}

// matches is same, but that L16 may have one channel or two.
func (p payload) matches(q payload) bool {
	if p.is("L16") && q.channels == 2 {
		q.channels = 1
	}
	return p.same(q)
}

// payload is how a capability is written in rtpmap, without a number.
func (a AudioCapability) payload() (payload, bool) {
	p := payload{encoding: a.Codec.String(), clock: 8000, channels: 1}
	switch a.Codec {
	case media.PCMU, media.PCMA, media.G722:
	case media.Opus:
		p.clock, p.channels = 48000, 2 // RFC 7587 section 7: always, whatever is sent
	case media.L16:
		p.clock = a.ClockRate
		return p, p.clock == 8000 || p.clock == 16000 || p.clock == 44100 || p.clock == 48000
	default:
		return p, false
	}
	return p, true
}

// format is what arrives under p: the ingress format.
func (a AudioCapability) format(p payload) media.Format {
	f := media.Format{Codec: a.Codec, ClockRate: p.clock, SampleRate: p.clock, Channels: 1}
	switch a.Codec {
	case media.G722:
		f.SampleRate = 16000
	case media.Opus:
		f.SampleRate = opusRate(p.count("sprop-maxcapturerate"))
	case media.L16:
		f.Channels = p.channels
	}
	return f
}
