//go:build linux

package fleet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/confd/confd/codec"
)

const (
	keyTime   = 120 * time.Millisecond // that a key is pressed, at least
	keyPause  = 100 * time.Millisecond // between two keys, at least
	keyEnds   = 3                      // packets that say that a key is up (RFC 4733 section 2.5.1.4)
	keyVolume = 10                     // -10 dBm0
)

var (
	errNotConnected = errors.New("it is not connected")
	errNoEvents     = errors.New("no telephone events were agreed on")
	errDialling     = errors.New("it is pressing keys already")
)

// dial is the keys that a caller presses, packet by packet (RFC 4733).
type dial struct {
	keys  []uint8 // event codes of those that are left
	sent  int     // packets of the first
	down  int     // packets until it is up
	all   int     // packets with it, its ends and the pause behind it
	stamp uint32  // when it was pressed
	done  chan error
}

func newDial(keys string, packet time.Duration) (*dial, error) {
	d := &dial{down: int((keyTime + packet - 1) / packet), done: make(chan error, 1)}
	d.all = d.down + keyEnds - 1 + int((keyPause+packet-1)/packet)
	for i := range len(keys) {
		code, ok := codec.EventCode(keys[i])
		if !ok {
			return nil, fmt.Errorf("key %q, want 0 to 9, *, #, A to D", keys[i])
		}
		d.keys = append(d.keys, code)
	}
	return d, nil
}

// press makes an event of a packet, if it is time for one; in pauses the packet stays as it is.
func (d *dial) press(c *caller, p *packet) bool {
	if d.sent == d.all {
		d.keys, d.sent = d.keys[1:], 0
	}
	if len(d.keys) == 0 {
		c.dial = nil
		d.done <- nil
		return false
	}
	d.sent++
	if d.sent == 1 {
		d.stamp = p.stamp
	}
	if d.sent > d.down+keyEnds-1 {
		return false
	}
	p.kind, p.stamp = event, d.stamp
	if d.sent == 1 {
		p.kind |= marked
	}
	p.what = binary.BigEndian.Uint32(codec.AppendEvent(make([]byte, 0, 4), codec.Event{Code: d.keys[0],
		End: d.sent >= d.down, Volume: keyVolume, Duration: uint16(min(d.sent, d.down) * int(c.ticks))}))
	return true
}

// Digits presses keys (0 to 9, *, #, A to D), 120 ms each, as telephone events, and returns
// when they have all been sent. The error says why they were not. Any goroutine may call it,
// while Run runs.
func (f *Fleet) Digits(i int, keys string) error {
	c, err := f.caller(i)
	if err != nil {
		return err
	}
	d, err := c.dials(keys, f.config.Codec.Format.PacketTime)
	if err == nil {
		err = <-d.done
	}
	if err != nil {
		return fmt.Errorf("fleet: caller %d cannot press %q: %w", i, keys, err)
	}
	return nil
}

// dials has a caller press keys, and does not wait for that.
func (c *caller) dials(keys string, packet time.Duration) (*dial, error) {
	d, err := newDial(keys, packet)
	if err == nil {
		err = c.press(d)
	}
	return d, err
}

// press begins to press keys.
func (c *caller) press(d *dial) error {
	c.thread.mu.Lock()
	defer c.thread.mu.Unlock()
	switch {
	case !c.live:
		return errNotConnected
	case c.event == 0:
		return errNoEvents
	case c.dial != nil:
		return errDialling
	}
	c.dial = d
	return nil
}
