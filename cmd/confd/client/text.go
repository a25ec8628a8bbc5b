package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text of strangers safe to show: what could steer a terminal, or turn the
// direction of writing, becomes a question mark.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// Clip is Clean of at most n characters.
func Clip(s string, n int) string {
	s = Clean(s)
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// JSON indents a JSON text and escapes what could steer a terminal.
func JSON(text []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(text), "", "  "); err != nil {
		return nil, err
	}
	return append(escape(b.Bytes()), '\n'), nil
}

// Compact is JSON on one line.
func Compact(text []byte) string {
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		return Clean(string(text))
	}
	return string(escape(b.Bytes()))
}

// escape writes runes as \u where they are not printable; only strings can hold such.
func escape(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range string(text) {
		switch {
		case r == '\n' || r != utf8.RuneError && unicode.IsPrint(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

// Field is a name and a value of an object, for people.
type Field struct{ Name, Value string }

// Fields lists the fields of a JSON object in their order; those of the objects that are
// named in open come as name.field, all others are written as JSON.
func Fields(text []byte, open ...string) ([]Field, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("%.40q is no JSON object", text)
	}
	var all []Field
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		name := t.(string) // keys are, or Token fails
		within, err := inner(name, v, open)
		if err != nil {
			return nil, err
		}
		all = append(all, within...)
	}
	return all, nil
}

func inner(name string, v json.RawMessage, open []string) ([]Field, error) {
	for _, o := range open {
		if o != name || !bytes.HasPrefix(v, []byte("{")) {
			continue
		}
		within, err := Fields(v)
		for i := range within {
			within[i].Name = Clean(name) + "." + within[i].Name
		}
		return within, err
	}
	var s string
	if json.Unmarshal(v, &s) == nil {
		return []Field{{Clean(name), Clean(s)}}, nil
	}
	return []Field{{Clean(name), Compact(v)}}, nil
}
