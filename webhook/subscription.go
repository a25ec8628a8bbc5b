package webhook

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of a subscription.
const (
	MaxKinds       = 64  // entries of Kinds
	MaxRooms       = 256 // entries of Rooms
	MaxDescription = 256 // bytes
	maxWord        = 64  // bytes of a kind or a room's name
)

// Subscription is an endpoint and what it wants to be told.
type Subscription struct {
	ID          string    `json:"id"`
	URL         string    `json:"url"`                    // https, or http where the configuration allows it
	Kinds       []string  `json:"kinds,omitempty"`        // kinds, or beginnings that end in a dot, as "participant."; empty: all
	Rooms       []string  `json:"rooms,omitempty"`        // names of rooms; empty: all
	Secret      string    `json:"secret,omitempty"`       // see [ParseSecret]; only Create and Update return it
	OldSecret   string    `json:"old_secret,omitempty"`   // the one before, which signs, too, until OldUntil; never returned
	OldUntil    time.Time `json:"old_until,omitzero"`     //
	Created     time.Time `json:"created"`                //
	Updated     time.Time `json:"updated"`                //
	Version     uint64    `json:"version"`                // counts changes, from 1
	Disabled    bool      `json:"disabled,omitempty"`     // gets nothing; events that come meanwhile are not kept for it
	DisabledFor string    `json:"disabled_for,omitempty"` // why, if the server did it
	Description string    `json:"description,omitempty"`  // free text
}

// Matches reports whether the subscription asks for events of a kind in a room ("" for what
// belongs to none).
func (s *Subscription) Matches(kind, room string) bool {
	if len(s.Rooms) > 0 && !slices.Contains(s.Rooms, room) {
		return false
	}
	if len(s.Kinds) == 0 {
		return true
	}
	return slices.ContainsFunc(s.Kinds, func(k string) bool {
		return k == kind || strings.HasSuffix(k, ".") && strings.HasPrefix(kind, k)
	})
}

// check returns an *Error of code Invalid for the first field that cannot be as it is.
func (s *Subscription) check(p policy) error {
	if _, err := p.parseURL(s.URL); err != nil {
		return err
	}
	if _, err := ParseSecret(s.Secret); err != nil {
		return err
	}
	if err := checkKinds(s.Kinds); err != nil {
		return err
	}
	if err := checkRooms(s.Rooms); err != nil {
		return err
	}
	if len(s.Description) > MaxDescription || !utf8.ValidString(s.Description) {
		return invalid("description", "is %d bytes; at most %d of valid UTF-8", len(s.Description), MaxDescription)
	}
	return nil
}

func checkKinds(kinds []string) error {
	if len(kinds) > MaxKinds {
		return invalid("kinds", "has %d entries; at most %d", len(kinds), MaxKinds)
	}
	for _, k := range kinds {
		if !isKind(strings.TrimSuffix(k, ".")) || len(k) > maxWord {
			return invalid("kinds", `%q is neither a kind like "participant.joined" nor a beginning like "participant."`, clip(k, maxWord))
		}
	}
	return nil
}

// isKind reports whether k is words of a-z, 0-9 and '_', parted by dots.
func isKind(k string) bool {
	for word := range strings.SplitSeq(k, ".") {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return false
		}
	}
	return true
}

func checkRooms(rooms []string) error {
	if len(rooms) > MaxRooms {
		return invalid("rooms", "has %d entries; at most %d", len(rooms), MaxRooms)
	}
	for _, r := range rooms {
		if r == "" || len(r) > maxWord || strings.ContainsFunc(r, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
			return invalid("rooms", "%q is no name of a room", clip(r, maxWord))
		}
	}
	return nil
}

// keys returns what signs at a moment. Secrets were checked when they came.
func (s *Subscription) keys(now time.Time) [][]byte {
	var all [][]byte
	if key, err := ParseSecret(s.Secret); err == nil {
		all = append(all, key)
	}
	if key, err := ParseSecret(s.OldSecret); err == nil && now.Before(s.OldUntil) {
		all = append(all, key)
	}
	return all
}

// public returns a copy without secrets.
func (s *Subscription) public() Subscription {
	c := s.clone()
	c.Secret, c.OldSecret = "", ""
	return c
}

func (s *Subscription) clone() Subscription {
	c := *s
	c.Kinds, c.Rooms = slices.Clone(s.Kinds), slices.Clone(s.Rooms)
	return c
}
