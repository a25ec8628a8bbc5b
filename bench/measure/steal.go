//go:build linux

package measure

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Steal is for how long a hypervisor has run others while this machine wanted to run, for how
// long there was nothing to run, and all of its processors' time beside it, in ticks of the
// kernel since it started.
type Steal struct{ Stolen, Idle, All uint64 }

// StealSoFar reads it.
func StealSoFar() (Steal, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return Steal{}, fmt.Errorf("measure: stolen time: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return parseSteal(line)
}

// parseSteal reads "cpu user nice system idle iowait irq softirq steal guest guest_nice", of
// which the last two are within the first two.
func parseSteal(line string) (s Steal, err error) {
	const columns, idle, wait, steal = 8, 3, 4, 7
	words := strings.Fields(line)
	if len(words) < 1+columns || words[0] != "cpu" {
		return s, fmt.Errorf("measure: stolen time: /proc/stat begins %.80q, want cpu and at least %d numbers", line, columns)
	}
	for i := range columns {
		n, err := strconv.ParseUint(words[1+i], 10, 64)
		if err != nil {
			return s, fmt.Errorf("measure: stolen time: /proc/stat begins %.80q: %w", line, err)
		}
		s.All += n
		switch i {
		case idle, wait:
			s.Idle += n
		case steal:
			s.Stolen = n
		}
	}
	return s, nil
}

// PercentSince returns how much of all processors' time since before was stolen.
func (s Steal) PercentSince(before Steal) float64 {
	if s.All <= before.All {
		return 0
	}
	return 100 * float64(s.Stolen-before.Stolen) / float64(s.All-before.All)
}

// BusySince returns which share of all processors' time since before was used, here or by
// others that the hypervisor ran, 0 to 1.
func (s Steal) BusySince(before Steal) float64 {
	if s.All <= before.All {
		return 0
	}
	return 1 - float64(s.Idle-before.Idle)/float64(s.All-before.All)
}
