package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/internal/testkit/wav"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/multicast/socket"
	"github.com/confd/confd/transport"
)

// lecture sends a tone of L16 to a group on the loopback interface until the test ends.
type lecture struct {
	group netip.AddrPort
	seal  atomic.Pointer[groupkey.Sealer]
}

func newLecture(t *testing.T, group string, key *groupkey.Key) *lecture {
	t.Helper()
	l := &lecture{group: netip.MustParseAddrPort(group)}
	if key != nil {
		l.rekey(t, *key)
	}
	path, err := socket.Find(l.group.Addr(), "", netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := socket.OpenSender(socket.SenderConfig{Group: l.group, Path: path, TTL: 1})
	if err != nil {
		t.Fatal(err)
	}
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		l.speak(out, done)
	}()
	t.Cleanup(func() {
		close(done)
		<-over
		out.Close()
	})
	return l
}

// rekey has what follows be under a key.
func (l *lecture) rekey(t *testing.T, k groupkey.Key) {
	t.Helper()
	s, err := groupkey.NewSealer(k)
	if err != nil {
		t.Fatal(err)
	}
	l.seal.Store(s)
}

func (l *lecture) speak(out *socket.Sender, done <-chan struct{}) {
	const size = 160 // 20 ms of 8 kHz
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := uint16(0); ; n++ {
		var b []byte
		for i := range size {
			b = binary.BigEndian.AppendUint16(b, uint16(int16(10000*math.Sin(2*math.Pi*500*float64(int(n)*size+i)/8000))))
		}
		raw, _ := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 97, SequenceNumber: n, Timestamp: uint32(n) * size, SSRC: 9}, Payload: b}).Marshal()
		out.Send(l.seal.Load().RTP(nil, raw))
		select {
		case <-done:
			return
		case <-tick.C:
		}
	}
}

// sdp describes the lecture; the source filter names the loopback address, whose interface is joined.
func (l *lecture) sdp(version int, key *groupkey.Key) string {
	profile, crypto := "RTP/AVP", ""
	if key != nil {
		profile, crypto = "RTP/SAVP", "a="+key.Crypto(1)+"\r\n"
	}
	return fmt.Sprintf("v=0\r\no=- 1 %d IN IP4 127.0.0.1\r\ns=Lecture\r\nc=IN IP4 %v/1\r\nt=0 0\r\nm=audio %d %s 97\r\na=rtpmap:97 L16/8000\r\n"+
		"a=rtcp:%d IN IP4 127.0.0.1\r\n%s", version, l.group.Addr(), l.group.Port(), profile, l.group.Port()+1, crypto)
}

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "group.sdp")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// listener is the command while it runs.
type listener struct {
	t         *testing.T
	out, errs buffer
	cancel    func()
	done      chan int
}

// listening runs the command until stop, or the end of the test.
func listening(t *testing.T, args ...string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &listener{t: t, cancel: cancel, done: make(chan int, 1)}
	m := &Main{Args: append([]string{"listen"}, append(args, "--interface", "lo")...), Env: []string{"CONFD_KEY=secret"}, Stdout: &l.out, Stderr: &l.errs}
	over := make(chan struct{})
	go func() {
		defer close(over)
		l.done <- m.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-over
	})
	return l
}

// prints waits until it has printed something so many times.
func (l *listener) prints(what string, times int) {
	l.t.Helper()
	wait.For(l.t, fmt.Sprintf("%q %d times", what, times), func() bool { return strings.Count(l.out.String(), what) >= times },
		func() any { return l.out.String() + l.errs.String() })
}

// stop interrupts it.
func (l *listener) stop() (status int, stdout, stderr string) {
	l.cancel()
	return <-l.done, l.out.String(), l.errs.String()
}

// How long what is heard lasts is told by the sound: a busy machine begins late and ends late.
func TestListenToFile(t *testing.T) {
	leak.Check(t)
	l := newLecture(t, "239.255.9.1:45004", nil)
	file := filepath.Join(t.TempDir(), "out.wav")
	ear := listening(t, write(t, l.sdp(1, nil)), "--wav", file)
	ear.prints("0.0 % lost", 2)
	status, stdout, stderr := ear.stop()
	if status != 0 || stderr != "" {
		t.Fatalf("status %d: %s", status, stderr)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	var heard float64
	if _, err := fmt.Sscanf(lines[len(lines)-1], "heard %f s:", &heard); err != nil || lines[0] != "Lecture: 239.255.9.1:45004, L16/8000, from 127.0.0.1" {
		t.Errorf("printed %q", lines)
	}
	a, err := wav.Read(file)
	if err != nil || a.Rate != 8000 || a.Channels != 1 || a.Duration() < time.Second || math.Abs(a.Duration().Seconds()-heard) > 0.1 {
		t.Fatalf("%v, %d Hz, %v, want %v s", err, a.Rate, a.Duration(), heard)
	}
	loudest := int16(0)
	for _, v := range a.Samples {
		loudest = max(loudest, v)
	}
	if loudest < 9900 || loudest > 10100 {
		t.Errorf("the loudest sample is %d", loudest)
	}
}

func TestListenToStandardOutput(t *testing.T) {
	l := newLecture(t, "239.255.9.2:45004", nil)
	name := write(t, l.sdp(1, nil))
	for flag, head := range map[string]int{"--raw": 0, "--wav": wavHeader} {
		ear := listening(t, name, flag, "-")
		const enough = 2 * 8000 * 4 / 10 // bytes
		wait.For(t, "0.4 s of sound from "+flag, func() bool { return len(ear.out.String())-head >= enough }, func() any { return ear.errs.String() })
		status, stdout, stderr := ear.stop()
		if n := len(stdout) - head; status != 0 || n%2 != 0 || !strings.Contains(stderr, "heard ") {
			t.Errorf("%s: status %d, %d bytes, %q", flag, status, n, stderr)
		}
	}
}

// A file that is written anew, with the key that the group has now, is read.
func TestListenFollowsTheFile(t *testing.T) {
	leak.Check(t)
	first, second := groupkey.New(transport.AES128CMHMACSHA180, 1), groupkey.New(transport.AES128CMHMACSHA180, 2)
	l := newLecture(t, "239.255.9.7:45004", &first)
	name := write(t, l.sdp(1, &first))
	ear := listening(t, name)
	ear.prints("0.0 % lost", 1)
	l.rekey(t, second)
	ear.prints("packets come under a key that the description does not have", 1)
	if err := os.WriteFile(name, []byte(l.sdp(2, &second)), 0o600); err != nil {
		t.Fatal(err)
	}
	ear.prints("key 2", 1)
	if status, _, stderr := ear.stop(); status != 0 || stderr != "" {
		t.Errorf("status %d: %s", status, stderr)
	}
}

func TestListenJSON(t *testing.T) {
	l := newLecture(t, "239.255.9.3:45004", nil)
	ear := listening(t, write(t, l.sdp(7, nil)), "--json")
	ear.prints("\n", 2)
	status, stdout, stderr := ear.stop()
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if status != 0 || stderr != "" || len(lines) < 3 {
		t.Fatalf("status %d, %q, %q", status, stdout, stderr)
	}
	for _, line := range lines[1:] { // the first second may end as soon as it is heard
		var v struct {
			Received uint64  `json:"received"`
			Version  uint64  `json:"sdp_version"`
			Lost     *uint64 `json:"lost_before_repair"` // what comes late on a busy machine is none of them
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.Received < 20 || v.Version != 7 || v.Lost == nil || *v.Lost != 0 {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// The end comes by itself when the time is over.
func TestListenForAWhile(t *testing.T) {
	l := newLecture(t, "239.255.9.8:45004", nil)
	if status, stdout, _ := run("", "listen", write(t, l.sdp(1, nil)), "--interface", "lo", "--for", "2s"); status != 0 || !strings.Contains(stdout, "\nheard ") {
		t.Errorf("status %d: %s", status, stdout)
	}
}

func TestListenRefusals(t *testing.T) {
	good := write(t, (&lecture{group: netip.MustParseAddrPort("239.255.9.4:45004")}).sdp(1, nil))
	bad := write(t, "v=0\r\n")
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{good, "--buffer", "2001ms"}, 2, "--buffer is between 0 and 2s"},
		{[]string{good, "--buffer", "-1ms"}, 2, "--buffer"},
		{[]string{good, "--wav", "a", "--raw", "b"}, 2, "--wav"},
		{[]string{"http:///x"}, 2, "no address"},
		{[]string{filepath.Join(t.TempDir(), "none.sdp")}, 1, "no such file"},
		{[]string{bad}, 1, "no audio stream to a multicast group"},
		{[]string{good, "--interface", "nope"}, 1, `interface "nope"`},
		{[]string{good, "--interface", "lo", "--wav", filepath.Join(t.TempDir(), "none", "x.wav")}, 1, "no such file"},
		{[]string{good, "--interface", "lo", "--for", "100ms"}, 1, "nothing came from 239.255.9.4:45004"},
	} {
		status, _, stderr := run("", append([]string{"listen"}, c.args...)...)
		if status != c.status || !strings.Contains(stderr, c.says) {
			t.Errorf("%q: status %d, %q", c.args, status, stderr)
		}
	}
}

// A listener that follows the room's events has the new key, and then the new group, without
// being told.
func TestListenFollowsTheRoom(t *testing.T) {
	leak.Check(t)
	first, second := groupkey.New(transport.AES128CMHMACSHA180, 1), groupkey.New(transport.AES128CMHMACSHA180, 2)
	l, next := newLecture(t, "239.255.9.5:45004", &first), newLecture(t, "239.255.9.6:45004", &second)
	var sdp atomic.Value
	sdp.Store(l.sdp(1, &first))
	changed := make(chan int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer secret":
			w.WriteHeader(401)
		case r.URL.Path == "/v1/rooms/x/multicast.sdp":
			_, _ = io.WriteString(w, sdp.Load().(string))
		case r.URL.Path == "/v1/rooms/x/events" && r.URL.Query().Get("kinds") == "room.multicast":
			_, _ = io.WriteString(w, ":\n\n")
			w.(http.Flusher).Flush()
			for {
				select {
				case n := <-changed:
					fmt.Fprintf(w, "data: {\"seq\":%d,\"kind\":\"room.multicast\"}\n\n", n)
					w.(http.Flusher).Flush()
				case <-r.Context().Done():
					return
				}
			}
		default:
			w.WriteHeader(404)
		}
	}))
	t.Cleanup(s.Close)
	ear := listening(t, s.URL+"/v1/rooms/x/multicast.sdp")
	ear.prints("0.0 % lost", 1)
	l.rekey(t, second)
	sdp.Store(l.sdp(2, &second))
	changed <- 1
	ear.prints("key 2", 1)
	sdp.Store(next.sdp(3, &second))
	changed <- 2
	ear.prints("239.255.9.6", 1)
	ear.prints("0.0 % lost", 2+strings.Count(ear.out.String(), "0.0 % lost"))
	status, stdout, stderr := ear.stop()
	if status != 0 || stderr != "" {
		t.Errorf("status %d: %s", status, stderr)
	}
	for line := range strings.Lines(stdout) { // a second that ends when the group has just been joined has no packets
		if strings.Contains(line, " lost, ") && !strings.Contains(line, " 0.0 % lost, ") && !strings.Contains(line, " 0 packets, 0 % lost, ") || strings.Contains(line, "not authentic") {
			t.Errorf("something was not heard: %s", line)
		}
	}
}
