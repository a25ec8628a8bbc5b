package phone

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pion/rtp"
)

// SetVoice changes what the phone says, from the next packet on; nil is silence.
func (p *Phone) SetVoice(v Voice) {
	p.media.mu.Lock()
	defer p.media.mu.Unlock()
	if v == nil {
		v = silence{}
	}
	p.media.voice = v
}

type silence struct{}

func (silence) Read(pcm []int16) { clear(pcm) }

// SetSending starts and stops the stream of voice packets.
func (p *Phone) SetSending(on bool) {
	p.media.mu.Lock()
	defer p.media.mu.Unlock()
	p.media.sending = on
}

// Sent is how many RTP packets the phone sent.
func (p *Phone) Sent() uint64 {
	p.media.mu.Lock()
	defer p.media.mu.Unlock()
	return p.media.sent
}

// SendRTP sends a raw packet payload under any payload type, as a misbehaving phone might.
func (p *Phone) SendRTP(payloadType uint8, payload []byte) {
	p.media.mu.Lock()
	defer p.media.mu.Unlock()
	p.media.transmit(&rtp.Packet{Header: p.media.header(payloadType), Payload: payload})
}

// SendDTMF sends digits (0-9, *, #, A-D) as telephone-events of the given length, one after
// the other with as much silence between, and returns when the last has gone out.
func (p *Phone) SendDTMF(ctx context.Context, digits string, length time.Duration) error {
	for _, c := range digits {
		code := strings.IndexRune("0123456789*#ABCD", c)
		if code < 0 {
			return fmt.Errorf("no digit %q", c)
		}
		ticks := uint32(int64(length) * int64(p.codec().ClockRate) / int64(time.Second))
		d := &digit{code: byte(code), ticks: ticks, done: make(chan struct{})}
		p.media.queue(d)
		select {
		case <-d.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case <-time.After(length):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func eventPacket(m *media, d *digit, end byte) *rtp.Packet {
	h := m.header(eventPayloadType)
	h.Timestamp = d.start
	h.Marker = !d.announced
	return &rtp.Packet{Header: h, Payload: eventBody(d, end)}
}
