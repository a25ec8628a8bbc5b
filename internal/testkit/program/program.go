// Package program builds programs of this module for tests that run them.
package program

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// Confd builds confd and returns its path.
func Confd(t testing.TB) string {
	t.Helper()
	confd := filepath.Join(t.TempDir(), "confd")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "nolibopusfile", "-o", confd, "github.com/confd/confd/cmd/confd")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build confd: %v\n%s", err, text)
	}
	return confd
}
