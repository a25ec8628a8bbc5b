// Command record writes the RTP that a program sends to a file of rtpdump's format:
//
//	record FILE PROGRAM ARGUMENT...
//
// It opens a port on loopback, starts the program with {port} in its arguments replaced, and
// writes what has come when the program has ended.
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/confd/confd/internal/testkit/film"
)

// drain is how long a packet may take that was sent last.
const drain = 200 * time.Millisecond

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: record FILE PROGRAM ARGUMENT..., with {port} in an argument")
		os.Exit(2)
	}
	if err := record(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

func record(file, program string, args []string) error {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	defer socket.Close()
	if err := socket.SetReadBuffer(4 << 20); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		ended <- run(program, args, socket.LocalAddr().(*net.UDPAddr).Port)
		_ = socket.SetReadDeadline(time.Now().Add(drain))
	}()
	packets := receive(socket)
	if err := <-ended; err != nil {
		return err
	}
	return write(file, packets)
}

func run(program string, args []string, port int) error {
	for n := range args {
		args[n] = strings.ReplaceAll(args[n], "{port}", strconv.Itoa(port))
	}
	c := exec.Command(program, args...)
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	return c.Run()
}

// receive returns what comes until the socket's deadline.
func receive(socket *net.UDPConn) (packets []film.Packet) {
	var first time.Time
	b := make([]byte, 1<<16)
	for {
		n, err := socket.Read(b)
		if err != nil {
			return packets
		}
		if packets == nil {
			first = time.Now()
		}
		packets = append(packets, film.Packet{At: time.Since(first), Data: append([]byte(nil), b[:n]...)})
	}
}

func write(file string, packets []film.Packet) error {
	if len(packets) == 0 {
		return fmt.Errorf("%s: nothing was sent", file)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := film.WriteRTP(f, packets); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
