package golden

import (
	"os"
	"path/filepath"
	"testing"
)

// judge is a test that is tested. What ends it ends its goroutine.
type judge struct {
	testing.TB
	failed bool
}

func (j *judge) Helper()               {}
func (j *judge) Errorf(string, ...any) { j.failed = true }
func (j *judge) Fatalf(string, ...any) { j.failed = true; panic(j) }

func check(file, got string) (failed bool) {
	j := &judge{}
	defer func() {
		if x := recover(); x != nil && x != any(j) {
			panic(x)
		}
		failed = j.failed
	}()
	Check(j, file, []byte(got))
	return j.failed
}

func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if !check(file, "") {
		t.Error("a file that is not there is taken for an empty one")
	}
	*update = true
	if check(file, "one") {
		t.Error("it is not written")
	}
	*update = false
	if check(file, "one") || !check(file, "two") {
		t.Error("what differs is not told from what does not")
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "one" {
		t.Errorf("it was written without -update: %q, %v", b, err)
	}
}
