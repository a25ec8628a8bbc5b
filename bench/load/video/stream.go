package video

import (
	"bytes"
	"embed"
	"fmt"
	"time"

	"github.com/confd/confd/internal/testkit/film"
	"github.com/confd/confd/media"
)

//go:generate streams/make

//go:embed streams/*.ivf streams/*.h264
var files embed.FS

// MaxPayload is the longest payload, in bytes: all of a frame are as long, less the first of
// H.264 and the last.
const MaxPayload = 1200

// Interval is the time from frame to frame, Ticks the same on the RTP clock.
const (
	Interval = 40 * time.Millisecond
	Ticks    = media.VideoRate / 25
)

// Stream is a film of a few seconds that begins with a key frame, packed. Any number of
// players may play it at the same time; nothing changes it.
type Stream struct {
	Codec         media.VideoCodec
	Width, Height int
	Bitrate       int // bits per second of payload
	frames        []frame
	largest       int // bytes of the largest frame
}

// frame is a picture, packed, with room for what each sender writes in its place.
type frame struct {
	payloads [][]byte
	key      bool
	sum      uint32 // Mark.Sum
	packet   int    // the payload with the mark
	offset   int    // of the mark in it
}

// prepared are the streams that there are, by their codec the lowest bitrate first.
var prepared = []struct {
	codec         media.VideoCodec
	file          string
	width, height int
}{
	{media.VP8, "vp8-300.ivf", 320, 180},
	{media.VP8, "vp8-1200.ivf", 640, 360},
	{media.H264, "h264-300.h264", 320, 180},
	{media.H264, "h264-1200.h264", 640, 360},
}

// Prepared returns the stream of a codec with the largest bitrate up to one in bits per
// second, or its lowest. There are VP8 and H.264 (constrained baseline, packetization mode
// 1), of about 300,000 and 1,200,000, with marks a tenth more.
func Prepared(codec media.VideoCodec, bitrate int) (best *Stream, err error) {
	for _, p := range prepared {
		if p.codec != codec {
			continue
		}
		s := &Stream{Codec: codec, Width: p.width, Height: p.height}
		if err := s.load(p.file); err != nil {
			return nil, fmt.Errorf("%s: %w", p.file, err)
		}
		if best == nil || s.Bitrate <= bitrate*11/10 {
			best = s
		}
	}
	if best == nil {
		return nil, fmt.Errorf("no stream of %v is prepared: want vp8 or h264", codec)
	}
	return best, nil
}

func (s *Stream) load(name string) error {
	b, err := files.ReadFile("streams/" + name)
	if err != nil {
		return err
	}
	if s.Codec == media.H264 {
		for _, units := range splitH264(b) {
			s.frames = append(s.frames, packH264(units))
		}
	} else {
		f, err := film.ReadIVF(bytes.NewReader(b))
		if err != nil {
			return err
		}
		for _, picture := range f.Frames {
			s.frames = append(s.frames, packVP8(picture.Data))
		}
	}
	if len(s.frames) == 0 || !s.frames[0].key {
		return fmt.Errorf("%d frames that begin with no key frame", len(s.frames))
	}
	s.measure()
	return nil
}

func (s *Stream) measure() {
	total := 0
	for n := range s.frames {
		size := 0
		for _, p := range s.frames[n].payloads {
			size += len(p)
		}
		total += size
		s.largest = max(s.largest, size)
	}
	s.Bitrate = int(int64(total) * 8 * int64(time.Second) / (int64(len(s.frames)) * int64(Interval)))
}
