//go:build linux

package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// measurement is a command, and the figures that it prints.
type measurement struct {
	what    string
	command []string
	limit   time.Duration // of its time; 0 is six minutes
	figures []figure

	ordinary bool // it is to run at ordinary priority, whatever this program has
}

// figure is one number of what a command prints.
type figure struct {
	what    string // "" if the measurement has but one
	pattern *regexp.Regexp
	unit    string         // " ms"
	most    float64        // 0 if it is told beside the others, and has no bound
	limit   *regexp.Regexp // tells the bound, where it follows from what else was measured
}

func (m measurement) within() time.Duration {
	if m.limit == 0 {
		return 6 * time.Minute
	}
	return m.limit
}

// rows finds the figures in what the command printed: the last that fits, each.
func (m measurement) rows(text string) (rows string, err error) {
	for _, f := range m.figures {
		v, err := last(f.pattern, text)
		if err != nil {
			return "", fmt.Errorf("%q: %w", strings.Join(m.command, " "), err)
		}
		if f.limit != nil {
			if f.most, err = last(f.limit, text); err != nil {
				return "", fmt.Errorf("%q: %w", strings.Join(m.command, " "), err)
			}
		}
		rows += f.row(m.what, v)
	}
	return rows, nil
}

// last returns the number in the last match.
func last(p *regexp.Regexp, text string) (float64, error) {
	all := p.FindAllStringSubmatch(text, -1)
	if all == nil {
		return 0, fmt.Errorf("nothing like %v was printed", p)
	}
	return strconv.ParseFloat(strings.ReplaceAll(all[len(all)-1][1], ",", ""), 64)
}

// failed are the rows of a measurement that came to nothing.
func (m measurement) failed(why error) (rows string) {
	text := strings.NewReplacer("\n", " ", "|", "/").Replace(why.Error())
	for _, f := range m.figures {
		rows += fmt.Sprintf("| %s | %.200s | %s | **not measured** |\n", f.name(m.what), text, f.bound())
	}
	return rows
}

func (f figure) name(what string) string {
	if f.what != "" {
		what += ": " + f.what
	}
	return what
}

func (f figure) bound() string {
	switch {
	case f.most > 0:
		return fmt.Sprintf("%g%s", f.most, f.unit)
	case f.limit != nil:
		return "follows from the run"
	}
	return "none"
}

func (f figure) row(what string, v float64) string {
	verdict := ""
	switch {
	case f.most > 0 && v <= f.most:
		verdict = "met"
	case f.most > 0:
		verdict = "**missed**"
	}
	return fmt.Sprintf("| %s | %g%s | %s | %s |\n", f.name(what), v, f.unit, f.bound(), verdict)
}

func pattern(s string) *regexp.Regexp { return regexp.MustCompile(s) }

// ratio is what compare cpu ends with.
func ratio(most float64) []figure {
	return []figure{{pattern: pattern(`(?m)^ratio: ([0-9.]+)$`), unit: " × floor", most: most}}
}

func compare(args string) []string { return append([]string{"compare"}, strings.Fields(args)...) }

// measurements are all that have a bound, in the order of the table.
var measurements = []measurement{
	{
		what:    "G.711, one room of 1,000, 3 talk",
		command: compare("cpu -confd ./confd -callers 1000 -joins 300 -for 4s -rounds 5"), figures: ratio(1.4),
	},
	{
		what:    "G.711, 200 rooms of 5, 3 talk",
		command: compare("cpu -confd ./confd -callers 1000 -rooms 200 -joins 300 -for 4s -rounds 5"), figures: ratio(1.4),
	},
	{
		what:    "Opus listeners, one room of 200, 3 talk; the floor decodes talkers only",
		command: compare("cpu -confd ./confd -codec opus -decode talkers -for 4s -rounds 3"), figures: ratio(1.6),
	},
	{
		what:    "Opus listeners, one room of 1,000, 3 talk; the floor decodes talkers only",
		command: compare("cpu -confd ./confd -codec opus -decode talkers -callers 1000 -joins 300 -for 4s -rounds 3"), figures: ratio(1.6),
	},
	{
		what:    "The same with DTX, one room of 200",
		command: compare("cpu -confd ./confd -codec opus -decode talkers -dtx -for 4s -rounds 3"), figures: ratio(1.6),
	},
	{
		what:    "The same with levels (RFC 6464), one room of 200",
		command: compare("cpu -confd ./confd -codec opus -decode talkers -levels -for 4s -rounds 3"), figures: ratio(1.6),
	},
	{
		what:    "Opus talkers, 6 rooms of 5, all talk; the floor is a receive, a decode, an encode and a send for each",
		command: compare("cpu -confd ./confd -codec opus -decode talkers -callers 30 -rooms 6 -talkers 5 -for 5s"), figures: ratio(1.15),
	},
	{
		what:    "Opus, one room of 50, all talk",
		command: compare("cpu -confd ./confd -codec opus -decode talkers -callers 50 -talkers 50 -for 4s -rounds 1"),
		figures: []figure{{pattern: pattern(`(?m)^round .* confd .*; ([0-9.]+) decodes`), unit: " decodes a tick", most: 12}},
	},
	{
		what:    "Lateness of ticks with 80 % of the machine used",
		command: compare("late -confd ./confd -joins 400 -for 6s"), ordinary: true,
		figures: []figure{
			{what: "99th percentile", pattern: pattern(`(?m)^confd: .* 99th percentile ([0-9.]+) ms \(`), unit: " ms", limit: pattern(`(?m)^budget: 99th percentile at most ([0-9.]+) ms`)},
			{what: "99th percentile of a bare sleeping thread", pattern: pattern(`(?m)^confd: .* 99th percentile ([0-9.]+) ms of`), unit: " ms"},
			{what: "used in the last round", pattern: pattern(`all together ([0-9]+) %`), unit: " %"},
			{what: "stolen in the last round", pattern: pattern(` ([0-9.]+) % stolen`), unit: " %"},
		},
	},
	{
		what:    "Added delay, G.711",
		command: compare("delay -confd ./confd -rounds 2"),
		figures: []figure{
			{what: "median", pattern: pattern(`(?m)^confd: added delay median ([0-9.]+) ms`), unit: " ms", most: 12},
			{what: "99th percentile", pattern: pattern(`(?m)^confd: .* 99th percentile ([0-9.]+) ms`), unit: " ms", most: 25},
		},
	},
}
