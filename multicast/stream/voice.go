package stream

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/transport"
)

// voice is what the stream goes under: an SSRC with its sequence and counts, and the key.
type voice struct {
	ssrc     uint32
	sequence uint64           // of the next packet, wraps included
	seal     *groupkey.Sealer // nil for plain RTP
	packets  uint32           // under this SSRC
	octets   uint32
	same     bool // only the key is new
}

// wrap is where sequence numbers begin anew.
const wrap = 1 << 16

// course is what a stream goes under now and next, and what its sender reports say.
type course struct {
	self voice
	// What another goroutine has prepared: next is for the next packet, spare for when the
	// sequence number wraps under SRTP.
	next, spare atomic.Pointer[voice]
	mu          sync.Mutex    // of those who prepare; who sends never takes it
	key         *groupkey.Key // the newest one; of mu

	rate    uint32 // of its timestamps, units per second
	report  published
	sources atomic.Uint64 // changes of SSRC
}

// begin takes the first voice.
func (s *course) begin(key *groupkey.Key, rate int) error {
	s.key, s.rate = key, uint32(rate)
	first, err := s.another()
	if err != nil {
		return err
	}
	s.self = *first
	s.report.ssrc.Store(first.ssrc)
	return s.prepare()
}

// turn takes over what was prepared. Without a spare in time the stream stays under its
// SSRC, which only hurts who joins late, until there is one.
func (s *course) turn() {
	if s.next.Load() != nil {
		s.become(s.next.Swap(nil))
	}
	if s.self.seal != nil && s.self.sequence >= wrap && s.spare.Load() != nil {
		s.become(s.spare.Swap(nil))
	}
}

func (s *course) become(v *voice) {
	switch {
	case v == nil: // taken back meanwhile
	case v.same:
		s.self.seal = v.seal
		s.self.seal.Begin(s.self.ssrc, uint32(s.self.sequence/wrap))
	default:
		s.self = *v
		s.sources.Add(1)
	}
}

// another makes a voice under an SSRC of its own and the newest key. The caller holds mu, or
// is begin.
func (s *course) another() (*voice, error) {
	// The lower half of the range, so that the first wrap is not mistaken by who hears the
	// second packet first (RFC 3711 section 3.3.1). Under SRTP it is the lowest, so that it lasts.
	v := &voice{ssrc: transport.Random32(), sequence: uint64(transport.Random32() & 0x7fff)}
	if s.key == nil {
		return v, nil
	}
	v.sequence &= 0x3ff
	return v, s.protect(v)
}

func (s *course) protect(v *voice) (err error) {
	if v.seal, err = groupkey.NewSealer(*s.key); err == nil {
		v.seal.Begin(v.ssrc, 0)
	}
	return err
}

// prepare has a spare ready where one is needed. The caller holds mu, or is begin.
func (s *course) prepare() error {
	if s.key == nil || s.spare.Load() != nil {
		return nil
	}
	v, err := s.another()
	if err == nil {
		s.spare.Store(v)
	}
	return err
}

// errPlain reports a key for a stream that has none.
var errPlain = errors.New("a key for a stream of plain RTP: want a stream that was made with one")

// SetKey has the stream go on under another key with the next packet; SSRC, sequence and
// timestamps go on. Those who listen must have the key by then. On error nothing has
// changed. Any goroutine may call it.
func (s *course) SetKey(k groupkey.Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key == nil {
		return errPlain
	}
	before := s.key
	s.key = &k
	v := &voice{ssrc: s.report.ssrc.Load(), same: true}
	err := s.protect(v)
	if err != nil {
		s.key = before
		return err
	}
	if pending := s.next.Load(); pending != nil && !pending.same {
		if v, err = s.another(); err != nil { // an SSRC that nobody has seen, in place of it
			return err
		}
	}
	s.spare.Store(nil) // is under the key before
	s.next.Store(v)
	return s.prepare()
}

// NewSSRC has the stream go on under another SSRC with the next packet, because somebody
// else uses its own (RFC 3550 section 8.2). Any goroutine may call it.
func (s *course) NewSSRC() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, err := s.another(); err == nil { // the key was good before
		s.next.Store(v)
	}
}

// Sent returns what a sender report says of the stream, all of one packet; zero counts with
// the SSRC if nothing was sent under it. Who sends reports calls it every few seconds, which
// also has the next SSRC prepared in time. Any goroutine may call it.
func (s *course) Sent() transport.SenderInfo {
	if s.spare.Load() == nil {
		s.mu.Lock()
		_ = s.prepare() // the key was good before
		s.mu.Unlock()
	}
	info := s.report.read()
	info.Rate = s.rate
	return info
}
