package payload

import (
	"bytes"
	"errors"
	"testing"

	"github.com/confd/confd/media"
)

// What real encoders make is unpacked whole in recording's tests; here is what they do not make.
func TestUnpack(t *testing.T) {
	const start = "\x00\x00\x00\x01"
	for name, c := range map[string]struct {
		codec    media.VideoCodec
		payloads []string
		want     string
		err      error
	}{
		"VP8 with all fields":        {media.VP8, []string{"\x90\xf0\x81\x02\x03\x04data"}, "data", nil},
		"VP9 with its structure":     {media.VP9, []string{"\x8a\x81\x02\x10\x01\x40\x00\xb4data"}, "data", nil},
		"VP8 without data":           {media.VP8, []string{"\x10"}, "", ErrShort},
		"H.264, two in one":          {media.H264, []string{"\x78\x00\x02\x67a\x00\x03\x68bc"}, start + "\x67a" + start + "\x68bc", nil},
		"H.264 in parts":             {media.H264, []string{"\x7c\x85a", "\x7c\x05b", "\x7c\x45c"}, start + "\x65abc", nil},
		"H.264, about the packet":    {media.H264, []string{"\x7e\x80\x00\x07\x00", "\x65a"}, start + "\x65a", nil},
		"H.264 interleaved":          {media.H264, []string{"\x79\x00\x01\x00\x02\x65a"}, "", ErrMalformed},
		"H.264 in interleaved parts": {media.H264, []string{"\x7d\x85\x00\x01a"}, "", ErrMalformed},
		"H.265, two in one":          {media.H265, []string{"\x60\x01\x00\x03\x40\x01a\x00\x04\x42\x01bc"}, start + "\x40\x01a" + start + "\x42\x01bc", nil},
		"H.265 in parts":             {media.H265, []string{"\x62\x01\x93a", "\x62\x01\x53b"}, start + "\x26\x01ab", nil},
		"H.265 behind a PACI":        {media.H265, []string{"\x64\x01\x26\x38\x00\x00\x00data"}, start + "\x26\x01data", nil},
		"H.265 in parts behind one":  {media.H265, []string{"\x64\x01\x62\x00\x93a", "\x62\x01\x53b"}, start + "\x26\x01ab", nil},
		"AV1, sized or not":          {media.AV1, []string{"\x20\x04\x0a\x02ab\x08cd"}, "\x12\x00\x0a\x82\x80\x80\x00ab\x0a\x82\x80\x80\x00cd", nil},
		"AV1 in parts":               {media.AV1, []string{"\x50\x34\x08a", "\xc0\x02bc", "\x90d"}, "\x12\x00\x36\x08\x84\x80\x80\x00abcd", nil},
		"AV1 with a delimiter":       {media.AV1, []string{"\x20\x02\x12\x00\x30a"}, "\x12\x00\x32\x81\x80\x80\x00a", nil},
		"AV1, padding in parts":      {media.AV1, []string{"\x50\x7aa", "\xa0\x01b\x30c"}, "\x12\x00\x32\x81\x80\x80\x00c", nil},
		"AV1 that was not begun":     {media.AV1, []string{"\x90a"}, "", ErrMalformed},
		"AV1 that does not go on":    {media.AV1, []string{"\x50\x30a", "\x10\x30b"}, "", ErrMalformed},
	} {
		u := NewUnpacker(c.codec)
		got, err := u.Begin(nil), error(nil)
		for _, p := range c.payloads {
			if got, err = u.Append(got, []byte(p)); err != nil {
				break
			}
		}
		if !errors.Is(err, c.err) || err == nil && string(got) != c.want {
			t.Errorf("%s: %q, %v; want %q, %v", name, got, err, c.want, c.err)
		}
	}
}

// Whatever two payloads hold, what they add is bounded by them, and what is before it stays.
func FuzzUnpack(f *testing.F) {
	for _, g := range goldens {
		for _, picture := range g.read(f)[29:32] {
			f.Add(uint8(g.codec), picture[0].payload, picture[len(picture)-1].payload)
		}
	}
	f.Fuzz(func(t *testing.T, codec uint8, first, second []byte) {
		u := NewUnpacker(media.VideoCodec(codec))
		before := u.Begin([]byte("before"))
		b, err := u.Append(bytes.Clone(before), first)
		if err == nil {
			b, _ = u.Append(b, second)
		}
		if !bytes.HasPrefix(b, before) || len(b) > len(before)+5*(len(first)+len(second))+8 {
			t.Errorf("% x", b)
		}
	})
}
