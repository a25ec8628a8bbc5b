//go:build linux

package fleet

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/confd/confd/bench/load/signal"
)

// Peer is the server's side of one call's media, as its answer has it.
type Peer struct {
	Media       netip.AddrPort
	PayloadType uint8 // of the format, 0 to 127, in both directions
	Event       uint8 // of telephone events; 0 if there are none
}

func (p Peer) check() error {
	switch {
	case !p.Media.IsValid() || p.Media.Port() == 0 || p.Media.Addr().IsUnspecified():
		return fmt.Errorf("media goes to %v, want an address and a port", p.Media)
	case p.PayloadType > 127 || p.PayloadType >= 64 && p.PayloadType <= 95:
		return fmt.Errorf("payload type %d, want 0 to 63 or 96 to 127", p.PayloadType)
	case p.Event > 127 || p.Event >= 64 && p.Event <= 95 || p.Event != 0 && p.Event == p.PayloadType:
		return fmt.Errorf("payload type %d of telephone events, want 1 to 63 or 96 to 127, and none that is used", p.Event)
	}
	return nil
}

const (
	staleDrain = 1000
	never      = math.MaxInt64 / 2
	// rest is how long a talker is silent who begins anew: ears judge what was said before it
	// stopped first.
	rest = 9 * time.Second
)

// Connect lets caller i send to p from now on; its first packet leaves within two packet
// times. It is counted, everyone in its room is expected to hear it if it is a talker, and the
// window's counts of it go on. A caller that was disconnected may be connected again; as a
// talker it is silent for the first nine seconds then. The error says what is wrong with p, or
// that it cannot be reached from the caller's address.
func (f *Fleet) Connect(i int, p Peer) error {
	c, err := f.caller(i)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := p.check(); err != nil {
		return fmt.Errorf("fleet: caller %d: %w", i, err)
	}
	if err := c.reach(p.Media); err != nil {
		return fmt.Errorf("fleet: caller %d: %w", i, err)
	}
	f.part(c)
	c.talking = c.start(p, f.config.Codec.Format.PacketTime)
	f.wake()
	if c.track == nil {
		return nil
	}
	return f.speak(c)
}

// speak makes a talker expected to be heard, if it begins to speak soon, or later. f.mu is held.
func (f *Fleet) speak(c *caller) error {
	if c.talking.From > c.thread.now()+int64(time.Second) {
		f.resting = append(f.resting, c)
		return nil
	}
	return f.announce(c)
}

// start makes a caller send, and returns how it will speak.
func (c *caller) start(p Peer, packet time.Duration) signal.Talk {
	c.thread.mu.Lock()
	defer c.thread.mu.Unlock()
	now := c.thread.now()
	c.kind, c.event = p.PayloadType, p.Event
	c.live, c.begun, c.connected = true, false, now
	c.first.Store(0)
	c.reception = reception{}
	c.compare = comparison{}
	if c.post != nil {
		c.post.from[c.peer] = c
	}
	for n := 0; c.post == nil && n < staleDrain && c.socket.Receive(c.thread.in[:]) > 0; n++ { // of a call before
	}
	grid := c.room.epoch + c.phase
	c.index = floorDiv(now-grid, int64(packet)) + 2
	c.due = grid + c.index*int64(packet)
	if !c.placed {
		c.placed = true
		c.thread.wheel.put(c, c.due-c.thread.origin)
	}
	return c.talk(int64(packet))
}

// talk returns how a talker will speak who begins anew, and says when that is.
func (c *caller) talk(packet int64) signal.Talk {
	c.speakFrom = max(c.due, c.spoke+int64(rest))
	silent := (c.speakFrom - c.due + c.period - 1) / c.period // packets
	from := c.due + silent*c.period
	return signal.Talk{Start: from - (c.index+silent)*packet, From: from, Drift: float64(c.period-packet) / float64(packet) * 1e6}
}

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}

// Disconnect silences caller i, which is not counted from now on, and which nobody is expected
// to hear.
func (f *Fleet) Disconnect(i int) {
	c, err := f.caller(i)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.part(c)
	f.wake()
}

// part ends a caller's call, if there is one.
func (f *Fleet) part(c *caller) {
	if !c.hush() {
		return
	}
	f.silence(c)
	for _, e := range c.room.ears {
		if e.caller == c {
			f.unhear(e)
			break
		}
	}
}

// hush makes a caller silent, and tells whether it was not.
func (c *caller) hush() (was bool) {
	c.thread.mu.Lock()
	defer c.thread.mu.Unlock()
	if !c.live {
		return false
	}
	c.live = false
	if c.post != nil {
		delete(c.post.from, c.peer)
	}
	c.spoke = c.thread.now()
	if c.dial != nil {
		c.dial.done <- errNotConnected
		c.dial = nil
	}
	if c.link != nil {
		c.link.holds, c.link.length = false, 0
	}
	return true
}

// First returns how long after Connect the first RTP came back to caller i, and false as long
// as none has: whether its media is dead.
func (f *Fleet) First(i int) (after time.Duration, ok bool) {
	c, err := f.caller(i)
	if err != nil {
		return 0, false
	}
	at := c.first.Load()
	if at == 0 {
		return 0, false
	}
	c.thread.mu.Lock()
	defer c.thread.mu.Unlock()
	return max(0, time.Duration(at-c.connected)), true
}

// Heard tells whether any RTP has come back to caller i since it was connected.
func (f *Fleet) Heard(i int) bool {
	_, ok := f.First(i)
	return ok
}
