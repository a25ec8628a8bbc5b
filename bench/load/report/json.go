package report

import (
	"encoding/json"
	"io"
)

// WriteJSON writes the report as one indented object, lists that are empty as such. It fails
// only if w does, or if a figure is not finite.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r.filled())
}

// filled returns the report with its schema, and nothing missing that is a list.
func (r *Report) filled() *Report {
	f := *r
	f.Schema = Schema
	fill(&f.Rooms)
	fill(&f.Troubled)
	fill(&f.Timeline)
	fill(&f.Verdict.Broken)
	if f.Calls.Failed == nil {
		f.Calls.Failed = map[string]int{}
	}
	if f.Calls.Statuses == nil {
		f.Calls.Statuses = map[string]int{}
	}
	return &f
}

func fill[T any](list *[]T) {
	if *list == nil {
		*list = []T{}
	}
}
