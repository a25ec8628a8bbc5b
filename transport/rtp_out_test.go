package transport

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/pion/rtp"

	"github.com/confd/confd/media"
)

// TestSendGolden holds the bytes on the wire, for fixed SSRC, sequence and timestamp.
func TestSendGolden(t *testing.T) {
	o := media.Outgoing{
		PayloadType: 111, ClockRate: 48000, Marker: true, Data: []byte{0xde, 0xad},
		Contributors: []uint32{0x11111111, 0x22222222}, Levels: []media.Level{10, 127},
	}
	for _, c := range []struct {
		name   string
		change func(*Params)
		want   string
	}{
		{"plain", nil, "80ef0102" + "03040506" + "0a0b0c0d" + "dead"},
		{"contributors", func(p *Params) { p.CSRC = true },
			"82ef0102" + "03040506" + "0a0b0c0d" + "1111111122222222" + "dead"},
		{"levels, one-byte", func(p *Params) { p.CSRC = true; p.MixerLevelID = 2 },
			"92ef0102" + "03040506" + "0a0b0c0d" + "1111111122222222" + "bede0001" + "210a7f00" + "dead"},
		{"levels, two-byte", func(p *Params) { p.CSRC = true; p.MixerLevelID = 15 },
			"92ef0102" + "03040506" + "0a0b0c0d" + "1111111122222222" + "10000001" + "0f020a7f" + "dead"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, p := call(t, c.change)
			l.ssrc.Store(0x0a0b0c0d)
			l.sequence, l.timeline.base = 0x0102, 0x03040506
			l.Send(&o)
			if got := hex.EncodeToString(p.read()); got != c.want {
				t.Errorf("sent %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestSendLevelsForPion(t *testing.T) {
	for n := 1; n <= 17; n++ {
		for _, id := range []uint8{1, 14, 15, 255} {
			l, p := call(t, func(p *Params) { p.CSRC = true; p.MixerLevelID = id })
			o := outgoing(0)
			for i := range n {
				o.Contributors = append(o.Contributors, uint32(i+1))
				o.Levels = append(o.Levels, media.Level(i))
			}
			l.Send(o)
			r := p.readRTP()
			listed := min(n, maxCSRC)
			var want []byte
			for i := range listed {
				want = append(want, byte(i))
			}
			if got := r.GetExtension(id); len(r.CSRC) != listed || !bytes.Equal(got, want) || len(r.Payload) != 160 {
				t.Errorf("id %d, %d talkers: list %v, levels %v, %d bytes", id, n, r.CSRC, got, len(r.Payload))
			}
			_ = l.Close()
		}
	}
}

func TestSendStaysUnder1400Bytes(t *testing.T) {
	for _, c := range []struct {
		payload, listed int
		srtp            bool
		sent            bool
	}{
		{1308, 15, false, true}, // 12 + 15*4 + 4 + 16 = 92
		{1309, 14, false, true},
		{1350, 6, false, true}, // room for 38: 6*4 + 4 + 8
		{1388, 0, false, true},
		{1389, 0, false, false},
		{1298, 15, true, true},
		{1378, 0, true, true},
		{1379, 0, true, false},
	} {
		l, p := call(t, func(p *Params) {
			p.CSRC, p.MixerLevelID = true, 1
			if c.srtp {
				p.SRTP = testKeys(AES128CMHMACSHA180)
			}
		})
		o := outgoing(0)
		o.Data = make([]byte, c.payload)
		o.Contributors, o.Levels = make([]uint32, 15), make([]media.Level, 15)
		l.Send(o)
		if !c.sent {
			if s := l.Stats(); s.PacketsSent != 0 || s.SendErrors.Oversize != 1 {
				t.Errorf("%d bytes: %+v", c.payload, s)
			}
			continue
		}
		b := p.read()
		var h rtp.Header
		if _, err := h.Unmarshal(b); err != nil {
			t.Fatal(err)
		}
		if len(b) > MaxDatagram || len(h.CSRC) != c.listed {
			t.Errorf("payload of %d: %d bytes with %d contributors, want %d", c.payload, len(b), len(h.CSRC), c.listed)
		}
		if trimmed := l.Stats().SendErrors.Trimmed; (trimmed == 1) != (c.listed < 15) {
			t.Errorf("payload of %d: counted %d trimmed", c.payload, trimmed)
		}
	}
}

// TestSendIsUnbroken: one stream, whatever the format behind it and whatever is applied.
func TestSendIsUnbroken(t *testing.T) {
	l, p := call(t, nil)
	first, last := (*rtp.Packet)(nil), (*rtp.Packet)(nil)
	l.sequence = 65534 // wraps on the way
	want := uint32(0)
	for i := range int64(8) {
		o := outgoing(i * tickTime)
		rate := uint32(8000)
		if i >= 4 {
			o.ClockRate, o.PayloadType = 48000, 111
		}
		if i > 4 {
			rate = 48000
		}
		if i == 6 {
			apply(t, l, talk(p.addr())) // as a re-INVITE does
		}
		l.Send(o)
		r := p.readRTP()
		if first == nil {
			first = r
		} else {
			want += rate / 50
			if r.SSRC != first.SSRC || r.SequenceNumber != last.SequenceNumber+1 || r.Timestamp-first.Timestamp != want {
				t.Errorf("packet %d: sequence %d after %d, timestamp %d, want %d", i, r.SequenceNumber, last.SequenceNumber, r.Timestamp-first.Timestamp, want)
			}
		}
		last = r
	}
}

// TestSendHeldKeepsTime: what was not sent shows in the timestamp, not in the sequence.
func TestSendHeldKeepsTime(t *testing.T) {
	l, p := call(t, nil)
	l.Send(outgoing(0))
	a := p.readRTP()
	held := talk(p.addr())
	held.Send = false
	apply(t, l, held)
	for i := int64(1); i < 50; i++ {
		l.Send(outgoing(i * tickTime))
	}
	apply(t, l, talk(p.addr()))
	l.Send(outgoing(50 * tickTime))
	if b := p.readRTP(); b.SequenceNumber != a.SequenceNumber+1 || b.Timestamp-a.Timestamp != 8000 || !b.Marker {
		t.Errorf("after a second on hold: %d then %d, %d units", a.SequenceNumber, b.SequenceNumber, b.Timestamp-a.Timestamp)
	}
}

func TestSendStartsAtRandom(t *testing.T) {
	type start struct {
		ssrc, ts uint32
		cname    string
	}
	seen := map[start]bool{}
	for range 20 {
		l := listen(t, loopback)
		if l.sequence > 0x7fff {
			t.Errorf("first sequence number %d is in the upper half", l.sequence)
		}
		seen[start{l.SSRC(), l.timeline.base, l.CNAME()}] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d different starts of 20", len(seen))
	}
}

func TestPrepareRefuses(t *testing.T) {
	for name, p := range map[string]Params{
		"levels without list": {MixerLevelID: 1},
		"latch policy":        {Latch: 9},
		"clock rate":          {ClockRates: [128]uint32{8: 192_001}},
		"RTCP's range":        {RTCPMux: true, ClockRates: [128]uint32{72: 8000}},
		"suite":               {SRTP: &SRTP{}},
		"key":                 {SRTP: &SRTP{Suite: AEADAES128GCM, LocalKey: make([]byte, 15), RemoteKey: make([]byte, 16), LocalSalt: make([]byte, 12), RemoteSalt: make([]byte, 12)}},
		"salt":                {SRTP: &SRTP{Suite: AEADAES128GCM, LocalKey: make([]byte, 16), RemoteKey: make([]byte, 16), LocalSalt: make([]byte, 14), RemoteSalt: make([]byte, 12)}},
	} {
		if _, err := Prepare(p); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
