//go:build linux

package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/confd/confd/bench/measure"
)

// Process is a Probe of a process of this machine.
type Process struct {
	pid      int
	children bool
	spent    map[int]time.Duration // by process, those that have ended among them
}

// ByPID looks at a process, and at all that it started and they did if children is set. The
// error says that there is none.
func ByPID(pid int, children bool) (*Process, error) {
	p := &Process{pid: pid, children: children, spent: map[int]time.Duration{}}
	if pid < 1 {
		return nil, fmt.Errorf("machine: process %d: right is the number of one that runs", pid)
	}
	if _, err := p.Sample(context.Background()); err != nil {
		return nil, err
	}
	return p, nil
}

// String names the process.
func (p *Process) String() string {
	s := fmt.Sprintf("process %d", p.pid)
	if name, err := os.ReadFile(p.file("comm")); err == nil {
		s += " (" + strings.TrimSpace(string(name)) + ")"
	}
	if p.children {
		s += " and its children"
	}
	return s
}

func (p *Process) file(name string) string { return fmt.Sprintf("/proc/%d/%s", p.pid, name) }

// Sample adds up the process and, if asked for, its children. A child that ends meanwhile
// counts with what it had spent when it was last seen.
func (p *Process) Sample(context.Context) (Sample, error) {
	s := Sample{At: time.Now()}
	if err := p.add(&s, p.pid); err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ESRCH) {
			return s, fmt.Errorf("machine: process %d does not run (any more): %w", p.pid, err)
		}
		return s, err
	}
	if p.children {
		for _, child := range descendants(p.pid) {
			_ = p.add(&s, child) // one that has just ended is none
		}
	}
	for _, t := range p.spent {
		s.CPU += t
	}
	return s, nil
}

// add reads a process's figures; its processor time goes to spent.
func (p *Process) add(s *Sample, pid int) error {
	spent, err := measure.CPU(pid)
	if err != nil {
		return err
	}
	pages, err := field(pid, "statm", 1)
	if err != nil {
		return err
	}
	p.spent[pid] = spent
	s.RSS += pages * int64(os.Getpagesize())
	if tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)); err == nil {
		s.Threads += len(tasks)
	}
	return nil
}

// field returns a number of a line of /proc/PID.
func field(pid int, name string, at int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		return 0, fmt.Errorf("machine: %w", err)
	}
	words := strings.Fields(string(text))
	if at >= len(words) {
		return 0, fmt.Errorf("machine: /proc/%d/%s has %d fields, want %d: %w", pid, name, len(words), at+1, os.ErrNotExist)
	}
	return strconv.ParseInt(words[at], 10, 64)
}

// descendants returns the children of a process and theirs.
func descendants(pid int) (all []int) {
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)) // none, if it has ended
	for _, t := range tasks {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, t.Name()))
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(append(all, child), descendants(child)...)
			}
		}
	}
	return all
}
