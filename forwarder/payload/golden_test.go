package payload

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/confd/confd/internal/testkit/film"
	"github.com/confd/confd/media"
)

//go:generate testdata/make

// golden is what an encoder's stream holds. testdata/README.md tells where they are from.
type golden struct {
	file          string
	codec         media.VideoCodec
	width, height uint16
	pictures      int
	keys          []int // which of them are key
	discardable   int   // pictures that no other needs
	layers        []int // pictures of each temporal layer
	ids           bool  // has picture ids
}

var goldens = []golden{
	{"vp8.rtpdump", media.VP8, 320, 180, 100, []int{0, 30, 60, 90}, 0, []int{100}, true},
	{"vp9.rtpdump", media.VP9, 320, 180, 100, []int{0, 30, 60, 90}, 0, []int{100}, false},
	{"vp9-layers.ivf", media.VP9, 320, 180, 100, []int{0, 30, 60, 90}, 50, []int{25, 25, 50}, true},
	{"h264.rtpdump", media.H264, 322, 182, 100, []int{0, 30, 60, 90}, 31, []int{100}, false},
	{"h264-slices.rtpdump", media.H264, 320, 180, 100, []int{0, 30, 60, 90}, 0, []int{100}, false},
	{"h265.rtpdump", media.H265, 322, 182, 100, []int{0, 30, 60, 90}, 0, []int{67, 33}, false},
	{"h265-open.rtpdump", media.H265, 320, 180, 100, []int{0, 28, 58, 88}, 33, []int{100}, false},
	{"av1.ivf", media.AV1, 320, 180, 100, []int{0, 30, 60, 90}, 0, []int{100}, false},
}

// packet is an RTP packet of a golden.
type packet struct {
	payload []byte
	marker  bool
}

// read returns a golden's pictures, each as its packets.
func (g golden) read(t testing.TB) (pictures [][]packet) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", g.file))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(g.file, ".ivf") {
		return g.pack(t, b)
	}
	packets, err := film.ReadRTP(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	begun := false
	for n, p := range packets {
		var r rtp.Packet
		if err := r.Unmarshal(p.Data); err != nil {
			t.Fatalf("packet %d: %v", n, err)
		}
		if !begun {
			pictures = append(pictures, nil)
		}
		last := &pictures[len(pictures)-1]
		*last = append(*last, packet{r.Payload, r.Marker})
		begun = !r.Marker
	}
	return pictures
}

// pack packs what ffmpeg cannot: AV1 as pion does, VP9 with the layers of its pattern.
func (g golden) pack(t testing.TB, file []byte) (pictures [][]packet) {
	t.Helper()
	f, err := film.ReadIVF(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for n, frame := range f.Frames {
		var payloads [][]byte
		if g.codec == media.AV1 {
			payloads = (&codecs.AV1Payloader{}).Payload(1200, frame.Data)
		} else {
			payloads = packVP9(n, []byte{0, 2, 1, 2}[n%4], frame.Data)
		}
		picture := make([]packet, len(payloads))
		for k, p := range payloads {
			picture[k] = packet{p, k == len(payloads)-1}
		}
		pictures = append(pictures, picture)
	}
	return pictures
}

// packVP9 packs a picture with an id and a temporal layer; its key frames are every 30.
func packVP9(n int, temporal byte, frame []byte) (payloads [][]byte) {
	const most = 1100
	head := byte(vp9HasPicture | vp9HasLayer | vp9Begin)
	if n%30 != 0 {
		head |= vp9Predicted
	}
	for ; len(frame) > 0; head &^= vp9Begin {
		size := min(len(frame), most)
		if size == len(frame) {
			head |= vp9End
		}
		p := append([]byte{head, 0x80 | byte(n>>8), byte(n), temporal << 5, byte(n / 4)}, frame[:size]...)
		payloads, frame = append(payloads, p), frame[size:]
	}
	return payloads
}

// Pictures begin where they begin, key frames are found with their size, and layers are
// those that the encoder made.
func TestGoldens(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.file, func(t *testing.T) {
			got := golden{file: g.file, codec: g.codec, layers: make([]int, len(g.layers))}
			for n, picture := range g.read(t) {
				got.count(t, n, picture)
			}
			if fmt.Sprint(got) != fmt.Sprint(g) {
				t.Errorf("got %+v, want %+v", got, g)
			}
		})
	}
}

// count adds what is read of the nth picture's packets.
func (g *golden) count(t *testing.T, n int, picture []packet) {
	t.Helper()
	var key bool
	var temporal uint8
	discardable := true
	for k, p := range picture {
		var i Info
		if err := Read(g.codec, p.payload, nil, &i); err != nil {
			t.Fatalf("picture %d packet %d: %v", n, k, err)
		}
		exact := g.codec == media.VP8 || g.codec == media.VP9
		if k == 0 && !i.Begin || k > 0 && i.Begin && exact {
			t.Errorf("picture %d packet %d: begin is %v", n, k, i.Begin)
		}
		if g.codec == media.VP9 && i.End != p.marker {
			t.Errorf("picture %d packet %d: end is %v", n, k, i.End)
		}
		if i.Width > 0 {
			g.width, g.height = i.Width, i.Height
		}
		if i.HasPictureID {
			g.ids = true
			if want := uint16(n) & (1<<i.PictureIDBits - 1); i.PictureID != want {
				t.Errorf("picture %d packet %d: picture id %d", n, k, i.PictureID)
			}
		}
		key = key || i.Key
		temporal = max(temporal, i.Temporal)
		discardable = discardable && (i.Discardable || exact && k > 0)
	}
	g.pictures++
	g.layers[temporal]++
	if key {
		g.keys = append(g.keys, n)
	}
	if discardable {
		g.discardable++
	}
}

// ffprobe sees in the streams what the table of goldens says.
func TestFFprobeAgreesWithTheGoldens(t *testing.T) {
	if _, err := exec.LookPath("ffprobe"); err != nil {
		t.Skip("ffprobe is not installed")
	}
	for _, g := range goldens {
		t.Run(g.file, func(t *testing.T) {
			file := filepath.Join("testdata", g.file)
			if !strings.HasSuffix(file, ".ivf") {
				file = filepath.Join(t.TempDir(), g.codec.String()+"."+containers[g.codec])
				if err := os.WriteFile(file, g.unpack(t), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=width,height:packet=flags", "-of", "csv=p=0", file).Output()
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Fields(string(out))
			var keys []int
			for n, line := range lines[:len(lines)-1] {
				if line[0] == 'K' {
					keys = append(keys, n)
				}
			}
			got := fmt.Sprint(len(lines)-1, keys, lines[len(lines)-1])
			if want := fmt.Sprint(g.pictures, g.keys, fmt.Sprintf("%d,%d", g.width, g.height)); got != want {
				t.Errorf("ffprobe says %s, want %s", got, want)
			}
		})
	}
}

var containers = map[media.VideoCodec]string{media.VP8: "ivf", media.VP9: "ivf", media.H264: "h264", media.H265: "hevc"}

// unpack makes a file of a stream that ffprobe reads, without this package's help.
func (g golden) unpack(t *testing.T) (file []byte) {
	t.Helper()
	if g.codec == media.VP8 || g.codec == media.VP9 {
		name := map[media.VideoCodec]string{media.VP8: "VP80", media.VP9: "VP90"}[g.codec]
		file = append([]byte("DKIF\x00\x00\x20\x00"+name+"\x40\x01\xb4\x00\x19\x00\x00\x00\x01\x00\x00\x00"), make([]byte, 8)...)
	}
	h264, h265 := &codecs.H264Packet{}, &codecs.H265Depacketizer{}
	for n, picture := range g.read(t) {
		var frame []byte
		for _, p := range picture {
			var b []byte
			var err error
			switch g.codec {
			case media.VP8:
				b, err = (&codecs.VP8Packet{}).Unmarshal(p.payload)
			case media.VP9:
				b, err = (&codecs.VP9Packet{}).Unmarshal(p.payload)
			case media.H264:
				b, err = h264.Unmarshal(p.payload)
			case media.H265:
				b, err = h265.Unmarshal(p.payload)
			}
			if err != nil {
				t.Fatal(err)
			}
			frame = append(frame, b...)
		}
		if containers[g.codec] == "ivf" {
			size := len(frame)
			file = append(file, byte(size), byte(size>>8), byte(size>>16), 0, byte(n), 0, 0, 0, 0, 0, 0, 0)
		}
		file = append(file, frame...)
	}
	return file
}
