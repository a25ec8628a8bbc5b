package socket

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const inside = "CONFD_TEST_IN_NAMESPACE"

func TestRejoin(t *testing.T) { namespace(t, rejoin) }

// Linux sends no IPv6 multicast over the loopback interface.
func TestIPv6(t *testing.T) {
	namespace(t, func(t *testing.T) {
		ip(t, "link set lo up")
		plug(t, "10.9.0.1/24")
		ip(t, "addr add fd09::9/64 dev here nodad")
		home, stranger := netip.MustParseAddr("fd09::1"), netip.MustParseAddr("fd09::9")
		apart(t, "[ff15::8000:701]:0", "[ff15::8000:702]:0", home, stranger, false)
		apart(t, "[ff35::8000:701]:0", "[ff35::8000:702]:0", home, stranger, true)
	})
}

// namespace runs a test in a process and network namespace of its own, where it may do as
// it likes.
func namespace(t *testing.T, f func(*testing.T)) {
	if os.Getenv(inside) != "" {
		f(t)
		return
	}
	if os.Getuid() != 0 {
		t.Skip("making a network namespace needs root")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func rejoin(t *testing.T) {
	const group4, group6 = "239.255.7.9:5004", "[ff15::8000:709]:5004"
	ip(t, "link set lo up")
	plug(t, "10.9.0.1/24")
	var all []*Receiver
	for _, g := range []string{group4, group6} {
		r, err := Join(Membership{Group: netip.MustParseAddrPort(g), Interface: "here"})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		all = append(all, r)
	}
	heard := func(what, source string) {
		t.Helper()
		reach(t, what, group4, source, all[0])
		reach(t, what, group6, "fd09::1", all[1])
	}
	heard("at first", "10.9.0.1")

	ip(t, "link set here down")
	ip(t, "link set here up")
	ip(t, "addr replace fd09::1/64 dev here nodad")
	heard("after down and up", "10.9.0.1")

	ip(t, "link del here")
	plug(t, "10.9.0.1/24")
	heard("after the interface was made anew", "10.9.0.1")

	ip(t, "addr del 10.9.0.1/24 dev here")
	ip(t, "addr add 10.9.0.2/24 dev here")
	heard("after a change of address", "10.9.0.2")
	for _, r := range all {
		if r.Rejoins() == 0 {
			t.Error("no rejoin was counted")
		}
	}
}

// plug makes an interface with a cable to another.
func plug(t *testing.T, addr string) {
	t.Helper()
	ip(t, "link add here type veth peer name there")
	ip(t, "link set there up")
	ip(t, "link set here up")
	ip(t, "addr add "+addr+" dev here")
	ip(t, "addr add fd09::1/64 dev here nodad")
}

func ip(t *testing.T, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}

// reach sends to a group until r hears it.
func reach(t *testing.T, what, group, source string, r *Receiver) {
	t.Helper()
	to := netip.MustParseAddrPort(group)
	b := make([]byte, 100)
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end); {
		p, err := Find(to.Addr(), "here", netip.MustParseAddr(source))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		s, err := OpenSender(SenderConfig{Group: to, Path: p, TTL: 1})
		if err == nil {
			s.Send([]byte(what))
			s.Close()
		}
		_ = r.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		for {
			n, _, _, err := r.Read(b)
			if err != nil {
				break
			}
			if string(b[:n]) == what {
				return
			}
		}
	}
	t.Errorf("%s: %s is not heard", what, group)
}
