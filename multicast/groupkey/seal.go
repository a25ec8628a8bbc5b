package groupkey

import (
	"fmt"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// Sealer protects what a sender says. It belongs to one goroutine at a time. Several sealers
// may use a key as long as no SSRC has its RTP sealed by two of them, nor its RTCP.
type Sealer struct {
	out      *srtp.Context
	header   rtp.Header // the library parses into it
	key      Key
	overhead int
}

// NewSealer expands a key. Any goroutine may call it.
func NewSealer(k Key) (*Sealer, error) {
	out, err := k.context()
	if err != nil {
		return nil, err
	}
	return &Sealer{out: out, key: k, overhead: k.Overhead()}, nil
}

// Rekey goes on under another key of the same suite, with the next packet. Rollover counters
// and SRTCP indices go on (RFC 3711 section 3.3.1 and 3.4). The same key changes nothing. It
// expands the key, which takes some microseconds: who cannot spare them makes a new Sealer
// elsewhere and begins its SSRCs.
func (s *Sealer) Rekey(k Key) error {
	if s.key.Equal(k) {
		return nil
	}
	if err := k.follows(s.key); err != nil {
		return err
	}
	if err := s.out.AddCipherForMKI(k.identifier(), k.Master, k.Salt); err != nil {
		return fmt.Errorf("%v: %w", k, err)
	}
	if err := s.out.SetSendMKI(k.identifier()); err != nil {
		return fmt.Errorf("%v: %w", k, err)
	}
	_ = s.out.RemoveMKI(s.key.identifier()) // is there, and is not the current one
	s.key = k
	return nil
}

// Begin says how often the sequence number of an SSRC has wrapped before the next packet,
// which is how a stream goes on under a new key (RFC 3711 section 3.3.1). Without it an SSRC
// begins at 0. It allocates for an SSRC that the sealer does not know yet, so that RTP need
// not.
func (s *Sealer) Begin(ssrc, wraps uint32) { s.out.SetROC(ssrc, wraps) }

// Overhead returns how many bytes RTP adds to a packet; of a nil sealer it is 0.
func (s *Sealer) Overhead() int {
	if s == nil {
		return 0
	}
	return s.overhead
}

// RTP protects packet b into dst, which should have the capacity, and returns it; nil if b is no RTP packet or the key is used up. A nil sealer returns b. It
// allocates nothing but for a new SSRC.
func (s *Sealer) RTP(dst, b []byte) []byte {
	if s == nil {
		return b
	}
	out, err := s.out.EncryptRTP(dst, b, &s.header)
	if err != nil {
		return nil
	}
	return out
}

// RTCP does the same for a compound RTCP packet, to which it adds 18 bytes.
func (s *Sealer) RTCP(dst, b []byte) []byte {
	if s == nil {
		return b
	}
	out, err := s.out.EncryptRTCP(dst, b, nil)
	if err != nil {
		return nil
	}
	return out
}
