package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// Suite is an SRTP crypto-suite of RFC 4568 section 6.2 or RFC 7714 section 14.2.
type Suite uint8

// The suites that a leg speaks.
const (
	AES128CMHMACSHA180 Suite = iota + 1 // AES_CM_128_HMAC_SHA1_80
	AES128CMHMACSHA132                  // AES_CM_128_HMAC_SHA1_32
	AEADAES128GCM                       // AEAD_AES_128_GCM
)

// suites holds what is fixed by a suite.
var suites = map[Suite]struct {
	name      string
	profile   srtp.ProtectionProfile
	key, salt int // lengths in bytes
	tag       int // what it adds to an RTP packet
}{
	AES128CMHMACSHA180: {"AES_CM_128_HMAC_SHA1_80", srtp.ProtectionProfileAes128CmHmacSha1_80, 16, 14, 10},
	AES128CMHMACSHA132: {"AES_CM_128_HMAC_SHA1_32", srtp.ProtectionProfileAes128CmHmacSha1_32, 16, 14, 4},
	AEADAES128GCM:      {"AEAD_AES_128_GCM", srtp.ProtectionProfileAeadAes128Gcm, 16, 12, 16},
}

// String returns the name that SDP uses.
func (s Suite) String() string {
	if v, ok := suites[s]; ok {
		return v.name
	}
	return fmt.Sprintf("SRTP suite %d", uint8(s))
}

// KeyLen returns the lengths of master key and master salt in bytes, 0 for an unknown suite.
func (s Suite) KeyLen() (key, salt int) { return suites[s].key, suites[s].salt }

// SRTP holds master keys and salts. The local ones protect egress, the remote ones ingress.
type SRTP struct {
	Suite                                      Suite
	LocalKey, LocalSalt, RemoteKey, RemoteSalt []byte
}

const (
	replayWindow = 128 // packets; RFC 3711 section 3.3.2 asks for 64 at least
	// Video is faster, and what it repeats comes a round trip late.
	videoReplayWindow = 1024
	rekeyGrace        = 2 * time.Second // for packets under the key before that are on their way
	maxSources        = 128             // SSRCs that a peer may use under one key; each has its state
)

// cryptoKeys are the contexts of one Setup.
type cryptoKeys struct {
	// What every packet of egress touches comes first.
	gcm  *gcmSealer    // seals RTP, for the suites that have it
	out  *srtp.Context // RTCP, and else RTP
	tag  int
	in   *srtp.Context
	keys SRTP
}

// rollovers knows the rollover counters of streams.
type rollovers interface {
	ROC(ssrc uint32) (uint32, bool)
	SetROC(ssrc, roc uint32)
}

// sent has those of egress.
func (k *cryptoKeys) sent() rollovers {
	if k.gcm != nil {
		return k.gcm
	}
	return k.out
}

func newCryptoKeys(k *SRTP, window uint) (*cryptoKeys, error) {
	suite, ok := suites[k.Suite]
	if !ok {
		return nil, fmt.Errorf("%v is not known: want AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32 or AEAD_AES_128_GCM", k.Suite)
	}
	for _, key := range [][]byte{k.LocalKey, k.RemoteKey} {
		if len(key) != suite.key {
			return nil, fmt.Errorf("%s master key of %d bytes: want %d", suite.name, len(key), suite.key)
		}
	}
	for _, salt := range [][]byte{k.LocalSalt, k.RemoteSalt} {
		if len(salt) != suite.salt {
			return nil, fmt.Errorf("%s master salt of %d bytes: want %d", suite.name, len(salt), suite.salt)
		}
	}
	c := &cryptoKeys{tag: suite.tag, keys: SRTP{
		Suite:    k.Suite,
		LocalKey: bytes.Clone(k.LocalKey), LocalSalt: bytes.Clone(k.LocalSalt),
		RemoteKey: bytes.Clone(k.RemoteKey), RemoteSalt: bytes.Clone(k.RemoteSalt),
	}}
	var err error
	if c.out, err = srtp.CreateContext(c.keys.LocalKey, c.keys.LocalSalt, suite.profile); err != nil {
		return nil, fmt.Errorf("%s for egress: %w", suite.name, err)
	}
	if k.Suite == AEADAES128GCM {
		if c.gcm, err = newGCMSealer(c.keys.LocalKey, c.keys.LocalSalt); err != nil {
			return nil, fmt.Errorf("%s for egress: %w", suite.name, err)
		}
	}
	c.in, err = srtp.CreateContext(c.keys.RemoteKey, c.keys.RemoteSalt, suite.profile,
		srtp.SRTPReplayProtection(window), srtp.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return nil, fmt.Errorf("%s for ingress: %w", suite.name, err)
	}
	return c, nil
}

// crypto protects one leg's packets. A nil crypto is plain RTP. It belongs to the leg's
// owner.
type crypto struct {
	*cryptoKeys
	before  *srtp.Context // for ingress, until rekeyed plus rekeyGrace
	rekeyed int64
	header  rtp.Header // the library parses into it
	source  uint32     // SSRC last authenticated
	sources int        // SSRCs authenticated so far
	control int        // the same for RTCP
	carries []carry
}

// carry takes a stream's rollover counter over to a new key: it goes on (RFC 3711 section
// 3.3.1). Some peers begin at 0 again; that is tried second.
type carry struct {
	active bool
	ssrc   uint32
	seq    uint16
	roc    uint32
}

// cipher returns where it lies what sealing a packet reads beside the keys themselves, and how many
// bytes that has.
func (k *cryptoKeys) cipher() (unsafe.Pointer, uint16) {
	if k.gcm != nil {
		return k.gcm.tables, k.gcm.size
	}
	return unsafe.Pointer(k.out), uint16(unsafe.Sizeof(*k.out))
}

// rekey returns what protects the leg under a new setup. A direction whose key did not
// change keeps its context, because a key must not see an index twice.
func (l *Leg) rekey(k *cryptoKeys, now int64) *crypto {
	c := l.crypto
	if k == nil || c == nil {
		if k == nil {
			return nil
		}
		return &crypto{cryptoKeys: k}
	}
	joined := *k
	n := &crypto{cryptoKeys: &joined}
	a, b := &c.keys, &k.keys
	if a.Suite == b.Suite && bytes.Equal(a.LocalKey, b.LocalKey) && bytes.Equal(a.LocalSalt, b.LocalSalt) {
		joined.out, joined.gcm = c.out, c.gcm
	} else {
		carryOut(c.sent(), joined.sent(), l.ssrc.Load(), uint16(l.sequence))
		if l.video != nil {
			carryOut(c.sent(), joined.sent(), l.video.rtx.ssrc.Load(), l.video.rtx.sequence)
		}
	}
	if a.Suite == b.Suite && bytes.Equal(a.RemoteKey, b.RemoteKey) && bytes.Equal(a.RemoteSalt, b.RemoteSalt) {
		joined.in, n.source, n.sources, n.control = c.in, c.source, c.sources, c.control
		n.before, n.rekeyed, n.carries = c.before, c.rekeyed, c.carries
		return n
	}
	n.before, n.rekeyed = c.in, now
	n.carryIn(&l.reception)
	if l.video != nil {
		for i := range l.video.sources {
			n.carryIn(&l.video.sources[i].reception)
		}
	}
	return n
}

// carryOut has a stream of egress go on under a new key; next is its next sequence number.
func carryOut(from, to rollovers, ssrc uint32, next uint16) {
	if roc, ok := from.ROC(ssrc); ok {
		if next == 0 {
			roc++
		}
		to.SetROC(ssrc, roc)
	}
}

// carryIn notes where a stream of ingress was under the key before.
func (c *crypto) carryIn(r *reception) {
	if roc, ok := c.before.ROC(r.ssrc); ok && r.active {
		c.carries = append(c.carries, carry{active: true, ssrc: r.ssrc, seq: r.maxSeq, roc: roc})
	}
}

// overhead returns how much seal adds.
func (c *crypto) overhead() int {
	if c == nil {
		return 0
	}
	return c.tag
}

// seal protects an RTP packet into dst, which has room for it; nil if the key is used up.
func (c *crypto) seal(dst, plain []byte) []byte {
	if c == nil {
		return plain
	}
	if c.gcm != nil {
		return c.gcm.seal(dst, plain)
	}
	b, err := c.out.EncryptRTP(dst, plain, &c.header)
	if err != nil {
		return nil
	}
	return b
}

// open authenticates and decrypts an RTP packet into dst; nil and the reason if it is not
// the peer's.
func (c *crypto) open(dst, b []byte, h *header, now int64) ([]byte, dropReason) {
	known := h.ssrc == c.source
	if !known {
		if _, known = c.in.ROC(h.ssrc); !known && c.sources >= maxSources {
			return nil, dropSource
		}
	}
	data, err := c.try(dst, b, h)
	if err != nil {
		if c.before == nil || now-c.rekeyed > int64(rekeyGrace) {
			c.before = nil
			return nil, c.reasonOf(b, err)
		}
		if data, err = c.before.DecryptRTP(dst, b, &c.header); err != nil {
			return nil, c.reasonOf(b, err)
		}
		return data, 0
	}
	if !known {
		c.sources++
	}
	c.source = h.ssrc
	return data, 0
}

// try decrypts under the current key.
func (c *crypto) try(dst, b []byte, h *header) ([]byte, error) {
	k := c.carried(h.ssrc)
	if k == nil {
		return c.in.DecryptRTP(dst, b, &c.header)
	}
	ahead := int64(int16(h.sequence - k.seq))
	index := int64(k.roc)<<16 + int64(k.seq) + ahead
	c.in.SetROC(h.ssrc, uint32(max(index, 0)>>16))
	data, err := c.in.DecryptRTP(dst, b, &c.header)
	if err != nil && index>>16 > 0 {
		c.in.SetROC(h.ssrc, 0)
		data, err = c.in.DecryptRTP(dst, b, &c.header)
	}
	k.active = err != nil
	return data, err
}

// carried returns what is known of a stream that has not been heard under the current key;
// nil if there is nothing.
func (c *crypto) carried(ssrc uint32) *carry {
	for i := range c.carries {
		if k := &c.carries[i]; k.active && k.ssrc == ssrc {
			return k
		}
	}
	return nil
}

// reasonOf names why a packet did not open. The library has no exported error for
// replays; they are what is left.
func (c *crypto) reasonOf(b []byte, err error) dropReason {
	if errors.Is(err, srtp.ErrFailedToVerifyAuthTag) {
		return dropUnauthenticated
	}
	if n, err := c.header.Unmarshal(b); err != nil || len(b) < n+c.tag {
		return dropMalformed
	}
	return dropReplayed
}

// sealControl protects an RTCP packet into dst; nil if the key is used up.
func (c *crypto) sealControl(dst, plain []byte) []byte {
	if c == nil {
		return plain
	}
	b, err := c.out.EncryptRTCP(dst, plain, nil)
	if err != nil {
		return nil
	}
	return b
}

// errManySources reports a peer that used up maxSources.
var errManySources = errors.New("too many SSRCs under one key")

// openControl authenticates and decrypts an RTCP packet of 8 bytes at least into dst.
func (c *crypto) openControl(dst, b []byte, now int64) ([]byte, error) {
	_, known := c.in.Index(binary.BigEndian.Uint32(b[4:]))
	if !known && c.control >= maxSources {
		return nil, errManySources
	}
	plain, err := c.in.DecryptRTCP(dst, b, nil)
	if err == nil && !known {
		c.control++
	}
	if err != nil && c.before != nil && now-c.rekeyed <= int64(rekeyGrace) {
		plain, err = c.before.DecryptRTCP(dst, b, nil)
	}
	return plain, err
}
