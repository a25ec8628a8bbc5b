package report

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

func (t *texter) ramp(r *Ramp) {
	if r == nil {
		return
	}
	rows := [][]string{{"CALLERS", "LOSS", "DELAY P50", "DELAY P99", "MOS", "SERVER CPU", "SERVER MEMORY", "LATE", "BROKEN"}}
	for i := range r.Steps {
		rows = append(rows, r.Steps[i].row())
	}
	t.printf("\n")
	t.table("ramp", rows)
	t.line("", "%s", r.words())
}

func (s *Step) row() []string {
	return []string{thousands(s.Callers), percent(s.LossPercent), short(s.DelayP50MS) + " ms", short(s.DelayP99MS) + " ms", fmt.Sprintf("%.2f", s.MinMOS),
		short(s.ServerCPUPercent) + " %", memory(s.ServerRSSBytes), short(s.LateP99MS) + " ms", clean(strings.Join(s.Broken, " "))}
}

// words tells the capacity.
func (r *Ramp) words() string {
	switch {
	case r.Bound == "" && r.Capacity > 0:
		return fmt.Sprintf("capacity: %s or more; nothing broke", count(r.Capacity, "caller"))
	case r.Bound == "":
		return "capacity: unknown"
	}
	return fmt.Sprintf("capacity: %s; with more %s broke", count(r.Capacity, "caller"), clean(r.Bound))
}

func (t *texter) worst(rooms []Room) {
	if len(rooms) < 2 {
		return
	}
	rows := [][]string{roomHead}
	for _, r := range worstRooms(rooms, worstInText) {
		rows = append(rows, r.row())
	}
	t.printf("\n")
	t.table("worst", rows)
	if more := len(rooms) - worstInText; more > 0 {
		t.line("", "%s no worse", count(more, "room"))
	}
}

var roomHead = []string{"ROOM", "CALLERS", "LOSS", "DELAY P50", "DELAY P99", "HEARD", "PEOPLE", "FAULTS", "MOS"}

// row tells a room. People are those who were unheard or deaf, or heard themselves or
// strangers; faults are gaps, clicks, jumps and the like.
func (r *Room) row() []string {
	score := "-"
	if r.MOS != nil {
		score = fmt.Sprintf("%.2f", r.MOS.Min)
	}
	delays := []string{"-", "-"}
	if r.DelayMS.N > 0 {
		delays = []string{short(r.DelayMS.P50) + " ms", short(r.DelayMS.P99) + " ms"}
	}
	return []string{clean(r.Name), thousands(r.Callers), percent(r.Media.LossPercent), delays[0], delays[1],
		fmt.Sprintf("%s of %s", thousands(r.Heard.Heard), thousands(r.Heard.Expected)), thousands(r.Heard.people()), thousands(r.Sound.faults()), score}
}

func (h *Heard) people() int {
	return h.DeafCallers + h.UnheardCallers + h.OwnCallers + h.UnexpectedCallers
}

func (s *Sound) faults() int { return s.Gaps + s.Clicks + s.Jumps + s.Clipped + s.OffLevel }

// worstRooms returns the n worst: by people, by what was missed, by faults, loss and delay.
func worstRooms(rooms []Room, n int) []Room {
	sorted := slices.SortedStableFunc(slices.Values(rooms), func(a, b Room) int {
		return cmp.Or(cmp.Compare(b.Heard.people(), a.Heard.people()), cmp.Compare(b.Heard.Missed, a.Heard.Missed),
			cmp.Compare(b.Sound.faults(), a.Sound.faults()), cmp.Compare(b.Media.LossPercent, a.Media.LossPercent),
			cmp.Compare(b.DelayMS.P99, a.DelayMS.P99))
	})
	return sorted[:min(n, len(sorted))]
}

// table writes rows in columns, the first row as their heads.
func (t *texter) table(name string, rows [][]string) {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 1, 2, ' ', 0)
	for i, row := range rows {
		if i > 0 {
			name = ""
		}
		fmt.Fprintf(w, "%-10s%s\n", name, strings.Join(row, "\t"))
	}
	_ = w.Flush() // into memory
	for line := range strings.Lines(b.String()) {
		t.b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}
