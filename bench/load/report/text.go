package report

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// How many of many are told.
const (
	worstInText = 5
	namedInText = 8
	worstInPage = 25
	namedInPage = 100
)

// WriteText writes a summary for a person at a terminal. It fails only if w does.
func (r *Report) WriteText(w io.Writer) error {
	t := &texter{}
	if r.Options.Callers == 0 && r.Multicast != nil { // nobody called
		t.verdict(&r.Verdict)
		t.notes(r.Notes)
		t.audience(r.Multicast)
		_, err := w.Write(t.b.Bytes())
		return err
	}
	t.printf("%s\n", r.asked())
	if s := r.Options.impaired(); s != "" {
		t.printf("%s\n", s)
	}
	if v := r.Options.Video; v != nil {
		t.printf("%s\n", v.asked())
	}
	t.printf("%s\n\n", r.where())
	t.verdict(&r.Verdict)
	t.notes(r.Notes)
	t.calls(&r.Calls)
	t.quality(r)
	t.video(r)
	t.costs(r)
	t.audience(r.Multicast)
	t.ramp(r.Ramp)
	t.worst(r.Rooms)
	t.worstVideo(r)
	_, err := w.Write(t.b.Bytes())
	return err
}

// asked is what was asked for, in a line.
func (r *Report) asked() string {
	o := &r.Options
	s := fmt.Sprintf("%s in %s of %s, %s each, %s in packets of %s ms, over %s", count(o.Callers, "caller"), count(o.Rooms, "room"),
		clean(o.To), count(o.Talkers, "talker"), clean(o.Codec), short(o.PacketTimeMS), clean(o.Transport))
	if r.Ramp != nil {
		s = "up to " + s
	}
	if o.CallersPerPort > 1 {
		s += fmt.Sprintf(", %d to a port", o.CallersPerPort)
	}
	if o.Continuous {
		s += ", without pauses"
	}
	return s
}

// impaired is what the callers did to what they sent, if they did.
func (o *Options) impaired() string {
	if o.Impairments == nil || o.Impairments.String() == "" {
		return ""
	}
	return "sent with " + o.Impairments.String()
}

// String names the impairments that there are; it is empty if none is.
func (i *Impairments) String() string {
	var words []string
	if i.LossPercent > 0 {
		words = append(words, fmt.Sprintf("%s %% loss in bursts of %s", short(i.LossPercent), short(max(i.BurstPackets, 1))))
	}
	for _, each := range []struct {
		amount     float64
		unit, name string
	}{{i.JitterMS, "ms", "jitter"}, {i.ReorderPercent, "%", "out of order"}, {i.DriftPPM, "ppm", "drift"}} {
		if each.amount > 0 {
			words = append(words, short(each.amount)+" "+each.unit+" "+each.name)
		}
	}
	if i.DTX {
		words = append(words, "DTX")
	}
	return strings.Join(words, ", ")
}

// where is when and on what it ran, in a line.
func (r *Report) where() string {
	return fmt.Sprintf("%s, took %s s, of which %s s count; %s, %s, %.1f %% stolen", r.Began.UTC().Format(time.DateTime+" UTC"),
		short(r.TookSeconds), short(r.Options.ForSeconds), clean(r.Machine.Name), clean(r.Machine.Scheduling), r.Machine.StealPercent)
}

// texter writes the summary.
type texter struct{ b bytes.Buffer }

func (t *texter) printf(format string, args ...any) { fmt.Fprintf(&t.b, format, args...) }

// line writes a name and what is to be told under it.
func (t *texter) line(name, format string, args ...any) {
	t.printf("%-10s%s\n", name, fmt.Sprintf(format, args...))
}

func (t *texter) verdict(v *Verdict) {
	if v.Passed {
		t.printf("PASSED\n\n")
		return
	}
	t.printf("FAILED\n")
	for _, b := range v.Broken {
		t.printf("  %-12s%s\n", b.Bound, clean(b.Text))
	}
	t.printf("\n")
}

// notes are told before the figures that they are about.
func (t *texter) notes(all []string) {
	for _, n := range all {
		t.printf("note: %s\n", clean(n))
	}
	if len(all) > 0 {
		t.printf("\n")
	}
}

func (t *texter) calls(c *Calls) {
	t.line("calls", "%s tried, %s answered, %s running at the end", thousands(c.Tried), thousands(c.Answered), thousands(c.Running))
	if c.FailedInAll() > 0 {
		t.line("", "failed: %s", clean(causes(c.Failed)))
	}
	if len(c.Statuses) > 0 {
		var words []string
		for _, code := range slices.Sorted(maps.Keys(c.Statuses)) {
			words = append(words, fmt.Sprintf("%s × %s", thousands(c.Statuses[code]), clean(code)))
		}
		t.line("", "responses: %s", strings.Join(words, ", "))
	}
	t.line("setup", "%s", c.SetupMS.words("calls"))
}

// words tells quantiles of times.
func (q *Quantiles) words(of string) string {
	if q.N == 0 {
		return "not measured"
	}
	return fmt.Sprintf("p50 %s ms   p90 %s ms   p99 %s ms   max %s ms   (%s %s)", short(q.P50), short(q.P90), short(q.P99), short(q.Max), thousands(q.N), of)
}

func (t *texter) quality(r *Report) {
	q := &r.Total
	t.line("media", "%s; %s", q.Media.words(), q.Media.jitter())
	t.line("delay", "%s", q.DelayMS.words("measurements, mouth to ear"))
	t.line("heard", "%s", q.Heard.words())
	for _, each := range r.people() {
		t.line("", "%s", each)
	}
	t.line("verified", "%s", q.Verified.words())
	t.line("sound", "%s", q.Sound.words())
	if q.MOS == nil {
		t.line("MOS", "nobody could be rated")
	} else {
		t.line("MOS", "min %.2f   p10 %.2f   median %.2f", q.MOS.Min, q.MOS.P10, q.MOS.Median)
	}
}

// sent words how many packets left.
func sent(n, withheld int) string {
	text := thousands(n) + " sent"
	if withheld > 0 {
		text += fmt.Sprintf(" and %s kept back on purpose", thousands(withheld))
	}
	return text
}

func (m *Media) words() string {
	return fmt.Sprintf("%s, %s received, %s lost (%s), %s reordered, %s duplicated", sent(m.Sent, m.Withheld), thousands(m.Received),
		thousands(m.Lost), percent(m.LossPercent), thousands(m.Reordered), thousands(m.Duplicated))
}

func (m *Media) jitter() string {
	return fmt.Sprintf("jitter mean %s ms, max %s ms", short(m.JitterMeanMS), short(m.JitterMaxMS))
}

func (v *Verified) words() string {
	return fmt.Sprintf("%s by sound, %s by payload, %s not", thousands(v.BySound), thousands(v.ByPayload), thousands(v.Not))
}

func (s *Sound) words() string {
	return fmt.Sprintf("%s, %s, %s, %s, %s%s", count(s.Gaps, "gap"), count(s.Clicks, "click"), count(s.Jumps, "jump"),
		count(s.Clipped, "clipped beginning"), count(s.OffLevel, "wrong level"), s.Level.words())
}

func (h *Heard) words() string {
	return fmt.Sprintf("%s of %s talk spurts%s", thousands(h.Heard), thousands(h.Expected), h.crowds())
}

func (h *Heard) crowds() string {
	if h.Crowded == 0 {
		return ""
	}
	return fmt.Sprintf("; %s of %s in crowds", thousands(h.CrowdHeard), thousands(h.Crowded))
}

func (l *Level) words() string {
	if l.N == 0 {
		return ""
	}
	return fmt.Sprintf("; level mean %+.1f dB, %+.1f to %+.1f dB", l.MeanDB, l.MinDB, l.MaxDB)
}

// people says who did not hear or was not heard as it should be, kind by kind.
func (r *Report) people() (lines []string) {
	h := &r.Total.Heard
	for _, kind := range []struct {
		n                    int
		thing, what, trouble string
		times                int // 0 if it is no matter of times
	}{
		{h.UnheardCallers, "talker", "never heard by anyone", Unheard, 0},
		{h.DeafCallers, "caller", "without any media", Deaf, 0},
		{h.OwnCallers, "caller", "heard their own voice", OwnVoice, h.Own},
		{h.UnexpectedCallers, "caller", "heard somebody whom they should not", Unexpected, h.Unexpected},
	} {
		if kind.n == 0 {
			continue
		}
		line := count(kind.n, kind.thing) + " " + kind.what
		if kind.times > 0 {
			line += fmt.Sprintf(" (%s)", count(kind.times, "time"))
		}
		lines = append(lines, line+r.named(kind.trouble))
	}
	return lines
}

// named names the first callers with a trouble.
func (r *Report) named(trouble string) string {
	var names []string
	for i := range r.Troubled {
		c := &r.Troubled[i]
		if !slices.Contains(c.Trouble, trouble) {
			continue
		}
		if len(names) == namedInText {
			names = append(names, "…")
			break
		}
		names = append(names, fmt.Sprintf("%d in %s", c.Number, clean(c.Room)))
	}
	if len(names) == 0 {
		return ""
	}
	return ": " + strings.Join(names, ", ")
}

func (t *texter) costs(r *Report) {
	if s := r.Server; s != nil {
		t.line("server", "%s", s.words())
	}
	t.line("load", "%s", r.Load.words())
}

func (s *Self) words() string {
	return fmt.Sprintf("%s %% of a core, %s, %s ms late (p99)", short(s.CPUPercent), count(s.Threads, "thread"), short(s.LateP99MS))
}

func (s *Server) words() string {
	words := fmt.Sprintf("%s %% of a core (%s %% per caller), %s (%s per caller)", short(s.CPUPercent), short(s.CPUPercentPerCaller),
		memory(s.RSSBytes), memory(s.RSSBytesPerCaller))
	if s.Threads > 0 {
		words += ", " + count(s.Threads, "thread")
	}
	return words + "; " + clean(s.Source)
}

// memory writes bytes in KB or MB of 1024.
func memory(bytes int64) string {
	if kb := float64(bytes) / 1024; kb < 1024 {
		return short(kb) + " KB"
	}
	return short(float64(bytes)/(1<<20)) + " MB"
}
