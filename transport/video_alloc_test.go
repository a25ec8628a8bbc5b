package transport

import (
	"testing"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/transport/feedback"
)

// TestVideoAllocatesNothing: frames in and out with retransmissions both ways, feedback both
// ways, and reports.
func TestVideoAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, c := range []struct {
		name   string
		change func(*VideoParams)
	}{
		{"plain", nil},
		{"latching, with all extensions", func(p *VideoParams) {
			p.Latch = LatchBounded
			p.TransportCC, p.TransportCCID, p.FrameMarkingID, p.RIDID, p.MIDID, p.RIDs, p.MID = true, 1, 2, 3, 4, []string{"a"}, "b"
		}},
		{"AES_CM_128_HMAC_SHA1_80", func(p *VideoParams) { p.SRTP = testKeys(AES128CMHMACSHA180) }},
		{"AEAD_AES_128_GCM", func(p *VideoParams) { p.SRTP = testKeys(AEADAES128GCM); p.TransportCC, p.TransportCCID = true, 1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, cam := show(t, c.change)
			seal := func(b []byte) []byte { return b }
			if v.leg.crypto != nil {
				seal = newForeign(t, v.setup.params.SRTP).seal
			}
			elements := map[uint8]string{1: "\x00\x01", 2: "\x80", 3: "a", 4: "b"}
			const runs = 100
			var packets [][]byte
			for i := range uint16(3 * (runs + 20)) {
				change := extension(t, elements)
				elements[1] = string([]byte{byte(i >> 8), byte(i)})
				if i%3 == 2 {
					change = both(repeat(0x777, i/3), change)
				}
				packets = append(packets, seal(cam.picture(i%3 == 1, change)))
				cam.ts += 1000
			}
			said := feedback.AppendPLI(nil, 1, v.SSRC())
			said = feedback.AppendREMB(said, 1, 1_000_000, v.SSRC())
			said = feedback.AppendTMMBR(said, 1, feedback.Limit{SSRC: v.SSRC(), Bitrate: 1_000_000})
			if v.leg.crypto == nil { // the library allocates for SRTCP
				packets = append(packets, said)
			}
			to := new(blind)
			now, seq := clock.Now(), uint16(0)
			out := frameOut(0, 0, 5, 1000)
			tick := func() {
				for range 3 {
					cam.write(packets[0])
					packets = packets[1:]
				}
				if v.leg.crypto == nil {
					cam.write(said)
				}
				now += tickTime
				v.Poll(now, 64, to)
				for i := range out {
					out[i].Sequence, out[i].Repair = seq, false
					seq++
				}
				v.SendVideo(now, out)
				out[0].Repair = true
				v.SendVideo(now, out[:1])
				if v.leg.crypto == nil {
					v.RequestKeyFrame(now, 0)
					v.NACK(now, 0, []uint16{1, 2, 3})
					v.LimitBitrate(now, 500_000)
				} else {
					v.leg.report.next, v.setup.params.TransportCC = 1<<62, false
				}
			}
			for range 10 { // warm up: the library makes state for an SSRC
				tick()
			}
			sender := testing.AllocsPerRun(10, func() { _, _ = cam.conn.WriteToUDPAddrPort(packets[0], cam.addr()) })
			before := to.packets
			if n := testing.AllocsPerRun(runs, tick); n > 4*sender {
				t.Errorf("%v allocations a tick, of which the test's sender %v", n, 4*sender)
			}
			if got := to.packets - before; got != 3*(runs+1) {
				t.Errorf("%d packets were handed over of %d: %+v", got, 3*(runs+1), v.Stats().Dropped)
			}
			if s := v.Stats(); v.leg.crypto == nil && (to.said == 0 || s.RTCP.Sent < 3*runs) || s.Stale != 0 {
				t.Errorf("%d times told; %+v", to.said, s)
			}
		})
	}
}
