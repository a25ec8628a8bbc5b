//go:build linux

// Package trial is what the programs that measure confd have in common: command lines, callers
// at play, and what of these tells whether a figure can be trusted. bench/confd runs the confd
// that they call.
package trial

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"time"

	"github.com/confd/confd/bench/coding"
	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/signal"
	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// Flags is a command line whose numbers have a least value.
type Flags struct {
	*flag.FlagSet
	checks []func() error
}

// NewFlags returns the flags of a program, or of one of its commands.
func NewFlags(name string) *Flags {
	return &Flags{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError)}
}

// Count defines a flag that is a whole number, of which least is the lowest.
func (f *Flags) Count(p *int, name string, preset, least int, usage string) {
	f.IntVar(p, name, preset, usage)
	f.checks = append(f.checks, func() error {
		if *p < least {
			return fmt.Errorf("-%s %d: want at least %d", name, *p, least)
		}
		return nil
	})
}

// Time defines a flag that is a duration, of which least is the shortest.
func (f *Flags) Time(p *time.Duration, name string, preset, least time.Duration, usage string) {
	f.DurationVar(p, name, preset, usage)
	f.checks = append(f.checks, func() error {
		if *p < least {
			return fmt.Errorf("-%s %v: want at least %v", name, *p, least)
		}
		return nil
	})
}

// Confd defines -confd, which must be given.
func (f *Flags) Confd(p *string) {
	f.StringVar(p, "confd", "", "the confd `program`")
	f.checks = append(f.checks, func() error {
		if *p == "" {
			return errors.New("-confd is missing: it names the program to measure")
		}
		return nil
	})
}

// Parse reads a command line, which has flags only.
func (f *Flags) Parse(args []string) error {
	if err := f.FlagSet.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected %q: flags only", f.Arg(0))
	}
	for _, check := range f.checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// Load is who calls, and when they are measured.
type Load struct {
	Callers, Rooms, Talkers int           // Callers over all rooms; Talkers in each, the others are silent
	Joins                   int           // calls placed, or ended, per second
	Settle, Window          time.Duration // before what is measured, and of that
}

// Flags defines flags of a load, by their names; what l has are their defaults.
func (l *Load) Flags(f *Flags, names ...string) {
	for _, name := range names {
		switch name {
		case "callers":
			f.Count(&l.Callers, name, l.Callers, 1, "callers over all rooms, as many in each")
		case "rooms":
			f.Count(&l.Rooms, name, l.Rooms, 1, "rooms that they are in")
		case "talkers":
			f.Count(&l.Talkers, name, l.Talkers, 1, "how many talk in each room")
		case "joins":
			f.Count(&l.Joins, name, l.Joins, 1, "calls placed, or ended, per second")
		case "settle":
			f.Time(&l.Settle, name, l.Settle, 0, "time that passes before what is measured")
		case "for":
			f.Time(&l.Window, name, l.Window, time.Second, "length of what is measured")
		default:
			panic("trial: a load has no flag " + name)
		}
	}
}

// phones returns how the callers of a load are.
func (l *Load) phones() (fleet.Config, error) {
	switch {
	case l.Callers%l.Rooms != 0:
		return fleet.Config{}, fmt.Errorf("-callers %d in -rooms %d: want the same number in each", l.Callers, l.Rooms)
	case l.Talkers > l.Callers/l.Rooms:
		return fleet.Config{}, fmt.Errorf("-talkers %d in rooms of %d: want at most as many", l.Talkers, l.Callers/l.Rooms)
	}
	pcmu := media.Format{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1, PacketTime: packetTime}
	return fleet.Config{
		Callers: l.Callers, Rooms: l.Rooms, Talkers: l.Talkers, Codec: fleet.Coding{Format: pcmu}, Continuous: true,
		Plans: 1, Cycle: signal.MinCycle, Local: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 32)},
		Threads: 1, Grain: together, Ears: fleet.NoEars, References: 1,
	}, nil
}

// OpusOf is how callers code who encode as o says.
func OpusOf(o coding.Opus) fleet.Coding {
	return fleet.Coding{
		Format: media.Format{Codec: media.Opus, ClockRate: coding.OpusRate, SampleRate: coding.OpusRate, Channels: 1, PacketTime: packetTime,
			Opus: media.OpusParams{Bitrate: o.Bitrate, FEC: o.FEC}},
		Options: codec.Options{Complexity: o.Complexity},
	}
}

const (
	packetTime = 20 * time.Millisecond
	// together is how near to one another in time callers send together. Delays are as exact as it is fine.
	together = 250 * time.Microsecond
)
