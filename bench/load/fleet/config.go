//go:build linux

package fleet

import (
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"github.com/confd/confd/bench/load/signal"
	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// Coding is how callers encode, and what they decode.
type Coding struct {
	// Format's packet time is 10, 20, 30, 40 or 60 ms; its sample rate 8, 16 or 48 kHz. Opus
	// DTX is off: Impairment.DTX serves every codec.
	Format  media.Format
	Options codec.Options
	// Level is the number (RFC 8285), 1 to 14, of the extension by which each packet with sound says
	// how loud it is (RFC 6464); 0: none does.
	Level uint8
}

// Config is who calls and what they say.
type Config struct {
	Callers int // 1 to MaxCallers, over all rooms
	Rooms   int // 0 means 1; at most Callers
	Talkers int // in each room, 1 to signal.MaxTalkers; those of a room that has fewer callers are fewer
	Mixed   int // how many talkers at once the server mixes at most; 0: signal.DefaultMixed
	Codec   Coding
	Plans   int // how many rooms say something different; 0: as many as there are, at most 4
	// Cycle, Continuous and Seed are those of signal.Options. Seed is also that of all that is
	// by chance here.
	Cycle      time.Duration
	Continuous bool
	Seed       uint64
	// Server is where media will go to, as far as it is known; the zero value is this machine.
	Server netip.Addr
	// Local are the addresses that callers have in turn; none means 127.0.0.0/8 if Server is a
	// loopback address of IPv4, else the one address that this machine has towards Server. Of a
	// prefix as many addresses are used as callers need who are PerAddress on each.
	Local []netip.Prefix
	// Sharing is how many callers, at most, share one port, to which a server must send from a
	// port for each; 0 means 1, at most MaxSharing. It is cheaper: see post.
	Sharing int
	Threads int // that send and receive, 1 to 64; 0: by the number of callers
	// RealTime has these threads ask for real-time priority. That suits who measures something else
	// than they hear; see prefer.
	RealTime bool
	// Grain is what packets' phases are multiples of, at least MinGrain, a part of the packet time; 0
	// means DefaultGrain. The finer it is, the more often threads wake.
	Grain  time.Duration
	Impair Impairment
	// Ears is how many there are at most besides each room's reference; 0 means DefaultEars, and NoEars
	// none.
	Ears int
	// References is how many rooms, the first ones, have a reference; 0 means all. In the others
	// nobody is verified but who has an ear.
	References int
}

// Limits and defaults of Config.
const (
	MaxCallers   = 100000
	DefaultEars  = 64
	NoEars       = -1
	DefaultGrain = time.Millisecond
	MinGrain     = 100 * time.Microsecond
	// PerAddress is how many callers share one address of a prefix that has more.
	PerAddress = 250
	MaxSharing = 250
	// perThread is how many callers keep a thread a third to a half busy, and maxThreads as many as help.
	perThread  = 1000
	maxThreads = 64
)

func (c Config) withDefaults() Config {
	c.Rooms = max(c.Rooms, 1)
	if c.Sharing == 0 {
		c.Sharing = 1
	}
	if c.Plans == 0 {
		c.Plans = min(c.Rooms, 4)
	}
	if c.Mixed == 0 {
		c.Mixed = signal.DefaultMixed
	}
	if c.Cycle == 0 {
		c.Cycle = signal.DefaultCycle
	}
	if c.Ears == 0 {
		c.Ears = DefaultEars
	}
	if c.References == 0 {
		c.References = c.Rooms
	}
	if c.Grain == 0 {
		c.Grain = DefaultGrain
	}
	if c.Threads == 0 {
		c.Threads = min(1+(c.Callers-1)/perThread, runtime.NumCPU())
	}
	if !c.Server.IsValid() {
		c.Server = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	c.Server = c.Server.Unmap()
	return c
}

func (c Config) check() error {
	switch {
	case c.Callers < 1 || c.Callers > MaxCallers:
		return fmt.Errorf("fleet: %d callers, want 1 to %d", c.Callers, MaxCallers)
	case c.Rooms > c.Callers:
		return fmt.Errorf("fleet: %d rooms for %d callers, want at most as many", c.Rooms, c.Callers)
	case c.Talkers < 1 || c.Talkers > signal.MaxTalkers:
		return fmt.Errorf("fleet: %d talkers in a room, want 1 to %d", c.Talkers, signal.MaxTalkers)
	case c.Plans < 1 || c.Plans > c.Rooms:
		return fmt.Errorf("fleet: %d plans for %d rooms, want 1 to as many", c.Plans, c.Rooms)
	case c.Sharing < 1 || c.Sharing > MaxSharing:
		return fmt.Errorf("fleet: %d callers share a port, want 1 to %d", c.Sharing, MaxSharing)
	case c.Ears < NoEars:
		return fmt.Errorf("fleet: %d ears, want at least 1, 0 for %d, or %d for none", c.Ears, DefaultEars, NoEars)
	case c.References < 1 || c.References > c.Rooms:
		return fmt.Errorf("fleet: references in %d of %d rooms, want 1 to as many, or 0 for all", c.References, c.Rooms)
	case c.Threads < 1 || c.Threads > maxThreads:
		return fmt.Errorf("fleet: %d threads, want 1 to %d", c.Threads, maxThreads)
	}
	if err := c.Codec.check(); err != nil {
		return err
	}
	if packet := c.Codec.Format.PacketTime; c.Grain < MinGrain || packet%c.Grain != 0 {
		return fmt.Errorf("fleet: phases in steps of %v, want at least %v, and a part of %v", c.Grain, MinGrain, packet)
	}
	return c.Impair.check()
}

// sockets is how many the callers need: the last of each thread may not be full.
func (c Config) sockets() int { return c.Callers/c.Sharing + c.Threads }

func (c Coding) check() error {
	f := c.Format
	switch {
	case f.PacketTime < 10*time.Millisecond || f.PacketTime > 60*time.Millisecond || signal.CycleUnit%f.PacketTime != 0:
		return fmt.Errorf("fleet: packets of %v, want 10, 20, 30, 40 or 60 ms", f.PacketTime)
	case f.SampleRate != 8000 && f.SampleRate != 16000 && f.SampleRate != 48000:
		return fmt.Errorf("fleet: %d samples per second, want 8000, 16000 or 48000", f.SampleRate)
	case c.Level > 14:
		return fmt.Errorf("fleet: extension %d for levels, want 1 to 14, or 0 for none", c.Level)
	case f.Opus.DTX:
		return fmt.Errorf("fleet: Opus DTX is asked for in the format, want it in Impairment, where it serves every codec")
	}
	return nil
}

// lookAhead is by how much one encoder and decoder delay sound.
func (c Coding) lookAhead() time.Duration {
	switch {
	case c.Format.Codec == media.G722:
		return 1375 * time.Microsecond
	case c.Format.Codec == media.Opus && c.Options.LowDelay:
		return 2500 * time.Microsecond
	case c.Format.Codec == media.Opus:
		return 6500 * time.Microsecond
	}
	return 0
}

// remembers tells whether an encoder's payload depends on what it encoded before.
func (c Coding) remembers() bool { return c.Format.Codec == media.G722 || c.Format.Codec == media.Opus }
