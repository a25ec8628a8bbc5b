package api

import (
	"encoding/base64"
	"strings"
	"time"
)

// Paging is how long lists are read in parts.
type Paging struct {
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"How many at most, 1 to 500." example:"50"`
	After string `query:"after" maxLength:"512" doc:"Go on after what was read: the next of the page before." example:"standup"`
}

// Next is the end of a page.
type Next struct {
	Next string `json:"next,omitempty" doc:"Where to go on: the after of the next page. Absent on the last page." example:"standup"`
}

// cursor names a place in a list that is ordered by time and id.
func cursor(t time.Time, id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(t.UTC().Format(time.RFC3339Nano) + " " + id))
}

// parseCursor undoes cursor.
func parseCursor(s string) (t time.Time, id string, err error) {
	text, err := base64.RawURLEncoding.DecodeString(s)
	when, id, ok := strings.Cut(string(text), " ")
	if err == nil && ok {
		t, err = time.Parse(time.RFC3339Nano, when)
	}
	if err != nil || !ok {
		return t, "", invalid("query.after", "%s is no next of a page", clip(s))
	}
	return t, id, nil
}
