package netsim

import (
	"encoding/binary"
	"math"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// through sends n numbered packets, one every gap, and returns those that came out and when.
func through(t *testing.T, seed uint64, impair Impairment, n int, gap time.Duration) (order []uint32, after []time.Duration) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		sent := make([]time.Time, n)
		l := NewLink(seed, impair, func(b []byte) {
			i := binary.BigEndian.Uint32(b)
			order = append(order, i)
			after = append(after, time.Since(sent[i]))
		})
		for i := range n {
			sent[i] = time.Now()
			l.Send(binary.BigEndian.AppendUint32(nil, uint32(i)))
			time.Sleep(gap)
		}
		time.Sleep(time.Second)
		l.Close()
	})
	return order, after
}

func TestPerfectLink(t *testing.T) {
	order, after := through(t, 1, Impairment{}, 100, time.Millisecond)
	if len(order) != 100 || !slices.IsSorted(order) || slices.Max(after) != 0 {
		t.Errorf("%d of 100, sorted %v, up to %v late", len(order), slices.IsSorted(order), slices.Max(after))
	}
}

func TestLossHasItsShareAndItsSeed(t *testing.T) {
	a, _ := through(t, 7, Impairment{Loss: 0.2}, 5000, time.Millisecond)
	b, _ := through(t, 7, Impairment{Loss: 0.2}, 5000, time.Millisecond)
	c, _ := through(t, 8, Impairment{Loss: 0.2}, 5000, time.Millisecond)
	if share := 1 - float64(len(a))/5000; math.Abs(share-0.2) > 0.02 {
		t.Errorf("lost %.3f, want 0.2", share)
	}
	if !slices.Equal(a, b) {
		t.Error("one seed, two outcomes")
	}
	if slices.Equal(a, c) {
		t.Error("two seeds, one outcome")
	}
}

func TestJitterKeepsOrderAndBounds(t *testing.T) {
	order, after := through(t, 1, Impairment{Delay: 10 * time.Millisecond, Jitter: 30 * time.Millisecond}, 500, 20*time.Millisecond)
	if !slices.IsSorted(order) {
		t.Error("jitter changed the order")
	}
	if least, most := slices.Min(after), slices.Max(after); least < 10*time.Millisecond || most > 40*time.Millisecond || most-least < 25*time.Millisecond {
		t.Errorf("delays from %v to %v, want nearly 10 to 40 ms", least, most)
	}
}

func TestReorderAndDuplicate(t *testing.T) {
	order, _ := through(t, 1, Impairment{Reorder: 0.1, Duplicate: 0.1}, 1000, 20*time.Millisecond)
	if slices.IsSorted(order) {
		t.Error("nothing is out of order")
	}
	if n := len(order); n < 1060 || n > 1140 {
		t.Errorf("%d packets of 1000, want about 1100", n)
	}
	slices.Sort(order)
	if n := len(slices.Compact(order)); n != 1000 {
		t.Errorf("%d different packets, want 1000", n)
	}
}

func TestRelayPassesBothWays(t *testing.T) {
	target, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	r, err := NewRelay(target.LocalAddr().(*net.UDPAddr).AddrPort(), 1, Impairment{}, Impairment{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	client, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	deadline := time.Now().Add(5 * time.Second)
	target.SetDeadline(deadline)
	client.SetDeadline(deadline)
	client.Write([]byte("ping"))
	buf := make([]byte, 100)
	n, from, err := target.ReadFromUDPAddrPort(buf)
	if err != nil || string(buf[:n]) != "ping" || from != r.Far() {
		t.Fatalf("target got %q from %v, %v", buf[:n], from, err)
	}
	target.WriteToUDPAddrPort([]byte("pong"), from)
	if n, err = client.Read(buf); err != nil || string(buf[:n]) != "pong" {
		t.Fatalf("client got %q, %v", buf[:n], err)
	}
}
