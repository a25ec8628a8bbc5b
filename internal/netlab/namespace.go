//go:build linux

package netlab

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace by its name; "" is that of this process. Its methods may
// be called by any goroutine.
type Namespace string

// Command is a program to be run there. ip netns exec replaces itself with it, so that the
// process id is the program's own.
func (n Namespace) Command(name string, args ...string) *exec.Cmd {
	if n == "" {
		return exec.Command(name, args...)
	}
	return exec.Command("ip", append([]string{"netns", "exec", string(n), name}, args...)...)
}

// Do runs f on a thread that is in the namespace; sockets that f makes stay there.
// Goroutines that f starts are not in it.
func (n Namespace) Do(f func() error) error {
	if n == "" {
		return f()
	}
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine, and nothing else runs there.
		runtime.LockOSThread()
		err := n.enter()
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

func (n Namespace) enter() error {
	ns, err := os.Open(folder + string(n))
	if err != nil {
		return err
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the network namespace %s: %w", n, err)
	}
	return nil
}

// ListenPacket is net.ListenPacket there. The address must be an IP address.
func (n Namespace) ListenPacket(network, address string) (c net.PacketConn, err error) {
	err = n.Do(func() error {
		c, err = net.ListenPacket(network, address)
		return err
	})
	return c, err
}

// DialContext is that of a net.Dialer there. The address must be an IP address.
func (n Namespace) DialContext(ctx context.Context, network, address string) (c net.Conn, err error) {
	err = n.Do(func() error {
		var d net.Dialer
		c, err = d.DialContext(ctx, network, address)
		return err
	})
	return c, err
}
