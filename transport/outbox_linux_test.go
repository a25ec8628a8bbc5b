package transport

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"github.com/pion/rtp"
	"golang.org/x/sys/unix"

	"github.com/confd/confd/media"
)

// outbox makes one for the test's thread.
func outbox(t testing.TB) *Outbox {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	x, err := NewOutbox()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x.(*Outbox)
}

// mixed is a packet of a mix of three.
func mixed(at int64, x media.Outbox) *media.Outgoing {
	o := outgoing(at)
	o.Contributors, o.Levels, o.Outbox = []uint32{1, 2, 3}, []media.Level{4, 5, 6}, x
	for i := range o.Data {
		o.Data[i] = byte(i)
	}
	return o
}

// What leaves by an outbox is what leaves without, nothing before the flush, and is counted as
// such.
func TestOutboxSendsTheSame(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Params)
	}{
		{"plain", nil},
		{"lists", func(p *Params) { p.CSRC, p.MixerLevelID = true, 1 }},
		{"AES_CM_128_HMAC_SHA1_80", func(p *Params) { p.SRTP = testKeys(AES128CMHMACSHA180) }},
		{"AEAD_AES_128_GCM", func(p *Params) { p.SRTP = testKeys(AEADAES128GCM); p.CSRC = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := outbox(t)
			l, p := call(t, c.change)
			read := p.readRTP
			if l.crypto != nil {
				read = func() *rtp.Packet { return newForeign(t, l.setup.params.SRTP).open(p.read()) }
			}
			l.Send(mixed(0, nil))
			one := read()
			l.Send(mixed(tickTime, x))
			if n := l.Stats().PacketsSent; n != 1 {
				t.Errorf("%d packets were sent before the flush, want 1", n)
			}
			if got := x.Flush(); got != (media.Posted{Batches: 1, Packets: 1}) {
				t.Errorf("posted %+v", got)
			}
			two := read()
			one.SequenceNumber, one.Timestamp, one.Marker = one.SequenceNumber+1, one.Timestamp+160, false
			want, _ := one.Marshal()
			if got, _ := two.Marshal(); !bytes.Equal(got, want) {
				t.Errorf("by the outbox came\n%x, want\n%x", got, want)
			}
			if s := l.Stats(); s.PacketsSent != 2 || s.OctetsSent != 320 || l.report.packets != 2 {
				t.Errorf("%d packets of %d octets were sent, the report says %d; want 2 of 320",
					s.PacketsSent, s.OctetsSent, l.report.packets)
			}
		})
	}
}

// A full outbox empties itself: by number of packets, or by their length. All of a leg's come in order.
func TestFullOutboxIsSent(t *testing.T) {
	for _, size := range []int{1, 160, MaxDatagram - headerSize} {
		x := outbox(t)
		l, p := call(t, nil)
		const n = outboxPackets + 1 // for which a socket has room
		for i := range int64(n) {
			o := mixed(i*tickTime, x)
			o.Data = bytes.Repeat([]byte{byte(i)}, size)
			l.Send(o)
		}
		if x.n == 0 {
			t.Error("the last packet did not wait for the flush")
		}
		if got := x.Flush(); got.Packets != n || got.Batches < 2 || got.Singly != 0 {
			t.Errorf("posted %+v, want %d packets in 2 batches or more", got, n)
		}
		for i := range n {
			r := p.readRTP()
			if len(r.Payload) != size || r.Payload[0] != byte(i) || r.Payload[size-1] != byte(i) {
				t.Fatalf("packet %d has %d bytes of %d, want %d", i, len(r.Payload), r.Payload[0], size)
			}
		}
		if got := x.Flush(); got != (media.Posted{}) {
			t.Errorf("posted %+v by an empty outbox", got)
		}
	}
}

// What fails is counted where it belongs, as without an outbox; others' packets go through.
func TestOutboxCountsFailures(t *testing.T) {
	x := outbox(t)
	good, p := call(t, nil)
	gone, q := call(t, nil)
	_ = q.conn.Close()
	gone.Send(outgoing(0)) // what comes back is told with the next
	for i := range int64(3) {
		at := (i + 1) * tickTime
		gone.Send(mixed(at, x))
		good.Send(mixed(at, x))
		x.Flush()
		p.readRTP()
	}
	if s := good.Stats(); s.PacketsSent != 3 || s.SendErrors != (SendErrors{}) {
		t.Errorf("a leg with a peer: %d sent, %+v", s.PacketsSent, s.SendErrors)
	}
	// Each refusal is told instead of a packet, which then is not there to be refused.
	if s := gone.Stats(); s.PacketsSent != 2 || s.SendErrors != (SendErrors{Refused: 2}) {
		t.Errorf("a leg without: %d sent, %+v; want 2 and 2 refused", s.PacketsSent, s.SendErrors)
	}
	o := mixed(5*tickTime, x)
	o.Data = make([]byte, MaxDatagram)
	good.Send(o)
	if s := good.Stats(); s.SendErrors != (SendErrors{Oversize: 1}) || x.n != 0 {
		t.Errorf("too long a payload: %+v, and %d packets wait", s.SendErrors, x.n)
	}
}

// A leg that hears anyone is not connected: its packets leave at once, and in order with those
// before and after.
func TestOutboxTakesConnectedLegsOnly(t *testing.T) {
	x := outbox(t)
	l, p := call(t, func(p *Params) { p.Latch = LatchBounded })
	l.Send(mixed(0, x))
	if x.n != 0 || l.Stats().PacketsSent != 1 {
		t.Errorf("%d packets wait, %d were sent, want 0 and 1", x.n, l.Stats().PacketsSent)
	}
	p.readRTP()
}

// If the ring fails, all that it does not take leaves as if there were none. The kernel refuses
// threads that the ring is not of.
func TestOutboxWithBrokenRing(t *testing.T) {
	x := outbox(t)
	l, p := call(t, nil)
	gone, q := call(t, nil)
	_ = q.conn.Close()
	gone.Send(outgoing(0))
	posted := make(chan media.Posted)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		l.Send(mixed(0, x))
		gone.Send(mixed(tickTime, x))
		l.Send(mixed(tickTime, x))
		posted <- x.Flush()
	}()
	if got := <-posted; got != (media.Posted{Batches: 1, Singly: 3}) {
		t.Errorf("posted %+v, want 3 packets singly", got)
	}
	if a, b := p.readRTP(), p.readRTP(); b.SequenceNumber != a.SequenceNumber+1 {
		t.Errorf("packets %d and %d came", a.SequenceNumber, b.SequenceNumber)
	}
	if a, b := l.Stats(), gone.Stats(); a.PacketsSent != 2 || b.SendErrors.Refused != 1 {
		t.Errorf("%d were sent, %d refused, want 2 and 1", a.PacketsSent, b.SendErrors.Refused)
	}
	l.Send(mixed(2*tickTime, x))
	if got := x.Flush(); got.Packets != 1 {
		t.Errorf("posted %+v by its own thread, want a packet", got)
	}
}

func TestOutboxAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	x := outbox(t)
	for name, change := range map[string]func(*Params){
		"plain": func(p *Params) { p.CSRC = true },
		"SRTP":  func(p *Params) { p.SRTP = testKeys(AEADAES128GCM) },
	} {
		l, _ := call(t, change)
		o := mixed(0, x)
		tick := func() {
			o.Time += tickTime
			l.Send(o)
			l.Send(o)
			x.Flush()
		}
		tick() // the library makes state for an SSRC
		if n := testing.AllocsPerRun(100, tick); n != 0 {
			t.Errorf("%s: %v allocations a tick", name, n)
		}
	}
}
