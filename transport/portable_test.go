package transport

import (
	"runtime"
	"testing"
	"time"

	"github.com/confd/confd/internal/clock"
)

// TestLegOnAnySystem waits for what it expects, and so holds for sockets that are read
// ahead too.
func TestLegOnAnySystem(t *testing.T) {
	l, err := testPool().Listen(loopback)
	if err != nil {
		t.Fatal(err)
	}
	p := newPhone(t, loopback, l.at(loopback))
	params := talk(p.addr())
	params.Latch = LatchBounded
	apply(t, l, params)
	p.speak()
	p.speak()
	var got collector
	for deadline := time.Now().Add(5 * time.Second); len(got.packets) < 2 && time.Now().Before(deadline); {
		l.Poll(clock.Now(), 16, &got)
		runtime.Gosched()
	}
	if s := l.Stats(); len(got.packets) != 2 || !s.Latched || s.Remote != p.addr() {
		t.Errorf("%d of 2 packets: %+v", len(got.packets), s)
	}
	l.Send(outgoing(0))
	if r := p.readRTP(); r.SSRC != l.SSRC() {
		t.Errorf("sent %v", r)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
