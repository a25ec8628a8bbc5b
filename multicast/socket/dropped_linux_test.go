package socket

import (
	"net/netip"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/leak"
)

// What the kernel drops because nobody reads is counted with what is read next.
func TestDropped(t *testing.T) {
	leak.Check(t)
	group := on("239.255.7.9:0", freePort(t))
	r, err := Join(Membership{Group: netip.MustParseAddrPort(group), Local: home4, Buffer: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	s := sender(t, group, home4)
	const sent = 200
	for range sent {
		say(t, s, "flood")
	}
	read, b := 0, make([]byte, 100)
	drain := func() {
		for err = nil; err == nil; read++ {
			_ = r.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // what was sent is there already
			_, _, _, err = r.Read(b)
		}
		read--
	}
	drain()
	say(t, s, "one more")
	drain()
	if got := int(r.Dropped()) + read; r.Dropped() == 0 || got != sent+1 {
		t.Errorf("%d read, %d dropped: want %d accounted for", read, r.Dropped(), sent+1)
	}
}
