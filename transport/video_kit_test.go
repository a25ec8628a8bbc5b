package transport

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/pion/rtp"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/transport/repair"
)

const (
	videoPT = 96
	rtxPT   = 97
)

func listenVideo(t testing.TB) *VideoLeg {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("legs are tested on Linux")
	}
	v, err := testPool().ListenVideo(loopback)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

// viewer keeps what it receives.
type viewer struct {
	packets []VideoPacket
	said    []Feedback
	lost    []uint16
}

func (w *viewer) Video(p *VideoPacket) {
	q := *p
	q.Payload = bytes.Clone(p.Payload)
	q.FrameMarking = bytes.Clone(p.FrameMarking)
	w.packets = append(w.packets, q)
}

func (w *viewer) Feedback(f *Feedback) {
	g := *f
	for n, ok := f.Lost.Next(); ok; n, ok = f.Lost.Next() {
		w.lost = append(w.lost, n)
	}
	g.Lost = repair.Lost{}
	g.Sent = append(g.Sent[:0:0], f.Sent...)
	w.said = append(w.said, g)
}

func (w *viewer) sequences() []uint16 {
	var s []uint16
	for i := range w.packets {
		s = append(s, w.packets[i].Sequence)
	}
	return s
}

// blind receives without keeping.
type blind struct{ packets, said int }

func (b *blind) Video(*VideoPacket) { b.packets++ }
func (b *blind) Feedback(*Feedback) { b.said++ }

// camera is a phone with a picture.
type camera struct{ *phone }

// frame sends n packets of one timestamp.
func (c *camera) frame(n int) {
	c.t.Helper()
	for i := range n {
		c.write(c.picture(i == n-1, nil))
	}
	c.ts += 3000
}

// picture builds the next packet.
func (c *camera) picture(last bool, change func(*rtp.Packet)) []byte {
	c.t.Helper()
	p := rtp.Packet{
		Header:  rtp.Header{Version: 2, PayloadType: c.pt, SequenceNumber: c.seq, Timestamp: c.ts, SSRC: c.ssrc, Marker: last},
		Payload: binary.BigEndian.AppendUint32(make([]byte, 0, 1000), uint32(c.seq)),
	}
	c.seq++
	if change != nil {
		change(&p)
	}
	b, err := p.Marshal()
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

// show returns a leg and its camera, connected to each other. Its host is vouched for.
func show(t testing.TB, change func(*VideoParams)) (*VideoLeg, *camera) {
	t.Helper()
	v := listenVideo(t)
	v.Vouch(loopback)
	c := &camera{newPhone(t, loopback, v.leg.at(loopback))}
	c.pt = videoPT
	params := VideoParams{
		RemoteRTP: c.addr(), RTCPMux: true, Send: true, Receive: true,
		ReceivePTs: []uint8{videoPT}, ReceiveRTX: []RTXType{{rtxPT, videoPT}}, SendPT: videoPT, SendRTX: rtxPT,
		NACK: true, PLI: true, FIR: true, TMMBR: true, REMB: true, ReducedSize: true,
	}
	if change != nil {
		change(&params)
	}
	applyVideo(t, v, params)
	return v, c
}

func applyVideo(t testing.TB, v *VideoLeg, p VideoParams) {
	t.Helper()
	s, err := PrepareVideo(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Apply(s); err != nil {
		t.Fatal(err)
	}
}

// look polls until nothing is left.
func (v *VideoLeg) look(to VideoReceiver) (read int) {
	for n := 1; n > 0; read += n {
		n = v.Poll(clock.Now(), 512, to)
	}
	return read
}

// pictures are packets of sizes, each with contents of its own.
func pictures(sizes ...int) []VideoOut {
	out := make([]VideoOut, len(sizes))
	for i, n := range sizes {
		b := bytes.Repeat([]byte{byte(i)}, n-headerSize)
		cut := min(len(b), i%5)
		out[i] = VideoOut{Sequence: uint16(i), Timestamp: uint32(i / 3), Marker: i%3 == 2, Head: b[:cut], Body: b[cut:]}
	}
	return out
}

func times(n, size int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = size
	}
	return s
}
