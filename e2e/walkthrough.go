package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// step is one block of commands of a page, and what the page says of it.
type step struct {
	line     int    // where the block begins
	commands string // for bash
	status   int    // the last answer's, as the prose after it says; 0: of success
	shown    string // the output that the page shows, "" if none
	isJSON   bool   // shown is the last answer; otherwise it is the end of the output
}

var answers = regexp.MustCompile(`answers (\d{3})`)

// readPage returns the steps of a page in Markdown, or of one section of it: blocks of sh,
// each with the block of json or text that follows. Other blocks are for people alone.
func readPage(t *testing.T, file, section string) (steps []step) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	lines := 1
	if section != "" {
		before, rest, ok := strings.Cut(page, "\n## "+section+"\n")
		if !ok {
			t.Fatalf("%s has no section %q", file, section)
		}
		lines += strings.Count(before, "\n") + 2
		page, _, _ = strings.Cut(rest, "\n## ")
	}
	for i, part := range strings.Split(page, "```") {
		last := len(steps) - 1
		lang, body, _ := strings.Cut(part, "\n")
		switch {
		case i%2 == 0 && last >= 0:
			if m := answers.FindStringSubmatch(part); m != nil && steps[last].shown == "" {
				steps[last].status, _ = strconv.Atoi(m[1])
			}
		case i%2 == 0:
		case lang == "sh":
			steps = append(steps, step{line: lines, commands: body})
		case (lang == "json" || lang == "text") && last >= 0 && steps[last].shown == "":
			steps[last].shown, steps[last].isJSON = body, lang == "json"
		}
		lines += strings.Count(part, "\n")
	}
	if len(steps) == 0 {
		t.Fatalf("%s has no commands", file)
	}
	return steps
}

// stepResult is what came of a step.
type stepResult struct {
	out, err string
	answers  []answer // in the order in which they came
}

// answer is the status that a request had.
type answer struct {
	request string
	status  int
}

// prelude makes curl tell the status of every answer.
const prelude = `set -euo pipefail
curl() { command curl --no-progress-meter -w '%{stderr}answer: %{http_code} %{method} %{url}\n' "$@"; }
`

var answerLine = regexp.MustCompile(`(?m)^answer: (\d{3}) (.*)\n`)

// remark is what confd says beside its output; if it fails, bash does.
var remark = regexp.MustCompile(`(?m)^confd: .*\n`)

// walk has one bash run all steps in dir, and returns what came of them. One that fails ends
// it, and fails the test.
func walk(t *testing.T, dir, page string, steps []step, env []string) (all []stepResult) {
	t.Helper()
	var script strings.Builder
	script.WriteString(prelude)
	transcript := t.TempDir()
	name := func(i int, what string) string { return filepath.Join(transcript, fmt.Sprintf("%d.%s", i, what)) }
	for i, s := range steps {
		fmt.Fprintf(&script, "exec >%s 2>%s\n%s", name(i, "out"), name(i, "err"), s.commands)
	}
	file := filepath.Join(transcript, "commands")
	if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", file)
	cmd.Dir, cmd.Env = dir, env
	bash := run(t, cmd)
	// With all that it left running.
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	failed := bash.wait(2 * time.Minute)
	for i := range steps {
		out, err := os.ReadFile(name(i, "out"))
		if err != nil {
			break
		}
		stderr, _ := os.ReadFile(name(i, "err"))
		all = append(all, tell(string(out), string(stderr)))
	}
	if failed != nil && len(all) > 0 {
		i := len(all) - 1
		t.Errorf("%s:%d: %v: of these commands\n%s%s%s", page, steps[i].line, failed, steps[i].commands, all[i].out, all[i].err)
		return all[:i]
	}
	if failed != nil {
		t.Errorf("%s: %v", page, failed)
	}
	return all
}

// tell takes the statuses out of what was written to stderr.
func tell(out, stderr string) stepResult {
	one := stepResult{out: out, err: remark.ReplaceAllString(answerLine.ReplaceAllString(stderr, ""), "")}
	for _, m := range answerLine.FindAllStringSubmatch(stderr, -1) {
		status, _ := strconv.Atoi(m[1])
		one.answers = append(one.answers, answer{m[2], status})
	}
	return one
}

// judge compares what came of a step with what the page says.
func (s step) judge(got stepResult) error {
	if got.err != "" {
		return fmt.Errorf("they complain:\n%s", got.err)
	}
	if err := s.judgeStatus(got.answers); err != nil {
		return fmt.Errorf("%w:\n%s", err, got.out)
	}
	switch {
	case s.shown == "":
		return nil
	case s.isJSON:
		return sameAnswer(s.shown, got.out)
	}
	return sameText(s.shown, got.out)
}

// judgeStatus wants success of all requests, at the last if they are made over and over,
// unless the page says something else of the last one.
func (s step) judgeStatus(answers []answer) error {
	last := len(answers) - 1
	if s.status != 0 && (last < 0 || answers[last].status != s.status) {
		return fmt.Errorf("the page says that it answers %d; the answers are %v", s.status, answers)
	}
	for i, a := range answers {
		again := slices.ContainsFunc(answers[i+1:], func(b answer) bool { return a.request == b.request })
		if a.status/100 != 2 && !again && (s.status == 0 || i < last) {
			return fmt.Errorf("the answers are %v", answers)
		}
	}
	return nil
}
