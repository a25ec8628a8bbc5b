//go:build linux

package measure

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Program is the main function of a benchmark that is a program: it runs it with the command
// line and ends the process, with status 1 after an error. SIGTERM and ^C end run's context.
func Program(name string, run func(ctx context.Context, args []string, out io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Head says where and how a result comes about: what a recorded one begins with.
func Head(out io.Writer, name string, args []string) {
	fmt.Fprintf(out, "machine: %s\nscheduling: %s\ncommand: %s %s\n", Machine(), Scheduling(), name, strings.Join(args, " "))
}
