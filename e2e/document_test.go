package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"testing"
)

// TestClientIsOfThisDocument: the client that drives these tests, and that others use, is
// generated from the document that the program serves, with all of its parts.
func TestClientIsOfThisDocument(t *testing.T) {
	t.Parallel()
	c := startConfd(t, host(), serverOptions{env: []string{"CONFD_SOUNDS_FOLDER=" + t.TempDir()}})
	served, err := c.get("/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	noted, err := os.ReadFile("../client/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var is, was any
	for text, to := range map[string]*any{served: &is, string(noted): &was} {
		if err := json.Unmarshal([]byte(text), to); err != nil {
			t.Fatal(err)
		}
		delete((*to).(map[string]any)["info"].(map[string]any), "version") // of the build
	}
	for _, change := range differences("", was, is) {
		t.Errorf("%s; make generate makes the client anew", change)
	}
}

// differences tells where two JSON values differ.
func differences(where string, was, is any) (all []string) {
	a, ok := was.(map[string]any)
	b, too := is.(map[string]any)
	if !ok || !too {
		if !reflect.DeepEqual(was, is) {
			all = append(all, fmt.Sprintf("%s was %v and is %v", where, was, is))
		}
		return all
	}
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		all = append(all, differences(where+"/"+name, a[name], b[name])...)
	}
	return all
}

func TestDifferences(t *testing.T) {
	for _, x := range []struct {
		was, is string
		want    int
	}{
		{`{"a":{"b":1,"c":[1,2]}}`, `{"a":{"c":[1,2],"b":1}}`, 0},
		{`{"a":{"b":1}}`, `{"a":{"b":2,"c":1}}`, 2},
		{`{"a":{"b":1}}`, `{"a":[]}`, 1},
		{`{"a":[1,2]}`, `{"a":[2,1]}`, 1},
		{`{"a":1}`, `{}`, 1},
	} {
		var was, is any
		if json.Unmarshal([]byte(x.was), &was) != nil || json.Unmarshal([]byte(x.is), &is) != nil {
			t.Fatal("no JSON")
		}
		if got := differences("", was, is); len(got) != x.want {
			t.Errorf("%s and %s: %q", x.was, x.is, got)
		}
	}
}
