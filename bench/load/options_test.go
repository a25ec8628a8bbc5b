//go:build linux

package load

import (
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/signal"
)

func good() Options { return Options{To: "sip:room@127.0.0.1", Callers: 30, Rooms: 3, Talkers: 3} }

func TestOptionsAtTheirEdges(t *testing.T) {
	for _, k := range []struct {
		name string
		set  func(*Options)
		want string // in the error; "" is none
	}{
		{"as it is", func(*Options) {}, ""},
		{"nobody", func(o *Options) { o.Callers = 0 }, "0 callers"},
		{"one", func(o *Options) { o.Callers, o.Rooms, o.Talkers = 1, 1, 1 }, ""},
		{"most", func(o *Options) { o.Callers = MaxCallers }, ""},
		{"too many", func(o *Options) { o.Callers = MaxCallers + 1 }, "callers"},
		{"a room each", func(o *Options) { o.Rooms, o.Talkers = 30, 1 }, ""},
		{"more rooms than callers", func(o *Options) { o.Rooms, o.Talkers = 31, 1 }, "31 rooms"},
		{"all talk", func(o *Options) { o.Talkers = 10 }, ""},
		{"more talk than there are", func(o *Options) { o.Talkers = 11 }, "11 talkers"},
		{"none talks", func(o *Options) { o.Talkers = 0 }, "0 talkers"},
		{"most talk", func(o *Options) { o.Callers, o.Rooms, o.Talkers = 300, 1, signal.MaxTalkers }, ""},
		{"too many talk", func(o *Options) { o.Callers, o.Rooms, o.Talkers = 300, 1, signal.MaxTalkers+1 }, "talkers"},
		{"a codec", func(o *Options) { o.Codec = "opus" }, ""},
		{"no codec of ours", func(o *Options) { o.Codec = "g729" }, `"g729"`},
		{"the highest rate", func(o *Options) { o.Rate = MaxRate }, ""},
		{"too high a rate", func(o *Options) { o.Rate = MaxRate + 1 }, "per second"},
		{"a rate below nothing", func(o *Options) { o.Rate = -1 }, "per second"},
		{"the shortest window", func(o *Options) { o.Window = MinWindow }, ""},
		{"too short a window", func(o *Options) { o.Window = MinWindow - 1 }, "at least"},
		{"time that runs back", func(o *Options) { o.Settle = -time.Second }, "negative"},
		{"a ramp", func(o *Options) { o.Ramp = 30 }, ""},
		{"the least ramp", func(o *Options) { o.Ramp = 3 }, ""},
		{"a ramp too high", func(o *Options) { o.Ramp = 31 }, "ramp"},
		{"a ramp too low", func(o *Options) { o.Ramp = 2 }, "ramp"},
		{"most share a port", func(o *Options) { o.Sharing = fleet.MaxSharing }, ""},
		{"too many share a port", func(o *Options) { o.Sharing = fleet.MaxSharing + 1 }, "251 callers per port"},
		{"fewer than one share a port", func(o *Options) { o.Sharing = -1 }, "-1 callers per port"},
		{"video", func(o *Options) { o.Video.Codec = "vp8" }, ""},
		{"video of H.264 by all", func(o *Options) { o.Video = Video{Codec: "h264", Cameras: 10, Bitrate: 1_200_000, Burst: true} }, ""},
		{"no video codec of ours", func(o *Options) { o.Video.Codec = "av1" }, `"av1"`},
		{"more cameras than there are", func(o *Options) { o.Video = Video{Codec: "vp8", Cameras: 11} }, "11 cameras in rooms of 10"},
		{"fewer cameras than none", func(o *Options) { o.Video = Video{Codec: "vp8", Cameras: -1} }, "-1 cameras"},
		{"cameras without video", func(o *Options) { o.Video.Cameras = 1 }, "video codec"},
		{"no bit rate of pictures", func(o *Options) { o.Video = Video{Codec: "vp8", Bitrate: 300_001} }, "300001 bit/s"},
		{"the longest hold", func(o *Options) { o.Video = Video{Codec: "vp8", Hold: MaxHold} }, ""},
		{"too long a hold", func(o *Options) { o.Video = Video{Codec: "vp8", Hold: MaxHold + 1} }, "held for"},
		{"the shortest patience", func(o *Options) { o.Video = Video{Codec: "vp8", Within: MinWithin} }, ""},
		{"too short a patience", func(o *Options) { o.Video = Video{Codec: "vp8", Within: MinWithin - 1} }, "seen within"},
		{"a PIN", func(o *Options) { o.PIN = "12*#ABCD" }, ""},
		{"a PIN that no phone has", func(o *Options) { o.PIN = "12E" }, "PIN"},
	} {
		o := good()
		k.set(&o)
		err := o.Check()
		if (err == nil) != (k.want == "") || err != nil && !strings.Contains(err.Error(), k.want) {
			t.Errorf("%s: %v, want %q", k.name, err, k.want)
		}
	}
}

// No time at all between the last call and the measurement is none, and no default.
func TestNoSettling(t *testing.T) {
	if s := good().withDefaults().Settle; s != 0 {
		t.Errorf("%v", s)
	}
}

// Any first so many callers are spread evenly, and of each room the first talk.
func TestCallersAreSpread(t *testing.T) {
	o := good()
	for n := 1; n <= o.Callers; n++ {
		count := make([]int, o.Rooms)
		for i := range n {
			room, seat := o.room(i)
			if seat != count[room] {
				t.Fatalf("caller %d has seat %d of room %d, in which are %d", i, seat, room, count[room])
			}
			count[room]++
		}
		for _, c := range count {
			if c != n/o.Rooms && c != n/o.Rooms+1 {
				t.Fatalf("%d callers are spread as %v", n, count)
			}
		}
	}
}

func TestTargets(t *testing.T) {
	for _, k := range []struct {
		to    string
		rooms int
		want  string // of the second room
	}{
		{"sip:a@h", 2, "sip:a-2@h"},
		{"sip:a@h:5070;x=y", 2, "sip:a-2@h:5070;x=y"},
		{"sip:a{}b@h", 2, "sip:a2b@h"},
		{"sip:90{}@h{}.example", 2, "sip:902@h2.example"},
		{"sip:h", 2, "sip:h"},
	} {
		o := Options{To: k.to, Rooms: k.rooms}
		if got := o.target(1); got != k.want {
			t.Errorf("%s: %s, want %s", k.to, got, k.want)
		}
	}
	if o := (Options{To: "sip:a@h", Rooms: 1}); o.target(0) != "sip:a@h" {
		t.Errorf("one room: %s", o.target(0))
	}
}
