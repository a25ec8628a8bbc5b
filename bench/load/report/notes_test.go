package report

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// What makes figures doubtful is in every form of the report.
func TestNotesAreTold(t *testing.T) {
	r := &Report{Notes: []string{"the load was late"}}
	for name, write := range map[string]func(io.Writer) error{"text": r.WriteText, "JSON": r.WriteJSON, "page": r.WriteHTML} {
		var b bytes.Buffer
		if err := write(&b); err != nil || strings.Count(b.String(), "the load was late") != 1 {
			t.Errorf("%s: %v: %s", name, err, b.String())
		}
	}
}
