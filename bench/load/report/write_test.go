package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/confd/confd/internal/testkit/golden"
)

func written(t testing.TB, write func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestText(t *testing.T) {
	for name, r := range samples() {
		text := written(t, r.WriteText)
		if strings.ContainsAny(string(text), "\x1b\u202e\t") {
			t.Errorf("%s: what a terminal obeys is in %q", name, text)
		}
		golden.Check(t, filepath.Join("testdata", name+".txt"), text)
	}
}

// The JSON of one is kept; all of them mean the same when they are read again.
func TestJSON(t *testing.T) {
	for name, r := range samples() {
		text := written(t, r.WriteJSON)
		var again Report
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&again); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if again.Schema != Schema || !bytes.Equal(written(t, again.WriteJSON), text) {
			t.Errorf("%s: schema %d, or else when written again", name, again.Schema)
		}
		if bytes.Contains(text, []byte("null")) {
			t.Errorf("%s: null is in the JSON", name)
		}
	}
	one := samples()["failed"]
	one.Rooms, one.Timeline, one.Troubled = one.Rooms[7:8], one.Timeline[50:51], one.Troubled[10:]
	one.Ramp = &Ramp{Steps: []Step{{Callers: 10, Broken: []string{BoundLoss}}}, Bound: BoundLoss}
	one.Server = samples()["one"].Server
	golden.Check(t, filepath.Join("testdata", "failed.json"), written(t, one.WriteJSON))
}

// parse reads a page strictly and returns its text and how many of each element it has.
func parse(t testing.TB, page []byte) (text string, n map[string]int) {
	t.Helper()
	var b strings.Builder
	n = map[string]int{}
	for d := xml.NewDecoder(bytes.NewReader(page)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return b.String(), n
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, page)
		}
		switch e := token.(type) {
		case xml.StartElement:
			n[e.Name.Local]++
			for _, a := range e.Attr {
				if name := a.Name.Local; name == "src" || name == "href" || strings.HasPrefix(name, "on") {
					t.Errorf("%s has %s=%q", e.Name.Local, name, a.Value)
				}
			}
		case xml.CharData:
			b.Write(e)
		}
	}
}

// Every page is well-formed, whole, and free of what names might bring in.
func TestHTML(t *testing.T) {
	for name, r := range samples() {
		page := written(t, r.WriteHTML)
		text, n := parse(t, page)
		if n["script"] != 0 || n["link"] != 0 || n["img"] != 0 || strings.Contains(text, "url(") || strings.Contains(text, "@import") {
			t.Errorf("%s: scripts or files of elsewhere: %v", name, n)
		}
		wantPlots := map[string]int{"one": 6, "many": 9, "failed": 7, "empty": 0, "video": 10}[name]
		if n["svg"] != wantPlots || n["h1"] != 1 || n["style"] != 1 {
			t.Errorf("%s: %d plots, want %d", name, n["svg"], wantPlots)
		}
		if strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, "ZgotmplZ") {
			t.Errorf("%s: unclean", name)
		}
		if len(page) > 1<<20 {
			t.Errorf("%s: %d bytes", name, len(page))
		}
	}
	text, _ := parse(t, written(t, samples()["failed"].WriteHTML))
	for _, want := range []string{"failed", "sip:<script>alert(1)</script>?[31m@?example", "23 of 120 calls failed: 12 busy, 7 no-answer, 4 dropped", `load-"&'`, "own-voice, unexpected"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("sip:a@b", "room", "cause")
	f.Add("<!--", "]]>", "\xff\x00")
	f.Fuzz(func(t *testing.T, to, room, cause string) {
		r := failedSample()
		r.Options.To, r.Options.Codec, r.Machine.Name, r.Rooms[0].Name = to, to, room, room
		r.Calls.Failed[cause], r.Calls.Statuses[cause], r.Troubled[0].Trouble[0] = 1, 1, cause
		r.Verdict = r.Options.Bounds.Judge(r)
		parse(t, written(t, r.WriteHTML))
		if text := written(t, r.WriteText); bytes.ContainsAny(text, "\x00\x1b\a\u009b\u202e") {
			t.Errorf("what a terminal obeys is in %q", text)
		}
	})
}

// What the worst is, is decided by people first and by delay last.
func TestWorstRooms(t *testing.T) {
	rooms := make([]Room, 6)
	for i, change := range []func(*Room){
		func(*Room) {}, func(r *Room) { r.DelayMS.P99 = 9 }, func(r *Room) { r.Media.LossPercent = 1 },
		func(r *Room) { r.Sound.Clicks = 1 }, func(r *Room) { r.Heard.Missed = 1 }, func(r *Room) { r.Heard.OwnCallers = 1 },
	} {
		rooms[i].Name = string(rune('a' + i))
		change(&rooms[i])
	}
	got := ""
	for _, r := range worstRooms(rooms, 5) {
		got += r.Name
	}
	if got != "fedcb" || rooms[0].Name != "a" {
		t.Errorf("the worst are %q, want fedcb; the first now %q", got, rooms[0].Name)
	}
}
