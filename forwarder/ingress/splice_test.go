package ingress

import (
	"bytes"
	"testing"

	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

func TestSplice(t *testing.T) {
	const cra, bla, sps, p = 21 << 1, 16 << 1, 33 << 1, 1 << 1
	for name, c := range map[string]struct {
		codec    media.VideoCodec
		in, want []byte
	}{
		"a unit":                     {media.H265, []byte{cra, 1, 7}, []byte{bla, 1, 7}},
		"one of a higher layer":      {media.H265, []byte{cra | 0x01, 0xf9, 7}, []byte{bla | 0x01, 0xf9, 7}},
		"one of another type":        {media.H265, []byte{p, 1, 7}, []byte{p, 1, 7}},
		"a first fragment":           {media.H265, []byte{49 << 1, 1, 0x80 | 21, 7}, []byte{49 << 1, 1, 0x80 | 16, 7}},
		"a fragment of another":      {media.H265, []byte{49 << 1, 1, 0x40 | 19, 7}, []byte{49 << 1, 1, 0x40 | 19, 7}},
		"an aggregation":             {media.H265, []byte{48 << 1, 1, 0, 2, sps, 1, 0, 3, cra, 1, 9, 0, 2, cra, 1}, []byte{48 << 1, 1, 0, 2, sps, 1, 0, 3, bla, 1, 9, 0, 2, bla, 1}},
		"one that says it is more":   {media.H265, []byte{48 << 1, 1, 0xff, 0xff, cra, 1}, []byte{48 << 1, 1, 0xff, 0xff, bla, 1}},
		"one that ends in the midst": {media.H265, []byte{48 << 1, 1, 0, 0, 0}, []byte{48 << 1, 1, 0, 0, 0}},
		"too short":                  {media.H265, []byte{cra, 1}, []byte{cra, 1}},
		"H.264":                      {media.H264, []byte{cra, 1, 7}, []byte{cra, 1, 7}},
	} {
		got := bytes.Clone(c.in)
		splice(c.codec, got)
		if !bytes.Equal(got, c.want) {
			t.Errorf("%s: % x becomes % x, want % x", name, c.in, got, c.want)
		}
	}
}

func TestSplicesInTheRing(t *testing.T) {
	s, err := New(Config{Codec: media.H265})
	if err != nil {
		t.Fatal(err)
	}
	sent := []byte{21 << 1, 1, 0x80, 7}
	s.Put(&transport.VideoPacket{Arrival: 1, Sequence: 5, Payload: sent})
	if p, ok := s.Packet(s.highest); !ok || p.Payload[0] != 16<<1 || !p.Info.Key || sent[0] != 21<<1 {
		t.Errorf("%+v", p)
	}
}

func FuzzSplice(f *testing.F) {
	f.Add([]byte{48 << 1, 1, 0, 2, 21 << 1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		got := bytes.Clone(b)
		splice(media.H265, got)
		again := bytes.Clone(got)
		splice(media.H265, again)
		if !bytes.Equal(got, again) {
			t.Errorf("% x becomes % x, then % x", b, got, again)
		}
	})
}
