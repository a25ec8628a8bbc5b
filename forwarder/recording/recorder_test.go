package recording

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/internal/testkit/film"
	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

// recordings are the streams of real encoders, of 100 pictures of 40 ms, every thirtieth key.
// payload/testdata tells what is in which.
var recordings = []struct {
	file  string
	codec media.VideoCodec
}{
	{"vp8.rtpdump", media.VP8}, {"vp9.rtpdump", media.VP9}, {"h264.rtpdump", media.H264},
	{"h264-slices.rtpdump", media.H264}, {"h265.rtpdump", media.H265}, {"av1.ivf", media.AV1},
}

// packets returns a recording as it comes from the network.
func packets(t *testing.T, file string) (all []transport.VideoPacket) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "payload", "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(file, ".ivf") {
		return pack(t, b)
	}
	recorded, err := film.ReadRTP(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range recorded {
		var p rtp.Packet
		if err := p.Unmarshal(one.Data); err != nil {
			t.Fatal(err)
		}
		all = append(all, transport.VideoPacket{Arrival: int64(time.Second + one.At), Timestamp: p.Timestamp, Sequence: p.SequenceNumber, Marker: p.Marker, Payload: p.Payload})
	}
	return all
}

// pack packs AV1 as pion does.
func pack(t *testing.T, file []byte) (all []transport.VideoPacket) {
	t.Helper()
	f, err := film.ReadIVF(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for n, frame := range f.Frames {
		payloads := (&codecs.AV1Payloader{}).Payload(1200, frame.Data)
		for k, p := range payloads {
			all = append(all, transport.VideoPacket{Arrival: int64(time.Second) + int64(n)*40e6, Timestamp: uint32(n) * 3600,
				Sequence: uint16(len(all)), Marker: k == len(payloads)-1, Payload: p})
		}
	}
	return all
}

// record makes a file of packets, without those that lose picks.
func record(t *testing.T, codec media.VideoCodec, all []transport.VideoPacket, lose func() bool) ([]byte, Stats) {
	t.Helper()
	s, err := ingress.New(ingress.Config{Codec: codec})
	if err != nil {
		t.Fatal(err)
	}
	r, file := New(codec), []byte(nil)
	take := func(now int64) {
		for s.Advance(now); ; {
			f := s.Next()
			if f == nil {
				return
			}
			file = r.Append(file, f)
		}
	}
	for i := range all {
		if !lose() {
			s.Put(&all[i])
		}
		take(all[i].Arrival)
	}
	take(all[len(all)-1].Arrival + int64(time.Second))
	return file, r.Stats()
}

func nothing() bool { return false }

// extensions are those by which ffmpeg knows what is in a file; IVF it knows anyway.
var extensions = map[media.VideoCodec]string{media.H264: ".h264", media.H265: ".h265"}

// write puts a file where players find it.
func write(t *testing.T, codec media.VideoCodec, file []byte) (name string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "film"+extensions[codec])
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func ffmpeg(t *testing.T, name string, args ...string) (out, complaints string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CONFD_E2E_STRICT") != "" {
			t.Fatal(name + " is not installed: make setup-test")
		}
		t.Skip(name + " is not installed")
	}
	cmd := exec.Command(path, args...)
	var b, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &e
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, &e)
	}
	return b.String(), e.String()
}

// decoded returns how many pictures ffmpeg finds in a file. It must have nothing to complain of.
func decoded(t *testing.T, name string) int {
	t.Helper()
	out, complaints := ffmpeg(t, "ffmpeg", "-hide_banner", "-v", "warning", "-i", name, "-fps_mode", "passthrough", "-f", "framemd5", "-")
	for line := range strings.Lines(complaints) {
		if !strings.Contains(line, "Stream #0: not enough frames to estimate rate") {
			t.Errorf("ffmpeg says %s", line)
		}
	}
	n := 0
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n
}

func TestPlaysInFFmpeg(t *testing.T) {
	for _, c := range recordings {
		t.Run(c.file, func(t *testing.T) {
			file, s := record(t, c.codec, packets(t, c.file), nothing)
			if s.Pictures != 100 || s.KeyFrames != 4 || s.Ticks != 99*3600 || s.Early+s.Broken+s.Unread != 0 || s.Width < 320 || s.Height < 180 {
				t.Errorf("%+v", s)
			}
			if n := decoded(t, write(t, c.codec, file)); n != 100 {
				t.Errorf("ffmpeg decodes %d pictures", n)
			}
		})
	}
}

// What is left out for loss leaves a file without anything that cannot be decoded.
func TestPlaysInFFmpegWithLoss(t *testing.T) {
	for _, c := range recordings {
		t.Run(c.file, func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, 1))
			file, s := record(t, c.codec, packets(t, c.file), func() bool { return random.IntN(50) == 0 })
			if s.Broken == 0 || s.Pictures < 10 || s.Pictures > 99 {
				t.Errorf("%+v", s)
			}
			if n := decoded(t, write(t, c.codec, file)); n != int(s.Pictures) {
				t.Errorf("ffmpeg decodes %d pictures of %+v", n, s)
			}
		})
	}
}

// A file begins with a key frame, and its times are those of the stream, from 0 on.
func TestBeginsWithAKeyFrame(t *testing.T) {
	all := packets(t, "vp8.rtpdump")
	begin := 0
	for pictures := 0; pictures < 20; begin++ {
		if all[begin].Marker {
			pictures++
		}
	}
	file, s := record(t, media.VP8, all[begin:], nothing)
	if s.Early != 10 || s.Pictures != 70 || s.Ticks != 69*3600 {
		t.Errorf("%+v", s)
	}
	f, err := film.ReadIVF(bytes.NewReader(file))
	if err != nil || f.Codec != "VP80" || f.Width != 320 || f.Height != 180 || f.Rate != 90000 || f.Scale != 1 || len(f.Frames) != 70 {
		t.Fatalf("%v, %+v", err, f)
	}
	for n, one := range f.Frames {
		if one.Time != uint64(n)*3600 || one.Data[0]&1 == 0 != (n%30 == 0) {
			t.Errorf("picture %d at %d begins with %#x", n, one.Time, one.Data[0])
		}
	}
}

// camera is a stream with something of its own.
func camera(c pictures.Config, n int) (all []transport.VideoPacket) {
	cam := pictures.New(c)
	for i := range n {
		for _, p := range cam.Next(false) {
			all = append(all, transport.VideoPacket{Arrival: int64(time.Second) + int64(i)*40e6, Timestamp: p.Timestamp, Sequence: p.Sequence, Marker: p.Marker, Payload: p.Payload})
		}
	}
	return all
}

// Another source's timestamps do not run on, and neither do such as stand still.
func TestTimesRunOn(t *testing.T) {
	s, err := ingress.New(ingress.Config{Codec: media.VP8})
	if err != nil {
		t.Fatal(err)
	}
	r, file := New(media.VP8), []byte(nil)
	for n, first := range []uint32{1000, 500_000} {
		for _, p := range camera(pictures.Config{Codec: media.VP8, Timestamp: first}, 2) {
			p.Arrival += int64(n) * int64(time.Second)
			s.Put(&p)
			for f := s.Next(); f != nil; f = s.Next() {
				file = r.Append(file, f)
			}
		}
		s.Reset()
		r.Splice()
	}
	f, err := film.ReadIVF(bytes.NewReader(file))
	if err != nil || len(f.Frames) != 4 {
		t.Fatalf("%v, %+v", err, r.Stats())
	}
	if got := []uint64{f.Frames[1].Time, f.Frames[2].Time, f.Frames[3].Time}; got[0] != 3600 || got[1] != 90000 || got[2] != 93600 {
		t.Errorf("pictures at %v", got)
	}
	last := *new(ingress.Frame)
	r.stamp, r.done = 500, int64(3*time.Second)
	last.Timestamp, last.Done = 500, int64(3*time.Second)
	before := r.stats.Ticks
	if r.count(&last); r.stats.Ticks != before+1 {
		t.Errorf("a picture of the same moment is %d later", r.stats.Ticks-before)
	}
}

// A picture of three layers is a superframe, whose index tells where each begins.
func TestSuperframe(t *testing.T) {
	file, s := record(t, media.VP9, camera(pictures.Config{Codec: media.VP9, Spatial: 3, PictureIDBits: 15, Width: 640, Height: 360}, 3), nothing)
	f, err := film.ReadIVF(bytes.NewReader(file))
	if err != nil || s.Pictures != 3 || f.Width != 640 {
		t.Fatalf("%v, %+v", err, s)
	}
	for _, one := range f.Frames {
		b := one.Data
		if b[len(b)-1] != 0xda || b[len(b)-14] != 0xda {
			t.Fatalf("% x is no index of three", b[len(b)-14:])
		}
		sum := 0
		for k := range 3 {
			at := b[sum:]
			if sum += int(binary.LittleEndian.Uint32(b[len(b)-13+4*k:])); at[0]>>6 != 2 {
				t.Errorf("layer %d begins with %#x", k, at[0])
			}
		}
		if sum != len(b)-14 {
			t.Errorf("the layers are %d bytes of %d", sum, len(b)-14)
		}
	}
	if b := superframe([]byte{1}, []int{0}); len(b) != 1 {
		t.Error("one frame has an index")
	}
}

// Parameter sets that came earlier are written before a key frame that has none.
func TestParameterSetsThatCameEarlier(t *testing.T) {
	all := packets(t, "h264.rtpdump")
	for i := range all { // what a source sends that has sent them once
		if i > 20 && all[i].Payload[0]&0x1f == 24 {
			all[i].Payload = nil
		}
	}
	file, s := record(t, media.H264, all, nothing)
	if n := bytes.Count(file, []byte{0, 0, 0, 1, 0x67}); s.KeyFrames < 2 || n != int(s.KeyFrames) {
		t.Errorf("%d sets for %+v", n, s)
	}
}

// A stream of H.265 with open groups of pictures is gone over to amid it, from another and at any
// of its key frames: ffmpeg shows all that is left, and nothing else.
func TestOpenGroupsOfPictures(t *testing.T) {
	file, s := record(t, media.H265, packets(t, "h265-open.rtpdump"), nothing)
	if s.Pictures >= 100 || s.KeyFrames != 4 || s.Broken+s.Unread != 0 {
		t.Errorf("%+v", s)
	}
	if n := decoded(t, write(t, media.H265, file)); n != int(s.Pictures) {
		t.Errorf("ffmpeg decodes %d pictures of %+v", n, s)
	}
	r, out := New(media.H265), []byte(nil)
	for n, name := range []string{"h265.rtpdump", "h265-open.rtpdump"} {
		stream, err := ingress.New(ingress.Config{Codec: media.H265})
		if err != nil {
			t.Fatal(err)
		}
		all := packets(t, name)
		for _, p := range all[n*len(all)/3:] {
			stream.Put(&p)
			for f := stream.Next(); f != nil; f = stream.Next() {
				out = r.Append(out, f)
			}
		}
		r.Splice()
	}
	s = r.Stats()
	if n := decoded(t, write(t, media.H265, out)); s.KeyFrames < 5 || n != int(s.Pictures) {
		t.Errorf("ffmpeg decodes %d pictures of %+v", n, s)
	}
}
