package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWalkthrough types what README and docs/api.md have their readers type, one after the
// other in one clone, on the defaults but for addresses; what comes of it must be what the
// pages show.
func TestWalkthrough(t *testing.T) {
	need(t, "bash", "curl", "jq", "baresip")
	t.Parallel()
	dir := newClone(t)
	for _, page := range []struct{ file, section string }{
		{"README.md", "A conference over HTTP"},
		{"docs/api.md", ""},
	} {
		t.Run(filepath.Base(page.file), func(t *testing.T) {
			endpoint := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})) // it takes webhooks
			t.Cleanup(endpoint.Close)
			p := host()
			c := startAsReaders(t, p, dir)
			there := strings.NewReplacer(
				"127.0.0.1:8080", c.http,
				"@127.0.0.1 ", "@"+c.sip+" ",
				"5070", fmt.Sprint(p.freePort(t)), // the phones
				"5080", fmt.Sprint(p.freePort(t)),
				"5090", fmt.Sprint(p.freePort(t)),
				"https://app.example.com/confd", endpoint.URL,
			)
			steps := readPage(t, filepath.Join("..", page.file), page.section)
			for i := range steps {
				steps[i].commands, steps[i].shown = there.Replace(steps[i].commands), there.Replace(steps[i].shown)
			}
			all := walk(t, dir, page.file, steps, append(readersEnv(dir), "CONFD_SERVER=http://"+c.http))
			for i := range all {
				if err := steps[i].judge(all[i]); err != nil {
					t.Errorf("%s:%d: of these commands\n%s%v", page.file, steps[i].line, steps[i].commands, err)
				}
			}
		})
	}
}

// newClone makes a folder that has what a reader's clone has after make run: the program and
// the scripts.
func newClone(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	scripts, err := filepath.Abs("../scripts")
	if err == nil {
		err = os.Symlink(scripts, filepath.Join(dir, "scripts"))
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "bin"), 0o700)
	}
	if err == nil {
		err = os.Symlink(binary, filepath.Join(dir, "bin", "confd"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// readersEnv is the environment of a reader whose home is dir.
func readersEnv(dir string) []string {
	return []string{"HOME=" + dir, "TMPDIR=" + dir, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8"}
}

// startAsReaders starts the server as make run does, at addresses of its own, and lets it
// send webhooks to this machine.
func startAsReaders(t *testing.T, p *place, dir string) *confd {
	t.Helper()
	port := p.freePort(t)
	c := &confd{place: p, sip: hostPort(p.ip, port), http: hostPort(p.ip, port+10)}
	low, release := mediaPorts(p)
	t.Cleanup(release)
	cmd := p.Command(binary, "serve", "--sip", c.sip, "--http", c.http, "--rtp-ports", fmt.Sprintf("%d-%d", low, low+mediaRange-1))
	cmd.Dir = dir
	cmd.Env = append(readersEnv(dir),
		"CONFD_WEBHOOKS_ALLOW_NETWORKS=127.0.0.0/8", "CONFD_WEBHOOKS_ALLOW_HTTP=true", "CONFD_SIP_LIMITS_LOAD=1")
	c.process = run(t, cmd)
	t.Cleanup(func() {
		if err := c.terminate(15 * time.Second); err != nil {
			t.Errorf("confd after SIGTERM: %v", err)
		}
	})
	eventually(t, 15*time.Second, "confd's readiness", func() error {
		_, err := c.get("/readyz")
		return err
	})
	return c
}

// TestSameAnswer: what a page shows is compared field by field, and an ellipsis is what it
// leaves out.
func TestSameAnswer(t *testing.T) {
	const answer = "true\n" + `{"id":"1kjmajsj0q3v7mq4wz","n":3,"list":["a","b"],"at":"2026-03-01T09:00:00.25Z","stats":{"level":-20}}` + "\n"
	for shown, differs := range map[string]string{
		`{"id":"1kjmajsj0k2v7mq4wz","n":3,"list":["a","b"],"at":"2026-01-01T00:00:00Z","stats":{"level":-9}}`: "",
		`{"n":…,"list":["a",…],…}`:           "",
		`{"list":["…","b"],"id":"1kj…",…}`:   "",
		`{…}`:                                "",
		`{"id":"1kjmajsj0q3v7mq4wz"}`:        "does not show .at",
		`{"name":"x",…}`:                     "has no .name",
		`{"n":4,…}`:                          ".n is 4",
		`{"n":"3",…}`:                        ".n is 3",
		`{"list":["a"],…}`:                   ".list has 1",
		`{"list":["a","b","c",…],…}`:         ".list has 3",
		`{"id":"standup",…}`:                 ".id is standup",
		`{"stats":{"level":-9,"mos":4.1},…}`: "has no .stats.mos",
		`{"n":3,…`:                           "is no JSON",
		`["a"]`:                              "is [a]",
	} {
		err := sameAnswer(shown, answer)
		if differs == "" && err != nil || differs != "" && (err == nil || !strings.Contains(err.Error(), differs)) {
			t.Errorf("%s: %v, want %q", shown, err, differs)
		}
	}
}
