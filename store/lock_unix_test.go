//go:build unix

package store

import (
	"strings"
	"testing"
)

func TestLineOfLocks(t *testing.T) {
	const line = "1: FLOCK  ADVISORY  WRITE 4711 fe:01:131084 0 EOF"
	device := uint64(0xfe<<8 | 1)
	for _, c := range []struct {
		line          string
		device, inode uint64
		pid           string
	}{
		{line, device, 131084, "4711"}, {line, device, 131085, ""}, {line, 2, 131084, ""}, {"", device, 131084, ""},
		{strings.Replace(line, "FLOCK", "POSIX", 1), device, 131084, ""}, {strings.Replace(line, "4711", "0", 1), device, 131084, ""},
	} {
		if pid, ok := flockHolder(c.line, c.device, c.inode); ok != (c.pid != "") || ok && pid != c.pid {
			t.Errorf("%q: %q, %v; want %q", c.line, pid, ok, c.pid)
		}
	}
}
