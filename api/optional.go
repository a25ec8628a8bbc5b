package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// optional is a field of a merge patch (RFC 7396): left out it changes nothing, null resets
// it to its default, which is the zero value.
type optional[T any] struct {
	set   bool
	null  bool
	value T
}

// UnmarshalJSON notes that the field is there.
func (o *optional[T]) UnmarshalJSON(text []byte) error {
	*o = optional[T]{set: true}
	if bytes.Equal(bytes.TrimSpace(text), []byte("null")) {
		o.null = true
		return nil
	}
	return json.Unmarshal(text, &o.value)
}

// Schema is that of the value, or null.
func (o optional[T]) Schema(r huma.Registry) *huma.Schema {
	of := reflect.TypeFor[T]()
	s := *r.Schema(of, false, "")
	s.Nullable = true
	if of.Kind() == reflect.Struct { // written out here, as a reference cannot be null; clients have it under its name
		s.Extensions = map[string]any{"x-go-type": of.Name()}
	}
	return &s
}

// to changes what the field stands for.
func (o optional[T]) to(field *T) {
	if o.set {
		*field = o.value
	}
}

// toDuration changes a duration that JSON has in seconds.
func toDuration(o optional[float64], field *time.Duration) {
	if o.set {
		*field = duration(o.value)
	}
}

// toList changes a list of which null is no restriction.
func toList(o optional[[]string], field **[]string) {
	switch {
	case !o.set:
	case o.null:
		*field = nil
	default:
		*field = &o.value
	}
}

// seconds is how JSON has durations.
func seconds(d time.Duration) float64 { return d.Seconds() }

// duration is what seconds are, to the nanosecond; callers have bounded them.
func duration(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// object is a free-form JSON object.
type object json.RawMessage

// MarshalJSON writes {} for nothing.
func (o object) MarshalJSON() ([]byte, error) {
	if len(o) == 0 {
		return []byte("{}"), nil
	}
	return o, nil
}

// UnmarshalJSON keeps the text.
func (o *object) UnmarshalJSON(text []byte) error {
	*o = bytes.Clone(text)
	return nil
}

// Schema is any object.
func (o object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// instant is a time that may be missing.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
