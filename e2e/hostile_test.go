package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/phone"
	"github.com/confd/confd/internal/testkit/tone"
)

// attack is what a stranger does while a call goes on; it returns how many messages it sent.
type attack struct {
	name string
	run  func(ctx context.Context, t *testing.T, c *confd, p *phone.Phone) int
}

// TestHostile: a call goes on, clean, through whatever strangers send to the SIP ports and to
// the media port; the server does not fail, and lets in a caller afterwards.
func TestHostile(t *testing.T) {
	t.Parallel()
	// Loopback is trusted by default; here it is the Internet.
	c := startConfd(t, host(), serverOptions{env: []string{"CONFD_SIP_TRUSTED=192.0.2.0/24", "CONFD_LOG_LEVEL=info"}})
	talker := c.call(t, phone.Options{URI: c.uri("quiet"), Tone: 860})
	listener := c.call(t, phone.Options{URI: c.uri("quiet"), Silent: true})
	calm := hears(t, listener, "before", tone.Expect{Present: []float64{860}})
	for _, a := range []attack{
		{"torture", torture},
		{"mutants", mutants},
		{"INVITE flood", inviteFlood},
		{"slow and broken connections", connections},
		{"media flood", mediaFlood},
	} {
		t.Run(a.name, func(t *testing.T) {
			from := listener.Mark()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			n := a.run(ctx, t, c, talker)
			t.Logf("%d messages", n)
			if n < 10 {
				t.Error("hardly an attack")
			}
			if err := listener.WaitSound(t.Context(), from+2*time.Second); err != nil {
				t.Fatal(err)
			}
			pcm, err := listener.Sound(from, from+2*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if was, is := unsteady(calm, 8000), unsteady(pcm, 8000); is > was+0.15 {
				t.Errorf("%.0f %% of the sound is unsteady, %.0f %% was before", 100*is, 100*was)
			}
			if err := bestSecond(pcm, 8000, tone.Expect{Present: []float64{860}, Absent: []float64{1354}}); err != nil {
				t.Error(err)
			}
			if _, err := c.get("/healthz"); err != nil {
				t.Error(err)
			}
		})
	}
	c.clean(t, listener, "the listener")
	if n := c.metric(t, "confd_sip_faults_total"); n != 0 {
		t.Errorf("confd itself failed in %v requests", n)
	}
	late := c.call(t, phone.Options{URI: c.uri("quiet"), Silent: true})
	hears(t, late, "a caller after the attacks", tone.Expect{Present: []float64{860}})
}

// stranger is a socket at another loopback address than the callers', to the SIP port.
func stranger(t *testing.T, c *confd, host string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(host)}}
	s, err := d.Dial("udp", c.sip)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func tortureMessages(t *testing.T) [][]byte {
	t.Helper()
	files, err := filepath.Glob("../focus/guard/testdata/rfc4475/*/*.dat")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d messages of RFC 4475, %v", len(files), err)
	}
	var all [][]byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// torture sends each message of RFC 4475 by UDP, and by TCP on a connection of its own.
func torture(_ context.Context, t *testing.T, c *confd, _ *phone.Phone) int {
	s := stranger(t, c, "127.0.0.3")
	n := 0
	for _, b := range tortureMessages(t) {
		_, _ = s.Write(b)
		if conn, err := net.Dial("tcp", c.sip); err == nil {
			_, _ = conn.Write(b)
			conn.Close()
		}
		n += 2
	}
	return n
}

// mutants sends messages that are cut, joined, flipped and padded at random.
func mutants(ctx context.Context, t *testing.T, c *confd, _ *phone.Phone) int {
	random := rand.New(rand.NewPCG(1, 2))
	s := stranger(t, c, "127.0.0.4")
	seeds := append(tortureMessages(t), inviteMessage(c, "127.0.0.4", 1))
	n := 0
	for ; ctx.Err() == nil; n++ {
		m := append([]byte(nil), seeds[random.IntN(len(seeds))]...)
		for range 1 + random.IntN(8) {
			switch i := random.IntN(len(m)); random.IntN(4) {
			case 0:
				m[i] = byte(random.IntN(256))
			case 1:
				m = append(m[:i], m[min(len(m), i+random.IntN(20)):]...)
			case 2:
				m = append(m, m[i:]...)
			case 3:
				m = m[:max(1, i)]
			}
			if len(m) == 0 {
				m = []byte{0}
			}
		}
		_, _ = s.Write(m[:min(len(m), 60000)])
		pause(n, 100)
	}
	return n
}

// inviteFlood sends INVITEs that are each in order, and acknowledges nothing.
func inviteFlood(ctx context.Context, t *testing.T, c *confd, _ *phone.Phone) int {
	s := stranger(t, c, "127.0.0.5")
	n := 0
	for ; ctx.Err() == nil; n++ {
		_, _ = s.Write(inviteMessage(c, "127.0.0.5", n))
		pause(n, 50)
	}
	if calls := c.metric(t, "confd_calls"); calls > 200 {
		t.Errorf("%v calls are up: the limit is 20 a second and 100 at once for a stranger", calls)
	}
	return n
}

// pause keeps a flood to about so many times 1,000 messages a second, so that it is the
// server that is tried and not the machine.
func pause(n, burst int) {
	if n%burst == burst-1 {
		time.Sleep(10 * time.Millisecond)
	}
}

func inviteMessage(c *confd, from string, n int) []byte {
	body := fmt.Sprintf("v=0\r\no=- %d 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n", n, from, from)
	return fmt.Appendf(nil, "INVITE sip:flood%d@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:9;branch=z9hG4bKflood%d;rport\r\n"+
		"Max-Forwards: 70\r\nFrom: <sip:flood@%s>;tag=%d\r\nTo: <sip:flood%d@%s>\r\nCall-ID: flood%d@%s\r\nCSeq: 1 INVITE\r\n"+
		"Contact: <sip:flood@%s:9>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
		n, c.sip, from, n, from, n, n, c.sip, n, from, from, len(body), body)
}

// connections opens many and sends too little, nothing, or no end of a header.
func connections(ctx context.Context, t *testing.T, c *confd, _ *phone.Phone) int {
	var open []net.Conn
	n := 0
	for ; ctx.Err() == nil && n < 400; n++ {
		conn, err := net.DialTimeout("tcp", c.sip, time.Second)
		if err != nil {
			continue
		}
		open = append(open, conn)
		switch n % 3 {
		case 0:
			_, _ = conn.Write([]byte("INVITE sip:x@" + c.sip + " SIP/2.0\r\nVia: SIP/2.0/TCP"))
		case 1:
			_ = conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			junk := make([]byte, 200000)
			for i := range junk {
				junk[i] = 'x'
			}
			_, _ = conn.Write(junk)
		}
	}
	for _, conn := range open {
		conn.Close()
	}
	return n
}

// mediaFlood sends RTP look-alikes to the talker's media port at the server.
func mediaFlood(ctx context.Context, t *testing.T, _ *confd, p *phone.Phone) int {
	s, err := net.Dial("udp", p.RemoteRTP().String())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	packet := make([]byte, 172)
	packet[0] = 0x80
	n := 0
	for ; ctx.Err() == nil; n++ {
		packet[2], packet[3] = byte(n>>8), byte(n)
		_, _ = s.Write(packet)
		pause(n, 200)
	}
	return n
}
