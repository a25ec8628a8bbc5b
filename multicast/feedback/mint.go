package feedback

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"
)

// tokenSize is the length of a token in bytes: as good as a key of 128 bits.
const tokenSize = 16

// ResponseSize is that of a response to a port mapping request, bytes. Who asks from a forged
// address is to send no less: an empty receiver report and a CNAME as RFC 7022 has it suffice.
const ResponseSize = headerSize + 2*4 + nonceSize + elementHeader + tokenSize + 8 + 4

// Mint makes tokens and knows them again without keeping any: a token is a keyed hash
// (HMAC-SHA256) of the client's address, its nonce and the time of expiry, as RFC 6284 has it. It
// holds for the address, whatever the port, since that is what it was sent to.
type Mint struct {
	secret   []byte
	lifetime time.Duration
}

// NewMint makes a mint with a secret of its own, whose tokens are good for lifetime, whole
// seconds.
func NewMint(lifetime time.Duration) *Mint {
	m := &Mint{make([]byte, sha256.Size), lifetime}
	_, _ = rand.Read(m.secret) // cannot fail
	return m
}

// Answer returns the response to a port mapping request from client at the NTP time now.
// SSRC is the server's.
func (m *Mint) Answer(request *Token, client netip.Addr, ssrc uint32, now uint64) Token {
	seconds := uint32(m.lifetime / time.Second)
	t := Token{Kind: PortMappingResponse, SSRC: ssrc, Client: request.SSRC, Nonce: request.Nonce,
		Expires: now + uint64(seconds)<<32, Lifetime: seconds}
	t.Value = m.hash(client, t.Nonce, t.Expires)
	return t
}

// Good tells whether a token verification request shows a token that was given to client
// and has not expired at the NTP time now.
func (m *Mint) Good(t *Token, client netip.Addr, now uint64) bool {
	return t.Kind == TokenVerification && len(t.Value) == tokenSize && int64(t.Expires-now) > 0 &&
		hmac.Equal(t.Value, m.hash(client, t.Nonce, t.Expires))
}

func (m *Mint) hash(client netip.Addr, nonce, expires uint64) []byte {
	h := hmac.New(sha256.New, m.secret)
	b := client.Unmap().As16()
	_, _ = h.Write(b[:])
	_, _ = h.Write(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, nonce), expires))
	return h.Sum(nil)[:tokenSize]
}
