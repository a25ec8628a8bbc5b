//go:build linux

package multicast

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/confd/confd/bench/load/calls"
	"github.com/confd/confd/codec"
	"github.com/confd/confd/internal/netlab"
	"github.com/confd/confd/media"
)

// phone is a call from a host. A talker says a tone in G.711; a listener says no more than a
// packet a second, so that the server goes on sending to it.
type phone struct {
	voice voice
	agent *calls.Agent
	conn  *net.UDPConn
	call  *calls.Call
	to    netip.AddrPort
	over  sync.WaitGroup
	quit  chan struct{}

	mu    sync.Mutex
	heard reception
}

// voice is what a phone offers, and how it keeps its call alive.
type voice struct {
	format calls.Format
	clock  uint32 // units of timestamp a second
	hush   []byte // a packet of nothing
}

// voices are what listeners can have, by the names that groups' settings have for them.
var voices = map[string]voice{
	"pcmu": {calls.Format{PayloadType: 0, Name: "PCMU/8000"}, 8000, bytes.Repeat([]byte{0xff}, 160)},
	"opus": {calls.Format{PayloadType: 96, Name: "opus/48000/2"}, 48000, []byte{0xf8}},
}

// dial calls a room of the server from one of a host's addresses. tone is in Hz; a listener's is 0.
func dial(ctx context.Context, h *netlab.Host, local netip.Addr, uri string, v voice, tone int) (*phone, error) {
	server, err := calls.Resolve(ctx, uri)
	if err != nil {
		return nil, err
	}
	p := &phone{voice: v, quit: make(chan struct{})}
	err = h.Do(func() (err error) {
		if p.agent, err = calls.Open(calls.Config{Server: server, Local: local, Lines: 1}); err != nil {
			return err
		}
		p.conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
		return err
	})
	if err == nil {
		err = p.connect(ctx, uri, tone)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("call %s from %v: %w", uri, local, err), p.hangUp(ctx))
	}
	return p, nil
}

func (p *phone) connect(ctx context.Context, uri string, tone int) error {
	if err := stamped(p.conn); err != nil {
		return err
	}
	var err error
	own := p.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	if p.call, err = p.agent.Call(ctx, uri, calls.Offer{Media: own, RTCP: own, Formats: []calls.Format{p.voice.format}}); err != nil {
		return err
	}
	p.to = p.call.Answer().Media
	p.over.Go(p.listen)
	if tone > 0 {
		sound, err := speech(tone)
		if err != nil {
			return err
		}
		p.over.Go(func() { p.say(sound, 20*time.Millisecond, 160) })
	} else {
		p.over.Go(func() { p.say([][]byte{p.voice.hush}, time.Second, p.voice.clock) })
	}
	return nil
}

// speech is a second of a tone, in packets of 20 ms.
func speech(tone int) (packets [][]byte, err error) {
	e, err := codec.NewEncoder(media.Format{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1, PacketTime: 20 * time.Millisecond}, codec.Options{})
	if err != nil {
		return nil, err
	}
	pcm := make([]int16, 160)
	for i := range 50 {
		for j := range pcm {
			pcm[j] = int16(3000 * math.Sin(2*math.Pi*float64(tone)*float64(160*i+j)/8000))
		}
		b, err := e.Encode(nil, pcm)
		if err != nil {
			return nil, err
		}
		packets = append(packets, b)
	}
	return packets, nil
}

// say sends packets in turn until the phone hangs up.
func (p *phone) say(sound [][]byte, every time.Duration, units uint32) {
	pace := time.NewTicker(every)
	defer pace.Stop()
	kind := p.call.Answer().PayloadType
	for i := 0; ; i++ {
		b := binary.BigEndian.AppendUint16([]byte{0x80, kind}, uint16(i))
		b = binary.BigEndian.AppendUint32(b, uint32(i)*units)
		b = binary.BigEndian.AppendUint32(b, 0x5eed)
		_, _ = p.conn.WriteToUDPAddrPort(append(b, sound[i%len(sound)]...), p.to)
		select {
		case <-pace.C:
		case <-p.quit:
			return
		}
	}
}

// stamped has the kernel tell when packets arrived, whenever they are read.
func stamped(c *net.UDPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	})
	return errors.Join(err, failed)
}

func (p *phone) listen() {
	b, oob := make([]byte, 2048), make([]byte, 64)
	for {
		n, oobn, _, _, err := p.conn.ReadMsgUDPAddrPort(b, oob)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && n > 12 && b[1]&0x7f != 72 && b[1]&0x7f != 73 { // those are reports
			p.mu.Lock()
			p.heard.take(b[:n], arrival(oob[:oobn]), float64(p.voice.clock))
			p.mu.Unlock()
		}
	}
}

func arrival(oob []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(messages) == 0 {
		return time.Now()
	}
	ns := binary.NativeEndian.Uint64(messages[0].Data[8:])
	return time.Unix(int64(binary.NativeEndian.Uint64(messages[0].Data)), int64(ns))
}

// quality is how well it has heard so far.
func (p *phone) quality() quality {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heard.quality(float64(p.voice.clock))
}

func (p *phone) hangUp(ctx context.Context) (err error) {
	close(p.quit)
	if p.call != nil {
		err = p.call.Hangup(ctx)
	}
	if p.conn != nil {
		err = errors.Join(err, p.conn.Close())
	}
	p.over.Wait()
	if p.agent != nil {
		err = errors.Join(err, p.agent.Close())
	}
	return err
}

// quality is how well somebody hears.
type quality struct {
	received uint64
	lost     float64 // share
	jitter   float64 // ms, RFC 3550 section 6.4.1
}

// reception counts a stream (RFC 3550 appendix A).
type reception struct {
	received    uint64
	first, last int64 // sequence numbers, extended
	at          time.Time
	stamp       uint32
	jitter      float64 // units
}

func (r *reception) take(packet []byte, at time.Time, clock float64) {
	sequence, stamp := binary.BigEndian.Uint16(packet[2:]), binary.BigEndian.Uint32(packet[4:])
	if r.received++; r.received == 1 {
		r.first, r.last = int64(sequence), int64(sequence)
	} else {
		r.last = max(r.last, r.last+int64(int16(sequence-uint16(r.last))))
		d := at.Sub(r.at).Seconds()*clock - float64(int32(stamp-r.stamp))
		r.jitter += (math.Abs(d) - r.jitter) / 16
	}
	r.at, r.stamp = at, stamp
}

func (r *reception) quality(clock float64) quality {
	q := quality{received: r.received, jitter: r.jitter / clock * 1e3}
	if expected := r.last - r.first + 1; r.received > 0 && expected > 0 {
		q.lost = max(0, 1-float64(r.received)/float64(expected))
	}
	return q
}
