//go:build linux

package callers

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/confd/confd/bench/coding"
	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/media"
)

func quietPayload() []byte {
	p := make([]byte, 160)
	for i := range p {
		p[i] = coding.UlawSilence
	}
	return p
}

func TestMarkIsFoundAndTimed(t *testing.T) {
	m := newMarks(2, rand.New(rand.NewPCG(1, 1)))
	for turn := range 20 {
		p, now := quietPayload(), int64(turn+1)*int64(markSpacing)
		m.put(now, 1-turn%2, p) // not its turn
		m.hear(now+1, p)
		m.put(now, turn%2, p)
		m.hear(now+int64(turn), p)
		m.hear(now+int64(turn), quietPayload())
	}
	if len(m.delays) != 20 || m.missed != 0 || m.strange != 0 {
		t.Fatalf("%d found, %d missed, %d strange; want 20, 0, 0", len(m.delays), m.missed, m.strange)
	}
	for i, d := range m.delays {
		if d != time.Duration(i) {
			t.Errorf("delay %d is %v, want %d ns", i, d, i)
		}
	}
}

func TestMarkThatComesAfterTheNextIsStrange(t *testing.T) {
	m := newMarks(1, rand.New(rand.NewPCG(1, 1)))
	first, second := quietPayload(), quietPayload()
	m.put(1, 0, first)
	m.put(1+int64(markSpacing), 0, second)
	m.hear(2+int64(markSpacing), first)
	m.hear(3+int64(markSpacing), second)
	if len(m.delays) != 1 || m.delays[0] != 2 || m.missed != 1 || m.strange != 1 {
		t.Fatalf("%v found, %d missed, %d strange; want one of 2 ns, 1, 1", m.delays, m.missed, m.strange)
	}
}

// Eight talkers at once must neither pass for a mark nor hide one.
func TestMarksStandOutFromSpeech(t *testing.T) {
	s, err := newSounds(Config{Codec: media.PCMU, Talkers: 8, Marks: true})
	if err != nil {
		t.Fatal(err)
	}
	sum := make([]int32, 160)
	frame := make([]int16, 160)
	for i := range s.talkers[0] {
		clear(sum)
		for k := range s.talkers {
			coding.DecodeUlaw(frame, s.talkers[k][i])
			for n, x := range frame {
				sum[n] += int32(x)
			}
		}
		for _, x := range sum {
			if max(x, -x) >= markThreshold || markLevel-max(x, -x) < markThreshold {
				t.Fatalf("speech of eight reaches %d: marks of %d are told from it at %d", x, markLevel, markThreshold)
			}
		}
	}
}

func TestCallerCountsGapsAndDisorder(t *testing.T) {
	c := caller{}
	s := wire.Stream{Sequence: 65534}
	packet := make([]byte, wire.HeaderSize+1)
	for _, skip := range []uint16{0, 0, 3, 0} { // 65534 65535 3 4
		s.Sequence += skip
		s.Stamp(packet, 160)
		c.take(packet)
	}
	s.Sequence = 4 // once more
	s.Stamp(packet, 160)
	c.take(packet)
	c.take([]byte("no RTP"))
	if want := (Counts{Received: 5, Lost: 3, Disordered: 1}); c.counts != want {
		t.Fatalf("counted %+v, want %+v", c.counts, want)
	}
}

func TestSpeechHasItsAmplitudeAndGoesOn(t *testing.T) {
	for i := range 8 {
		pcm := Speech.render(i, 8000, 32000, 6000)
		var peak int16
		for _, x := range pcm {
			peak = max(peak, x, -x)
		}
		if peak < 1500 || peak > 12000 {
			t.Errorf("talker %d peaks at %d", i, peak)
		}
	}
	if got := measure.Tone(Tones.render(2, 8000, 1600, 6000), 8000, ToneOf(2)); got < 5900 || got > 6100 {
		t.Errorf("tone of amplitude %.0f, want 6000", got)
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]Config{
		"nobody":        {Codec: media.PCMU},
		"uneven rooms":  {Callers: 10, Rooms: 3, Codec: media.PCMU},
		"many talkers":  {Callers: 10, Rooms: 5, Talkers: 3, Codec: media.PCMU},
		"codec":         {Callers: 1, Codec: media.G722},
		"no ear":        {Callers: 2, Talkers: 2, Codec: media.PCMU, Marks: true},
		"marks in Opus": {Callers: 2, Talkers: 1, Codec: media.Opus, Marks: true},
		"marks, levels": {Callers: 2, Talkers: 1, Codec: media.PCMU, Marks: true, Levels: true},
	} {
		if l, err := New(c); err == nil {
			l.Close()
			t.Errorf("%s: accepted", name)
		}
	}
}

// Who is silent sends next to nothing with DTX, and packets say how loud they are.
func TestSilenceAndLevels(t *testing.T) {
	s, err := newSounds(Config{Codec: media.Opus, Talkers: 1, Levels: true,
		Opus: coding.Opus{Application: "voip", Complexity: 5, Bitrate: 32000, DTX: true}})
	if err != nil {
		t.Fatal(err)
	}
	if sent := told(s.silence); len(sent) == 0 || len(sent)*5 > len(s.silence) {
		t.Errorf("silence has %d packets of %d sent", len(sent), len(s.silence))
	}
	if sent := told(s.talkers[0]); len(sent) != len(s.talkers[0]) {
		t.Errorf("speech has %d packets of %d sent", len(sent), len(s.talkers[0]))
	}
	for name, l := range map[string]loop{"silence": s.silence, "speech": s.talkers[0]} {
		for _, p := range told(l) {
			packet := make([]byte, wire.HeaderSize, 1500)
			(&wire.Stream{Extended: true}).Stamp(packet, 960)
			packet = append(packet, p...)
			if level, talks := p[5]&0x7f, p[5]&0x80 != 0; talks != (level < 60) || talks != (name == "speech") {
				t.Fatalf("%s at -%d dBov, voice %v", name, level, talks)
			}
			if n := len(wire.Payload(packet)); n != len(p)-8 {
				t.Fatalf("%s: %d bytes of payload, want %d", name, n, len(p)-8)
			}
		}
	}
}

// told are the packets of l that are sent.
func told(l loop) loop {
	return slices.DeleteFunc(slices.Clone(l), func(p []byte) bool { return p == nil })
}

// An echo at the far end is a server without delay.
func TestLoadAgainstAnEcho(t *testing.T) {
	l, err := New(Config{Callers: 2, Talkers: 1, Codec: media.PCMU, Marks: true, Keep: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, b := far(t, l, 0), far(t, l, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	go func() { // what the talker says, the ear hears
		buf := make([]byte, 2048)
		for ctx.Err() == nil {
			for n := a.Receive(buf); n > 0; n = a.Receive(buf) {
				b.Send(buf[:n])
			}
			if len(l.Report().Delays) >= 3 {
				cancel()
			}
			time.Sleep(time.Millisecond) // the delay that is to be found is at least the rest of this
		}
	}()
	l.Begin()
	l.Run(ctx)
	r := l.Report()
	if len(r.Delays) < 3 || r.Missed > 0 || r.Strange > 0 {
		t.Fatalf("%d delays, %d missed, %d strange", len(r.Delays), r.Missed, r.Strange)
	}
	if r.Sent == 0 || r.Received == 0 || r.Lost != 0 || len(l.Kept(1)) != 1 || len(l.Kept(0)) != 0 {
		t.Fatalf("report %+v", r.Counts)
	}
	for _, d := range r.Delays {
		if d <= 0 || d > time.Second {
			t.Errorf("delay %v", d)
		}
	}
}

// far is the server's end of caller i's call.
func far(t *testing.T, l *Load, i int) *wire.Socket {
	t.Helper()
	s, err := wire.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if err := s.Connect(l.Local(i)); err != nil {
		t.Fatal(err)
	}
	if err := l.Connect(i, s.Local(), 0); err != nil {
		t.Fatal(err)
	}
	return s
}
