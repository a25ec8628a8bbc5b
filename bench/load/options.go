//go:build linux

package load

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/machine"
	"github.com/confd/confd/bench/load/report"
	"github.com/confd/confd/bench/load/signal"
	"github.com/confd/confd/media"
)

// Limits of Options.
const (
	MaxCallers = 20000
	MaxRate    = 2000 // calls per second
	MinWindow  = 2 * time.Second
)

// Options are what a run is to do. Zero values mean the defaults.
type Options struct {
	// To is whom they call, sip:ROOM@HOST:PORT. With several rooms {} in it stands for a
	// room's number, which counts from 1; without {} "-1", "-2", … follow the user part.
	To      string
	Callers int // over all rooms; as many in each, or one more
	Rooms   int // default 1
	Talkers int // in each room; the others are silent
	// Mixed is how many who talk at once the server mixes; default 8. It is what may be
	// expected to be heard when more do.
	Mixed      int
	Codec      string        // pcmu, pcma, g722 or opus; default pcmu
	Opus       Opus          // how callers encode
	PacketTime time.Duration // 10, 20, 30, 40 or 60 ms; default 20 ms
	Continuous bool          // who talks makes no pauses
	Rate       float64       // calls per second, open loop; default 50
	Settle     time.Duration // between the last call and what is measured
	Window     time.Duration // what is measured; default 30 s
	Seed       uint64        // of all that is random

	TCP                bool           // SIP over TCP; default UDP
	From               string         // user part of those who call; default "load"
	Username, Password string         // for digest authentication
	PIN                string         // digits to dial after the answer (RFC 4733)
	AnswerWithin       time.Duration  // else the call has failed; default 30 s
	Local              []netip.Prefix // of media; see fleet.Config
	Sharing            int            // callers on one port, at most fleet.MaxSharing; default 1
	Impair             fleet.Impairment

	Video Video // what they show and see; the zero value is sound only

	Ramp    int // raise the callers by so many until a bound is broken; 0: all at once
	Bounds  report.Bounds
	Server  machine.Probe // what tells what the server spends, or nil
	Program string        // this program's name and version, for the report
}

// Opus is how encoders are set.
type Opus struct {
	Bitrate    int  // bits per second; default 32000
	Complexity int  // 1 to 10; default 5
	FEC        bool // in-band forward error correction
	LowDelay   bool // CELT only
}

func (o Options) withDefaults() Options {
	o.Rooms = or(o.Rooms, 1)
	o.Codec = or(o.Codec, "pcmu")
	o.PacketTime = or(o.PacketTime, 20*time.Millisecond)
	o.Mixed = or(o.Mixed, signal.DefaultMixed)
	o.Rate = or(o.Rate, 50)
	if o.Ramp > 0 && o.Bounds == (report.Bounds{}) {
		o.Bounds = report.Bounds{MaxLossPercent: new(float64(rampMaxLoss)), MaxDelayP99MS: new(float64(rampMaxDelay))}
	}
	o.Window = or(o.Window, 30*time.Second)
	o.Sharing = or(o.Sharing, 1)
	o.From = or(o.From, "load")
	o.AnswerWithin = or(o.AnswerWithin, 30*time.Second)
	o.Video = o.Video.withDefaults(o.Talkers)
	o.Opus.Bitrate = or(o.Opus.Bitrate, 32000)
	o.Opus.Complexity = or(o.Opus.Complexity, 5)
	return o
}

func or[T comparable](v, preset T) T {
	var none T
	if v == none {
		return preset
	}
	return v
}

// Check tells what of o makes no sense. What packages below have of it they check in Run.
func (o Options) Check() error {
	o = o.withDefaults()
	switch {
	case o.Callers < 1 || o.Callers > MaxCallers:
		return fmt.Errorf("%d callers, want 1 to %d", o.Callers, MaxCallers)
	case o.Rooms < 1 || o.Rooms > o.Callers:
		return fmt.Errorf("%d rooms for %d callers, want 1 to as many", o.Rooms, o.Callers)
	case o.Talkers < 1 || o.Talkers > min(signal.MaxTalkers, o.Callers/o.Rooms):
		return fmt.Errorf("%d talkers in rooms of %d, want 1 to that, at most %d", o.Talkers, o.Callers/o.Rooms, signal.MaxTalkers)
	case formats[o.Codec] == media.Format{}:
		return fmt.Errorf("codec %q, want pcmu, pcma, g722 or opus", o.Codec)
	case !(o.Rate > 0 && o.Rate <= MaxRate):
		return fmt.Errorf("%g calls per second, want more than 0, at most %d", o.Rate, MaxRate)
	case o.Window < MinWindow:
		return fmt.Errorf("measuring for %v, want at least %v", o.Window, MinWindow)
	case o.Settle < 0 || o.AnswerWithin < 0:
		return errors.New("a time is negative")
	case o.Sharing < 1 || o.Sharing > fleet.MaxSharing:
		return fmt.Errorf("%d callers per port, want 1 to %d", o.Sharing, fleet.MaxSharing)
	case o.Ramp < 0 || o.Ramp > o.Callers:
		return fmt.Errorf("a ramp by %d callers up to %d, want 1 to that", o.Ramp, o.Callers)
	case o.Ramp > 0 && o.Ramp < o.Rooms:
		return fmt.Errorf("a ramp by %d callers over %d rooms, want at least one each", o.Ramp, o.Rooms)
	case strings.Trim(o.PIN, "0123456789*#ABCD") != "":
		return fmt.Errorf("PIN %q, want digits, *, # and A to D", o.PIN)
	}
	return o.Video.check(o.Callers / o.Rooms)
}

func (o *Options) transport() string {
	if o.TCP {
		return "tcp"
	}
	return "udp"
}

// room returns the number, from 0, of caller i's room, and the caller's seat in it. Any
// first so many callers are spread evenly over the rooms, their talkers first.
func (o *Options) room(i int) (room, seat int) { return i % o.Rooms, i / o.Rooms }

// target returns the URI of room number r, from 0.
func (o *Options) target(r int) string {
	number := strconv.Itoa(r + 1)
	if strings.Contains(o.To, "{}") {
		return strings.ReplaceAll(o.To, "{}", number)
	}
	if o.Rooms == 1 {
		return o.To
	}
	user, host, found := strings.Cut(o.To, "@")
	if !found {
		return o.To
	}
	return user + "-" + number + "@" + host
}
