package calls

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
)

// sipp runs SIPp as a server, and returns where it listens.
func sipp(t *testing.T, transport string) netip.AddrPort {
	t.Helper()
	if _, err := exec.LookPath("sipp"); err != nil {
		if os.Getenv("CONFD_E2E_STRICT") != "" {
			t.Fatal("sipp is not installed")
		}
		t.Skip("sipp is not installed")
	}
	at := freePort(t, transport)
	mode := map[string]string{"udp": "u1", "tcp": "t1"}[transport]
	said := &bytes.Buffer{}
	cmd := exec.Command("sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", strconv.Itoa(int(at.Port())), "-t", mode, "-nostdin")
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Logf("SIPp: %s", said)
		}
	})
	return at
}

func freePort(t *testing.T, transport string) netip.AddrPort {
	t.Helper()
	if transport == "udp" {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// placeAll has n callers call, so many a second, and returns those that came through.
func placeAll(t *testing.T, a *Agent, uri string, n int, perSecond float64) []*Call {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	all, faults := make([]*Call, n), make([]error, n)
	pace := newPace(perSecond)
	defer pace.stop()
	var done sync.WaitGroup
	for i := range n {
		if err := pace.wait(ctx); err != nil {
			t.Fatal(err)
		}
		done.Go(func() {
			o := someOffer()
			o.Media = netip.AddrPortFrom(o.Media.Addr(), uint16(10000+2*i))
			o.From = fmt.Sprintf("caller-%d", i)
			all[i], faults[i] = a.Call(ctx, uri, o)
		})
	}
	done.Wait()
	failures := 0
	for _, err := range faults {
		if err != nil {
			failures++
		}
	}
	if failures > 0 {
		t.Fatalf("%d of %d calls failed: %.2000v", failures, n, errors.Join(faults...))
	}
	return all
}

// awaitServer returns when there is one, which only asking tells. The agent that asks is
// another than the test's: a line that could not connect rests.
func awaitServer(t *testing.T, server netip.AddrPort, transport, uri string) {
	t.Helper()
	a := open(t, server, func(c *Config) { c.Transport = transport })
	wait.Within(t, patience, "a server that answers", func() error {
		c, err := a.Call(deadline(t), uri, someOffer())
		if err != nil {
			return err
		}
		return c.Hangup(deadline(t))
	})
}

func heapInUse() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// 500 calls to a foreign server: nobody fails, no goroutine and little memory per call, and nothing is left.
func TestManyCallsToSIPp(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			leak.Check(t)
			server := sipp(t, transport)
			uri := "sip:service@" + server.String()
			awaitServer(t, server, transport, uri)
			a := open(t, server, func(c *Config) { c.Transport, c.Lines, c.Timeouts.T1 = transport, 3, defaultT1 })
			before, heap := runtime.NumGoroutine(), heapInUse()
			const n = 500
			all := placeAll(t, a, uri, n, 500)
			if more := runtime.NumGoroutine() - before; more > 3 {
				t.Errorf("%d goroutines more with %d calls", more, n)
			}
			if each := (heapInUse() - heap) / n; each > 8<<10 {
				t.Errorf("a call that is up takes %d bytes", each)
			}
			for i, c := range all {
				if at := c.Answer(); !at.Media.IsValid() || at.PayloadType != 0 || c.Setup.Answered <= 0 {
					t.Fatalf("call %d: %+v after %v", i, at, c.Setup)
				}
			}
			if got := len(a.established()); got != n {
				t.Errorf("%d calls are up, want %d", got, n)
			}
			if err := a.HangUp(deadline(t), 2000); err != nil {
				t.Error(err)
			}
			if got := len(a.established()); got != 0 {
				t.Errorf("%d calls are left", got)
			}
			if s := a.Stats(); s.Unusable != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}
