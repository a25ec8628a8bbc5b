package guard

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// corpus returns the torture messages and what real clients sent.
func corpus(t testing.TB) [][]byte {
	t.Helper()
	var all [][]byte
	for _, pattern := range []string{"testdata/rfc4475/*/*.dat", "testdata/clients/*.dat"} {
		files, _ := filepath.Glob(pattern)
		if len(files) == 0 {
			t.Fatalf("no files in %s", pattern)
		}
		for _, f := range files {
			raw, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, raw)
		}
	}
	for _, v := range variants {
		all = append(all, v.message())
	}
	return all
}

// Messages put together at random from good and bad lines, with separators and line ends
// thrown in: the same holds for them as for what the fuzzer finds.
func TestCheckMixtures(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	spice := []string{"\"", ";", ",", "<", ">", "=", "\\", " ", "\t", "\r\n ", ":", "@", "[", "]", "?", "%", "\r\n", "\xc3\xa9", "\x00", "'", "tag"}
	var lines []string
	var bases []string
	for _, v := range variants {
		if v.want == OK {
			bases = append(bases, string(v.message()))
		}
		head, _, _ := strings.Cut(string(v.message()), "\r\n\r\n")
		lines = append(lines, strings.Split(head, "\r\n")[1:]...)
	}
	passed := 0
	for range 40000 {
		raw := bases[r.IntN(len(bases))]
		for range r.IntN(2) {
			raw = strings.Replace(raw, "\r\nMax-", "\r\n"+lines[r.IntN(len(lines))]+"\r\nMax-", 1)
		}
		for range r.IntN(3) {
			i := r.IntN(len(raw))
			raw = raw[:i] + spice[r.IntN(len(spice))] + raw[i+r.IntN(2):]
		}
		var m message
		switch v := m.check([]byte(raw), false, &defaultLimits); v.Action {
		case Pass:
			passed++
			checkPassed(t, &m, false)
		case Answer:
			checkAnswer(t, m.appendAnswer(nil, v, source), v.Status)
		}
		if t.Failed() {
			t.Fatalf("message %q", raw)
		}
	}
	if passed < 5000 {
		t.Errorf("only %d of 40000 passed: nothing much was tested", passed)
	}
}

// FuzzCheck: whatever passes is read by the library as the check read it; its canonical form
// passes and is its own canonical form; whatever is answered gets one well-framed response.
func FuzzCheck(f *testing.F) {
	for _, raw := range corpus(f) {
		f.Add(raw, false)
		f.Add(raw, true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, stream bool) {
		var m message
		switch v := m.check(raw, stream, &defaultLimits); v.Action {
		case Pass:
			if stream && m.size != len(raw) {
				return // the framer gives whole messages only
			}
			checkPassed(t, &m, stream)
		case Answer:
			checkAnswer(t, m.appendAnswer(nil, v, source), v.Status)
		case Drop:
			if v.Reason == OK {
				t.Fatal("dropped for no reason")
			}
		}
	})
}

func checkPassed(t *testing.T, m *message, stream bool) {
	t.Helper()
	canonical := m.appendCanonical(nil, source.Addr())
	msg, err := sip.ParseMessage(canonical)
	if err != nil {
		t.Fatalf("library refuses what passed: %v\n%q", err, canonical)
	}
	compareWithLibrary(t, m, msg)
	if len(canonical) > defaultLimits.MessageSize {
		return
	}
	var again message
	if v := again.check(canonical, stream, &defaultLimits); v.Action != Pass && v.Reason.status() != 513 {
		t.Fatalf("canonical form refused for %s: %q", v.Reason, canonical)
	} else if v.Action == Pass {
		if second := again.appendCanonical(nil, source.Addr()); !bytes.Equal(second, canonical) {
			t.Fatalf("canonical form changes:\n%q\n%q", canonical, second)
		}
	}
}

func checkAnswer(t *testing.T, answer []byte, status int) {
	t.Helper()
	if status < 400 || !bytes.HasSuffix(answer, []byte("\r\n\r\n")) || bytes.Count(answer, []byte("\r\n\r\n")) != 1 {
		t.Fatalf("badly framed answer %q", answer)
	}
	if n := bytes.Count(answer, crlf); bytes.Count(answer, []byte("\n")) != n || bytes.Count(answer, []byte("\r")) != n {
		t.Fatalf("bare line end in answer %q", answer)
	}
	head := bytes.Split(answer, crlf)
	if len(head[0]) < 12 || string(head[0][:8]) != "SIP/2.0 " {
		t.Fatalf("bad status line in %q", answer)
	}
	for _, l := range head[1 : len(head)-2] {
		if kindOf(l[:max(bytes.IndexByte(l, ':'), 0)]) == kindOther {
			t.Fatalf("foreign line %q in answer %q", l, answer)
		}
	}
}

// FuzzStream: however a stream is cut into reads, what comes out is the canonical forms of
// the whole good messages in it, and the library's stream parser takes all of them.
func FuzzStream(f *testing.F) {
	var pipeline []byte
	for _, raw := range corpus(f) {
		f.Add(raw, uint16(7), uint16(200))
		pipeline = append(pipeline, raw...)
	}
	f.Add(pipeline, uint16(1), uint16(65535))
	f.Add([]byte("\r\n\r\n\r\n\r\n\r\n"), uint16(1), uint16(9))
	f.Fuzz(func(t *testing.T, stream []byte, cut, read uint16) {
		want := reference(stream, int(read)+1)
		got, messages := readAll(t, stream, int(cut)%4096+1, int(read)+1)
		if !bytes.Equal(got, want) {
			t.Fatalf("cut at %d, read by %d: got %q, want %q", cut, read, got, want)
		}
		parsed := 0
		p := sip.NewParser().NewSIPStream()
		if err := p.ParseSIPStream(got, func(sip.Message) { parsed++ }); err != nil {
			t.Fatalf("library's stream parser: %v on %q", err, got)
		}
		if parsed != int(messages) {
			t.Fatalf("library read %d messages of %d", parsed, messages)
		}
	})
}

// reference frames the obvious way, with the whole input at hand, for a reader of read bytes.
func reference(in []byte, read int) (out []byte) {
	malformed := 0
	for {
		for bytes.HasPrefix(in, crlf) {
			in = in[2:]
		}
		end := bytes.Index(in, []byte("\r\n\r\n"))
		if len(in) < 2 || end < 0 || !is(in[0], clToken) {
			return out
		}
		end += 4
		n, ok := contentLength(in[:end])
		if !ok || end > defaultLimits.HeaderSize || n > len(in)-end || n > defaultLimits.MessageSize-end {
			return out
		}
		var m message
		if v := m.check(in[:end+n], true, &defaultLimits); v.Action != Pass {
			if malformed++; malformed == defaultLimits.MalformedPerConnection {
				return out
			}
		} else if c := m.appendCanonical(nil, netip.Addr{}); len(c) <= defaultLimits.MessageSize {
			if zeroChunk(c, read) {
				return out
			}
			out = append(out, c...)
		} else if malformed++; malformed == defaultLimits.MalformedPerConnection {
			return out
		}
		in = in[end+n:]
	}
}
