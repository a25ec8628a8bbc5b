//go:build unix

package library

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/confd/confd/announce/decode"
)

// A pipe in the folder holds nobody up.
func TestPipe(t *testing.T) {
	l := open(t, Config{})
	if err := syscall.Mkfifo(filepath.Join(l.cfg.Dir, "pipe"), 0o600); err != nil {
		t.Skip(err)
	}
	if _, err := l.Sound("pipe", decode.Options{}); !errors.Is(err, ErrNoFile) {
		t.Errorf("%v, want %v", err, ErrNoFile)
	}
	if list, err := l.List(); err != nil || len(list) != 0 {
		t.Errorf("listed: %+v, %v", list, err)
	}
	if err := save(l, "pipe", nil); !errors.Is(err, ErrNoFile) {
		t.Errorf("replaced: %v", err)
	}
}
