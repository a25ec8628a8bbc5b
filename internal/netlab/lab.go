//go:build linux

package netlab

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Most is how many hosts a lab may have.
const Most = 200

// folder is where ip keeps the namespaces that have names.
const folder = "/run/netns/"

// family is how the names of all labs' namespaces begin; what follows is the process, the
// lab's number in it, and the host's, or "switch".
const family = "confd-lab-"

// Lab is a switch and its hosts. Its methods may be called by any goroutine; Close by one.
type Lab struct {
	Hosts []*Host

	middle Namespace // the switch
}

var count atomic.Int64

// New makes a lab with so many hosts, 1 to Most. Error: an *Unavailable where that is not
// possible at all. Close it.
func New(hosts int) (*Lab, error) {
	if hosts < 1 || hosts > Most {
		return nil, fmt.Errorf("netlab: %d hosts: right is 1 to %d", hosts, Most)
	}
	if err := Possible(); err != nil {
		return nil, err
	}
	return build(hosts)
}

func build(hosts int) (*Lab, error) {
	sweep()
	name := fmt.Sprintf("%s%d-%d-", family, os.Getpid(), count.Add(1))
	l := &Lab{middle: Namespace(name + "switch")}
	for i := range hosts {
		l.Hosts = append(l.Hosts, newHost(Namespace(name+strconv.Itoa(i)), i))
	}
	if err := l.make(); err != nil {
		return nil, errors.Join(fmt.Errorf("netlab: %w", err), l.Close())
	}
	return l, nil
}

// The switch. Its times are short, so that a test need not wait for them: it snoops half a
// second after it began to ask, and believes 0.4 s after a leave that nobody is left. A
// bridge that has not asked yet floods.
const middle = `link set lo up
link add br0 type bridge stp_state 0 mcast_snooping 1 mcast_igmp_version 3 mcast_mld_version 2
link set br0 type bridge mcast_query_interval 1000 mcast_query_response_interval 50 mcast_startup_query_interval 100 mcast_last_member_interval 20
link set br0 addrgenmode none up
addr add 10.99.255.254/16 dev br0
addr add fe80::ffff/64 dev br0 nodad
link set br0 type bridge mcast_querier 1 mcast_query_use_ifaddr 1
`

func (l *Lab) make() error {
	names := "netns add " + string(l.middle) + "\n"
	lines := middle
	for i, h := range l.Hosts {
		names += "netns add " + string(h.Namespace) + "\n"
		lines += fmt.Sprintf("link add p%d type veth peer name eth0 netns %s\nlink set p%[1]d addrgenmode none\nlink set p%[1]d master br0 up\n", i, h.Namespace)
	}
	if err := batch("", names); err != nil {
		return err
	}
	if err := batch(l.middle, lines); err != nil {
		return err
	}
	for _, h := range l.Hosts {
		if err := h.Up(); err != nil {
			return err
		}
	}
	return nil
}

// SwitchOn has one processor, 0 to 31, carry on what a host sends. Without that whoever
// sends does the switch's work, too, for every receiver, and pays for it with its own
// processor time.
func (l *Lab) SwitchOn(cpu int, h *Host) error {
	if cpu < 0 || cpu > 31 {
		return fmt.Errorf("netlab: processor %d: right is 0 to 31", cpu)
	}
	i := slices.Index(l.Hosts, h)
	queue := fmt.Sprintf("/sys/class/net/p%d/queues/rx-0/rps_cpus", i)
	_, err := finish(l.middle.Command("tee", queue), fmt.Sprintf("%x", 1<<cpu))
	return err
}

// Close ends what still runs in the hosts, and removes all that there is of the lab. It may
// be called again.
func (l *Lab) Close() error {
	var all error
	for _, h := range l.Hosts {
		all = errors.Join(all, remove(h.Namespace))
	}
	return errors.Join(all, remove(l.middle))
}

// remove ends a namespace's processes by their numbers: they would keep it in being.
func remove(n Namespace) error {
	if _, err := os.Stat(folder + string(n)); err != nil {
		return nil // it was never made, or is gone
	}
	pids, err := output("", "ip", "netns", "pids", string(n))
	if err != nil {
		return err
	}
	for _, text := range strings.Fields(string(pids)) {
		if pid, err := strconv.Atoi(text); err == nil && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	_, err = output("", "ip", "netns", "del", string(n))
	return err
}

// sweep removes what processes have left that are no more.
func sweep() {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return // there has been none yet
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), family)
		pid, _, _ := strings.Cut(rest, "-")
		if n, err := strconv.Atoi(pid); ok && err == nil && errors.Is(syscall.Kill(n, 0), syscall.ESRCH) {
			_ = remove(Namespace(e.Name()))
		}
	}
}

// batch has ip carry out lines, in a namespace or, if it is "", here.
func batch(n Namespace, lines string) error {
	args := []string{"-batch", "-"}
	if n != "" {
		args = append([]string{"-n", string(n)}, args...)
	}
	_, err := output(lines, "ip", args...)
	return err
}

// output runs a program to its end; what it says when it fails is in the error.
func output(stdin, name string, args ...string) ([]byte, error) {
	return finish(exec.Command(name, args...), stdin)
}

func finish(cmd *exec.Cmd, stdin string) ([]byte, error) {
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return out.Bytes(), nil
}

// address returns the one of a host, by its number from 1 on.
func address(network string, number int) netip.Addr {
	b := netip.MustParseAddr(network).AsSlice()
	b[len(b)-1] = byte(number)
	a, _ := netip.AddrFromSlice(b)
	return a
}
