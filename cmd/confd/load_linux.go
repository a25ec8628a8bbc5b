package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/confd/confd/bench/load"
	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/machine"
	"github.com/confd/confd/bench/load/report"
	"github.com/confd/confd/internal/buildinfo"
)

// loadCommands are those that put load on a server.
type loadCommands struct {
	Load loadCommand `cmd:"" help:"Place calls into the rooms of any SIP conference server, and tell what every caller heard."`
}

// loadCommand places calls into any SIP conference server and tells what each caller heard.
type loadCommand struct {
	To      string        `placeholder:"URI" help:"Whom to call, sip:ROOM@HOST:PORT. With several rooms {} in it is a room's number; else -1, -2, … follow ROOM."`
	Callers int           `placeholder:"N" help:"How many, over all rooms."`
	Rooms   int           `default:"1" placeholder:"N" help:"Rooms that they are spread over. Default 1."`
	Talkers int           `default:"3" placeholder:"N" help:"Who talk, in each room; the others are silent. Default 3."`
	Mixed   int           `default:"8" placeholder:"N" help:"How many at once the server mixes. Default 8."`
	Codec   string        `default:"pcmu" enum:"pcmu,pcma,g722,opus" help:"pcmu, pcma, g722 or opus. Default pcmu."`
	Ptime   time.Duration `default:"20ms" placeholder:"DURATION" help:"Sound per packet: 10ms, 20ms, 30ms, 40ms or 60ms. Default 20ms."`
	Bitrate int           `default:"32000" placeholder:"BPS" help:"Of callers' Opus, bits per second. Default 32000."`
	FEC     bool          `name:"fec" help:"Opus with forward error correction."`
	Rate    perSecond     `default:"50/s" placeholder:"N/s" help:"Calls per second, placed when they are due whether or not others are answered. Default 50/s."`
	For     time.Duration `default:"30s" placeholder:"DURATION" help:"How long to measure once all have called. Default 30s."`
	Settle  time.Duration `default:"3s" placeholder:"DURATION" help:"Time between the last call and the measurement; 0 is none. Default 3s."`

	TCP          bool          `name:"tcp" help:"SIP over TCP; default UDP."`
	From         string        `default:"load" placeholder:"USER" help:"User part of the callers' address. Default load."`
	User         string        `placeholder:"NAME" help:"For digest authentication; the password is in CONFD_LOAD_PASSWORD."`
	PIN          string        `name:"pin" placeholder:"DIGITS" help:"Dial these after the answer, as RFC 4733 events."`
	AnswerWithin time.Duration `default:"30s" placeholder:"DURATION" help:"Else a call has failed. Default 30s."`
	Local        []string      `placeholder:"PREFIX" help:"Addresses to send media from, as 10.0.0.0/28. Repeatable. Default: 127.0.0.0/8 to a server on loopback, else the route's."`
	Sharing      int           `name:"callers-per-port" default:"1" placeholder:"N" help:"How many callers send from one port, to a server that has a port for each call. Cheaper: 32 allow for more callers. Default 1."`
	Continuous   bool          `help:"Who talks makes no pauses."`
	Seed         uint64        `default:"1" placeholder:"N" help:"Of all that is random. Default 1."`

	pictureFlags  `embed:""`
	impairFlags   `embed:""`
	boundFlags    `embed:""`
	audienceFlags `embed:""`

	Ramp    int    `placeholder:"STEP" help:"Raise the callers by STEP up to --callers, measuring each time, until a bound is broken; name the capacity."`
	PID     int    `name:"pid" placeholder:"PID" help:"The server's process: tell its processor time and memory per caller."`
	Metrics string `placeholder:"URL" help:"The same from the server's metrics, as http://127.0.0.1:8080/metrics; a key is in CONFD_KEY."`
	JSON    bool   `name:"json" help:"Print the report as JSON."`
	Report  string `placeholder:"FILE" help:"Write the report as a page of HTML, too."`
	Quiet   bool   `help:"Tell nothing while it runs."`
}

// pictureFlags are what the callers show and see.
type pictureFlags struct {
	Video   string        `enum:",vp8,h264" default:"" placeholder:"CODEC" help:"Callers send and see video, too: vp8 or h264. Their pictures say whose they are, so that it is known who saw whom. Default none."`
	Cameras *int          `placeholder:"N" help:"How many show themselves, in each room, talkers first; the others only look. Default: the talkers."`
	Bitrate videoBitrate  `name:"video-bitrate" default:"300k" placeholder:"BPS" help:"Of each camera: 300k (320x180) or 1200k (640x360), 25 pictures per second. Default 300k."`
	Burst   bool          `name:"video-burst" help:"A picture's packets leave at once; else over half of the time to the next."`
	Hold    time.Duration `name:"video-hold" default:"2s" placeholder:"DURATION" help:"How long the server shows a speaker at least. Default 2s."`
	Within  time.Duration `name:"max-switch" default:"1500ms" placeholder:"DURATION" help:"Fail if somebody who speaks is seen later than this, once the speaker before is silent and was held. Default 1.5s."`
}

// videoBitrate is one of those for which there are pictures.
type videoBitrate int

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *videoBitrate) UnmarshalText(text []byte) error {
	switch string(text) {
	case "300k":
		*b = 300_000
	case "1200k":
		*b = 1_200_000
	default:
		return fmt.Errorf("%q is no bit rate that pictures are there for; right is 300k or 1200k", text)
	}
	return nil
}

// video is what load is to do of it; an error says which flag is wrong.
func (f pictureFlags) video() (load.Video, error) {
	v := load.Video{Codec: f.Video, Bitrate: int(f.Bitrate), Burst: f.Burst, Hold: f.Hold, Within: f.Within}
	switch {
	case f.Video == "" && (f.Cameras != nil || f.Burst):
		return v, errors.New("--cameras and --video-burst are of use with --video only")
	case f.Video == "":
		return load.Video{}, nil
	case f.Within == 0:
		return v, fmt.Errorf("--max-switch 0: want at least %v", load.MinWithin)
	case f.Cameras != nil && *f.Cameras == 0:
		return v, errors.New("--cameras 0: want at least 1")
	case f.Cameras != nil:
		v.Cameras = *f.Cameras
	}
	return v, nil
}

// impairFlags spoil what the callers send.
type impairFlags struct {
	Loss    float64       `placeholder:"PERCENT" help:"Of the packets sent, lose so many."`
	Burst   float64       `default:"1" placeholder:"N" help:"Lose so many in a row on average. Default 1."`
	Jitter  time.Duration `placeholder:"DURATION" help:"Delay each packet by up to so much."`
	Reorder float64       `placeholder:"PERCENT" help:"Send so many after the one that follows."`
	Drift   float64       `placeholder:"PPM" help:"Callers' clocks are off by up to so much."`
	DTX     bool          `name:"dtx" help:"Send nothing in pauses."`
}

// boundFlags decide on the exit status, beside what no bound allows.
type boundFlags struct {
	MaxLoss  *float64       `placeholder:"PERCENT" help:"Fail if more of the packets to callers is lost."`
	MaxDelay *time.Duration `placeholder:"DURATION" help:"Fail if the 99th percentile of the delay mouth to ear is longer."`
	MinMOS   *float64       `name:"min-mos" placeholder:"MOS" help:"Fail if the estimated quality of who is worst off is lower."`

	MaxFrozen       *float64       `placeholder:"PERCENT" help:"Fail if pictures stand still for more of the time; half a second without a new one does."`
	MaxPictureDelay *time.Duration `placeholder:"DURATION" help:"Fail if the 99th percentile of the delay of pictures is longer."`
}

// perSecond is a rate, as 50/s.
type perSecond float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *perSecond) UnmarshalText(text []byte) error {
	number, unit, given := strings.Cut(string(text), "/")
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || given && unit != "s" || !(n > 0) {
		return fmt.Errorf("%q is no rate; right is a number of calls per second, as 50/s", text)
	}
	*p = perSecond(n)
	return nil
}

// errBounds ends the program with the status of a failure; the report says why.
var errBounds = errors.New("not all was as it should be: see the report")

// Run places the calls. The report goes to the standard output, what happens meanwhile to
// the other.
func (c loadCommand) Run(ctx context.Context, m *Main) error {
	o, err := c.options(m)
	if err != nil {
		return &usageError{err}
	}
	page, err := c.page()
	if err != nil {
		return err
	}
	if page != nil {
		defer page.Close()
	}
	listeners, err := c.join(ctx, m)
	if err != nil {
		return err
	}
	r, err := c.run(ctx, m, o)
	listeners.tell(r)
	if r == nil {
		return err
	}
	err = errors.Join(err, c.write(r, m.Stdout, page))
	if err == nil && !r.Verdict.Passed {
		err = errBounds
	}
	return err
}

// run places the calls, if any are asked for.
func (c loadCommand) run(ctx context.Context, m *Main, o load.Options) (*report.Report, error) {
	if c.alone() {
		return c.listen(ctx, o)
	}
	return load.Run(ctx, o, c.watch(m))
}

// write puts the report where it was asked for.
func (c loadCommand) write(r *report.Report, out io.Writer, page *os.File) error {
	write := r.WriteText
	if c.JSON {
		write = r.WriteJSON
	}
	failed := write(out)
	if page != nil {
		failed = errors.Join(failed, r.WriteHTML(page), page.Close())
	}
	return failed
}

// page opens the file for the report before there is one, so that no run is for nothing.
func (c loadCommand) page() (*os.File, error) {
	if c.Report == "" {
		return nil, nil
	}
	return os.Create(c.Report)
}

// options are what load is to do; an error says which flag is wrong.
func (c loadCommand) options(m *Main) (load.Options, error) {
	if err := errors.Join(c.whom(), c.refuseZeros()); err != nil {
		return load.Options{}, err
	}
	o := load.Options{
		To: c.To, Callers: c.Callers, Rooms: c.Rooms, Talkers: c.Talkers, Mixed: c.Mixed, Codec: c.Codec, PacketTime: c.Ptime,
		Opus: load.Opus{Bitrate: c.Bitrate, FEC: c.FEC}, Continuous: c.Continuous, Rate: float64(c.Rate), Settle: c.Settle, Window: c.For,
		Seed: c.Seed, TCP: c.TCP, From: c.From, Username: c.User, Password: lookup(m.Env, envLoadPassword), PIN: c.PIN,
		AnswerWithin: c.AnswerWithin, Sharing: c.Sharing, Impair: c.impairment(), Ramp: c.Ramp, Bounds: c.bounds(), Program: "confd " + buildinfo.String(),
	}
	for _, text := range c.Local {
		p, err := prefix(text)
		if err != nil {
			return o, err
		}
		o.Local = append(o.Local, p)
	}
	var err error
	if o.Video, err = c.video(); err != nil {
		return o, err
	}
	o.Server, err = c.probe(m)
	if err != nil || c.alone() {
		return o, err
	}
	return o, o.Check()
}

// refuseZeros refuses what load would take for its own default.
func (c loadCommand) refuseZeros() error {
	for _, f := range []struct {
		flag string
		zero bool
		want string
	}{
		{"rooms", c.Rooms == 0, "at least 1"},
		{"mixed", c.Mixed == 0, "at least 1"},
		{"ptime", c.Ptime == 0, "10ms, 20ms, 30ms, 40ms or 60ms"},
		{"bitrate", c.Bitrate == 0, "bits per second, as 32000"},
		{"callers-per-port", c.Sharing == 0, "at least 1"},
		{"for", c.For == 0, "at least " + load.MinWindow.String()},
		{"answer-within", c.AnswerWithin == 0, "a duration, as 30s"},
	} {
		if f.zero {
			return fmt.Errorf("--%s 0: want %s", f.flag, f.want)
		}
	}
	return nil
}

// prefix reads a prefix or a single address.
func prefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("--local %q: want an address or a prefix, as 192.0.2.16/28", text)
	}
	return p, nil
}

// probe is what tells what the server spends, nil if nothing is to.
func (c loadCommand) probe(m *Main) (machine.Probe, error) {
	switch {
	case c.PID != 0 && c.Metrics != "":
		return nil, errors.New("--pid and --metrics are two ways to the same figures: want one of them")
	case c.PID != 0:
		return machine.ByPID(c.PID, true)
	case c.Metrics != "":
		return machine.ByMetrics(c.Metrics, lookup(m.Env, envKey))
	}
	return nil, nil
}

func (f impairFlags) impairment() fleet.Impairment {
	return fleet.Impairment{Loss: f.Loss / 100, Burst: f.Burst, Jitter: f.Jitter, Reorder: f.Reorder / 100, Drift: f.Drift, DTX: f.DTX}
}

func (f boundFlags) bounds() report.Bounds {
	b := report.Bounds{MaxLossPercent: f.MaxLoss, MinMOS: f.MinMOS, MaxFrozenPercent: f.MaxFrozen}
	if f.MaxPictureDelay != nil {
		b.MaxPictureDelayP99MS = new(float64(*f.MaxPictureDelay) / 1e6)
	}
	if f.MaxDelay != nil {
		b.MaxDelayP99MS = new(float64(*f.MaxDelay) / 1e6)
	}
	return b
}
