package offeranswer

import (
	"strconv"
	"strings"
)

// description is a parsed SDP, as far as offer/answer needs it. Lines that do not matter
// to us are dropped, wherever they stand.
type description struct {
	origin field    // o=, raw
	time   field    // t=, raw
	conn   field    // c= of the session, raw
	bands  []string // b= lines of the session
	attrs  []attribute
	media  []section
}

// field is a line's value; line 0 means that there was none.
type field struct {
	text string
	line int
}

type attribute struct {
	name, value string
	line        int
}

// section is one m= line and what follows it.
type section struct {
	line    int
	media   string
	port    int
	proto   string
	formats []string
	conn    field
	bands   []string // b= lines
	attrs   []attribute
}

// parse reads a description. It takes LF for CRLF, blank lines, lines out of order,
// repeated lines (the first counts) and missing o=, s= and t= lines.
func parse(body []byte) (*description, *Error) {
	if len(body) > MaxSize {
		return nil, malformed(0, "at most "+strconv.Itoa(MaxSize)+" bytes are read",
			"the description has %d bytes", len(body))
	}
	d := &description{}
	begun := false
	rest := string(body)
	for number := 1; rest != ""; number++ {
		var text string
		text, rest, _ = strings.Cut(rest, "\n")
		text = strings.TrimRight(text, "\r \t")
		if text == "" {
			continue
		}
		if err := checkLine(text, number, begun); err != nil {
			return nil, err
		}
		if err := d.line(text[0], field{strings.TrimLeft(text[2:], " \t"), number}); err != nil {
			return nil, err
		}
		begun = true
	}
	if !begun {
		return nil, malformed(0, "a description starts with v=0", "the description is empty")
	}
	return d, nil
}

func checkLine(text string, number int, begun bool) *Error {
	if len(text) < 2 || text[1] != '=' {
		return malformed(number, "each line is a letter, = and a value", "%s is no SDP line", quote(text))
	}
	if !begun && strings.TrimSpace(text[2:]) != "0" || !begun && text[0] != 'v' {
		return malformed(number, "a description starts with v=0", "it starts with %s", quote(text))
	}
	for i := 0; i < len(text); i++ {
		if text[i] < ' ' && text[i] != '\t' || text[i] == 0x7f {
			return malformed(number, "lines end in CRLF and hold no control characters",
				"byte %d is %#02x", i+1, text[i])
		}
	}
	return nil
}

// line files one line under the session or the newest m= line.
func (d *description) line(letter byte, f field) *Error {
	switch letter {
	case 'm':
		return d.mediaLine(f)
	case 'a':
		return d.attributeLine(f)
	case 'o':
		keepFirst(&d.origin, f)
	case 't':
		keepFirst(&d.time, f)
	case 'b':
		to := &d.bands
		if n := len(d.media); n > 0 {
			to = &d.media[n-1].bands
		}
		if len(*to) < MaxAttributes {
			*to = append(*to, f.text)
		}
	case 'c':
		if n := len(d.media); n > 0 {
			keepFirst(&d.media[n-1].conn, f)
		} else {
			keepFirst(&d.conn, f)
		}
	}
	return nil
}

func keepFirst(to *field, f field) {
	if to.line == 0 {
		*to = f
	}
}

func (d *description) attributeLine(f field) *Error {
	to := &d.attrs
	if n := len(d.media); n > 0 {
		to = &d.media[n-1].attrs
	}
	if len(*to) == MaxAttributes {
		return malformed(f.line, "at most "+strconv.Itoa(MaxAttributes)+" are read",
			"too many a= lines in one section")
	}
	name, value, _ := strings.Cut(f.text, ":")
	*to = append(*to, attribute{strings.TrimSpace(name), strings.TrimSpace(value), f.line})
	return nil
}

const mediaGrammar = "it is m=<media> <port>[/<count>] <proto> <format> ..."

func (d *description) mediaLine(f field) *Error {
	if len(d.media) == MaxMedia {
		return malformed(f.line, "at most "+strconv.Itoa(MaxMedia)+" are read", "too many m= lines")
	}
	words := strings.Fields(f.text)
	if len(words) < 3 {
		return malformed(f.line, mediaGrammar, "m=%s is too short", quote(f.text))
	}
	if len(words)-3 > MaxFormats {
		return malformed(f.line, "at most "+strconv.Itoa(MaxFormats)+" are read", "too many formats")
	}
	// These words are written back into the answer, so they have to be clean.
	for i, w := range words {
		if i != 1 && !isToken(w, i == 2) {
			return malformed(f.line, mediaGrammar, "%s is no token of at most "+strconv.Itoa(MaxToken)+" bytes", quote(w))
		}
	}
	port, err := parsePort(words[1])
	if err != nil {
		return malformed(f.line, mediaGrammar+", the port 0 to 65535", "port %s", quote(words[1]))
	}
	d.media = append(d.media, section{
		line: f.line, media: words[0], port: port, proto: words[2], formats: words[3:],
	})
	return nil
}

// parsePort reads 49170 or 49170/2; the count of ports says nothing to us.
func parsePort(s string) (int, error) {
	port, count, counted := strings.Cut(s, "/")
	if counted {
		if _, err := strconv.ParseUint(count, 10, 16); err != nil {
			return 0, err
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return int(n), err
}

// isToken tells whether s is a token of RFC 8866 section 9 in our bounds, with slashes where
// they may be.
func isToken(s string, slashes bool) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '/' && slashes:
		case c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]`, c) >= 0:
			return false
		}
	}
	return s != "" && len(s) <= MaxToken
}

// attr returns the first attribute of that name.
func (m *section) attr(name string) (attribute, bool) {
	for _, a := range m.attrs {
		if strings.EqualFold(a.name, name) {
			return a, true
		}
	}
	return attribute{}, false
}
