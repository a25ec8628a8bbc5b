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
	limit   time.Duration // of its time; 0 is three minutes
	figures []figure
}

// figure is one number of what a command prints.
type figure struct {
	what    string // "" if the measurement has but one
	pattern *regexp.Regexp
	unit    string // " ms"
	most    float64
	show    string // the bound, where a number says too little
}

func (m measurement) within() time.Duration {
	if m.limit == 0 {
		return 3 * time.Minute
	}
	return m.limit
}

// rows finds the figures in what the command printed: the last that fits, each.
func (m measurement) rows(text string) (rows string, err error) {
	for _, f := range m.figures {
		all := f.pattern.FindAllStringSubmatch(text, -1)
		if all == nil {
			return "", fmt.Errorf("%q printed nothing like %v", strings.Join(m.command, " "), f.pattern)
		}
		v, err := strconv.ParseFloat(strings.ReplaceAll(all[len(all)-1][1], ",", ""), 64)
		if err != nil {
			return "", err
		}
		rows += f.row(m.what, v)
	}
	return rows, nil
}

func (f figure) row(what string, v float64) string {
	if f.what != "" {
		what += ": " + f.what
	}
	verdict := "met"
	if v > f.most {
		verdict = "**missed**"
	}
	bound := f.show
	if bound == "" {
		bound = fmt.Sprintf("%g%s", f.most, f.unit)
	}
	return fmt.Sprintf("| %s | %g%s | %s | %s |\n", what, v, f.unit, bound, verdict)
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
		command: compare("cpu -confd ./confd -callers 1000 -joins 300 -for 4s -rounds 2"), figures: ratio(1.4),
	},
	{
		what:    "G.711, 200 rooms of 5, 3 talk",
		command: compare("cpu -confd ./confd -callers 1000 -rooms 200 -joins 300 -for 4s -rounds 2"), figures: ratio(1.4),
	},
	{
		what:    "Opus listeners, one room of 200, 3 talk; the floor decodes talkers only",
		command: compare("cpu -confd ./confd -codec opus -decode talkers -for 4s -rounds 2"), figures: ratio(1.6),
	},
	{
		what:    "Opus listeners, one room of 1,000, 3 talk; the floor decodes talkers only",
		command: compare("cpu -confd ./confd -codec opus -decode talkers -callers 1000 -joins 300 -for 4s -rounds 2"), figures: ratio(1.6),
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
