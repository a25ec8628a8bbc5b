package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/confd/confd/bench/plot"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var page = template.Must(template.New("page").Parse(pageText))

// view is what the page shows.
type view struct {
	Title, Asked, Impaired, Where string
	Style                         template.CSS
	Verdict                       Verdict
	Notes                         []string
	Tiles                         []tile
	Plots                         []template.HTML
	Ramp                          *table
	Calls, Rooms, Video           *table
	Troubled, Details             *table
}

// tile is one figure that matters, with what explains it.
type tile struct{ Name, Figure, Note string }

// table has a heading, rows, and a note under it.
type table struct {
	Title, Note string
	Head        []string
	Rows        [][]string
}

// WriteHTML writes the report as one page that needs nothing else: no script, no file, no
// network. It is well-formed XML, too. It fails only if w does.
func (r *Report) WriteHTML(w io.Writer) error {
	v := view{
		Title: "Load on " + clean(r.Options.To), Asked: r.askedInAll(), Impaired: r.Options.impaired(), Where: r.where(), Style: template.CSS(plot.Style + pageStyle),
		Verdict: Verdict{Passed: r.Verdict.Passed}, Tiles: r.tiles(), Plots: r.plots(),
		Ramp: r.Ramp.table(), Calls: r.Calls.table(), Rooms: r.roomTable(), Video: r.videoTable(), Troubled: r.troubledTable(), Details: r.details(),
	}
	for _, b := range r.Verdict.Broken {
		v.Verdict.Broken = append(v.Verdict.Broken, Breach{clean(b.Bound), clean(b.Text)})
	}
	for _, n := range r.Notes {
		v.Notes = append(v.Notes, clean(n))
	}
	return page.Execute(w, v)
}

// askedInAll is what was asked for, video too.
func (r *Report) askedInAll() string {
	if v := r.Options.Video; v != nil {
		return r.asked() + "; " + v.asked()
	}
	return r.asked()
}

func (r *Report) tiles() []tile {
	c, q := &r.Calls, &r.Total
	tiles := []tile{
		{"Calls", thousands(c.Answered), fmt.Sprintf("answered of %s tried; %s running at the end", thousands(c.Tried), thousands(c.Running))},
		ifMeasured(q.DelayMS.N, tile{"Delay", short(q.DelayMS.P50) + " ms", fmt.Sprintf("median, mouth to ear; p99 %s ms, max %s ms", short(q.DelayMS.P99), short(q.DelayMS.Max))}),
		ifMeasured(q.Media.Received+q.Media.Lost, tile{"Loss", percent(q.Media.LossPercent), fmt.Sprintf("%s of %s packets", thousands(q.Media.Lost), thousands(q.Media.Lost+q.Media.Received))}),
		ifMeasured(q.Heard.Expected, tile{"Heard", thousands(q.Heard.Heard), fmt.Sprintf("of %s talk spurts; %s concerned", thousands(q.Heard.Expected), count(q.Heard.people(), "caller"))}),
		{"MOS", "–", "nobody could be rated"},
		ifMeasured(c.SetupMS.N, tile{"Setup", short(c.SetupMS.P50) + " ms", fmt.Sprintf("median, INVITE to 200; p99 %s ms", short(c.SetupMS.P99))}),
	}
	if m := q.MOS; m != nil {
		tiles[4] = tile{"MOS", fmt.Sprintf("%.2f", m.Min), fmt.Sprintf("of who is worst off; median %.2f (E-model, at most 4.4)", m.Median)}
	}
	tiles = append(tiles, r.Video.tiles()...)
	if s := r.Server; s != nil {
		tiles = append(tiles, tile{"Server", short(s.CPUPercentPerCaller) + " %", fmt.Sprintf("of a core per caller; %s memory per caller", memory(s.RSSBytesPerCaller))})
	}
	if r.Ramp != nil {
		tiles = append(tiles, tile{"Capacity", thousands(r.Ramp.Capacity), strings.TrimPrefix(r.Ramp.words(), "capacity: ")})
	}
	return tiles
}

func ifMeasured(n int, t tile) tile {
	if n == 0 {
		t.Figure, t.Note = "–", "not measured"
	}
	return t
}

func (r *Ramp) table() *table {
	if r == nil {
		return nil
	}
	t := &table{Title: "Ramp", Note: r.words(),
		Head: []string{"Callers", "Loss", "Delay p50", "Delay p99", "Least MOS", "Server CPU", "Server memory", "Load late", "Broken"}}
	for i := range r.Steps {
		t.Rows = append(t.Rows, r.Steps[i].row())
	}
	return t
}

func (c *Calls) table() *table {
	t := &table{Title: "Calls that failed", Head: []string{"Cause", "Calls"}}
	for _, cause := range slices.Sorted(maps.Keys(c.Failed)) {
		t.Rows = append(t.Rows, []string{clean(cause), thousands(c.Failed[cause])})
	}
	for _, code := range slices.Sorted(maps.Keys(c.Statuses)) {
		t.Rows = append(t.Rows, []string{"final response " + clean(code), thousands(c.Statuses[code])})
	}
	if c.FailedInAll() == 0 {
		t.Title = "Calls"
	}
	return t.orNil()
}

func (t *table) orNil() *table {
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}

func (r *Report) roomTable() *table {
	t := &table{Title: "Rooms, the worst first", Head: []string{"Room", "Callers", "Loss", "Delay p50", "Delay p99", "Heard", "People", "Faults", "MOS"},
		Note: "People were unheard or deaf, or heard themselves or strangers. Faults are gaps, clicks, jumps, clipped beginnings and wrong levels. MOS is of who is worst off."}
	for _, room := range worstRooms(r.Rooms, worstInPage) {
		t.Rows = append(t.Rows, room.row())
	}
	if more := len(r.Rooms) - len(t.Rows); more > 0 {
		t.Note = count(more, "room") + " no worse. " + t.Note
	}
	return t.orNil()
}

func (r *Report) troubledTable() *table {
	t := &table{Title: "Callers in trouble", Head: []string{"Caller", "Room", "Seat", "Speaks", "What"}}
	for i := range r.Troubled[:min(len(r.Troubled), namedInPage)] {
		c := &r.Troubled[i]
		speaks := "no"
		if c.Talker {
			speaks = "yes"
		}
		t.Rows = append(t.Rows, []string{fmt.Sprint(c.Number), clean(c.Room), fmt.Sprint(c.Seat), speaks, clean(strings.Join(c.Trouble, ", "))})
	}
	if more := len(r.Troubled) - len(t.Rows); more > 0 {
		t.Note = "and " + count(more, "caller") + " more; the JSON has them all"
	}
	return t.orNil()
}

// details are the figures that no tile has.
func (r *Report) details() *table {
	q := &r.Total
	t := &table{Title: "Details", Rows: [][]string{
		{"Delay", q.DelayMS.words("measurements")}, {"Setup", r.Calls.SetupMS.words("calls")},
		{"Packets", q.Media.words()}, {"Jitter", strings.TrimPrefix(q.Media.jitter(), "jitter ")}, {"Heard", q.Heard.words()},
		{"Callers verified", q.Verified.words()}, {"Sound", q.Sound.words()},
	}}
	if r.Video != nil {
		for _, l := range r.Video.lines() {
			t.Rows = append(t.Rows, []string{strings.ToUpper(l[0][:1]) + l[0][1:], l[1]})
		}
	}
	if r.Server != nil {
		t.Rows = append(t.Rows, []string{"Server", r.Server.words()})
	}
	t.Rows = append(t.Rows, []string{"Load", r.Load.words()})
	return t
}
