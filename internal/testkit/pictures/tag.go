package pictures

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Tag is what every packet carries behind its headers.
type Tag struct {
	Source    uint32
	Number    uint32 // of the picture, from 0
	Needs     uint32 // the picture that this one is predicted from; itself if Key
	Timestamp uint32 // as it was sent
	Index     uint16 // of the packet among Count of the layer's
	Count     uint16
	Encoding  uint8
	Temporal  uint8
	Spatial   uint8 // one above 0 needs that below it of the same picture
	Layers    uint8 // spatial layers that the picture was sent with
	Key       bool
	Filling   uint16 // bytes behind the tag
}

var magic = []byte("\xfePicture")

const tagSize = 8 + 4*4 + 2*3 + 5

// append appends the tag and its filling.
func (t *Tag) append(b []byte) []byte {
	b = append(b, magic...)
	for _, v := range [...]uint32{t.Source, t.Number, t.Needs, t.Timestamp} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	for _, v := range [...]uint16{t.Index, t.Count, t.Filling} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	b = append(b, t.Encoding, t.Temporal, t.Spatial, t.Layers, flag(t.Key, 1))
	for n := range t.Filling {
		b = append(b, t.filling(n))
	}
	return b
}

// filling is a byte that differs from packet to packet and is never 0.
func (t *Tag) filling(n uint16) byte {
	return byte(uint32(n)*31+t.Source*7+t.Number*13+uint32(t.Index)*17+uint32(t.Encoding)*3) | 1
}

// ReadTag finds the tag of a payload, and verifies that what follows it is unharmed.
func ReadTag(payload []byte) (t Tag, err error) {
	_, b, found := bytes.Cut(payload, magic)
	if !found || len(b) < tagSize-len(magic) {
		return t, fmt.Errorf("a payload of %d bytes without a tag", len(payload))
	}
	long := func() (v uint32) { v, b = binary.BigEndian.Uint32(b), b[4:]; return v }
	short := func() (v uint16) { v, b = binary.BigEndian.Uint16(b), b[2:]; return v }
	t.Source, t.Number, t.Needs, t.Timestamp = long(), long(), long(), long()
	t.Index, t.Count, t.Filling = short(), short(), short()
	t.Encoding, t.Temporal, t.Spatial, t.Layers, t.Key = b[0], b[1], b[2], b[3], b[4] == 1
	b = b[5:]
	if len(b) != int(t.Filling) {
		return t, fmt.Errorf("%v: %d bytes of filling, %d were sent", t, len(b), t.Filling)
	}
	for n, got := range b {
		if want := t.filling(uint16(n)); got != want {
			return t, fmt.Errorf("%v: byte %d of the filling is %#x, %#x was sent", t, n, got, want)
		}
	}
	return t, nil
}

// String is for errors.
func (t Tag) String() string {
	return fmt.Sprintf("source %d encoding %d picture %d layer %d/%d packet %d of %d", t.Source, t.Encoding, t.Number, t.Spatial, t.Temporal, t.Index, t.Count)
}
