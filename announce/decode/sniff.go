package decode

import (
	"fmt"
	"io"
	"strings"
)

// sniff finds out by the first bytes what a file is, and opens it.
func sniff(r io.ReaderAt, size int64) (source, error) {
	head := make([]byte, 12)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	magic := string(head[:n])
	switch {
	case n == 0:
		return nil, fmt.Errorf("%w: it is empty, want WAV or Ogg/Opus", ErrUnknown)
	case isWave(magic):
		return openWave(r, size)
	case strings.HasPrefix(magic, "OggS"):
		return openOpus(r, size)
	}
	return nil, fmt.Errorf("%w: it is %s, want WAV (PCM, float, A-law, µ-law) or Ogg/Opus", ErrUnknown, nameOf(magic))
}

func isWave(magic string) bool {
	return len(magic) == 12 && (magic[:4] == "RIFF" || magic[:4] == "RF64") && magic[8:] == "WAVE"
}

// others are the files that people take for playable.
var others = []struct {
	offset      int
	magic, name string
}{
	{0, "ID3", "MP3"},
	{0, "\xff\xfb", "MP3"},
	{0, "\xff\xf3", "MP3"},
	{0, "\xff\xf1", "AAC"},
	{0, "\xff\xf9", "AAC"},
	{0, "fLaC", "FLAC"},
	{4, "ftyp", "MP4"},
	{0, "\x1a\x45\xdf\xa3", "Matroska or WebM"},
	{8, "AIF", "AIFF"},
	{0, ".snd", "Sun audio"},
	{0, "RIFX", "big-endian WAV"},
	{0, "RIFF", "RIFF, but not WAVE"},
	{0, "riff", "Wave64"},
	{0, "#!AMR", "AMR"},
	{0, "caff", "Core Audio"},
}

func nameOf(magic string) string {
	for _, o := range others {
		if len(magic) > o.offset && strings.HasPrefix(magic[o.offset:], o.magic) {
			return o.name
		}
	}
	return fmt.Sprintf("something else, beginning with %q", magic[:min(len(magic), 4)])
}
