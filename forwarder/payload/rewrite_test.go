package payload

import (
	"bytes"
	"testing"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
)

func TestRewriteWritesTheDescriptorAnew(t *testing.T) {
	n := Numbers{PictureID: 0x9234, TL0: 0x56, KeyIndex: 0xf7} // less the bits too many: 0x1234, 0x17
	for _, c := range []struct {
		name        string
		codec       media.VideoCodec
		from, want  []byte
		wantReplace int
	}{
		{"VP8 without extension", media.VP8, []byte{0x10, 1, 2}, nil, 0},
		{"VP8 with an empty extension", media.VP8, []byte{0x90, 0x00, 1, 2}, nil, 0},
		{"VP8 of 7 bits", media.VP8, []byte{0x90, 0x80, 0x11, 1, 2}, []byte{0x90, 0x80, 0x92, 0x34}, 3},
		{"VP8 of 15 bits", media.VP8, []byte{0x90, 0x80, 0x91, 0x11, 1, 2}, []byte{0x90, 0x80, 0x92, 0x34}, 4},
		{"VP8 all", media.VP8, []byte{0xb1, 0xf0, 0x91, 0x11, 0x22, 0xa3, 1, 2}, []byte{0xb1, 0xf0, 0x92, 0x34, 0x56, 0xb7}, 6},
		{"VP8 layer without key index", media.VP8, []byte{0x90, 0x60, 0x22, 0xa3, 1}, []byte{0x90, 0x60, 0x56, 0xa3}, 4},
		{"VP8 key index alone", media.VP8, []byte{0x90, 0x10, 0xa3, 1}, []byte{0x90, 0x10, 0xb7}, 3},
		{"VP8 cut off", media.VP8, []byte{0x90, 0xf0, 0x91, 0x11}, nil, 0},
		{"VP8 descriptor alone", media.VP8, []byte{0x90, 0x80, 0x91, 0x11}, nil, 0},
		{"VP8 empty", media.VP8, nil, nil, 0},
		{"VP9 without numbers", media.VP9, []byte{0x08, 1}, nil, 0},
		{"VP9 of 7 bits", media.VP9, []byte{0x8c, 0x11, 1}, []byte{0x8c, 0x92, 0x34}, 2},
		{"VP9 non-flexible", media.VP9, []byte{0xe8, 0x91, 0x11, 0x35, 0x22, 1}, []byte{0xe8, 0x92, 0x34, 0x35, 0x56}, 5},
		{"VP9 flexible", media.VP9, []byte{0xf8, 0x91, 0x11, 0x35, 0x02, 1}, []byte{0xf8, 0x92, 0x34, 0x35}, 4},
		{"VP9 layers without picture id", media.VP9, []byte{0x68, 0x35, 0x22, 1}, []byte{0x68, 0x35, 0x56}, 3},
		{"VP9 cut off", media.VP9, []byte{0xe8, 0x91}, nil, 0},
		{"VP9 descriptor alone", media.VP9, []byte{0x88, 0x91, 0x11}, nil, 0},
		{"H.264", media.H264, []byte{0x65, 0x88}, nil, 0},
		{"H.265", media.H265, []byte{0x26, 0x01, 0x88}, nil, 0},
		{"AV1", media.AV1, []byte{0x18, 0x0a, 0x88}, nil, 0},
	} {
		got, replaced := Rewrite(c.codec, []byte("before"), c.from, &n)
		if want := append([]byte("before"), c.want...); !bytes.Equal(got, want) || replaced != c.wantReplace {
			t.Errorf("%s: %x in place of %d, want %x in place of %d", c.name, got, replaced, want, c.wantReplace)
		}
		if len(got) > len("before")+MaxHead {
			t.Errorf("%s: a head of %d bytes, at most %d were promised", c.name, len(got), MaxHead)
		}
	}
}

// What two cameras send becomes one stream, whatever their numbers.
func TestRewrittenNumbersRunOnOverASwitch(t *testing.T) {
	for _, bits := range []int{7, 15} {
		a := pictures.New(pictures.Config{Codec: media.VP8, Source: 1, Temporal: 2, PictureIDBits: 15, PictureID: 999, TL0: 7, KeyIndex: 3, Timestamp: 50})
		b := pictures.New(pictures.Config{Codec: media.VP8, Source: 2, Temporal: 2, PictureIDBits: bits, PictureID: 120, TL0: 99, KeyIndex: 30, Timestamp: 90000})
		checker := pictures.NewChecker(media.VP8)
		n, sequence := Numbers{PictureID: 0x7ffa, TL0: 253, KeyIndex: 31}, uint16(0)
		for k := range 24 {
			camera := a
			if k >= 8 {
				camera = b
			}
			for at, p := range camera.Next(k == 16) {
				var i Info
				if err := Read(media.VP8, p.Payload, nil, &i); err != nil {
					t.Fatal(err)
				}
				if at == 0 {
					n.next(&i)
				}
				head, replaced := Rewrite(media.VP8, nil, p.Payload, &n)
				p.Payload = append(head, p.Payload[replaced:]...)
				p.Sequence = sequence
				sequence++
				if err := checker.Packet(&p); err != nil {
					t.Fatalf("%d bits, picture %d: %v", bits, k, err)
				}
			}
		}
		if len(checker.Pictures) != 24 || !checker.Pictures[8].Switched {
			t.Errorf("%d bits: %d pictures", bits, len(checker.Pictures))
		}
	}
}

// next steps as a picture asks for.
func (n *Numbers) next(i *Info) {
	n.PictureID++
	if i.Temporal == 0 {
		n.TL0++
	}
	if i.Key {
		n.KeyIndex++
	}
}
