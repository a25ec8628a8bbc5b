package film

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"
	"time"
)

func TestRTPIsReadAsItWasWritten(t *testing.T) {
	want := []Packet{{Data: []byte{0x80, 1}}, {At: 40 * time.Millisecond, Data: bytes.Repeat([]byte{7}, 65527)}}
	var file bytes.Buffer
	if err := WriteRTP(&file, want); err != nil {
		t.Fatal(err)
	}
	whole := file.Bytes()
	got, err := ReadRTP(bytes.NewReader(whole))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%d packets, %v", len(got), err)
	}
	for _, n := range []int{0, 12, 30, len(whole) - 1} {
		if _, err := ReadRTP(bytes.NewReader(whole[:n])); err == nil {
			t.Errorf("the first %d bytes alone are taken", n)
		}
	}
	if err := WriteRTP(&file, []Packet{{Data: make([]byte, 65528)}}); err == nil {
		t.Error("a packet that is too long is written")
	}
}

func TestReadIVF(t *testing.T) {
	file := append([]byte("DKIF\x00\x00\x20\x00VP80\x40\x01\xb4\x00\x19\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00"), 3, 0, 0, 0)
	file = append(binary.LittleEndian.AppendUint64(file, 9), 1, 2, 3)
	got, err := ReadIVF(bytes.NewReader(file))
	want := &IVF{Codec: "VP80", Width: 320, Height: 180, Rate: 25, Scale: 1, Frames: []IVFFrame{{Time: 9, Data: []byte{1, 2, 3}}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	file[35] = 2 // a frame of 32 MB
	for _, n := range []int{0, 31, 40, len(file) - 1, len(file)} {
		if _, err := ReadIVF(bytes.NewReader(file[:n])); err == nil {
			t.Errorf("%d bytes are taken", n)
		}
	}
}
