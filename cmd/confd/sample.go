package main

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const sampleHead = `# The configuration of confd: every key, with its default.
#
# Flags come before the environment, the environment before this file, this file before
# the defaults. Each key is also a variable: CONFD_ and its path in capitals, lists parted
# by commas, as in CONFD_SIP_LISTEN=udp:0.0.0.0:5060,tls:0.0.0.0:5061.
# An unknown key is an error. Durations are written 500ms, 20s, 30m.
`

// WriteSample writes c as a documented file that reads back as c, but for secrets.
func WriteSample(w io.Writer, c Config) error {
	var b strings.Builder
	b.WriteString(sampleHead)
	section := ""
	for _, s := range settingsOf(&c) {
		path := strings.Split(s.key, ".")
		indent := strings.Repeat("  ", len(path)-1)
		if dir := strings.Join(path[:len(path)-1], "."); dir != section {
			section = openSection(&b, section, path[:len(path)-1])
		} else if section == "" {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s# %s", indent, s.help)
		if s.flag != "" {
			fmt.Fprintf(&b, " [--%s]", s.flag)
		}
		value, err := s.shown()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n%s%s: %s\n", indent, path[len(path)-1], value)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// openSection writes the headings that part path from the section before, and returns path
// as one.
func openSection(b *strings.Builder, before string, path []string) string {
	for i, name := range path {
		if here := strings.Join(path[:i+1], "."); here != before && !strings.HasPrefix(before, here+".") {
			if i == 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(b, "%s%s:\n", strings.Repeat("  ", i), name)
		}
	}
	if len(path) == 0 {
		b.WriteString("\n")
	}
	return strings.Join(path, ".")
}

// shown is the value as the file has it. In place of a secret there is none, and a remark.
func (s setting) shown() (string, error) {
	if s.secret && !s.value.IsZero() {
		return `"" # it is set, and not printed`, nil
	}
	return yamlValue(s.value)
}

// yamlValue writes v in one line.
func yamlValue(v reflect.Value) (string, error) {
	if d, ok := v.Interface().(time.Duration); ok {
		return shortDuration(d), nil
	}
	var n yaml.Node
	if err := n.Encode(v.Interface()); err != nil {
		return "", err
	}
	if n.Kind == yaml.SequenceNode {
		n.Style = yaml.FlowStyle
	}
	out, err := yaml.Marshal(&n)
	return strings.TrimSpace(string(out)), err
}

// shortDuration is d's String without zeros at its end: 30m for 30m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if cut, ok := strings.CutSuffix(s, "m0s"); ok {
		s = cut + "m"
	}
	if cut, ok := strings.CutSuffix(s, "h0m"); ok {
		s = cut + "h"
	}
	return s
}
