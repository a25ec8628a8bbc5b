package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/internal/testkit/film"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast"
	"github.com/confd/confd/multicast/listen"
	"github.com/confd/confd/transport"
)

// reel is a recording of a real encoder, which forwarder/payload/testdata tells of.
type reel struct {
	file   string
	format media.VideoFormat
}

var reels = []reel{
	{"vp8.rtpdump", media.VideoFormat{Codec: media.VP8}},
	{"vp9.rtpdump", media.VideoFormat{Codec: media.VP9}},
	{"h264.rtpdump", media.VideoFormat{Codec: media.H264, Profile: media.H264High, PacketizationMode: 1}},
	{"h265.rtpdump", media.VideoFormat{Codec: media.H265, Profile: 1}},
	{"av1.ivf", media.VideoFormat{Codec: media.AV1}},
}

// pictures returns a recording's, each as its packets.
func (r reel) pictures(t *testing.T) (all [][]transport.VideoOut) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "forwarder", "payload", "testdata", r.file))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(r.file, ".ivf") {
		f, err := film.ReadIVF(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		for _, frame := range f.Frames {
			var one []transport.VideoOut
			for _, p := range (&codecs.AV1Payloader{}).Payload(1200, frame.Data) {
				one = append(one, transport.VideoOut{Body: p})
			}
			all = append(all, one)
		}
		return all
	}
	packets, err := film.ReadRTP(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, nil)
	for _, one := range packets {
		var p rtp.Packet
		if err := p.Unmarshal(one.Data); err != nil {
			t.Fatal(err)
		}
		last := &all[len(all)-1]
		if *last = append(*last, transport.VideoOut{Body: p.Payload}); p.Marker {
			all = append(all, nil)
		}
	}
	return all[:len(all)-1]
}

// show sends a recording to a group over and over, 100 pictures a second, until the test ends.
func (r reel) show(t *testing.T, g *multicast.Group) {
	t.Helper()
	all := r.pictures(t)
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for n := uint32(0); ; n++ {
			one := all[n%uint32(len(all))]
			for i := range one {
				one[i].Timestamp, one[i].Marker = n*3600, i == len(one)-1
			}
			g.Video().SendVideo(clock.Now(), one)
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	t.Cleanup(func() {
		close(done)
		<-over
	})
}

// gallery is a group on the loopback interface, with video.
func gallery(t *testing.T, spec multicast.Spec, f media.VideoFormat) *multicast.Group {
	t.Helper()
	c := multicast.DefaultConfig()
	c.Source, c.RepairShare = netip.MustParseAddr("127.0.0.1"), 1
	c.Ports = fourPorts(t)
	h, err := multicast.NewHost(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	spec.Video = true
	g, err := h.Claim("gallery", "gallery", spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.SetVideo(f); err != nil {
		t.Fatal(err)
	}
	if err := g.Open(); err != nil {
		t.Fatal(err)
	}
	return g
}

// fourPorts returns the first and the last of four that were free a moment ago.
func fourPorts(t *testing.T) [2]int {
	t.Helper()
	for range 100 {
		low := 20000 + 4*rand.IntN(10000)
		free := 0
		for ; free < 4; free++ {
			c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: low + free})
			if err != nil {
				break
			}
			_ = c.Close()
		}
		if free == 4 {
			return [2]int{low, low + 3}
		}
	}
	t.Fatal("no four ports are free")
	return [2]int{}
}

func described(t *testing.T, g *multicast.Group) *listen.Session {
	t.Helper()
	sdp, _ := g.Description(true)
	s, err := listen.ParseVideo(sdp)
	if err != nil || s == nil {
		t.Fatalf("%v\n%s", err, sdp)
	}
	return s
}

// looks watches a group until so many pictures are in a file, and returns its name.
func looks(t *testing.T, y *eye, s *listen.Session, until func(*videoStats) bool) (name string, _ *videoStats) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "film"+map[media.VideoCodec]string{media.H264: ".h264", media.H265: ".h265"}[s.Video])
	file, err := openVideo(&Main{}, name)
	if err != nil {
		t.Fatal(err)
	}
	y.c, y.file = &listenCommand{Interface: "lo"}, file
	quiet := func(string, ...any) {}
	if err := y.update(s, quiet); err != nil {
		t.Fatal(err)
	}
	wait.For(t, "enough to be seen", func() bool { return until(y.stats()) }, func() any { return y.stats() })
	if err := y.close(); err != nil {
		t.Fatal(err)
	}
	return name, y.stats()
}

// plays fails unless ffmpeg finds as many pictures in a file as are said to be in it, and has nothing
// to complain of.
func plays(t *testing.T, name string, s *videoStats) {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	cmd := exec.Command(path, "-hide_banner", "-v", "error", "-i", name, "-fps_mode", "passthrough", "-f", "framemd5", "-")
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Errorf("ffmpeg: %v: %s", err, &complaints)
	}
	n := 0
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	if n != int(s.Pictures) {
		t.Errorf("ffmpeg finds %d pictures of %+v", n, s)
	}
}

// Whoever joins amid a stream of any codec has a file of it that plays, from a key frame on,
// which it has asked for.
func TestListenToVideo(t *testing.T) {
	for _, r := range reels {
		t.Run(r.format.Codec.String(), func(t *testing.T) {
			leak.Check(t)
			g := gallery(t, multicast.Spec{}, r.format)
			r.show(t, g)
			name, s := looks(t, &eye{}, described(t, g), func(s *videoStats) bool {
				return s.Pictures >= 50 && s.KeyFrames >= 2 && (s.Network.KeyFrames > 0 || s.Early == 0)
			})
			if s.Codec != r.format.Codec.String() || s.Width < 320 || s.Height < 180 || s.Network.Foreign+s.Network.Malformed+s.Network.Unknown != 0 {
				t.Errorf("%+v", s)
			}
			plays(t, name, s)
		})
	}
}

// A twentieth of all packets is lost, those that are sent again among them, under a key that is
// renewed meanwhile: nothing is missing.
func TestListenToLossyVideo(t *testing.T) {
	for _, r := range reels {
		t.Run(r.format.Codec.String(), func(t *testing.T) {
			leak.Check(t)
			g := gallery(t, multicast.Spec{SRTP: true}, r.format)
			r.show(t, g)
			dice := rand.New(rand.NewPCG(7, 7))
			rekeyed, before := false, uint64(0)
			y := &eye{drop: func([]byte) bool { return dice.IntN(20) == 0 }}
			name, s := looks(t, y, described(t, g), func(s *videoStats) bool {
				if !rekeyed && s.Pictures >= 50 && s.Network.ByRetransmission > 0 {
					if _, err := g.Rekey(0); err != nil {
						t.Fatal(err)
					}
					rekeyed, before = true, s.Pictures
					if err := y.update(described(t, g), func(string, ...any) {}); err != nil {
						t.Fatal(err)
					}
				}
				return rekeyed && s.Pictures >= before+150
			})
			if s.Network.LossBefore == 0 || s.Network.LossAfter > s.Network.LossBefore/4 || s.Network.Unauthentic != 0 {
				t.Errorf("%+v", s)
			}
			plays(t, name, s)
		})
	}
}

// Where nothing may be asked for, what was lost is left out with all that needs it.
func TestListenToUnrepairedVideo(t *testing.T) {
	leak.Check(t)
	r := reels[2]
	g := gallery(t, multicast.Spec{}, r.format)
	r.show(t, g)
	s := described(t, g)
	s.NACK, s.KeyFrames = false, false
	dice := rand.New(rand.NewPCG(7, 7))
	name, v := looks(t, &eye{drop: func([]byte) bool { return dice.IntN(100) == 0 }}, s, func(s *videoStats) bool { return s.GivenUp > 0 && s.Broken > 0 && s.KeyFrames > 2 })
	if v.Network.Requests+v.Network.KeyFrames+v.Network.ByRetransmission != 0 || v.Network.Lost == 0 {
		t.Errorf("%+v", v)
	}
	plays(t, name, v)
}

// The command waits for a description that has video, and writes that.
func TestListenVideoCommand(t *testing.T) {
	leak.Check(t)
	r := reels[0]
	g := gallery(t, multicast.Spec{}, r.format)
	r.show(t, g)
	sdp, _ := g.Description(true)
	sound, _, _ := bytes.Cut(sdp, []byte("m=video"))
	file := filepath.Join(t.TempDir(), "film.ivf")
	for _, c := range []struct {
		sdp    string
		status int
		says   []string
	}{
		{string(sdp), 1, []string{"vp8, from 127.0.0.1", " pictures, ", "saw ", "nothing came from"}}, // no sound
		{string(sound), 1, []string{"there is no video in the description", "the group had no video"}},
		{strings.Replace(string(sdp), "VP8/90000", "H261/90000", 1), 1, []string{"no payload type of VP8"}},
	} {
		status, stdout, stderr := run("", "listen", write(t, c.sdp), "--interface", "lo", "--for", "2500ms", "--video", file)
		for _, w := range c.says {
			if status != c.status || !strings.Contains(stdout+stderr, w) {
				t.Errorf("status %d, not %q: %s%s", status, w, stdout, stderr)
			}
		}
	}
	status, stdout, _ := run("", "listen", write(t, string(sdp)), "--interface", "lo", "--for", "2500ms", "--video", file, "--json")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	var v struct{ Video videoStats }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &v); err != nil || status != 1 || v.Video.Pictures == 0 || v.Video.Network.Received == 0 {
		t.Errorf("%v, status %d: %s", err, status, stdout)
	}
	plays(t, file, &v.Video)
	status, film, stderr := run("", "listen", write(t, string(sdp)), "--interface", "lo", "--for", "1500ms", "--video", "-")
	if status != 1 || !strings.HasPrefix(film, "DKIF") || !strings.Contains(stderr, "saw ") {
		t.Errorf("status %d, %.20q, %s", status, film, stderr)
	}
	if status, _, stderr = run("", "listen", write(t, string(sdp)), "--video", "-", "--wav", "-"); status != 2 || !strings.Contains(stderr, "cannot both") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// A file has one codec: when the group goes over to another, that is said.
func TestListenToAnotherCodec(t *testing.T) {
	g := gallery(t, multicast.Spec{}, reels[0].format)
	y := &eye{c: &listenCommand{Interface: "lo"}}
	var err error
	if y.file, err = openVideo(&Main{}, filepath.Join(t.TempDir(), "film")); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = y.close() }()
	var said atomic.Int32
	say := func(string, ...any) { said.Add(1) }
	if err := y.update(described(t, g), say); err != nil {
		t.Fatal(err)
	}
	if err := g.SetVideo(reels[2].format); err != nil {
		t.Fatal(err)
	}
	if err := y.update(described(t, g), say); err == nil || !strings.Contains(fmt.Sprint(err), "the group's video is h264 now, and the file's vp8") {
		t.Errorf("%v", err)
	}
	if err := y.update(nil, say); err != nil || y.l != nil || said.Load() != 2 {
		t.Errorf("%v, said %d", err, said.Load())
	}
}

// A reader that stands still costs pictures, not the group; what is left out leaves nothing
// that cannot be decoded.
func TestSlowVideoFile(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	v, err := openVideo(&Main{Stdout: w}, "-")
	if err != nil {
		t.Fatal(err)
	}
	y := &eye{c: &listenCommand{Interface: "lo"}, file: v}
	g := gallery(t, multicast.Spec{}, reels[0].format)
	reels[0].show(t, g)
	if err := y.update(described(t, g), func(string, ...any) {}); err != nil {
		t.Fatal(err)
	}
	wait.For(t, "a picture that is left out", func() bool { return y.stats().Missed > 0 }, func() any { return y.stats() })
	_ = r.Close()
	if err := y.close(); err == nil || !strings.Contains(err.Error(), "the video cannot be written") {
		t.Errorf("%v", err)
	}
	_ = w.Close()
}
