//go:build linux

package mixing

import (
	"fmt"
	"net/netip"

	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

// Wires are the legs of a room's participants, and raw sockets beside them. Each has a phone
// at its other end that sends a packet before each tick and takes one after it. All is on
// loopback.
type Wires struct {
	legs    []*transport.Leg
	bare    []*wire.Socket
	phones  []phone // of the legs, then of the bare sockets
	pool    *transport.PortPool
	out     media.Outgoing
	sending []byte // by the bare sockets
	buffer  []byte
	period  int64
	taken   int // packets that the legs have handed over
}

type phone struct {
	*wire.Socket
	wire.Stream
	packet []byte
	ticks  uint32
}

// Where the legs are; the phones and the bare sockets are on 127.0.0.1.
var legHost = netip.MustParseAddr("127.0.0.77")

const (
	lowPort  = 16384
	highPort = 32767
)

// NewWires opens the sockets of a case, five for each participant. Packets are as the first
// format has them. The error says which sockets could not be had.
func NewWires(c Case) (w *Wires, err error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	payloads, err := recorded(c.Formats[0], 0)
	if err != nil {
		return nil, err
	}
	payload := payloads[recordedPackets/2]
	w = &Wires{
		out:     media.Outgoing{Data: payload, PayloadType: payloadType, ClockRate: uint32(c.Formats[0].ClockRate)},
		sending: make([]byte, wire.HeaderSize+len(payload)), buffer: make([]byte, 2048), period: int64(c.period()),
		phones: make([]phone, 0, 2*c.Participants),
	}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if w.pool, err = transport.NewPortPool(lowPort, highPort, 0); err != nil {
		return nil, err
	}
	for i := range c.Participants {
		if err := w.addLeg(i, c.Formats[0], payload); err != nil {
			return nil, fmt.Errorf("mixing: leg %d: %w", i, err)
		}
	}
	for i := range c.Participants {
		if err := w.addBare(i, c.Formats[0], payload); err != nil {
			return nil, fmt.Errorf("mixing: bare socket %d: %w", i, err)
		}
	}
	return w, nil
}

// newPhone opens a phone; who speaks to it is connected afterwards.
func (w *Wires) newPhone(number int, f media.Format, payload []byte) (*phone, error) {
	s, err := wire.Listen()
	if err != nil {
		return nil, err
	}
	w.phones = append(w.phones, phone{
		Socket: s, Stream: wire.Stream{SSRC: uint32(number) + 1, PayloadType: payloadType},
		packet: append(make([]byte, wire.HeaderSize), payload...), ticks: uint32(f.Ticks(f.PacketTime)),
	})
	return &w.phones[len(w.phones)-1], nil
}

func (w *Wires) addLeg(i int, f media.Format, payload []byte) error {
	p, err := w.newPhone(i, f, payload)
	if err != nil {
		return err
	}
	l, err := w.pool.Listen(legHost)
	if err != nil {
		return err
	}
	w.legs = append(w.legs, l)
	params := transport.Params{RemoteRTP: p.Local(), Send: true, Receive: true}
	params.ClockRates[payloadType] = uint32(f.ClockRate)
	setup, err := transport.Prepare(params)
	if err != nil {
		return err
	}
	if err := l.Apply(setup); err != nil {
		return err
	}
	port, _ := l.LocalPort()
	return p.Connect(netip.AddrPortFrom(legHost, uint16(port)))
}

func (w *Wires) addBare(i int, f media.Format, payload []byte) error {
	p, err := w.newPhone(i, f, payload)
	if err != nil {
		return err
	}
	s, err := wire.Listen()
	if err != nil {
		return err
	}
	w.bare = append(w.bare, s)
	if err := s.Connect(p.Local()); err != nil {
		return err
	}
	return p.Connect(s.Local())
}

// Speak has every phone send a packet.
func (w *Wires) Speak() {
	for i := range w.phones {
		p := &w.phones[i]
		p.Stamp(p.packet, p.ticks)
		p.Send(p.packet)
	}
}

// Listen has every phone take what came.
func (w *Wires) Listen() {
	for i := range w.phones {
		w.phones[i].Receive(w.buffer)
	}
}

// Legs has every leg read and send a packet.
func (w *Wires) Legs() {
	now := clock.Now()
	w.out.Time += w.period
	for _, l := range w.legs {
		l.Poll(now, pollLimit, w)
	}
	for _, l := range w.legs {
		l.Send(&w.out)
	}
}

// pollLimit is more than ever waits.
const pollLimit = 16

// Receive takes a packet of a leg's. It makes the wires a media.Receiver.
func (w *Wires) Receive(*media.Packet) { w.taken++ }

// Bare has every bare socket receive and send a packet.
func (w *Wires) Bare() {
	for _, s := range w.bare {
		s.Receive(w.buffer)
	}
	for _, s := range w.bare {
		s.Send(w.sending)
	}
}

// Close frees the sockets.
func (w *Wires) Close() {
	for _, l := range w.legs {
		_ = l.Close() // nothing is left that could be lost
	}
	if w.pool != nil {
		_ = w.pool.Close()
	}
	for _, s := range w.bare {
		s.Close()
	}
	for i := range w.phones {
		w.phones[i].Close()
	}
}
