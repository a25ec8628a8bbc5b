//go:build linux

package forwarding

import (
	"encoding/binary"

	"github.com/pion/srtp/v3"

	"github.com/confd/confd/transport"
)

// Streams are told apart by number: those of the senders from 0, then those of the sinks.

// keyOf returns master key and salt of a stream. They protect nothing but noise.
func keyOf(stream int) (key, salt []byte) {
	key, salt = make([]byte, 16), make([]byte, 12)
	binary.BigEndian.PutUint32(key, uint32(stream)+1)
	binary.BigEndian.PutUint32(salt, uint32(stream)+1)
	return key, salt
}

const suite = transport.AEADAES128GCM

// contextOf returns what protects a stream.
func contextOf(stream int) (*srtp.Context, error) {
	key, salt := keyOf(stream)
	return srtp.CreateContext(key, salt, srtp.ProtectionProfileAeadAes128Gcm)
}
