package codec

import (
	"testing"

	"github.com/hraban/opus"

	"github.com/confd/confd/media"
)

// seed gives the fuzzer real packets of every format, and some that are cut short.
func seed(f *testing.F, formats ...media.Format) {
	for i, format := range formats {
		for k, p := range packetsOf(f, format) {
			if k%12 == 0 {
				f.Add(uint8(i), p)
				f.Add(uint8(i), p[:len(p)/2])
			}
		}
	}
}

// FuzzOpusPacket: our reading of a packet's outer structure is libopus's.
func FuzzOpusPacket(f *testing.F) {
	format := allFormats[0]
	seed(f, format, with(format, func(f *media.Format) { f.PacketTime *= 3 }))
	f.Add(uint8(0), []byte{toc(31, 3), 128 | 64 | 2, 3, 1, 0, 0, 0, 0, 0, 0})
	f.Add(uint8(0), []byte{toc(3, 3), 2})
	f.Add(uint8(0), []byte{toc(31, 2), 252, 0})
	dec, err := opus.NewDecoder(48000, 1)
	if err != nil {
		f.Fatal(err)
	}
	pcm := make([]int16, MaxFrame)
	f.Fuzz(func(t *testing.T, _ uint8, data []byte) {
		ours := PacketSamples(format, data)
		theirs := 0
		if len(data) > 0 {
			theirs, _ = dec.Decode(data, pcm)
		}
		if ours != theirs {
			t.Fatalf("% x: %d samples, libopus decodes %d", data, ours, theirs)
		}
		var p opusPacket
		if !p.parse(data) {
			return
		}
		total := 0
		for _, size := range p.sizes[:p.count] {
			total += int(size)
		}
		if total > len(p.data) || total > len(data) {
			t.Fatalf("frames of %d bytes in %d", total, len(data))
		}
		p.activity()
		p.redundant()
	})
}

// FuzzDecode: no payload makes a decoder panic or write beyond what it says, and after
// any of them it goes on.
func FuzzDecode(f *testing.F) {
	seed(f, allFormats...)
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		format := allFormats[int(which)%len(allFormats)]
		d := newDecoder(t, format)
		room := make([]int16, MaxFrame+64)
		for i := range room {
			room[i] = 0x5a5a
		}
		want := PacketSamples(format, data)
		n, err := d.Decode(room[:MaxFrame], data)
		if n != want || (err == nil) != (want > 0) {
			t.Fatalf("%v: %d samples (%v), want %d", format, n, err, want)
		}
		for i, v := range room[n:] {
			if v != 0x5a5a {
				t.Fatalf("%v: %d samples, and wrote the %dth behind", format, n, i)
			}
		}
		Inspect(format, data)
		frame := format.Samples(format.PacketTime)
		if _, err := d.Recover(room[:frame], data); err != nil && want > 0 {
			t.Fatal(err)
		}
		if err := d.Conceal(room[:frame]); err != nil {
			t.Fatal(err)
		}
		if n, err := d.Decode(room[:MaxFrame], data); n != want || (err == nil) != (want > 0) {
			t.Fatalf("%v, again: %d samples (%v), want %d", format, n, err, want)
		}
	})
}

func FuzzParseCN(f *testing.F) {
	f.Add([]byte{60})
	f.Add([]byte{127, 1, 2})
	f.Add([]byte{128})
	f.Fuzz(func(t *testing.T, data []byte) {
		level, err := ParseCN(data)
		if err == nil && AppendCN(nil, level)[0] != data[0] {
			t.Fatalf("% x is level %d", data, level)
		}
	})
}

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte{5, 10, 0, 160})
	f.Add([]byte{11, 0x8a, 3, 32})
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ParseEvent(data)
		if err != nil {
			return
		}
		if again, err := ParseEvent(AppendEvent(nil, e)); again != e || err != nil {
			t.Fatalf("%+v: %+v, %v", e, again, err)
		}
		if digit, ok := e.Digit(); ok {
			if code, ok := EventCode(digit); !ok || code != e.Code {
				t.Fatalf("%d is %q, which is %d", e.Code, digit, code)
			}
		}
	})
}
