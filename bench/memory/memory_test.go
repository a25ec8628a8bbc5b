//go:build linux

package main

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/confd/confd/internal/testkit/program"
)

func TestSmallRun(t *testing.T) {
	var out strings.Builder
	args := "-callers 4 -rooms 2 -talkers 1 -rounds 2 -settle 100ms -idle 3 -for 1s -confd " + program.Confd(t)
	if err := run(context.Background(), strings.Fields(args), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`machine: \d+ x .+\nscheduling: .+\ncommand: memory -callers 4 .+`, `20 have called and hung up( +[\d.]+){9}`, `and stand for a while( +[\d.]+){9}`,
		`all have hung up 2 times( +[\d.]+){9}`, `Each caller:\n.+, descriptors \d`, `Left of each who has hung up:\n.+, descriptors -?\d`,
		`3 rooms that nobody is in( +[\d.]+){9}`, `Each room that nobody is in:\n.+; goroutines \d`, `All of them: \S+ of a processor in 1s`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

func TestOptionsThatAreNone(t *testing.T) {
	for _, args := range []string{
		"", "-confd x y", "-confd x -rooms 0", "-confd x -rounds -1", "-confd x -joins 0", "-confd x -callers 0", "-confd x -idle -1", "-confd x -settle soon",
	} {
		if o, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%q: %+v", args, o)
		}
	}
}
