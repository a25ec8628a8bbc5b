//go:build linux

package cameras

import (
	"fmt"
	"net/netip"
	"runtime"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/video"
	"github.com/confd/confd/media"
)

// Config is who looks and who shows what. Caller i is in room i modulo their number.
type Config struct {
	Callers int // 1 to fleet.MaxCallers, over all rooms
	Rooms   int // 1 to Callers
	Cameras int // in each room: its first so many callers show themselves, 0 to all of them
	Codec   media.VideoCodec
	// Bitrate chooses the prepared stream, bits per second; see video.Prepared.
	Bitrate int
	Burst   bool // a picture's packets leave at once
	// Local is the address of caller i's sockets.
	Local   func(i int) netip.Addr
	Impair  fleet.Impairment // of what cameras send, but for drift and DTX; feedback is spared
	Seed    uint64           // of what is by chance
	Threads int              // 1 to 64; 0: by the number of callers
}

const (
	perThread  = 500 // callers
	maxThreads = 64
)

func (c Config) withDefaults() Config {
	if c.Threads == 0 {
		c.Threads = min(1+(c.Callers-1)/perThread, runtime.NumCPU())
	}
	return c
}

func (c Config) check() error {
	switch {
	case c.Callers < 1 || c.Callers > fleet.MaxCallers:
		return fmt.Errorf("cameras: %d callers, want 1 to %d", c.Callers, fleet.MaxCallers)
	case c.Rooms < 1 || c.Rooms > c.Callers:
		return fmt.Errorf("cameras: %d rooms for %d callers, want 1 to as many", c.Rooms, c.Callers)
	case c.Cameras < 0 || c.Cameras > (c.Callers+c.Rooms-1)/c.Rooms:
		return fmt.Errorf("cameras: %d in rooms of %d, want 0 to that", c.Cameras, (c.Callers+c.Rooms-1)/c.Rooms)
	case c.Threads < 1 || c.Threads > maxThreads:
		return fmt.Errorf("cameras: %d threads, want 1 to %d", c.Threads, maxThreads)
	case c.Local == nil:
		return fmt.Errorf("cameras: no addresses for their sockets")
	}
	return c.Impair.Check()
}

// lowBitrate is that of the stream to which a camera falls back.
const lowBitrate = 300_000

// streams returns what cameras show, and what they fall back to.
func (c Config) streams() (all [2]*video.Stream, err error) {
	if all[0], err = video.Prepared(c.Codec, c.Bitrate); err != nil {
		return all, fmt.Errorf("cameras: %w", err)
	}
	if all[1], err = video.Prepared(c.Codec, lowBitrate); err != nil {
		return all, fmt.Errorf("cameras: %w", err)
	}
	if all[1].Bitrate >= all[0].Bitrate {
		all[1] = all[0]
	}
	return all, nil
}
