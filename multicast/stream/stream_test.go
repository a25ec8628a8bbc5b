package stream

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/multicast/socket"
	"github.com/confd/confd/transport"
	"github.com/confd/confd/transport/repair"
)

const (
	ptime     = int64(20 * time.Millisecond)
	opusPT    = 96
	redPT     = 98
	levels    = 1
	clockRate = 48000
)

// wire is the group: it keeps what is sent.
type wire struct {
	packets [][]byte
	verdict socket.Verdict
	count   int // alone, where discarding
	discard bool
	closed  int
}

func (w *wire) Send(b []byte) socket.Verdict {
	w.count++
	if !w.discard && w.verdict == socket.Sent {
		w.packets = append(w.packets, bytes.Clone(b))
	}
	return w.verdict
}

func (w *wire) Close() { w.closed++ }

// last returns the packet sent last, parsed by the library.
func (w *wire) last(t testing.TB) *rtp.Packet {
	t.Helper()
	var p rtp.Packet
	if len(w.packets) == 0 {
		t.Fatal("nothing was sent")
	}
	if err := p.Unmarshal(w.packets[len(w.packets)-1]); err != nil {
		t.Fatal(err)
	}
	return &p
}

func opus() media.Format {
	return media.Format{Codec: media.Opus, ClockRate: clockRate, SampleRate: 48000, Channels: 1, PacketTime: time.Duration(ptime)}
}

func begin(t testing.TB, change func(*Config)) (*Stream, *wire) {
	t.Helper()
	w := &wire{}
	c := Config{Socket: w, Format: opus(), PayloadType: opusPT, LevelsID: levels}
	if change != nil {
		change(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s, w
}

func protected(c *Config) {
	k := groupkey.New(transport.AES128CMHMACSHA180, 1)
	c.Key = &k
}

func redundant(n int) func(*Config) {
	return func(c *Config) { c.Redundancy, c.RedundantType = n, redPT }
}

// spoken is a packet time in which two people are heard.
func spoken(i int64) *media.Outgoing {
	return &media.Outgoing{
		Time: i * ptime, PayloadType: 55, ClockRate: clockRate, Data: []byte{0xde, 0xad, byte(i)},
		Contributors: []uint32{0x11111111, 0x22222222}, Levels: []media.Level{10, 127},
	}
}

// quiet is one in which nobody is.
func quiet(i int64) *media.Outgoing {
	o := spoken(i)
	o.Contributors, o.Levels = nil, nil
	return o
}

// settle fixes what begins at random.
func settle(s *Stream) {
	s.self.ssrc, s.self.sequence, s.timeline = 0x0a0b0c0d, 0x0102, transport.NewTimeline(0x03040506)
}

// TestGolden holds the bytes on the wire.
func TestGolden(t *testing.T) {
	const lists = "1111111122222222" + "bede0001" + "110a7f00"
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   []string
	}{
		{"plain", nil, []string{
			"92e00102" + "03040506" + "0a0b0c0d" + lists + "dead00",
			"92600103" + "030408c6" + "0a0b0c0d" + lists + "dead01",
		}},
		{"no levels", func(c *Config) { c.LevelsID = 0 }, []string{
			"82e00102" + "03040506" + "0a0b0c0d" + "1111111122222222" + "dead00",
		}},
		{"redundant", redundant(2), []string{
			"92e20102" + "03040506" + "0a0b0c0d" + lists + "60" + "dead00",
			"92620103" + "030408c6" + "0a0b0c0d" + lists + "e00f0003" + "60" + "dead00dead01",
			"92620104" + "03040c86" + "0a0b0c0d" + lists + "e01e0003" + "e00f0003" + "60" + "dead00dead01dead02",
			"92620105" + "03041046" + "0a0b0c0d" + lists + "e01e0003" + "e00f0003" + "60" + "dead01dead02dead03",
		}},
	} {
		s, w := begin(t, c.change)
		settle(s)
		for i, want := range c.want {
			s.Send(spoken(int64(i)))
			if got := hex.EncodeToString(w.packets[i]); got != want {
				t.Errorf("%s, packet %d: %s\nwant %s", c.name, i, got, want)
			}
		}
	}
}

func TestForPion(t *testing.T) {
	s, w := begin(t, redundant(1))
	for i := range int64(3) {
		s.Send(spoken(i))
		p := w.last(t)
		if len(p.CSRC) != 2 || p.PayloadType != redPT || p.Marker != (i == 0) || !bytes.Equal(p.GetExtension(levels), []byte{10, 127}) {
			t.Errorf("packet %d: %v", i, p)
		}
		r, ok := repair.ReadRedundant(p.Payload)
		var blocks []repair.Block
		for b, more := r.Next(); more; b, more = r.Next() {
			blocks = append(blocks, b)
		}
		if want := min(int(i), 1) + 1; !ok || len(blocks) != want {
			t.Errorf("packet %d: %d blocks, want %d", i, len(blocks), want)
		}
	}
}

func TestSequenceAndTimestampWrap(t *testing.T) {
	s, w := begin(t, nil)
	s.self.sequence, s.timeline = 0xfffe, transport.NewTimeline(0xfffffff0)
	ssrc := s.self.ssrc
	for i := range int64(5) {
		s.Send(spoken(i))
		p := w.last(t)
		if p.SequenceNumber != uint16(0xfffe+i) || p.Timestamp != uint32(0xfffffff0+960*i) || p.SSRC != ssrc {
			t.Errorf("packet %d: %v", i, p)
		}
	}
}

func TestStaysUnder1400Bytes(t *testing.T) {
	for _, c := range []struct {
		payload, listed, blocks int
		key                     bool
		sent                    bool
	}{
		{700, 15, 1, false, true},  // 92 of header, 1 + 700, and no 4 + 700
		{600, 15, 2, false, true},  // 92 + 1 + 600 + 4 + 600 = 1297: no third
		{400, 15, 3, false, true},  // 92 + 1 + 400 + 2 * 404 = 1301
		{430, 15, 3, false, true},  // 1391
		{434, 15, 2, false, true},  // 92 + 1 + 434 + 2 * 438 = 1403
		{433, 15, 3, false, true},  // 1400
		{433, 15, 2, true, true},   // 14 more
		{1307, 15, 1, false, true}, // 92 + 1 + 1307 = 1400
		{1308, 14, 1, false, true},
		{1387, 0, 1, false, true},
		{1388, 0, 0, false, false},
		{1373, 0, 1, true, true},
		{1374, 0, 0, true, false},
	} {
		s, w := begin(t, func(g *Config) {
			redundant(2)(g)
			if c.key {
				protected(g)
			}
		})
		for i := range int64(3) {
			o := spoken(i)
			o.Data = make([]byte, c.payload)
			o.Contributors, o.Levels = make([]uint32, 15), make([]media.Level, 15)
			s.Send(o)
		}
		if st := s.Stats(); !c.sent {
			if st.Packets != 0 || st.Oversize != 3 {
				t.Errorf("%+v: %+v", c, st)
			}
			continue
		}
		b := w.packets[2]
		var h rtp.Header
		if _, err := h.Unmarshal(b); err != nil || len(b) > transport.MaxDatagram || len(h.CSRC) != c.listed {
			t.Errorf("%+v: %d bytes, %d listed, %v", c, len(b), len(h.CSRC), err)
		}
		want := map[int]uint64{1: 0, 2: 1, 3: 0}[c.blocks] // of the third packet
		if c.payload > repair.MaxBlock {
			want = 0
		} else if c.blocks == 1 {
			want = 1 + 2
		}
		if st := s.Stats(); st.Unrepeated != want || (st.Trimmed > 0) != (c.listed < 15) {
			t.Errorf("%+v: %+v, want %d left out", c, st, want)
		}
	}
}

// TestOldPayloadsAreNotRepeated: an offset has 14 bits.
func TestOldPayloadsAreNotRepeated(t *testing.T) {
	s, w := begin(t, redundant(2))
	at := []int64{0, 1, 18, 36} // packet times; 17 * 960 = 16320 units fit, 18 do not
	want := []int{1, 2, 2, 1}
	for i, tick := range at {
		s.Send(spoken(tick))
		r, ok := repair.ReadRedundant(w.last(t).Payload)
		n := 0
		for _, more := r.Next(); more; _, more = r.Next() {
			n++
		}
		if !ok || n != want[i] {
			t.Errorf("packet %d: %d blocks, want %d", i, n, want[i])
		}
	}
}

func TestSilence(t *testing.T) {
	for _, format := range []media.Format{opus(), {Codec: media.PCMU, ClockRate: 8000}} {
		s, w := begin(t, func(c *Config) { c.Format, c.PayloadType = format, 0 })
		var at []int64
		send := func(o *media.Outgoing) *rtp.Packet {
			n := len(w.packets)
			o.ClockRate = uint32(format.ClockRate)
			s.Send(o)
			if len(w.packets) == n {
				return nil
			}
			at = append(at, o.Time/ptime)
			return w.last(t)
		}
		first := send(spoken(0))
		for i := int64(1); i < 61; i++ {
			p := send(quiet(i))
			if p == nil {
				continue
			}
			if noise := format.Codec == media.PCMU && i >= 10; p.Marker || (p.PayloadType == 13) != noise || noise && !bytes.Equal(p.Payload, []byte{127}) {
				t.Errorf("%v: packet time %d: %v", format, i, p)
			}
		}
		// 200 ms of sound, then one each 400 ms.
		want := []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 30, 50}
		if len(at) != len(want) || at[10] != 10 || at[11] != 30 || at[12] != 50 {
			t.Fatalf("%v: sent at %v, want %v", format, at, want)
		}
		p := send(spoken(61))
		if p == nil || !p.Marker || p.PayloadType != 0 || p.SequenceNumber != first.SequenceNumber+13 ||
			p.Timestamp-first.Timestamp != uint32(61*format.ClockRate/50) {
			t.Errorf("%v: speech after silence: %v after %v", format, p, first)
		}
		if p = send(spoken(62)); p.Marker {
			t.Errorf("%v: a marker within speech", format)
		}
		if got := s.Stats().Suppressed; got != 48 {
			t.Errorf("%v: %d suppressed, want 48", format, got)
		}
	}
}

// TestPauseOfTheClass: an encoder that pauses itself says so with marker and comfort noise.
func TestPauseOfTheClass(t *testing.T) {
	s, w := begin(t, nil)
	s.Send(spoken(0))
	o := quiet(1)
	o.Kind, o.Data = media.ComfortNoise, []byte{70}
	s.Send(o)
	if p := w.last(t); p.PayloadType != 13 || p.Marker || !bytes.Equal(p.Payload, []byte{70}) {
		t.Errorf("comfort noise: %v", p)
	}
	s.Send(spoken(2))
	if !w.last(t).Marker {
		t.Error("no marker after comfort noise")
	}
	o = spoken(3)
	o.Marker = true
	s.Send(o)
	if !w.last(t).Marker {
		t.Error("the class's marker was lost")
	}
}

func TestPausesAreNotRepeated(t *testing.T) {
	s, w := begin(t, func(c *Config) { redundant(1)(c); c.Format = media.Format{Codec: media.PCMU, ClockRate: 8000} })
	for i := range int64(40) {
		o := quiet(i)
		o.ClockRate = 8000
		s.Send(o)
	}
	o := spoken(40)
	o.ClockRate = 8000
	s.Send(o)
	if r, ok := repair.ReadRedundant(w.last(t).Payload); ok {
		if b, _ := r.Next(); b.Offset != 0 {
			t.Errorf("speech carries %v of before the pause", b)
		}
	}
}

func TestTimeRunningBack(t *testing.T) {
	s, w := begin(t, nil)
	s.Send(spoken(100))
	a := w.last(t)
	s.Send(quiet(3))
	if b := w.last(t); b.Timestamp-a.Timestamp > 960 || b.SequenceNumber != a.SequenceNumber+1 || s.Stats().TimeSteps != 1 {
		t.Errorf("%v after %v", b, a)
	}
}

func TestHistory(t *testing.T) {
	s, _ := begin(t, func(c *Config) {
		redundant(2)(c)
		protected(c)
		c.History = 4
		c.Format = media.Format{Codec: media.PCMU, ClockRate: 8000}
	})
	if n := s.History().Poll(0, 9, media.ReceiverFunc(func(*media.Packet) {})); n != 0 {
		t.Errorf("%d packets before any was sent", n)
	}
	var sent []uint16
	for i := range int64(6) {
		sent = append(sent, uint16(s.self.sequence))
		o := spoken(i)
		o.ClockRate = 8000
		s.Send(o)
	}
	i := 0
	s.History().Poll(0, 9, media.ReceiverFunc(func(p *media.Packet) {
		var r rtp.Packet
		err := r.Unmarshal(p.Payload)
		if err != nil || r.SequenceNumber != sent[i] || r.PayloadType != opusPT || len(r.CSRC) != 2 || !bytes.Equal(r.Payload, spoken(int64(i)).Data) ||
			r.SequenceNumber != p.Sequence || r.Timestamp != p.Timestamp || r.SSRC != p.SSRC || r.Marker != p.Marker || p.PayloadType != opusPT {
			t.Errorf("packet %d: %v of %v, %v", i, &r, p, err)
		}
		i++
	}))
	if st := s.Stats(); i != 4 || st.Forgotten != 2 || st.Packets != 6 {
		t.Errorf("%d kept, %+v", i, st)
	}
	for i := int64(6); i < 40; i++ { // until comfort noise
		o := quiet(i)
		o.ClockRate = 8000
		s.Send(o)
		s.History().Poll(0, 9, media.ReceiverFunc(func(p *media.Packet) {
			if p.PayloadType == noiseType {
				t.Error("comfort noise is kept")
			}
		}))
	}
}

func TestWhatCannotBeSent(t *testing.T) {
	s, w := begin(t, nil)
	for _, v := range []socket.Verdict{socket.Busy, socket.Refused, socket.Failed} {
		w.verdict = v
		s.Send(spoken(int64(v)))
	}
	o := spoken(9)
	o.ClockRate = 0
	s.Send(o)
	st := s.Stats()
	if st.Busy != 1 || st.Unreachable != 1 || st.Failed != 2 || st.Packets != 0 || s.Sent().Packets != 0 {
		t.Errorf("%+v, %+v", st, s.Sent())
	}
	s.Close()
	if w.closed != 1 {
		t.Error("the socket is open")
	}
}

func TestNewRefuses(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"socket":               func(c *Config) { c.Socket = nil },
		"clock rate":           func(c *Config) { c.Format.ClockRate = 0 },
		"redundancy":           redundant(3),
		"negative redundancy":  redundant(-1),
		"payload type":         func(c *Config) { c.PayloadType = 128 },
		"one type for both":    func(c *Config) { c.Redundancy, c.RedundantType = 1, c.PayloadType },
		"negative history":     func(c *Config) { c.History = -1 },
		"too much history":     func(c *Config) { c.History = 1<<16 + 1 },
		"key that is no group": func(c *Config) { c.Key = &groupkey.Key{} },
	} {
		c := Config{Socket: &wire{}, Format: opus(), PayloadType: opusPT}
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
