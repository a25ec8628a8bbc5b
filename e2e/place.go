package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/confd/confd/internal/netlab"
)

// place is where a server and its clients live: a network namespace of their own with the
// address 10.80.0.1, or the host.
type place struct {
	netlab.Namespace
	ip string // which clients call and take for their own
}

var placeCount atomic.Int64

// host is the place without a namespace.
func host() *place { return &place{ip: "127.0.0.1"} }

// newPlace makes a namespace that is removed with the test, or falls back to the host.
func newPlace(t *testing.T) *place {
	t.Helper()
	if os.Geteuid() != 0 || os.Getenv("CONFD_E2E_NETNS") == "0" {
		t.Log("no network namespace (not root, or CONFD_E2E_NETNS=0): running on the host")
		return host()
	}
	name := fmt.Sprintf("confd-e2e-%d-%d", os.Getpid(), placeCount.Add(1))
	p := &place{Namespace: netlab.Namespace(name), ip: "10.80.0.1"}
	if err := p.make(t); err != nil {
		t.Logf("no network namespace (%v): running on the host", err)
		return host()
	}
	return p
}

// make makes the namespace. Where one may be made, it may still not be possible to run a
// program in it, as in a chroot whose root is no mount.
func (p *place) make(t *testing.T) error {
	name := string(p.Namespace)
	if err := ip("netns", "add", name); err != nil {
		return err
	}
	t.Cleanup(func() { _ = ip("netns", "del", name) })
	if out, err := p.Command("true").CombinedOutput(); err != nil {
		return fmt.Errorf("running a program there: %w: %s", err, bytes.TrimSpace(out))
	}
	for _, args := range []string{
		"link set lo up",
		"link add d0 type veth peer name d1",
		"addr add 10.80.0.1/24 dev d0",
		"link set d0 up",
		"link set d1 up",
		"route add default dev d0",
	} {
		if err := ip(append([]string{"-n", name}, strings.Fields(args)...)...); err != nil {
			return err
		}
	}
	return nil
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// client is an HTTP client that reaches servers there.
func (p *place) client() *http.Client {
	return &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{DialContext: p.DialContext, DisableKeepAlives: true},
	}
}

// freePort returns the first of 32 ports, of which it was free there for UDP and TCP a
// moment ago. They lie below the ephemeral range, so that only another such call could take
// them. Clients need several in a row: baresip listens for TLS one above its SIP port.
func (p *place) freePort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		port := int(10000+portCount.Add(1)*32%6000) &^ 1
		address := netip.AddrPortFrom(netip.MustParseAddr(p.ip), uint16(port)).String()
		err := p.Do(func() error {
			u, err := net.ListenPacket("udp", address)
			if err != nil {
				return err
			}
			defer u.Close()
			l, err := net.Listen("tcp", address)
			if err != nil {
				return err
			}
			return l.Close()
		})
		if err == nil {
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// portCount starts elsewhere in each process, so that two runs seldom meet.
var portCount = func() *atomic.Int64 {
	var n atomic.Int64
	n.Store(int64(os.Getpid()) * 37)
	return &n
}()
