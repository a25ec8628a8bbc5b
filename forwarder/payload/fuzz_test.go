package payload

import (
	"bytes"
	"testing"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
)

// fuzz feeds a codec's readers with what real encoders and cameras send, and what becomes
// of that.
func fuzz(f *testing.F, codec media.VideoCodec) {
	for _, g := range goldens {
		if g.codec != codec {
			continue
		}
		for _, picture := range g.read(f)[29:32] {
			for _, p := range picture {
				f.Add(p.payload, []byte(nil))
			}
		}
	}
	for _, c := range cameras() {
		if c.Codec == codec {
			for _, p := range pictures.New(c).Next(true) {
				f.Add(p.Payload, p.FrameMarking)
			}
		}
	}
	f.Fuzz(func(t *testing.T, payload, marking []byte) { judge(t, codec, payload, marking) })
}

// judge checks what holds for any payload.
func judge(t *testing.T, codec media.VideoCodec, payload, marking []byte) {
	var i, again Info
	if Read(codec, payload, marking, &i) != nil {
		Rewrite(codec, nil, payload, &Numbers{})
		return
	}
	if i.Temporal > 7 || i.Spatial > 7 || i.KeyIndex > 31 || i.PictureID >= 1<<i.PictureIDBits || (i.Width == 0) != (i.Height == 0) && codec != media.VP9 && codec != media.VP8 {
		t.Errorf("%+v", i)
	}
	n := Numbers{PictureID: 0x1234, TL0: 0x56, KeyIndex: 0x17}
	head, replaced := Rewrite(codec, make([]byte, 0, MaxHead), payload, &n)
	if replaced > len(payload) || replaced > len(head) || len(head) > MaxHead {
		t.Fatalf("%d bytes in place of %d", len(head), replaced)
	}
	out := append(bytes.Clone(head), payload[replaced:]...)
	if err := Read(codec, out, marking, &again); err != nil {
		t.Fatalf("what was rewritten: %v", err)
	}
	i.renumber(&n, replaced > 0)
	if again != i {
		t.Errorf("rewritten: %+v, want %+v", again, i)
	}
}

// renumber has i say what it should after a rewriting.
func (i *Info) renumber(n *Numbers, did bool) {
	if !did {
		return
	}
	if i.HasPictureID {
		i.PictureID, i.PictureIDBits = n.PictureID, 15
	}
	if i.HasTL0 {
		i.TL0 = n.TL0
	}
	if i.HasKeyIndex {
		i.KeyIndex = n.KeyIndex
	}
}

func FuzzVP8(f *testing.F)  { fuzz(f, media.VP8) }
func FuzzVP9(f *testing.F)  { fuzz(f, media.VP9) }
func FuzzH264(f *testing.F) { fuzz(f, media.H264) }
func FuzzH265(f *testing.F) { fuzz(f, media.H265) }
func FuzzAV1(f *testing.F)  { fuzz(f, media.AV1) }
