//go:build linux

package confd

import (
	"strings"
	"testing"
)

func TestLastWords(t *testing.T) {
	long := strings.Repeat("level=INFO\n", 2000)
	if got := string(lastWords([]byte(long + "the end"))); !strings.HasSuffix(got, "the end") || len(got) != 6000 {
		t.Errorf("%d bytes that end %q", len(got), got[len(got)-20:])
	}
	if got := string(lastWords([]byte("short"))); got != "short" {
		t.Errorf("%q", got)
	}
	stacks := "SIGQUIT: quit\ngoroutine 1 [running]:\n"
	if got := string(lastWords([]byte(long + stacks + long))); !strings.HasPrefix(got, stacks) || len(got) != 6000 {
		t.Errorf("%d bytes that begin %.40q", len(got), got)
	}
	if got := string(lastWords([]byte(long + stacks))); got != stacks {
		t.Errorf("%q", got)
	}
}
