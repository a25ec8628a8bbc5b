//go:build linux

package forwarding

import (
	"fmt"
	"net/netip"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/confd/confd/bench/wire"
)

// cameras send pictures to one server. Each has a socket; their pictures are spread evenly
// over the interval.
type cameras struct {
	each    []*shot
	packets [][]byte
	sealed  []byte
	header  rtp.Header
	sent    uint64 // packets
	refused uint64 // packets that the kernel did not take
	keys    uint32 // each so many pictures one is a key frame; 0: the first alone
}

// shot is one camera's way out.
type shot struct {
	*camera
	socket *wire.Socket
	seal   *srtp.Context
	times  [256]int64 // when the last packet of a picture left, by its number, Realtime
	begun  bool
}

func newCameras(c Case) (*cameras, error) {
	k := &cameras{sealed: make([]byte, 0, wire.BatchDatagram)}
	for i := range c.Senders {
		s := &shot{camera: newCamera(c, i)}
		var err error
		if s.socket, err = wire.Listen(); err != nil {
			k.close()
			return nil, err
		}
		k.each = append(k.each, s)
		if c.Secure {
			if s.seal, err = contextOf(i); err != nil {
				k.close()
				return nil, err
			}
		}
	}
	return k, nil
}

func (k *cameras) locals() (all []netip.AddrPort) {
	for _, s := range k.each {
		all = append(all, s.socket.Local())
	}
	return all
}

// aim points the cameras at a server.
func (k *cameras) aim(at []netip.AddrPort) error {
	if len(at) != len(k.each) {
		return fmt.Errorf("forwarding: %d addresses for %d cameras", len(at), len(k.each))
	}
	for i, s := range k.each {
		if err := s.socket.Connect(at[i]); err != nil {
			return err
		}
	}
	return nil
}

// send lets a camera send its next picture.
func (k *cameras) send(i int) {
	s := k.each[i]
	key := !s.begun || k.keys > 0 && s.number%k.keys == 0
	s.begun = true
	number := s.number
	k.packets = s.next(key, k.packets[:0])
	for i, b := range k.packets {
		if s.seal != nil {
			var err error
			if b, err = s.seal.EncryptRTP(k.sealed, b, &k.header); err != nil {
				k.refused++
				continue
			}
		}
		if i == len(k.packets)-1 {
			s.times[number%256] = wire.Realtime()
		}
		if s.socket.Send(b) {
			k.sent++
		} else {
			k.refused++
		}
	}
}

func (k *cameras) close() {
	for _, s := range k.each {
		s.socket.Close()
	}
}
