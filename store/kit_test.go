package store

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// thing is a document of the tests.
type thing struct {
	N    int    `json:"n"`
	Text string `json:"text,omitempty"`
}

var things = Schema[thing]{Name: "things", Version: 1}

// TestMain also plays the part of other processes: see child.
func TestMain(m *testing.M) {
	if part := os.Getenv("STORE_TEST_PART"); part != "" {
		if err := parts[part](os.Getenv("STORE_TEST_PATH")); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

var parts = map[string]func(path string) error{"hold": hold, "crash": crash}

// childCommand prepares this test binary to run in a part, with a file, and what it says.
// It ends with the test.
func childCommand(t *testing.T, part, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_PART="+part, "STORE_TEST_PATH="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe() // its end tells the child to end
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if cmd.Process != nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return cmd, bufio.NewScanner(out)
}

// child starts such a process.
func child(t *testing.T, part, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd, out := childCommand(t, part, path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

func filePath(t testing.TB) string { return filepath.Join(t.TempDir(), "confd.db") }

// openAt opens a store that is closed with the test.
func openAt(t testing.TB, path string, o Options) *Store {
	t.Helper()
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func closeNow(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func collectionOf(t testing.TB, s *Store) *Collection[thing] {
	t.Helper()
	c, err := OpenCollection(s, things)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func logOf(t testing.TB, s *Store, o LogOptions) *Log[thing] {
	t.Helper()
	l, err := OpenLog(s, things, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustPut(t testing.TB, c *Collection[thing], key string, n int) {
	t.Helper()
	if err := c.Put(key, thing{N: n}); err != nil {
		t.Fatal(err)
	}
}

// contents returns a collection as a map.
func contents(t testing.TB, c *Collection[thing]) map[string]int {
	t.Helper()
	all, err := c.All()
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]int{}
	for _, e := range all {
		m[e.Key] = e.Value.N
	}
	if len(m) != c.Len() {
		t.Errorf("Len is %d, there are %d", c.Len(), len(m))
	}
	return m
}

func wantKind(t testing.TB, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error %v, want one that is %q", err, kind)
	}
}

// eachPath runs a test on a file and in memory.
func eachPath(t *testing.T, run func(t *testing.T, path string)) {
	t.Run("file", func(t *testing.T) { run(t, filePath(t)) })
	t.Run("memory", func(t *testing.T) { run(t, "") })
}

var epoch = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

func at(i int) time.Time { return epoch.Add(time.Duration(i) * time.Second) }
