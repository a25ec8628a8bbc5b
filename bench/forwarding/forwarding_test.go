//go:build linux

package forwarding

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/bench/wire"
)

// asServer has this test's program be a server process.
const asServer = "CONFD_TEST_FORWARDING_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) == "" {
		os.Exit(m.Run())
	}
	if err := Serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func server() *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), asServer+"=1")
	return cmd
}

// TestEveryWayForwards: all that is sent comes out, once, under the sinks' numbers.
func TestEveryWayForwards(t *testing.T) {
	for _, secure := range []bool{false, true} {
		c := Case{Senders: 2, Receivers: 3, Bitrate: 1_200_000, Secure: secure}
		var faults []string
		for try := 0; try == 0 || try < 4 && faults != nil; try++ { // a machine busy with other things loses packets of all
			r, err := Run(t.Context(), c, Options{Rounds: 2, Slice: 200 * time.Millisecond, Ways: []Way{Forwarder, Batched, Segmented, Sockets}, Server: server})
			if err != nil {
				t.Fatal(err)
			}
			faults = faultsOf(r)
			if f := r.Floor(); f == nil || f.Way == Forwarder || f.PerPacket > r.Cost(Batched).PerPacket || f.PerPacket > r.Cost(Segmented).PerPacket || f.PerPacket > r.Cost(Sockets).PerPacket {
				t.Errorf("the floor is %+v", f)
			}
		}
		if faults != nil {
			t.Errorf("%v:\n%s", c, strings.Join(faults, "\n"))
		}
	}
}

// faultsOf says what is wrong with figures of two rounds of 200 ms.
func faultsOf(r *Result) (faults []string) {
	least := uint64(2*200*PictureRate/1000) * 5 * uint64(r.Case.Lines())
	for _, w := range r.Ways {
		if w.Missing != 0 || w.Packets < least || w.PerPacket <= 0 || w.Load <= 0 || w.Late50 <= 0 || w.Late50 > w.Late99 {
			faults = append(faults, fmt.Sprintf("%s: %+v; want %d packets or more, and none missing", w.Way, w, least))
		}
	}
	return faults
}

// TestServeSaysWhatIsWrong: an order that cannot be is answered, not begun.
func TestServeSaysWhatIsWrong(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "read the order",
		"{":                            "read the order",
		`{"way":"sendmmsg","case":{}}`: "0 senders",
		`{"way":"confd","case":{"senders":1,"receivers":2001}}`: "2001 receivers",
	} {
		var out bytes.Buffer
		if err := Serve(strings.NewReader(in), &out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want …%s…", in, err, want)
		}
	}
}

// TestRuns: a message holds packets of one size, of which the last may be smaller.
func TestRuns(t *testing.T) {
	for sizes, want := range map[string]int{"5": 1, "55": 2, "53": 2, "535": 2, "35": 1, "5553": 4, "5555": 4} {
		var p [][]byte
		for _, c := range sizes {
			p = append(p, make([]byte, c-'0'))
		}
		if got := run(p, 4); got != want {
			t.Errorf("%s: a message of %d, want %d", sizes, got, want)
		}
		if got := run(p, 1); got != 1 {
			t.Errorf("%s: a message of %d where one is all", sizes, got)
		}
	}
}

// TestCaseLimits at their edges.
func TestCaseLimits(t *testing.T) {
	for c, ok := range map[Case]bool{
		{Senders: 1, Receivers: 1, Bitrate: 50_000}:       true,
		{Senders: 50, Receivers: 80, Bitrate: 10_000_000}: true,
		{Senders: 1, Receivers: 2000, Bitrate: 50_000}:    true,
		{Senders: 0, Receivers: 1, Bitrate: 50_000}:       false,
		{Senders: 51, Receivers: 1, Bitrate: 50_000}:      false,
		{Senders: 1, Receivers: 0, Bitrate: 50_000}:       false,
		{Senders: 1, Receivers: 2001, Bitrate: 50_000}:    false,
		{Senders: 50, Receivers: 81, Bitrate: 50_000}:     false,
		{Senders: 1, Receivers: 1, Bitrate: 49_999}:       false,
		{Senders: 1, Receivers: 1, Bitrate: 10_000_001}:   false,
	} {
		if err := c.Check(); (err == nil) != ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestShow: every picture of a show comes, whoever forwards, from when it counts; one a second is a key frame.
func TestShow(t *testing.T) {
	for _, w := range []Way{Forwarder, Sockets} {
		s, err := NewShow(Case{Senders: 1, Receivers: 3, Bitrate: 600_000})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Cameras()) != 1 || len(s.Screens()) != 3 {
			t.Errorf("%d cameras, %d screens", len(s.Cameras()), len(s.Screens()))
		}
		if err := s.Serve(w, server()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
		seen := s.Play(ctx, wire.Monotonic()+int64(200*time.Millisecond))
		cancel()
		if whole := s.cameras.sent * 3; seen.Due == 0 || seen.Due >= whole || seen.Packets < seen.Due || seen.Packets >= whole || seen.Late50 <= 0 || seen.Late50 > seen.Late99 {
			t.Errorf("%s: %+v of %d", w, seen, whole)
		}
		if seen := s.Play(ctx, wire.Monotonic()+int64(time.Hour)); seen != (Seen{}) {
			t.Errorf("%s, before it counts: %+v", w, seen)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := NewShow(Case{}); err == nil {
		t.Error("a show of nothing")
	}
}

func TestKeyFramesOfAShow(t *testing.T) {
	s, err := NewShow(Case{Senders: 1, Receivers: 1, Bitrate: 600_000})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const usual, key = 3, 11 // packets of 2,500 and 12,500 bytes
	for i := range 2*PictureRate + 1 {
		before := s.cameras.sent + s.cameras.refused
		s.cameras.send(0) // to nobody yet
		if got := s.cameras.sent + s.cameras.refused - before; got != usual && i%PictureRate != 0 || got != key && i%PictureRate == 0 {
			t.Errorf("picture %d has %d packets", i, got)
		}
	}
}
