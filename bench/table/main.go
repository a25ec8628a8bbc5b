//go:build linux

// Table makes the table of bench/README.md: it runs every measurement that has a bound, one
// after the other, and prints what each gave beside what it may be.
//
//	table [-programs FOLDER] [-only WORD] [-into FILE]
//
// The folder holds confd and compare; bench/README.md says how they are built. What the
// programs print goes to the standard error, the table to the standard output, or between
// its marks in FILE.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/confd/confd/bench/measure"
)

func main() {
	measure.Program("table", func(ctx context.Context, args []string, out io.Writer) error {
		return run(ctx, args, out, os.Stderr)
	})
}

type options struct{ programs, only, into string }

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	var o options
	f := flag.NewFlagSet("table", flag.ContinueOnError)
	f.StringVar(&o.programs, "programs", ".", "`folder` with confd and compare")
	f.StringVar(&o.only, "only", "", "measure only what has this `word` in its name")
	f.StringVar(&o.into, "into", "", "`file` that has the table between its marks")
	if err := f.Parse(args); err != nil {
		return err
	}
	table := header()
	var failed error
	for _, m := range measurements {
		if !strings.Contains(m.what, o.only) {
			continue
		}
		fmt.Fprintf(progress, "\n== %s\n", m.what)
		rows, err := o.rows(ctx, m, progress)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil { // the others are worth having
			failed = errors.Join(failed, fmt.Errorf("%s: %w", m.what, err))
			rows = m.failed(err)
		}
		table += rows
	}
	if o.into != "" {
		return errors.Join(failed, replace(o.into, table))
	}
	_, err := io.WriteString(out, table)
	return errors.Join(failed, err)
}

// rows measures, and returns the lines of the table that came of it.
func (o options) rows(ctx context.Context, m measurement, progress io.Writer) (string, error) {
	text, err := o.measure(ctx, m, progress)
	if err != nil {
		return "", err
	}
	return m.rows(text)
}

// header names the machine and the time, since the figures are theirs.
func header() string {
	return fmt.Sprintf("%s; %s; %s.\n\n| what | measured | bound | |\n|---|---|---|---|\n",
		measure.Machine(), measure.Scheduling(), time.Now().UTC().Format(time.DateOnly))
}

// measure runs a measurement's command and returns what it printed.
func (o options) measure(ctx context.Context, m measurement, progress io.Writer) (string, error) {
	programs, err := filepath.Abs(o.programs)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, m.within())
	defer cancel()
	var text bytes.Buffer
	command := append([]string{filepath.Join(programs, m.command[0])}, m.command[1:]...)
	if m.ordinary {
		command = append([]string{"chrt", "--other", "0"}, command...)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = programs
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&text, progress), progress
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(m.command, " "), err)
	}
	return text.String(), nil
}

// Marks between which a file has the table.
const (
	tableBegins = "<!-- table -->\n"
	tableEnds   = "<!-- end of the table -->\n"
)

// replace puts the table between the marks of a file.
func replace(file, table string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(text), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		return fmt.Errorf("%s has no place for the table: want %q, and %q behind it", file, strings.TrimSpace(tableBegins), strings.TrimSpace(tableEnds))
	}
	return os.WriteFile(file, []byte(before+tableBegins+table+tableEnds+after), 0o644)
}
