package rooms

import (
	"strings"
)

// MaxNameLength is the longest room name, in characters.
const MaxNameLength = 64

// Name is a room's name in its canonical form: 1 to [MaxNameLength] characters of
// a-z 0-9 . _ ~ + * - , neither "." nor "..". It stands in a SIP address and in a URL path
// as it is. HTTP calls it the id of a room, whose name there is for people.
type Name string

const nameRule = "a room name is 1 to 64 characters of a-z 0-9 . _ ~ + * -"

// ParseName returns the room that the user part of an address names: parameters from the
// first ';' on are cut off (RFC 3261 section 19.1.1), percent escapes decoded, capital
// letters folded to small ones. Errors are of code NoRoomName for an empty user part and
// Invalid for anything that is no name.
func ParseName(user string) (Name, error) {
	const op = "parse room name"
	user, _, _ = strings.Cut(user, ";")
	if user == "" {
		return "", errorf(NoRoomName, op, "the address names no room; call sip:NAME@host")
	}
	if len(user) > 3*MaxNameLength {
		return "", errorf(Invalid, op, "the name is %d bytes long; %s", len(user), nameRule)
	}
	plain, err := decodePercent(user)
	if err != nil {
		return "", err
	}
	if len(plain) > MaxNameLength {
		return "", errorf(Invalid, op, "the name is %d characters long; %s", len(plain), nameRule)
	}
	if s := string(plain); s == "." || s == ".." {
		return "", errorf(Invalid, op, "%q is no name; %s, and not dots alone", s, nameRule)
	}
	for i, c := range plain {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
			plain[i] = c
		}
		if !isNameByte(c) {
			return "", errorf(Invalid, op, "%q at position %d cannot be in a name; %s", c, i+1, nameRule)
		}
	}
	return Name(plain), nil
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("._~+*-", c) >= 0
}

// decodePercent resolves %HH escapes (RFC 3986 section 2.1).
func decodePercent(s string) ([]byte, error) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			out = append(out, s[i])
			continue
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return nil, errorf(Invalid, "parse room name",
				"the %% at position %d is not followed by two hexadecimal digits", i+1)
		}
		out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
		i += 2
	}
	return out, nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}
