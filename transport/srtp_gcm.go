package transport

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"reflect"
	"unsafe"
)

// gcmSealer protects RTP under AEAD_AES_128_GCM (RFC 7714) as the library does, from less memory:
// where each packet goes to hundreds of legs, what that holds is far away, scattered, and can be
// fetched by nobody but itself.
type gcmSealer struct {
	aead    cipher.AEAD
	tables  unsafe.Pointer // where the cipher holds its round keys and tables, size bytes
	size    uint16
	nonce   [12]byte
	salt    [12]byte
	streams []rollover // by SSRC; two are in room, more come with collisions only
	room    [2]rollover
}

// rollover is how far a stream has come under a key.
type rollover struct {
	index uint64 // of the latest packet: 32 bits of rollover counter, 16 of sequence number
	ssrc  uint32
	begun bool // else index has the counter only
}

// mostIndex is the last packet that a key may protect (RFC 3711 section 9.2).
const mostIndex = 1<<48 - 1

const (
	labelKey  = 0x00 // RFC 3711 section 4.3.2
	labelSalt = 0x02
)

func newGCMSealer(key, salt []byte) (*gcmSealer, error) {
	derived, err := derive(key, salt, labelKey)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived[:])
	if err != nil {
		return nil, err
	}
	s := &gcmSealer{}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		return nil, err
	}
	if derived, err = derive(key, salt, labelSalt); err != nil {
		return nil, err
	}
	copy(s.salt[:], derived[:])
	if v := reflect.ValueOf(s.aead); v.Kind() == reflect.Pointer {
		s.tables, s.size = v.UnsafePointer(), uint16(v.Type().Elem().Size())
	}
	s.streams = s.room[:0]
	return s, nil
}

// derive is the key derivation of RFC 3711 section 4.3 for up to 16 bytes, at a rate of 0.
func derive(key, salt []byte, label byte) (out [aes.BlockSize]byte, err error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return out, err
	}
	var in [aes.BlockSize]byte
	copy(in[:], salt)
	in[7] ^= label
	block.Encrypt(out[:], in[:])
	return out, nil
}

// seal protects a packet into dst, which has room for it and the tag, and is where it begins or
// nowhere in it; nil if the key is used up.
func (s *gcmSealer) seal(dst, plain []byte) []byte {
	sequence, ssrc := binary.BigEndian.Uint16(plain[2:]), binary.BigEndian.Uint32(plain[8:])
	index := s.stream(ssrc).count(sequence)
	if index > mostIndex {
		return nil
	}
	// RFC 7714 section 8.1
	n := &s.nonce
	n[0], n[1] = s.salt[0], s.salt[1]
	binary.BigEndian.PutUint32(n[2:], ssrc^binary.BigEndian.Uint32(s.salt[2:]))
	binary.BigEndian.PutUint32(n[6:], uint32(index>>16)^binary.BigEndian.Uint32(s.salt[6:]))
	binary.BigEndian.PutUint16(n[10:], sequence^binary.BigEndian.Uint16(s.salt[10:]))
	head := headLength(plain)
	dst = append(dst[:0], plain[:head]...)
	return s.aead.Seal(dst, n[:], plain[head:], dst)
}

// headLength returns how long the header of a packet of our own is: with contributors and extension.
func headLength(b []byte) int {
	n := headerSize + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 {
		n += 4 + 4*int(binary.BigEndian.Uint16(b[n+2:]))
	}
	return n
}

// stream returns what is known of a stream, which begins if that is nothing.
func (s *gcmSealer) stream(ssrc uint32) *rollover {
	for i := range s.streams {
		if s.streams[i].ssrc == ssrc {
			return &s.streams[i]
		}
	}
	s.streams = append(s.streams, rollover{ssrc: ssrc})
	return &s.streams[len(s.streams)-1]
}

// count returns the index of a packet, which may be an earlier one again (RFC 3711 section 3.3.1).
func (r *rollover) count(sequence uint16) uint64 {
	last, counter := int(uint16(r.index)), r.index>>16
	switch {
	case !r.begun:
		r.begun = true
		r.index |= uint64(sequence)
		return r.index
	case last < 1<<15 && int(sequence)-last > 1<<15 && counter > 0:
		counter--
	case last >= 1<<15 && last-1<<15 > int(sequence):
		counter++
	}
	index := counter<<16 | uint64(sequence)
	r.index = max(r.index, index)
	return index
}

// ROC returns the rollover counter of a stream, if it is known.
func (s *gcmSealer) ROC(ssrc uint32) (uint32, bool) {
	for i := range s.streams {
		if s.streams[i].ssrc == ssrc {
			return uint32(s.streams[i].index >> 16), true
		}
	}
	return 0, false
}

// SetROC has a stream go on at a rollover counter.
func (s *gcmSealer) SetROC(ssrc, roc uint32) {
	*s.stream(ssrc) = rollover{ssrc: ssrc, index: uint64(roc) << 16}
}
