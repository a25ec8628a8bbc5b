package control

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/multicast/socket"
	"github.com/confd/confd/transport"
)

// Config says what a group is and how much its RTCP may use.
type Config struct {
	Group     netip.AddrPort // of RTP; RTCP goes to the port above
	Path      socket.Path    // where it leaves this machine
	TTL       int
	Target    netip.AddrPort // to take feedback on: the path's source and a port, 0 for any
	HearGroup bool           // take reports from the group, too: where anyone may send to it
	CNAME     string         // 1 to 255 bytes

	Bandwidth   feedback.Bandwidth // of RTCP
	PayloadType uint8              // of the packets that are retransmitted
	RepairType  uint8              // that they go under
	// Repair is what may be retransmitted to the group, and to each listener, in bits per
	// second; to those at one address together 20 times that, to all 100 times. 0 is nothing.
	Repair float64

	Sent     func() transport.SenderInfo // what the stream has sent; often called, by any goroutine
	History  media.Source                // whole plain RTP packets, as sent; polled once a second at least; nil: none
	Kept     int                         // packets of the history that may be asked for, 0: 256, which is 5 s of 20 ms
	KeyFrame func()                      // hears of each request of a listener for a key frame (PLI, FIR); it must not block; nil: such are of no use
	Collided func()                      // asks the stream for another SSRC; nil: it keeps it
	Reported func(from netip.Addr)       // hears of each report on the stream, wherever it was sent to; it must not block; may be nil
	Key      *groupkey.Key
}

func (c *Config) check() error {
	switch {
	case c.Sent == nil:
		return errors.New("control without a stream")
	case !c.Group.Addr().IsMulticast() || c.Group.Port() == 0 || c.Group.Port() == 65535:
		return fmt.Errorf("%v is not a multicast address and a port below 65535", c.Group)
	case c.Path.Interface == nil:
		return fmt.Errorf("no path to %v: an interface and a source are needed", c.Group)
	case len(c.CNAME) == 0 || len(c.CNAME) > 255:
		return fmt.Errorf("CNAME of %d bytes: want 1 to 255", len(c.CNAME))
	case c.PayloadType > 127 || c.RepairType > 127:
		return fmt.Errorf("payload types %d and %d: want 0 to 127", c.PayloadType, c.RepairType)
	case !c.keptFits():
		return fmt.Errorf("history of %d packets: want 0 to %d", c.Kept, maxKept)
	case c.Repair < 0 || c.Bandwidth.Senders <= 0 || c.Bandwidth.Receivers < 0:
		return fmt.Errorf("bandwidths %+v and %v bit/s for repair: want none negative, and some for the sender", c.Bandwidth, c.Repair)
	}
	return nil
}

func (c *Config) keptFits() bool { return c.Kept >= 0 && c.Kept <= maxKept }

const (
	takeRate  = 2000 // datagrams of feedback a second; at some microseconds each 1 to 2 % of a CPU
	takeBurst = 4096
	rest      = 10 * time.Millisecond // when they come faster
	keyGrace  = 10 * time.Second      // in which feedback under the key before is taken
	openState = 16384                 // SSRCs whose SRTCP state is kept
)

// Control is a group's RTCP. Any goroutine may call its methods.
type Control struct {
	config   Config
	wire     *wire
	count    counters
	group    *socket.Receiver // nil unless HearGroup
	target   netip.AddrPort
	audience atomic.Pointer[Audience]
	done     sync.WaitGroup
	over     atomic.Bool

	mu      sync.Mutex // guards what follows, the wire and the session
	session *session
	opener  *groupkey.Opener
	takes   bucket
	opened  []byte
}

// Start opens the group's RTCP sockets and begins to report. The error says which cannot be
// had.
func Start(c Config) (*Control, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	k := &Control{config: c, takes: newBucket(takeRate, takeBurst), opened: make([]byte, 0, maxDatagram+1)}
	k.audience.Store(&Audience{})
	if err := k.open(); err != nil {
		return nil, err
	}
	k.session = newSession(&k.config, k.wire, &k.count, k.target, clock.Now())
	k.session.publish = k.audience.Store
	k.session.ssrc = c.Sent().SSRC
	k.done.Go(k.run)
	if k.group != nil {
		k.done.Go(k.listen)
	}
	return k, nil
}

func (c *Control) open() (err error) {
	if c.config.Key != nil {
		if c.opener, err = groupkey.NewOpener(*c.config.Key, openState); err != nil {
			return err
		}
	}
	if c.wire, err = openWire(&c.config, &c.count); err != nil {
		return err
	}
	at := c.wire.target.LocalAddr().(*net.UDPAddr).AddrPort()
	c.target = netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
	if c.config.HearGroup {
		m := socket.Membership{Group: above(c.config.Group), Interface: c.config.Path.Interface.Name, Local: c.config.Path.Source}
		if c.group, err = socket.Join(m); err != nil {
			c.wire.close()
		}
	}
	return err
}

// run waits on the feedback target for what comes and what is due.
func (c *Control) run() {
	in := newDrain(c.wire.target)
	for !c.over.Load() {
		wait, room := c.tick()
		if room == 0 {
			time.Sleep(rest)
			continue
		}
		_ = c.wire.target.SetReadDeadline(time.Now().Add(wait))
		got, dropped, err := in.read(room)
		c.count.overrun.Add(uint64(dropped))
		switch {
		case err == nil:
			c.mu.Lock()
			now := clock.Now()
			for i := range got {
				c.take(got[i].Buffers[0][:got[i].N], sender(&got[i]), false, now)
			}
			c.mu.Unlock()
		case !errors.Is(err, os.ErrDeadlineExceeded) && !c.over.Load():
			time.Sleep(rest) // an error of the network that passes
		}
	}
}

// tick does what is due, and returns how long to wait and how many datagrams may be read.
func (c *Control) tick() (wait time.Duration, room int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := clock.Now()
	if c.over.Load() { // nothing after BYE
		return 0, 0
	}
	c.session.due(now)
	c.takes.fill(now)
	return time.Duration(max(c.session.next()-now, 0)), int(c.takes.level)
}

// listen reads reports that receivers, or strangers, send to the group.
func (c *Control) listen() {
	b := make([]byte, maxDatagram+1)
	own := c.wire.reports.Local()
	for !c.over.Load() {
		n, from, _, err := c.group.Read(b)
		if err != nil {
			time.Sleep(rest)
			continue
		}
		if from == own {
			continue
		}
		c.mu.Lock()
		now := clock.Now()
		c.take(b[:n], from, true, now)
		room := c.takes.level >= 1
		c.mu.Unlock()
		if !room {
			time.Sleep(rest)
		}
	}
}

// take reads one datagram. The lock is held.
func (c *Control) take(b []byte, from netip.AddrPort, onGroup bool, now int64) {
	c.takes.take(1, now)
	c.count.taken.Add(1)
	if len(b) > maxDatagram || !from.IsValid() {
		c.count.malformed.Add(1)
		return
	}
	if c.opener != nil {
		plain, err := c.opener.RTCP(c.opened[:0], b, now)
		if err != nil {
			c.count.forged.Add(1)
			return
		}
		b = plain
	}
	c.session.take(b, from, onGroup, now)
}

// Target returns where feedback is taken.
func (c *Control) Target() netip.AddrPort { return c.target }

// Expect takes feedback under a key, too, that will be in force within that time: listeners use
// it as soon as they know it. On error, or in a group without a key, nothing has changed.
func (c *Control) Expect(k groupkey.Key, within time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opener == nil {
		return errNoKey
	}
	return c.opener.Add(k, clock.Now(), within+keyGrace)
}

// errNoKey is what a group without SRTP says of keys.
var errNoKey = errors.New("the group has no key to change")

// SetKey goes on under another key of the same suite; feedback under those before is taken
// for ten seconds more. On error, or in a group without a key, nothing has changed.
func (c *Control) SetKey(k groupkey.Key) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opener == nil {
		return errNoKey
	}
	if err := c.opener.Add(k, clock.Now(), keyGrace); err != nil {
		return err
	}
	return c.wire.sealer.Rekey(k)
}

// Audience returns what receivers reported, at most a second or two old.
func (c *Control) Audience() Audience { return *c.audience.Load() }

// Stats returns the counts of the moment.
func (c *Control) Stats() Stats { return c.count.stats() }

// Close says BYE and ends. Further calls do nothing.
func (c *Control) Close() {
	if c.over.Swap(true) {
		return
	}
	c.mu.Lock()
	c.session.bye(c.session.ssrc, clock.Now())
	c.mu.Unlock()
	_ = c.wire.target.Close() // ends run's wait
	if c.group != nil {
		_ = c.group.Close()
	}
	c.done.Wait()
	c.wire.close()
}
