package wav

import (
	"encoding/binary"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wav")
	want := []int16{0, 1, -1, 32767, -32768}
	if err := Write(path, 44100, want); err != nil {
		t.Fatal(err)
	}
	a, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if a.Rate != 44100 || a.Channels != 1 || !slices.Equal(a.Samples, want) {
		t.Errorf("read %+v", a)
	}
}

func TestMonoOfStereo(t *testing.T) {
	a, err := Decode(Encode(&Audio{Rate: 8000, Channels: 2, Samples: []int16{10, 20, -32768, -32768}}))
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Mono(); !slices.Equal(got, []int16{15, -32768}) {
		t.Errorf("mono is %v", got)
	}
	if a.Duration() != 250*time.Microsecond {
		t.Errorf("two frames at 8 kHz last %v", a.Duration())
	}
}

func TestUnfinishedRecording(t *testing.T) {
	for _, size := range []uint32{0, 1 << 31} {
		b := Encode(&Audio{Rate: 8000, Channels: 1, Samples: []int16{1, 2, 3}})
		binary.LittleEndian.PutUint32(b[40:], size)
		a, err := Decode(b)
		if err != nil || !slices.Equal(a.Samples, []int16{1, 2, 3}) {
			t.Errorf("size %d: %+v, %v", size, a, err)
		}
	}
}

func TestNotAWave(t *testing.T) {
	good := Encode(&Audio{Rate: 8000, Channels: 1, Samples: []int16{1}})
	eight := slices.Clone(good)
	eight[34] = 8
	for name, b := range map[string][]byte{
		"empty": nil, "text": []byte("hello, this is no sound"), "no data": good[:36], "8 bits": eight,
	} {
		if _, err := Decode(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode(&Audio{Rate: 8000, Channels: 2, Samples: []int16{1, 2, 3, 4}}))
	f.Fuzz(func(_ *testing.T, b []byte) {
		if a, err := Decode(b); err == nil {
			a.Mono()
		}
	})
}
