package leak

import (
	"net"
	"strings"
	"testing"
	"time"
)

func TestNothingLeft(t *testing.T) {
	Check(t)
	stop := make(chan struct{})
	go func() { <-stop }()
	close(stop)
}

func TestGoroutineIsNamed(t *testing.T) {
	before := Take()
	stop := make(chan struct{})
	go forgotten(stop)
	err := before.Wait(20 * time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "leak.forgotten") {
		t.Errorf("a goroutine left behind gives %v", err)
	}
	close(stop)
	if err := before.Wait(5 * time.Second); err != nil {
		t.Error(err)
	}
}

func forgotten(stop chan struct{}) { <-stop }

func TestSocketIsNamed(t *testing.T) {
	before := Take()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	err = before.Wait(20 * time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "socket:") {
		t.Errorf("a socket left behind gives %v", err)
	}
	c.Close()
	if err := before.Wait(5 * time.Second); err != nil {
		t.Error(err)
	}
}
