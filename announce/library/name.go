package library

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest name, bytes.
const MaxName = 128

// CheckName says whether a file may have that name: 1 to 128 bytes of UTF-8 letters, marks,
// digits, spaces and any of "._-+()',&@#!", not beginning with a dot or a space, nor ending
// with a space.
func CheckName(name string) error {
	switch {
	case name == "" || len(name) > MaxName:
		return fmt.Errorf("%w: it has %d bytes, want 1 to %d", ErrName, len(name), MaxName)
	case !utf8.ValidString(name):
		return fmt.Errorf("%w: %q is no UTF-8", ErrName, name)
	case name[0] == '.' || name[0] == ' ' || name[len(name)-1] == ' ':
		return fmt.Errorf("%w: %q, want no dot or space at its beginning, no space at its end", ErrName, name)
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" ._-+()',&@#!", r) {
			return fmt.Errorf("%w: %q has %q, want letters, digits, spaces, any of ._-+()',&@#! and nothing else", ErrName, name, r)
		}
	}
	return nil
}
