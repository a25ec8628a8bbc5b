//go:build linux

package forwarding

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

// product is confd's forwarder: a conference whose lines are legs on sockets of their own.
type product struct {
	pool       *transport.PortPool
	engine     *forwarder.Engine
	conference *forwarder.Conference
	legs       []*transport.VideoLeg
}

// Ports that the legs lie on: those that the server has by default.
const lowPort, highPort = 16384, 32767

func startForwarder(o *order) ([]netip.AddrPort, func(), error) {
	p := &product{}
	at, err := p.open(o)
	if err != nil {
		return nil, nil, errors.Join(err, p.close())
	}
	return at, func() { _ = p.close() }, nil
}

func (p *product) open(o *order) (at []netip.AddrPort, err error) {
	if err := o.Case.Check(); err != nil {
		return nil, err
	}
	if p.pool, err = transport.NewPortPool(lowPort, highPort, time.Second); err != nil {
		return nil, err
	}
	if p.engine, err = forwarder.New(forwarder.Config{Lines: o.Case.Senders + o.Case.Lines()}); err != nil {
		return nil, err
	}
	p.conference = p.engine.NewConference(forwarder.ConferenceConfig{})
	for i, camera := range o.Cameras {
		source, leg, err := p.add(camera, o.Control, o.Case, i, true)
		if err != nil {
			return nil, err
		}
		port, _ := leg.LocalPort()
		at = append(at, netip.AddrPortFrom(camera.Addr(), uint16(port)))
		for k := range o.Case.Receivers {
			stream := i*o.Case.Receivers + k
			l, _, err := p.add(o.Sinks[stream], o.Control, o.Case, o.Case.Senders+stream, false)
			if err != nil {
				return nil, err
			}
			p.conference.Show(l, source)
		}
	}
	return at, nil
}

// add makes a line: of a camera, or of one who looks on. Its reports go to control.
func (p *product) add(peer, control netip.AddrPort, c Case, stream int, camera bool) (*forwarder.Line, *transport.VideoLeg, error) {
	leg, err := p.pool.ListenVideo(peer.Addr())
	if err != nil {
		return nil, nil, fmt.Errorf("forwarding: stream %d: %w", stream, err)
	}
	p.legs = append(p.legs, leg)
	leg.Vouch(peer.Addr())
	params := transport.VideoParams{
		RemoteRTP: peer, RemoteRTCP: control, Send: !camera, Receive: camera, ReceivePTs: []uint8{PayloadType}, SendPT: PayloadType, NACK: true, PLI: true,
	}
	if c.Secure {
		params.SRTP = keys(stream, camera)
	}
	setup, err := transport.PrepareVideo(params)
	if err != nil {
		return nil, nil, err
	}
	if err := leg.Apply(setup); err != nil {
		return nil, nil, err
	}
	l := forwarder.NewLine(leg, forwarder.LineConfig{
		Format: media.VideoFormat{Codec: media.VP8}, NACK: true, Send: !camera, Receive: camera,
	})
	return l, leg, p.conference.Add(l)
}

// keys are those of a stream; the other direction, which carries nothing, has others.
func keys(stream int, ingress bool) *transport.SRTP {
	const beyond = 1 << 20
	k := &transport.SRTP{Suite: suite}
	k.LocalKey, k.LocalSalt = keyOf(stream)
	k.RemoteKey, k.RemoteSalt = keyOf(stream + beyond)
	if ingress {
		k.LocalKey, k.RemoteKey = k.RemoteKey, k.LocalKey
		k.LocalSalt, k.RemoteSalt = k.RemoteSalt, k.LocalSalt
	}
	return k
}

func (p *product) close() (err error) {
	if p.engine != nil {
		p.engine.Close()
	}
	for _, l := range p.legs {
		err = errors.Join(err, l.Close())
	}
	if p.pool != nil {
		err = errors.Join(err, p.pool.Close())
	}
	return err
}
