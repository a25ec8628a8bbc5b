package stream

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/multicast/socket"
	"github.com/confd/confd/transport"
)

const second = int64(time.Second)

// film is a stream of pictures on a wire.
func film(t testing.TB, change func(*PicturesConfig)) (*Pictures, *wire) {
	t.Helper()
	w := &wire{}
	c := PicturesConfig{Socket: w, PayloadType: 100, Interval: 5 * time.Second}
	if change != nil {
		change(&c)
	}
	p, err := NewPictures(c)
	if err != nil {
		t.Fatal(err)
	}
	return p, w
}

func secret(c *PicturesConfig) {
	k := groupkey.New(transport.AES128CMHMACSHA180, 1)
	c.Key = &k
}

// pieces are packets of one picture with payloads of so many bytes.
func pieces(stamp uint32, sizes ...int) (all []transport.VideoOut) {
	for i, n := range sizes {
		all = append(all, transport.VideoOut{Sequence: uint16(i), Timestamp: stamp, Marker: i == len(sizes)-1,
			Head: []byte{0x90, byte(i)}, Body: bytes.Repeat([]byte{byte(n)}, n-2)})
	}
	return all
}

func TestPicturesOnTheWire(t *testing.T) {
	p, w := film(t, func(c *PicturesConfig) { c.History = 16 })
	if n := p.SendVideo(second, pieces(3000, 100, 50)); n != 2 || len(w.packets) != 2 {
		t.Fatalf("%d done with, %d sent", n, len(w.packets))
	}
	var first, last rtp.Packet
	if first.Unmarshal(w.packets[0]) != nil || last.Unmarshal(w.packets[1]) != nil {
		t.Fatal("not RTP")
	}
	if first.PayloadType != 100 || first.Timestamp != 3000 || first.Marker || !last.Marker || first.SSRC != p.Stats().SSRC ||
		last.SequenceNumber != first.SequenceNumber+1 || len(first.Payload) != 100 || first.Payload[0] != 0x90 || first.Payload[99] != 100 {
		t.Errorf("%v\n%v", first, last)
	}
	if s := p.Stats(); s.Packets != 2 || s.Octets != 150 || s.Pictures != 1 || p.History().Len() != 2 {
		t.Errorf("%+v, history of %d", s, p.History().Len())
	}
	if i := p.Sent(); i.Packets != 2 || i.Octets != 150 || i.Timestamp != 3000 || i.SentAt != second || i.Rate != 90000 {
		t.Errorf("%+v", i)
	}
}

// At the longest that is sent, and one above; and where packets begin to be counted as large.
func TestPictureSizes(t *testing.T) {
	p, w := film(t, nil)
	n := p.SendVideo(second, pieces(1, 1400-12, 1401-12, MaxPicturePacket-12, MaxPicturePacket-11))
	if s := p.Stats(); n != 4 || len(w.packets) != 3 || s.Large != 2 || s.Oversize != 1 || len(w.packets[2]) != MaxPicturePacket {
		t.Errorf("%d done with, %d sent, %+v", n, len(w.packets), s)
	}
	q, v := film(t, secret)
	q.SendVideo(second, pieces(1, MaxPicturePacket-12))
	if len(v.packets) != 1 || len(v.packets[0]) != MaxPicturePacket+14 {
		t.Error("the longest packet is not sent with SRTP")
	}
}

// A full socket loses nothing: what it did not take comes again under the same number.
func TestPicturesWait(t *testing.T) {
	p, w := film(t, secret)
	w.verdict = socket.Busy
	if n := p.SendVideo(second, pieces(1, 20, 20)); n != 0 {
		t.Errorf("%d done with", n)
	}
	before := p.self.sequence
	w.verdict = socket.Sent
	if n := p.SendVideo(second, pieces(1, 20, 20)); n != 2 || p.self.sequence != before+2 || p.Stats().Busy != 1 {
		t.Errorf("%d done with, %+v", n, p.Stats())
	}
	w.verdict = socket.Refused
	if n := p.SendVideo(second, pieces(2, 20)); n != 1 || p.Stats().Unreachable != 1 || p.self.sequence != before+3 {
		t.Errorf("%d done with, %+v: what is lost here is missed there", n, p.Stats())
	}
	if n := p.SendVideo(second, []transport.VideoOut{{Repair: true}}); n != 1 || p.Stats().Repairs != 1 || p.self.sequence != before+3 {
		t.Errorf("%+v", p.Stats())
	}
}

// Who joins under SRTP counts wraps from 0, so that there must be none.
func TestPicturesLeaveTheirSSRC(t *testing.T) {
	p, w := film(t, secret)
	was := p.Stats().SSRC
	p.self.sequence = 1<<16 - 1
	p.SendVideo(second, pieces(1, 20, 20))
	var a, b rtp.Header
	_, _ = a.Unmarshal(w.packets[0])
	_, _ = b.Unmarshal(w.packets[1])
	if a.SSRC != was || b.SSRC == was || b.SequenceNumber >= 0x400 || p.Stats().Sources != 1 {
		t.Errorf("%v, %v, %+v", a, b, p.Stats())
	}
}

// asks counts key frames that are asked for.
type asks int

func (a *asks) Video(*transport.VideoPacket) {}
func (a *asks) Feedback(f *transport.Feedback) {
	if f.Kind == transport.FeedbackPLI {
		*a++
	}
}

func TestKeyFramesForNewcomers(t *testing.T) {
	p, _ := film(t, nil)
	var got asks
	at := func(now int64, want asks) {
		t.Helper()
		if p.Poll(now, 10, &got); got != want {
			t.Errorf("at %.3f s: %d asked for, want %d", float64(now)/1e9, got, want)
		}
	}
	p.WishKeyFrame()
	at(10*second, 0) // nothing is sent that could be a key frame
	p.SendVideo(20*second, pieces(1, 20))
	at(20*second, 0) // it is one
	p.SendVideo(21*second, pieces(2, 20))
	at(22*second-1, 0)
	at(22*second, 1) // the wish
	p.SendVideo(23*second, pieces(3, 20))
	at(27*second-1, 1)
	at(27*second, 2) // the interval
	at(40*second, 2) // nothing was sent since
}

// A flood of wishes gets one key frame for all in two seconds.
func TestKeyFrameFlood(t *testing.T) {
	p, _ := film(t, func(c *PicturesConfig) { c.Interval = time.Minute })
	var got asks
	for now := second; now < 21*second; now += int64(10 * time.Millisecond) {
		for range 10 {
			p.WishKeyFrame()
		}
		p.SendVideo(now, pieces(uint32(now/11111), 20))
		p.Poll(now, 10, &got)
	}
	if s := p.Stats(); got < 9 || got > 10 || s.Wishes != 20000 || s.Asked != uint64(got) {
		t.Errorf("%d asked for in 20 s, %+v", got, s)
	}
}

// Sender reports are about one clock, whatever pacing does.
func TestMomentOfPictures(t *testing.T) {
	var m moment
	const frame, ms = int64(40 * time.Millisecond), int64(time.Millisecond)
	start := 100 * second
	for i := range int64(250) {
		late := i * 7 % 30 * ms
		got := m.of(uint32(3600*i), start+i*frame+late)
		if again := m.of(uint32(3600*i), start+i*frame+late+5*ms); again != got {
			t.Fatalf("picture %d has two moments", i)
		}
		if off := got - (start + i*frame); off < 0 || off > 2*ms {
			t.Fatalf("picture %d is %d us off", i, off/1000)
		}
	}
	if got := m.of(77, start); got != start {
		t.Error("another origin of timestamps is not followed")
	}
}

func TestPicturesAllocateNothing(t *testing.T) {
	for name, change := range map[string]func(*PicturesConfig){"plain": nil, "srtp": secret} {
		p, w := film(t, change)
		w.discard = true
		out, now := pieces(1, 1100), clock.Now()
		var got asks
		if n := testing.AllocsPerRun(500, func() {
			now += second
			p.SendVideo(now, out)
			p.Poll(now, 1, &got)
		}); n != 0 {
			t.Errorf("%s: %v allocations a packet", name, n)
		}
	}
}

func TestBadPictures(t *testing.T) {
	bad := groupkey.New(transport.AES128CMHMACSHA180, 1)
	bad.Master = nil
	for name, change := range map[string]func(*PicturesConfig){
		"socket": func(c *PicturesConfig) { c.Socket = nil }, "type": func(c *PicturesConfig) { c.PayloadType = 128 },
		"history": func(c *PicturesConfig) { c.History = -1 }, "ring": func(c *PicturesConfig) { c.History = 1<<16 + 1 },
		"interval": func(c *PicturesConfig) { c.Interval = time.Second - 1 }, "key": func(c *PicturesConfig) { c.Key = &bad },
	} {
		c := PicturesConfig{Socket: &wire{}, PayloadType: 127, Interval: time.Second}
		if _, err := NewPictures(c); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if _, err := NewPictures(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
