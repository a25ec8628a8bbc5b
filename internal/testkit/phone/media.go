package phone

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/confd/confd/internal/testkit/netsim"
)

// media is the phone's RTP session: a socket pair, one stream out, one stream in.
type media struct {
	rtp, rtcp *net.UDPConn
	up, down  *netsim.Link
	readers   sync.WaitGroup

	mu       sync.Mutex
	remote   netip.AddrPort // zero until there is an answer
	mux      bool
	codec    Codec
	coder    coder
	voice    Voice
	interval time.Duration
	drift    float64 // interval's factor
	levelID  uint8
	sending  bool
	started  bool
	closed   bool
	marker   bool
	ssrc     uint32
	seq      uint16
	ts       uint32
	sent     uint64
	octets   uint64
	events   []*digit
	protect  *srtp.Context // outgoing; nil for plain

	// in is replaced as a whole when an answer changes what comes.
	in atomic.Pointer[inbound]
}

// inbound is what the readers need, constant once published.
type inbound struct {
	rec      *recorder
	types    map[uint8]bool // all that were negotiated
	levels   uint8          // extension id, 0 for none
	mu       sync.Mutex     // of open, which RTP and RTCP share
	open     *srtp.Context
	lastSR   atomic.Uint32 // middle 32 bits of the latest NTP time
	lastSRAt atomic.Int64
}

// openMedia binds an even port and the next.
func openMedia(o *Options, local netip.Addr) (*media, error) {
	random := rand.New(rand.NewPCG(o.Seed, rand.Uint64()))
	m := &media{
		ssrc: random.Uint32(), seq: uint16(random.Uint32()), ts: random.Uint32(),
		sending: !o.Silent, marker: true,
		drift: 1 / (1 + o.Drift*1e-6),
	}
	var err error
	for range 200 {
		if err = m.bind(o, local); err == nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("no port pair on %v: %w", local, err)
	}
	m.up = netsim.NewLink(o.Seed, o.Up, m.write)
	m.down = netsim.NewLink(o.Seed+1, o.Down, m.receive)
	m.readers.Add(2)
	go m.readRTP()
	go m.readRTCP()
	return m, nil
}

func (m *media) bind(o *Options, local netip.Addr) error {
	// Under the ephemeral range, so that no other socket takes the second of the pair.
	port := uint16(20000 + 2*rand.IntN(6000))
	a, err := o.Network.ListenPacket("udp", netip.AddrPortFrom(local, port).String())
	if err != nil {
		return err
	}
	b, err := o.Network.ListenPacket("udp", netip.AddrPortFrom(local, port+1).String())
	if err != nil {
		a.Close()
		return err
	}
	m.rtp, m.rtcp = a.(*net.UDPConn), b.(*net.UDPConn)
	return nil
}

func (m *media) address() netip.AddrPort { return unmapped(m.rtp.LocalAddr()) }

// apply starts or changes the session by what was negotiated. key is the phone's own.
func (m *media) apply(s *session, c Codec, o *offer, voice Voice) error {
	in, protect, err := m.inboundFor(s, c, o)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	interval := cmp.Or(o.packetTime, s.packetTime, 20*time.Millisecond)
	changed := m.coder == nil || m.codec != c
	if changed || m.interval != interval {
		if m.coder, err = newCoder(c, interval); err != nil {
			return err
		}
		m.codec, m.interval = c, interval
	}
	if changed {
		m.voice = voice
	}
	if old := m.in.Load(); old != nil && !changed {
		in.rec = old.rec
	}
	m.remote, m.mux, m.protect = s.addr, s.mux && o.mux, protect
	m.levelID = uint8(s.extensions["urn:ietf:params:rtp-hdrext:ssrc-audio-level"])
	m.in.Store(in)
	if !m.started {
		m.started = true
		// A random phase, as phones have it.
		pace.add(m, time.Now().Add(time.Duration(rand.Int64N(int64(m.interval)))))
	}
	return nil
}

func (m *media) inboundFor(s *session, c Codec, o *offer) (*inbound, *srtp.Context, error) {
	in := &inbound{rec: newRecorder(c), types: map[uint8]bool{}}
	for _, t := range s.types {
		in.types[uint8(t)] = true
	}
	in.levels = uint8(s.extensions["urn:ietf:params:rtp-hdrext:csrc-audio-level"])
	if o.suite == "" {
		return in, nil, nil
	}
	if s.suite != o.suite {
		return nil, nil, fmt.Errorf("answered suite %q, offered %q", s.suite, o.suite)
	}
	var err error
	if in.open, err = newContext(s.suite, s.key); err != nil {
		return nil, nil, err
	}
	protect, err := newContext(o.suite, o.key)
	return in, protect, err
}

// tick sends one packet's worth. The pacer calls it.
func (m *media) tick(due time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return time.Time{}
	}
	next := due.Add(time.Duration(float64(m.interval) * m.drift))
	if late := time.Since(next); late > 200*time.Millisecond {
		next = time.Now()
	}
	samples := int(int64(m.interval) * int64(m.codec.SampleRate) / int64(time.Second))
	ticks := uint32(int64(m.interval) * int64(m.codec.ClockRate) / int64(time.Second))
	switch {
	case m.event(ticks):
	case m.sending:
		m.speak(samples)
	default:
		m.marker = true
	}
	m.ts += ticks
	if m.sent%250 == 100 {
		m.report()
	}
	return next
}

func (m *media) speak(samples int) {
	pcm := make([]int16, samples)
	m.voice.Read(pcm)
	payload, err := m.coder.encode(pcm)
	if err != nil {
		panic(fmt.Sprintf("encoding %d samples as %s: %v", samples, m.codec.Name, err))
	}
	p := &rtp.Packet{Header: m.header(m.codec.PayloadType), Payload: payload}
	p.Marker, m.marker = m.marker, false
	if m.levelID != 0 {
		_ = p.SetExtension(m.levelID, []byte{levelByte(pcm)})
	}
	m.transmit(p)
}

func (m *media) header(payloadType uint8) rtp.Header {
	m.seq++
	return rtp.Header{Version: 2, PayloadType: payloadType, SequenceNumber: m.seq, Timestamp: m.ts, SSRC: m.ssrc}
}

func (m *media) transmit(p *rtp.Packet) {
	b, err := p.Marshal()
	if err == nil && m.protect != nil {
		b, err = m.protect.EncryptRTP(nil, b, nil)
	}
	if err != nil {
		panic(fmt.Sprintf("writing an RTP packet: %v", err))
	}
	m.sent++
	m.octets += uint64(len(p.Payload))
	m.up.Send(b)
}

// write is the near end of the link up.
func (m *media) write(b []byte) {
	m.mu.Lock()
	to := m.remote
	m.mu.Unlock()
	if to.IsValid() {
		_, _ = m.rtp.WriteToUDPAddrPort(b, to)
	}
}

func (m *media) readRTP() {
	defer m.readers.Done()
	buf := make([]byte, 65536)
	for {
		n, err := m.rtp.Read(buf)
		if err != nil {
			return
		}
		m.down.Send(buf[:n])
	}
}

// receive is the far end of the link down.
func (m *media) receive(b []byte) {
	in := m.in.Load()
	if in == nil {
		return // media before the answer: the phone could not play it either
	}
	if len(b) > 1 && b[1] >= 192 && b[1] <= 223 {
		m.control(in, b)
		return
	}
	if len(b) > 1400 {
		in.rec.note(func(r *Report) { r.TooLong++ })
	}
	if in.open != nil {
		in.mu.Lock()
		clear, err := in.open.DecryptRTP(nil, b, nil)
		in.mu.Unlock()
		if err != nil {
			in.rec.note(func(r *Report) { r.Unauthentic++ })
			return
		}
		b = clear
	}
	p := &rtp.Packet{}
	if err := p.Unmarshal(b); err != nil || p.Version != 2 {
		in.rec.note(func(r *Report) { r.NotRTP++ })
		return
	}
	in.sort(p)
}

// sort counts a packet by kind and records it.
func (in *inbound) sort(p *rtp.Packet) {
	voice := p.PayloadType == in.rec.codec.PayloadType
	in.rec.note(func(r *Report) {
		switch {
		case voice:
		case !in.types[p.PayloadType]:
			r.UnknownType++
		case p.PayloadType == 13:
			r.ComfortNoise++
		case p.PayloadType == eventPayloadType:
			r.Events++
		}
		if x := p.GetExtension(in.levels); in.levels != 0 && x != nil {
			r.Levels[uint8(len(x))]++
		}
	})
	in.rec.add(p, voice, time.Now())
}

// close says goodbye by RTCP, stops the stream and waits for the readers.
func (m *media) close() {
	m.mu.Lock()
	again := m.closed
	m.closed = true
	if !again && m.started {
		m.goodbye()
	}
	for _, d := range m.events {
		close(d.done)
	}
	m.events = nil
	m.mu.Unlock()
	m.rtp.Close()
	m.rtcp.Close()
	m.readers.Wait()
	m.up.Close()
	m.down.Close()
}
