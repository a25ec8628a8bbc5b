package listen

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// level returns the level of some sound.
func level(pcm []int16) media.Level {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return media.LevelOf(sum / float64(max(len(pcm), 1)) / (32768 * 32768))
}

// heard plays a tone in a format, loses every tenth packet, and returns what comes out.
func heard(t *testing.T, s *Session, fec bool) (pcm []int16, d *Decoder) {
	t.Helper()
	d, err := NewDecoder(s, func(p []int16) { pcm = append(pcm, p...) })
	if err != nil {
		t.Fatal(err)
	}
	f := s.Format
	f.PacketTime = 20 * time.Millisecond
	if f.Codec == media.Opus {
		f.Opus = media.OpusParams{Bitrate: 32000, FEC: fec, Loss: 20}
	}
	e, err := codec.NewEncoder(f, codec.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	n := f.Samples(f.PacketTime)
	tone := make([]int16, n)
	var all [][]byte
	for i := range 50 {
		for k := range tone {
			tone[k] = int16(8000 * math.Sin(2*math.Pi*440*float64(i*n+k)/float64(f.SampleRate)))
		}
		b, err := e.Encode(nil, tone)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	for i, b := range all {
		if i%10 == 5 {
			d.Lost(n, all[i+1])
		} else {
			d.Packet(&Played{PayloadType: s.PayloadType, Samples: n, Payload: b}, 0)
		}
	}
	if len(pcm) != 50*n {
		t.Errorf("%v: %d samples, want %d", f, len(pcm), 50*n)
	}
	return pcm, d
}

func TestDecoder(t *testing.T) {
	for _, rtpmap := range []string{"opus/48000/2", "L16/48000", "PCMU/8000"} {
		s := parse(t, strings.Replace(plainSDP, "AVP 0\r\n", "AVP 96\r\na=rtpmap:96 "+rtpmap+"\r\n", 1))
		pcm, d := heard(t, s, true)
		rate := s.Format.SampleRate
		for at := rate / 5; at < len(pcm)-rate/50; at += rate / 50 {
			if l := level(pcm[at : at+rate/50]); l < 13 || l > 32 {
				t.Errorf("%s: level %d at %d ms", rtpmap, l, at*1000/rate)
			}
		}
		if d.Faults() != 0 {
			t.Errorf("%s: %d faults", rtpmap, d.Faults())
		}
	}
}

func TestComfortNoiseFillsPauses(t *testing.T) {
	s := parse(t, repairSDP)
	var pcm []int16
	d, err := NewDecoder(s, func(p []int16) { pcm = append(pcm, p...) })
	if err != nil {
		t.Fatal(err)
	}
	d.Packet(&Played{PayloadType: 13, Payload: codec.AppendCN(nil, 50)}, 0)
	for range 20 {
		d.Pause(160)
	}
	d.Lost(160, nil)
	if l := level(pcm[1600:]); len(pcm) != 21*160 || l < 47 || l > 53 {
		t.Errorf("%d samples of level %d", len(pcm), l)
	}
	d.Packet(&Played{PayloadType: 0, Payload: payload(1), Samples: 160}, 0)
	pcm = pcm[:0]
	for range 100 {
		d.Pause(160)
	}
	if l := level(pcm[8000:]); l != media.Silence {
		t.Errorf("level %d, half a second into a pause without comfort noise", l)
	}
}

func TestDecoderTakesWhatCannotBeDecoded(t *testing.T) {
	s := parse(t, strings.Replace(plainSDP, "AVP 0\r\n", "AVP 96\r\na=rtpmap:96 opus/48000/2\r\n", 1))
	n := 0
	d, err := NewDecoder(s, func(p []int16) { n += len(p) })
	if err != nil {
		t.Fatal(err)
	}
	d.Packet(&Played{PayloadType: 96, Payload: []byte{0xff, 0xff}, Samples: 960}, 0)
	d.Lost(960, []byte{0xff, 0xff})
	d.Lost(codec.MaxFrame+1, nil)
	d.Lost(-1, nil)
	if n != 2*960+codec.MaxFrame || d.Faults() != 1 {
		t.Errorf("%d samples, %d faults", n, d.Faults())
	}
}
