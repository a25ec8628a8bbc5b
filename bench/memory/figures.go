//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/confd/confd/bench/confd"
)

// figures are what a process holds, bytes where nothing else is said.
type figures struct {
	resident    float64 // of the process, its program text included
	peak        float64 // of resident, since it was last forgotten
	live        float64 // heap that the last collection has left
	heap        float64 // in use now: live, and garbage
	stacks      float64
	sockets     float64 // packets that wait in the kernel, of all processes
	goroutines  float64
	descriptors float64
	collections float64
}

// look reads a server's figures.
func look(ctx context.Context, p *confd.Process) (f figures, err error) {
	if f.resident, err = status(p.PID(), "VmRSS"); err != nil {
		return f, err
	}
	if f.peak, err = status(p.PID(), "VmHWM"); err != nil {
		return f, err
	}
	if f.sockets, err = waiting(); err != nil {
		return f, err
	}
	m, err := p.Metrics(ctx)
	f.live, f.heap, f.stacks = m["go_gc_heap_live_bytes"], m["go_memstats_heap_inuse_bytes"], m["go_memstats_stack_inuse_bytes"]
	f.goroutines, f.descriptors = m["go_goroutines"], m["process_open_fds"]
	f.collections = m["go_gc_duration_seconds_count"]
	return f, err
}

// forgetPeak has the peak of a process begin anew.
func forgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// status returns a field of /proc/PID/status that is told in kB.
func status(pid int, field string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			kB, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			return kB * 1024, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no %s", pid, field)
}

// waiting returns the memory of UDP packets that nobody has read yet.
func waiting() (float64, error) {
	text, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 0 && f[0] == "UDP:" {
			pages, err := strconv.ParseFloat(f[len(f)-1], 64)
			return pages * float64(os.Getpagesize()), err
		}
	}
	return 0, fmt.Errorf("/proc/net/sockstat has no line of UDP sockets")
}

// row is a line of a table of figures.
func (f figures) row(name string) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%-34s", name)
	for _, bytes := range []float64{f.resident, f.peak, f.live, f.heap, f.stacks, f.sockets} {
		fmt.Fprintf(&b, "%9.1f", bytes/(1<<20))
	}
	fmt.Fprintf(&b, "%11.0f%12.0f%12.0f\n", f.goroutines, f.descriptors, f.collections)
	return b.String()
}

const head = "\nMB                                resident     peak     live     heap   stacks  sockets goroutines descriptors collections\n"

// each is by how much one of n has made the figures grow.
func (f figures) each(before figures, n int) string {
	per := func(now, then float64) float64 { return (now - then) / float64(n) }
	const kB = 1 << 10
	return fmt.Sprintf("  resident %.1f kB, at the peak %.1f kB; live heap %.1f kB, stacks %.1f kB; goroutines %.2f, descriptors %.2f\n",
		per(f.resident, before.resident)/kB, per(f.peak, before.resident)/kB, per(f.live, before.live)/kB, per(f.stacks, before.stacks)/kB,
		per(f.goroutines, before.goroutines), per(f.descriptors, before.descriptors))
}
