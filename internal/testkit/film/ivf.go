package film

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// IVF is what an IVF file holds.
type IVF struct {
	Codec         string // its four letters: "VP80", "VP90", "AV01"
	Width, Height uint16
	Rate, Scale   uint32 // Rate / Scale is units of time per second
	Frames        []IVFFrame
}

// IVFFrame is one picture; of AV1, a temporal unit.
type IVFFrame struct {
	Time uint64 // in units
	Data []byte
}

const (
	ivfHeader   = 32
	ivfItem     = 12
	ivfMaxFrame = 16 << 20
)

// ReadIVF reads a whole file.
func ReadIVF(r io.Reader) (*IVF, error) {
	var h [ivfHeader]byte
	if _, err := io.ReadFull(r, h[:]); err != nil || string(h[:4]) != "DKIF" {
		return nil, fmt.Errorf("not an IVF file: it begins with %q, want \"DKIF\"", h[:4])
	}
	f := &IVF{Codec: string(h[8:12]), Width: binary.LittleEndian.Uint16(h[12:]), Height: binary.LittleEndian.Uint16(h[14:]),
		Rate: binary.LittleEndian.Uint32(h[16:]), Scale: binary.LittleEndian.Uint32(h[20:])}
	for {
		frame, err := readIVFFrame(r)
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return nil, fmt.Errorf("after %d frames of an IVF file: %w", len(f.Frames), err)
		}
		f.Frames = append(f.Frames, frame)
	}
}

// readIVFFrame reads a frame. io.EOF means that there is none.
func readIVFFrame(r io.Reader) (f IVFFrame, err error) {
	var h [ivfItem]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return f, err
	}
	size := binary.LittleEndian.Uint32(h[:])
	if size > ivfMaxFrame {
		return f, fmt.Errorf("a frame of %d bytes, want at most %d", size, ivfMaxFrame)
	}
	f.Time, f.Data = binary.LittleEndian.Uint64(h[4:]), make([]byte, size)
	if _, err := io.ReadFull(r, f.Data); err != nil {
		return f, fmt.Errorf("a frame of %d bytes is cut off", size)
	}
	return f, nil
}
