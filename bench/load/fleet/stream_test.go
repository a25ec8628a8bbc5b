//go:build linux

package fleet

import (
	"fmt"
	"strings"
	"testing"

	"github.com/confd/confd/codec"
)

// transcript is what was heard: the first sample of each packet and how long it was, a gap, or
// silence.
type transcript struct {
	strings.Builder
}

func (x *transcript) Hear(pcm []int16, _ int64) {
	if pcm[0] == 0 {
		fmt.Fprintf(x, "-%d ", len(pcm))
		return
	}
	fmt.Fprintf(x, "%d ", uint16(pcm[0]))
}

func (x *transcript) Gap(n int) { fmt.Fprintf(x, "gap%d ", n) }

// What an ear hears of packets, given as "number", "number*" for one whose time is a packet
// later from then on, "number!" for another stream, "number?" for another payload type.
func TestStream(t *testing.T) {
	for in, want := range map[string]string{
		"1 2 3":                     "1 2 3 ",
		"1 3 2 4":                   "1 2 3 4 ",
		"1 5 4 3 2 6":               "1 2 3 4 5 6 ",
		"1 2 2 1 3":                 "1 2 3 ",
		"1 3 4 5 6 7":               "1 gap160 3 4 5 6 7 ",
		"1 4 5 6 7 8":               "1 gap320 4 5 6 7 8 ",
		"1 9 10 11 12 13 14":        "1 gap1120 9 10 11 12 13 14 ",
		"1 3 2 5 6 7 8 9 4":         "1 2 3 gap160 5 6 7 8 9 ",
		"1 2* 3":                    "1 -160 2 3 ",
		"1 2* 3* 5* 6 7 8 9":        "1 -160 2 -160 3 gap320 5 6 7 8 9 ",
		"1 2! 3":                    "1 gap8000 2 3 ",
		"1 2 600 601":               "1 2 gap8000 600 601 ",
		"1 2? 3":                    "1 -160 3 ",
		"1 2? 4 5 6 7 8 9":          "1 gap320 4 5 6 7 8 9 ",
		"65530 65531 65533 65532 9": "65530 65531 65532 65533 gap8000 9 ",
	} {
		got := &transcript{}
		s := &stream{format: pcmu.Format, kind: 96, to: got}
		s.decoder = loud{}
		later := uint32(0)
		for k, word := range strings.Fields(in) {
			var n uint32
			mark := ""
			fmt.Sscanf(word, "%d%s", &n, &mark)
			a := &arrived{number: n, ssrc: 1, kind: 96, payload: make([]byte, 160), at: int64(k) * 20e6}
			switch mark {
			case "*":
				later += 160
			case "!":
				a.ssrc = 2
			case "?":
				a.kind = 13
			}
			a.stamp = n*160 + later
			a.payload[0], a.payload[1] = byte(n>>8), byte(n)
			if s.ssrc == 2 {
				a.ssrc = 2
			}
			s.take(a)
		}
		if got.String() != want {
			t.Errorf("%q is heard as %q, want %q", in, got, want)
		}
	}
}

// loud decodes to the number in the payload.
type loud struct{ codec.Decoder }

func (loud) Decode(pcm []int16, payload []byte) (int, error) {
	pcm[0] = int16(uint16(payload[0])<<8 | uint16(payload[1]))
	return len(payload), nil
}

func (loud) Reset() error { return nil }

// Whatever comes, an ear hears it without harm.
func FuzzStream(f *testing.F) {
	f.Add([]byte{1, 2, 3, 9, 4, 200, 5})
	f.Fuzz(func(t *testing.T, steps []byte) {
		dec, err := codec.NewDecoder(pcmu.Format)
		if err != nil {
			t.Fatal(err)
		}
		s := &stream{format: pcmu.Format, kind: 96, decoder: dec, to: &transcript{}}
		n, stamp := uint32(70000), uint32(0)
		for k, b := range steps {
			n += uint32(int32(int8(b)))
			stamp += uint32(b) * 16
			s.take(&arrived{number: n, ssrc: uint32(b >> 7), stamp: stamp, kind: 96 + b&1, at: int64(k) * 20e6, payload: steps[:min(k, len(steps))]})
		}
	})
}
