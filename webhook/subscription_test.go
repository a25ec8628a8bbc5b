package webhook

import (
	"slices"
	"strings"
	"testing"
)

func TestFilters(t *testing.T) {
	for _, c := range []struct {
		kinds, rooms []string
		kind, room   string
		want         bool
	}{
		{nil, nil, "digit", "a", true}, {nil, nil, "server.draining", "", true},
		{[]string{"digit"}, nil, "digit", "a", true}, {[]string{"digit"}, nil, "digit.end", "a", false},
		{[]string{"participant."}, nil, "participant.joined", "a", true}, {[]string{"participant."}, nil, "participant", "a", false},
		{[]string{"participant."}, nil, "participants.x", "a", false}, {[]string{"participant"}, nil, "participant.joined", "a", false},
		{[]string{"room.", "digit"}, nil, "digit", "a", true},
		{nil, []string{"a", "b"}, "digit", "b", true}, {nil, []string{"a"}, "digit", "ab", false}, {nil, []string{"a"}, "digit", "", false},
		{[]string{"room."}, []string{"a"}, "room.closed", "b", false},
	} {
		s := Subscription{Kinds: c.kinds, Rooms: c.rooms}
		if got := s.Matches(c.kind, c.room); got != c.want {
			t.Errorf("kinds %v, rooms %v: %s in %q matches %v, want %v", c.kinds, c.rooms, c.kind, c.room, got, c.want)
		}
	}
}

func TestFieldsAtFaultAreNamed(t *testing.T) {
	for _, c := range []struct {
		field  string
		change func(*Subscription)
	}{
		{"", func(*Subscription) {}},
		{"", func(s *Subscription) { s.Kinds = slices.Repeat([]string{"digit"}, MaxKinds) }},
		{"", func(s *Subscription) { s.Rooms = slices.Repeat([]string{"a"}, MaxRooms) }},
		{"", func(s *Subscription) { s.Description = strings.Repeat("x", MaxDescription) }},
		{"", func(s *Subscription) { s.Kinds = []string{strings.Repeat("x", 64)} }},
		{"url", func(s *Subscription) { s.URL = "https://10.0.0.1/" }},
		{"secret", func(s *Subscription) { s.Secret = "whsec_" }},
		{"kinds", func(s *Subscription) { s.Kinds = slices.Repeat([]string{"digit"}, MaxKinds+1) }},
		{"kinds", func(s *Subscription) { s.Kinds = []string{""} }},
		{"kinds", func(s *Subscription) { s.Kinds = []string{"."} }},
		{"kinds", func(s *Subscription) { s.Kinds = []string{"participant.*"} }},
		{"kinds", func(s *Subscription) { s.Kinds = []string{"Digit"} }},
		{"kinds", func(s *Subscription) { s.Kinds = []string{strings.Repeat("x", 65)} }},
		{"rooms", func(s *Subscription) { s.Rooms = []string{""} }},
		{"rooms", func(s *Subscription) { s.Rooms = []string{"a b"} }},
		{"rooms", func(s *Subscription) { s.Rooms = slices.Repeat([]string{"a"}, MaxRooms+1) }},
		{"description", func(s *Subscription) { s.Description = strings.Repeat("x", MaxDescription+1) }},
		{"description", func(s *Subscription) { s.Description = "\xff" }},
	} {
		s := Subscription{URL: "https://example.com/", Secret: NewSecret()}
		c.change(&s)
		err := s.check(policy{})
		var field string
		if err != nil {
			field = err.(*Error).Field
		}
		if field != c.field {
			t.Errorf("%v, want the field %q at fault", err, c.field)
		}
	}
}

func TestEventsAreChecked(t *testing.T) {
	ok := Event{ID: "evt-1_A", Body: make([]byte, 100)}
	if err := checkEvent(ok, 100); err != nil {
		t.Error(err)
	}
	for _, e := range []Event{{}, {ID: "a.b"}, {ID: "a b"}, {ID: "a\r\nx: y"}, {ID: strings.Repeat("a", 129)}, {ID: "a", Body: make([]byte, 101)}} {
		if err := checkEvent(e, 100); CodeOf(err) != Invalid {
			t.Errorf("the event %q of %d bytes: %v", e.ID, len(e.Body), err)
		}
	}
}
