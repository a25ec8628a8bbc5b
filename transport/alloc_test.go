package transport

import (
	"testing"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
)

// TestTickAllocatesNothing: a packet in and a packet out, and a report now and then.
func TestTickAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, c := range []struct {
		name   string
		change func(*Params)
	}{
		{"plain", nil},
		{"plain, all extensions", func(p *Params) { p.CSRC, p.MixerLevelID, p.AudioLevelID = true, 1, 1 }},
		{"latching", func(p *Params) { p.Latch = LatchBounded }},
		{"AES_CM_128_HMAC_SHA1_80", func(p *Params) { p.SRTP = testKeys(AES128CMHMACSHA180) }},
		{"AEAD_AES_128_GCM", func(p *Params) { p.SRTP = testKeys(AEADAES128GCM); p.CSRC, p.MixerLevelID = true, 1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, p := call(t, c.change)
			var f *foreign
			if l.crypto != nil {
				f = newForeign(t, l.setup.params.SRTP)
			}
			const runs = 200
			var packets [][]byte
			for range runs + 12 {
				b := p.next()
				if f != nil {
					b = f.seal(b)
				}
				packets = append(packets, b)
			}
			o := outgoing(0)
			o.Contributors, o.Levels = []uint32{1, 2, 3}, []media.Level{4, 5, 6}
			now, got := clock.Now(), 0
			to := media.ReceiverFunc(func(*media.Packet) { got++ })
			tick := func() {
				p.write(packets[0])
				packets = packets[1:]
				now += tickTime
				l.Poll(now, 16, to)
				o.Time += tickTime
				l.Send(o)
			}
			for range 10 { // warm up: the library makes state for an SSRC
				tick()
			}
			sender := testing.AllocsPerRun(10, func() { _, _ = p.conn.WriteToUDPAddrPort(packets[0], p.addr()) })
			if n := testing.AllocsPerRun(runs, tick); n > sender {
				t.Errorf("%v allocations a tick, of which the test's sender %v", n, sender)
			}
			if got < runs {
				t.Errorf("%d packets were handed over of %d: %+v", got, runs, l.Stats().Dropped)
			}
		})
	}
}

// TestReportAllocatesNothing: RTCP, both ways, without SRTP.
func TestReportAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	l, p := call(t, func(p *Params) { p.RTCPMux = true })
	p.speak()
	poll(l, discard)
	l.Send(outgoing(0))
	m := scratches.Get().(*scratch)
	defer scratches.Put(m)
	now := clock.Now()
	report := append([]byte(nil), AppendCNAME(l.appendReport(nil, 99, now), 99, l.cname)...)
	n := testing.AllocsPerRun(100, func() {
		l.sendReport(m, now)
		l.readCompound(report, now)
	})
	if n != 0 {
		t.Errorf("%v allocations a report", n)
	}
}
