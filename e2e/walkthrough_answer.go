package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
)

// ellipsis stands, on a page, for what is left out: a value, the end of a text, of an object
// or of a list.
const ellipsis = "…"

// sameAnswer tells how the last JSON value of out differs from what a page shows: in a field
// that one has and not the other, or in a value that is not of the moment.
func sameAnswer(shown, out string) error {
	var want, got any
	if err := json.Unmarshal([]byte(quoteEllipses(shown)), &want); err != nil {
		return fmt.Errorf("what the page shows is no JSON: %w", err)
	}
	read := json.NewDecoder(strings.NewReader(out))
	for n := 0; ; n++ {
		err := read.Decode(&got)
		if errors.Is(err, io.EOF) && n > 0 {
			break
		}
		if err != nil {
			return fmt.Errorf("there is no JSON in answer: %w:\n%s", err, out)
		}
	}
	if err := alike("", want, got); err != nil {
		return fmt.Errorf("%w; the page shows\n%sand the answer is\n%s", err, shown, out)
	}
	return nil
}

// quoteEllipses makes JSON of what a page shows: an ellipsis outside of quotes becomes a
// text, or a member of that name.
func quoteEllipses(shown string) string {
	var b strings.Builder
	for i, part := range strings.Split(shown, `"`) { // no text of a page has a quote in it
		if i > 0 {
			b.WriteByte('"')
		}
		for i%2 == 0 && strings.Contains(part, ellipsis) {
			before, after, _ := strings.Cut(part, ellipsis)
			b.WriteString(before)
			b.WriteString(`"` + ellipsis + `"`)
			if !strings.HasSuffix(strings.TrimSpace(before), ":") && strings.HasPrefix(strings.TrimSpace(after), "}") {
				b.WriteString(`:""`)
			}
			part = after
		}
		b.WriteString(part)
	}
	return b.String()
}

func alike(path string, want, got any) error {
	if want == ellipsis {
		return nil
	}
	ok := false
	switch w := want.(type) {
	case map[string]any:
		g, isObject := got.(map[string]any)
		if isObject {
			return alikeObjects(path, w, g)
		}
	case []any:
		g, isList := got.([]any)
		if isList {
			return alikeLists(path, w, g)
		}
	case string:
		g, isText := got.(string)
		ok = isText && (regexp.MustCompile("^"+pattern(w)+"$").MatchString(g) || ofTheMoment(w, g))
	case float64:
		g, isNumber := got.(float64)
		ok = isNumber && (w == g || isMeasured(path, w) || w > 1e15 && g > 1e15)
	default: // true, false, null
		ok = want == got
	}
	if !ok {
		return fmt.Errorf("%s is %v on the page, and %v", path, want, got)
	}
	return nil
}

func alikeObjects(path string, want, got map[string]any) error {
	_, isPart := want[ellipsis]
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if name == ellipsis {
			continue
		}
		v, ok := got[name]
		if !ok {
			return fmt.Errorf("the answer has no %s.%s, which the page shows", path, name)
		}
		if err := alike(path+"."+name, want[name], v); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok && !isPart {
			return fmt.Errorf("the page does not show %s.%s, which the answer has", path, name)
		}
	}
	return nil
}

func alikeLists(path string, want, got []any) error {
	isPart := len(want) > 0 && want[len(want)-1] == ellipsis
	if isPart {
		want = want[:len(want)-1]
	}
	if len(got) < len(want) || len(got) > len(want) && !isPart {
		return fmt.Errorf("%s has %d entries on the page, and %d", path, len(want), len(got))
	}
	for i := range want {
		if err := alike(fmt.Sprintf("%s[%d]", path, i), want[i], got[i]); err != nil {
			return err
		}
	}
	return nil
}

// isMeasured tells of numbers that are never the same: figures of media, and what has a
// fraction.
func isMeasured(path string, n float64) bool {
	return strings.Contains(path, ".stats.") || n != math.Trunc(n)
}

// moment is texts that are never the same: ids and times.
var moment = []*regexp.Regexp{
	regexp.MustCompile(`^[0-9a-z]{18}$`),
	regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`),
}

func ofTheMoment(want, got string) bool {
	return slices.ContainsFunc(moment, func(r *regexp.Regexp) bool { return r.MatchString(want) && r.MatchString(got) })
}

// sometimes comes or not: a phone that answers at once need not be heard to ring, as 180 and
// 200 overtake each other.
const sometimes = "participant.ringing"

// sameText tells how the last words of out differ from what a page shows. Lines may break
// elsewhere.
func sameText(shown, out string) error {
	always := func(s string) string {
		return strings.Join(slices.DeleteFunc(strings.Fields(s), func(w string) bool { return w == sometimes }), " ")
	}
	if !regexp.MustCompile("(^| )" + pattern(always(shown)) + "$").MatchString(always(out)) {
		return fmt.Errorf("the page shows\n%sand there is\n%s", shown, out)
	}
	return nil
}

// pattern is a regular expression for what a page shows.
func pattern(shown string) string {
	return strings.ReplaceAll(regexp.QuoteMeta(shown), ellipsis, ".*")
}
