package phone

import (
	"encoding/binary"
	"math"
	"net/netip"
	"time"

	"github.com/pion/rtcp"

	"github.com/confd/confd/internal/testkit/tone"
)

// ntpEpoch is 1900 as seen from 1970, in seconds.
const ntpEpoch = 2208988800

func (m *media) readRTCP() {
	defer m.readers.Done()
	buf := make([]byte, 65536)
	for {
		n, err := m.rtcp.Read(buf)
		if err != nil {
			return
		}
		if in := m.in.Load(); in != nil {
			m.control(in, buf[:n])
		}
	}
}

// control counts what a compound RTCP packet holds.
func (m *media) control(in *inbound, b []byte) {
	if in.open != nil {
		in.mu.Lock()
		clear, err := in.open.DecryptRTCP(nil, b, nil)
		in.mu.Unlock()
		if err != nil {
			in.rec.note(func(r *Report) { r.Unauthentic++ })
			return
		}
		b = clear
	}
	packets, err := rtcp.Unmarshal(b)
	in.rec.note(func(r *Report) {
		if err != nil {
			r.BadRTCP++
		}
		for _, p := range packets {
			switch p := p.(type) {
			case *rtcp.SenderReport:
				r.SenderReports++
				in.lastSR.Store(uint32(p.NTPTime >> 16))
				in.lastSRAt.Store(time.Now().UnixNano())
			case *rtcp.ReceiverReport:
				r.ReceiverReports++
			case *rtcp.Goodbye:
				r.Goodbyes++
			}
		}
	})
}

// report sends a sender report with a report block about what comes. m.mu is held.
func (m *media) report() {
	now := time.Now()
	sr := &rtcp.SenderReport{
		SSRC: m.ssrc, NTPTime: ntpTime(now), RTPTime: m.ts,
		PacketCount: uint32(m.sent), OctetCount: uint32(m.octets),
	}
	if in := m.in.Load(); in != nil {
		r := in.rec.finish()
		if r.Packets > 0 {
			block := rtcp.ReceptionReport{SSRC: r.SSRC, TotalLost: uint32(r.Lost), LastSequenceNumber: uint32(in.rec.highest())}
			if block.LastSenderReport = in.lastSR.Load(); block.LastSenderReport != 0 {
				block.Delay = uint32((now.UnixNano() - in.lastSRAt.Load()) * 65536 / int64(time.Second))
			}
			sr.Reports = []rtcp.ReceptionReport{block}
		}
	}
	m.sendControl(sr, m.description())
}

// goodbye is sent once, at the end. m.mu is held.
func (m *media) goodbye() {
	m.sendControl(&rtcp.ReceiverReport{SSRC: m.ssrc}, m.description(), &rtcp.Goodbye{Sources: []uint32{m.ssrc}})
}

func (m *media) description() *rtcp.SourceDescription {
	return rtcp.NewCNAMESourceDescription(m.ssrc, "phone@"+m.rtp.LocalAddr().String())
}

func (m *media) sendControl(packets ...rtcp.Packet) {
	b, err := rtcp.Marshal(packets)
	if err == nil && m.protect != nil {
		b, err = m.protect.EncryptRTCP(nil, b, nil)
	}
	if err != nil || !m.remote.IsValid() {
		return
	}
	if m.mux {
		_, _ = m.rtp.WriteToUDPAddrPort(b, m.remote)
		return
	}
	_, _ = m.rtcp.WriteToUDPAddrPort(b, netip.AddrPortFrom(m.remote.Addr(), m.remote.Port()+1))
}

func (r *recorder) highest() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lastSeq
}

func ntpTime(t time.Time) uint64 {
	return uint64(t.Unix()+ntpEpoch)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// levelByte is the one-byte body of RFC 6464: voice bit and level in -dBov.
func levelByte(pcm []int16) byte {
	l := math.Round(-tone.RMS(pcm)) + 3 // a full-scale sine is -3 dBov
	level := byte(math.Max(0, math.Min(127, l)))
	if level < 60 {
		return level | 0x80
	}
	return level
}

// digit is a telephone-event that is being sent (RFC 4733).
type digit struct {
	code      byte
	ticks     uint32 // how long it lasts
	sent      uint32
	start     uint32 // timestamp
	done      chan struct{}
	announced bool
}

// event sends the next packet of the first digit that waits, if one does. m.mu is held.
func (m *media) event(ticks uint32) bool {
	if len(m.events) == 0 {
		return false
	}
	d := m.events[0]
	if !d.announced {
		d.start = m.ts
	}
	d.sent = min(d.sent+ticks, d.ticks)
	repeat := 1
	var end byte
	if d.sent == d.ticks {
		end, repeat = 0x80, 3
	}
	for range repeat {
		p := eventPacket(m, d, end)
		d.announced = true
		m.transmit(p)
	}
	if end != 0 {
		m.events = m.events[1:]
		m.marker = true
		close(d.done)
	}
	return true
}

func (m *media) queue(d *digit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		close(d.done)
		return
	}
	m.events = append(m.events, d)
}

func eventBody(d *digit, end byte) []byte {
	b := []byte{d.code, end | 10, 0, 0}
	binary.BigEndian.PutUint16(b[2:], uint16(d.sent))
	return b
}
