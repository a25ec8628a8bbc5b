package feedback

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

func TestTokenIsAsTheRFCHasIt(t *testing.T) {
	nonce, expires := uint64(0x0102030405060708), uint64(9)<<32
	for _, c := range []struct {
		token Token
		want  []byte
	}{
		{Token{Kind: PortMappingRequest, SSRC: 1, Nonce: nonce}, []byte{0x81, 210, 0, 3, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8}},
		{Token{Kind: PortMappingResponse, SSRC: 1, Client: 2, Nonce: nonce, Value: []byte{7, 7, 7}, Expires: expires, Lifetime: 60},
			[]byte{0x82, 210, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 0, 3, 7, 7, 7, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 60}},
		{Token{Kind: TokenVerification, SSRC: 1, Nonce: nonce, Value: []byte{7, 7, 7, 7}, Expires: expires},
			[]byte{0x83, 210, 0, 7, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 0, 4, 7, 7, 7, 7, 0, 0, 0, 9, 0, 0, 0, 0}},
		{Token{Kind: TokenFailure, SSRC: 1, Client: 2, Refused: Packet{Type: rtcp.TypeTransportSpecificFeedback, Count: 1}},
			[]byte{0x84, 210, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 205, 8, 0, 0}},
	} {
		b := AppendToken(nil, &c.token)
		if !bytes.Equal(b, c.want) {
			t.Errorf("kind %d: wrote % x\nwant % x", c.token.Kind, b, c.want)
		}
		for n := 8; n < len(b); n += 4 { // cut to whole words
			cut := append(bytes.Clone(b[:3]), byte(n/4-1))
			if p := walk(append(cut, b[4:n]...))[0]; c.token.Kind != TokenFailure || n < 12 {
				if k, ok := ReadToken(&p); ok {
					t.Errorf("kind %d cut to %d bytes reads as %+v", c.token.Kind, n, k)
				}
			}
		}
	}
}

func TestTokenAtItsLimit(t *testing.T) {
	for size, want := range map[int]bool{1: true, MaxToken: true, MaxToken + 1: false, 0: false} {
		b := AppendToken(nil, &Token{Kind: TokenVerification, Value: make([]byte, size)})
		if k, ok := ReadToken(&walk(b)[0]); ok != want || ok && len(k.Value) != size {
			t.Errorf("a token of %d bytes: %d, %v, want %v", size, len(k.Value), ok, want)
		}
	}
	for kind := range uint8(32) {
		p := Packet{Type: TypeToken, Count: kind, Body: make([]byte, 64)}
		p.Body[12], p.Body[15], p.Body[16], p.Body[19] = 1, 4, 1, 4
		if _, ok := ReadToken(&p); ok != (kind >= 1 && kind <= 4) {
			t.Errorf("kind %d reads: %v", kind, ok)
		}
	}
}

func TestMintKnowsItsTokens(t *testing.T) {
	const lifetime = 60 * time.Second
	m, now := NewMint(lifetime), uint64(1000)<<32
	client := netip.MustParseAddr("192.0.2.1")
	r := m.Answer(&Token{Kind: PortMappingRequest, SSRC: 5, Nonce: 77}, client, 1, now)
	if r.Kind != PortMappingResponse || r.SSRC != 1 || r.Client != 5 || r.Nonce != 77 || r.Lifetime != 60 {
		t.Fatalf("answer %+v", r)
	}
	shown := Token{Kind: TokenVerification, SSRC: 5, Nonce: r.Nonce, Value: r.Value, Expires: r.Expires}
	change := func(f func(k *Token)) *Token {
		k := shown
		k.Value = bytes.Clone(shown.Value)
		f(&k)
		return &k
	}
	for _, c := range []struct {
		name   string
		mint   *Mint
		token  *Token
		client string
		now    uint64
		want   bool
	}{
		{"at once", m, &shown, "192.0.2.1", now, true},
		{"mapped into IPv6", m, &shown, "::ffff:192.0.2.1", now, true},
		{"at its last", m, &shown, "192.0.2.1", now + 60<<32 - 1, true},
		{"expired", m, &shown, "192.0.2.1", now + 60<<32, false},
		{"from elsewhere", m, &shown, "192.0.2.2", now, false},
		{"of another mint", NewMint(lifetime), &shown, "192.0.2.1", now, false},
		{"another nonce", m, change(func(k *Token) { k.Nonce++ }), "192.0.2.1", now, false},
		{"a later expiry", m, change(func(k *Token) { k.Expires++ }), "192.0.2.1", now, false},
		{"one bit", m, change(func(k *Token) { k.Value[15] ^= 1 }), "192.0.2.1", now, false},
		{"too short", m, change(func(k *Token) { k.Value = k.Value[:15] }), "192.0.2.1", now, false},
		{"not shown", m, change(func(k *Token) { k.Kind = PortMappingResponse }), "192.0.2.1", now, false},
	} {
		if got := c.mint.Good(c.token, netip.MustParseAddr(c.client), c.now); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
