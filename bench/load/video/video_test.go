package video

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pion/rtp/codecs"

	"github.com/confd/confd/forwarder/payload"
	"github.com/confd/confd/media"
)

var kinds = []struct {
	codec         media.VideoCodec
	bitrate, most int
	width, height uint16
}{
	{media.VP8, 300_000, 340_000, 320, 180}, {media.VP8, 1_200_000, 1_300_000, 640, 360},
	{media.H264, 300_000, 350_000, 320, 180}, {media.H264, 1_200_000, 1_300_000, 640, 360},
}

func each(t *testing.T, do func(t *testing.T, s *Stream)) {
	for _, k := range kinds {
		t.Run(fmt.Sprintf("%v %d", k.codec, k.bitrate), func(t *testing.T) {
			s, err := Prepared(k.codec, k.bitrate)
			if err != nil {
				t.Fatal(err)
			}
			if s.Bitrate < k.bitrate*9/10 || s.Bitrate > k.most || s.Width != int(k.width) || s.Height != int(k.height) {
				t.Fatalf("%d bit/s, %d x %d", s.Bitrate, s.Width, s.Height)
			}
			do(t, s)
		})
	}
}

func TestPreparedRefusesWhatItHasNot(t *testing.T) {
	if _, err := Prepared(media.AV1, 1_200_000); err == nil {
		t.Error("AV1 is prepared")
	}
	if s, err := Prepared(media.VP8, 1); err != nil || s.Width != 320 {
		t.Errorf("for a low bitrate: %+v, %v", s, err)
	}
}

// What is played is what its payload format says, whole, and decodable from the first frame
// of each round.
func TestPlayedFramesAreRead(t *testing.T) {
	each(t, func(t *testing.T, s *Stream) {
		p := NewPlayer(s, 7, 0)
		for n := range 160 {
			f := p.Next(0)
			key := n%75 == 0
			if f.Key != key || f.Number != uint32(n) {
				t.Fatalf("frame %d: %+v", n, f)
			}
			got := false
			for k, b := range f.Payloads {
				var i payload.Info
				if err := payload.Read(s.Codec, b, nil, &i); err != nil || len(b) > MaxPayload {
					t.Fatalf("frame %d packet %d: %d bytes, %v", n, k, len(b), err)
				}
				if k == 0 && (!i.Begin || key && (int(i.Width) != s.Width || int(i.Height) != s.Height)) {
					t.Errorf("frame %d: %+v", n, i)
				}
				got = got || i.Key
			}
			if got != key {
				t.Errorf("frame %d is key: %v", n, got)
			}
		}
	})
}

// send feeds a watch with a frame.
func send(w *Watch, sequence *uint16, f *Frame) (seen *Seen) {
	for k, b := range f.Payloads {
		seen = w.Packet(*sequence, f.Timestamp, k == len(f.Payloads)-1, b)
		*sequence++
	}
	return seen
}

func TestAWatchSeesWhoPlays(t *testing.T) {
	each(t, func(t *testing.T, s *Stream) {
		w, p, sequence := NewWatch(s.Codec), NewPlayer(s, 7, 0), uint16(65000)
		if _, ok := w.Sees(); ok {
			t.Error("something is seen at the start")
		}
		bytes := 0
		for n := range 200 {
			f := p.Next(int64(n))
			for _, b := range f.Payloads {
				bytes += len(b)
			}
			seen := send(w, &sequence, f)
			if seen == nil || seen.Sender != 7 || seen.Number != uint32(n) || seen.At != int64(n) || seen.Switched != (n == 0) || seen.Undecodable {
				t.Fatalf("frame %d: %+v", n, seen)
			}
		}
		want := Counts{Packets: uint64(sequence - 65000), Bytes: uint64(bytes), Frames: 200, KeyFrames: 3}
		if w.Counts != want {
			t.Errorf("%+v, want %+v", w.Counts, want)
		}
		if sender, ok := w.Sees(); sender != 7 || !ok {
			t.Errorf("sees %d, %v", sender, ok)
		}
	})
}

func TestDueAndKeyFrameAndSwitch(t *testing.T) {
	low, err := Prepared(media.VP8, 300_000)
	if err != nil {
		t.Fatal(err)
	}
	high, err := Prepared(media.VP8, 1_200_000)
	if err != nil {
		t.Fatal(err)
	}
	p := NewPlayer(low, 1, 1000)
	if p.Due() != 1000 || !p.Next(0).Key || p.Due() != 1000+int64(Interval) || p.Next(0).Key {
		t.Error("does not begin with a key frame at its time")
	}
	first := p.Next(0).Timestamp
	p.KeyFrame()
	if f := p.Next(0); !f.Key || f.Timestamp != first+Ticks {
		t.Errorf("asked for a key frame: %v", f.Key)
	}
	p.Switch(low)
	if p.Next(0).Key {
		t.Error("begins again though the stream is the same")
	}
	p.Switch(high)
	if f := p.Next(0); !f.Key || p.Next(0).Key {
		t.Error("another stream does not begin with its key frame")
	}
}

func TestNothingIsAllocated(t *testing.T) {
	each(t, func(t *testing.T, s *Stream) {
		w, p, sequence := NewWatch(s.Codec), NewPlayer(s, 7, 0), uint16(0)
		round := func() {
			for range 75 {
				if send(w, &sequence, p.Next(0)) == nil {
					t.Fatal("a frame is not seen")
				}
			}
		}
		round()
		if n := testing.AllocsPerRun(3, round); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// A decoder shows the same with marks and without.
func TestADecoderPassesOverMarks(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	for _, p := range prepared {
		t.Run(p.file, func(t *testing.T) {
			s, err := Prepared(p.codec, map[int]int{180: 300_000, 360: 1_200_000}[p.height])
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), p.file)
			if err := os.WriteFile(file, unpack(t, s), 0o600); err != nil {
				t.Fatal(err)
			}
			want, got := decode(t, filepath.Join("streams", p.file)), decode(t, file)
			if !bytes.Equal(got, want) || bytes.Count(got, []byte("\n0,")) != 75 {
				t.Errorf("decoded with marks:\n%s\nwithout:\n%s", got, want)
			}
		})
	}
}

// unpack makes a file of what is played, once.
func unpack(t *testing.T, s *Stream) (file []byte) {
	p := NewPlayer(s, 0xfeedbeef, 0)
	if s.Codec == media.VP8 {
		file = append([]byte("DKIF\x00\x00\x20\x00VP80\x00\x00\x00\x00\x19\x00\x00\x00\x01\x00\x00\x00"), make([]byte, 8)...)
	}
	h264 := &codecs.H264Packet{}
	for n := range s.frames {
		var picture []byte
		for _, b := range p.Next(0).Payloads {
			var part []byte
			var err error
			if s.Codec == media.VP8 {
				part, err = (&codecs.VP8Packet{}).Unmarshal(b)
			} else {
				part, err = h264.Unmarshal(b)
			}
			if err != nil {
				t.Fatal(err)
			}
			picture = append(picture, part...)
		}
		if s.Codec == media.VP8 {
			size := len(picture)
			file = append(file, byte(size), byte(size>>8), byte(size>>16), 0, byte(n), 0, 0, 0, 0, 0, 0, 0)
		}
		file = append(file, picture...)
	}
	return file
}

// decode returns a checksum of each picture. Any error of the decoder fails.
func decode(t *testing.T, file string) []byte {
	t.Helper()
	var said bytes.Buffer
	c := exec.Command("ffmpeg", "-v", "warning", "-err_detect", "explode", "-i", file, "-f", "framemd5", "-")
	c.Stderr = &said
	out, err := c.Output()
	if err != nil || said.Len() > 0 {
		t.Fatalf("%s: %v: %s", file, err, &said)
	}
	return out
}
