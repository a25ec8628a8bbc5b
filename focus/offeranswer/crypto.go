package offeranswer

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// Suite is an SRTP crypto suite (RFC 4568 section 6.2, RFC 7714 section 14.2).
type Suite uint8

// The suites that confd speaks, most preferred first.
const (
	NoSuite Suite = iota
	AEADAES128GCM
	AESCM128HMACSHA180
	AESCM128HMACSHA132
)

var suites = []Suite{AEADAES128GCM, AESCM128HMACSHA180, AESCM128HMACSHA132}

// String returns the name that SDP uses.
func (s Suite) String() string {
	switch s {
	case AEADAES128GCM:
		return "AEAD_AES_128_GCM"
	case AESCM128HMACSHA180:
		return "AES_CM_128_HMAC_SHA1_80"
	case AESCM128HMACSHA132:
		return "AES_CM_128_HMAC_SHA1_32"
	}
	return "none"
}

// KeyLength returns the length of the master key in bytes.
func (s Suite) KeyLength() int { return 16 }

// SaltLength returns the length of the master salt in bytes.
func (s Suite) SaltLength() int {
	if s == AEADAES128GCM {
		return 12
	}
	return 14
}

// RandomKey draws a master key and salt for s from the system: what Local.Keys is outside
// of tests.
func RandomKey(s Suite) []byte {
	key := make([]byte, s.KeyLength()+s.SaltLength())
	rand.Read(key) // never fails
	return key
}

// Crypto is how a stream is encrypted. It never prints its keys.
type Crypto struct {
	Suite Suite
	// The master keys and salts: Local is what we encrypt with, Remote what the peer
	// encrypts with. They are not to be modified.
	LocalKey, LocalSalt   []byte
	RemoteKey, RemoteSalt []byte

	tag uint32
}

// Equal tells whether two streams are encrypted alike, so that the contexts, with their
// roll-over counters, go on. A context that is begun anew under the same key would repeat
// its key stream.
func (c *Crypto) Equal(o *Crypto) bool {
	if c == nil || o == nil {
		return c == o
	}
	return c.Suite == o.Suite &&
		bytes.Equal(c.LocalKey, o.LocalKey) && bytes.Equal(c.LocalSalt, o.LocalSalt) &&
		bytes.Equal(c.RemoteKey, o.RemoteKey) && bytes.Equal(c.RemoteSalt, o.RemoteSalt)
}

// String names the suite only.
func (c Crypto) String() string { return c.Suite.String() }

// GoString names the suite only.
func (c Crypto) GoString() string { return c.Suite.String() }

// cryptoLine is one a=crypto attribute that we could use, ours or the peer's.
type cryptoLine struct {
	tag   uint32
	suite Suite
	key   string // key and salt
}

// String returns the attribute's value.
func (c cryptoLine) String() string {
	return fmt.Sprintf("%d %s inline:%s", c.tag, c.suite, base64.StdEncoding.EncodeToString([]byte(c.key)))
}

// crypto joins our line and the peer's.
func joinCrypto(ours, peer cryptoLine) *Crypto {
	n := ours.suite.KeyLength()
	return &Crypto{
		Suite:    ours.suite,
		LocalKey: []byte(ours.key[:n]), LocalSalt: []byte(ours.key[n:]),
		RemoteKey: []byte(peer.key[:n]), RemoteSalt: []byte(peer.key[n:]),
		tag: ours.tag,
	}
}

// ours returns the line that stands for our side of c.
func (c *Crypto) ours() cryptoLine {
	return cryptoLine{c.tag, c.Suite, string(c.LocalKey) + string(c.LocalSalt)}
}

// cryptoLines returns the peer's usable lines, and why the last unusable one was.
func (m *section) cryptoLines() (lines []cryptoLine, why string) {
	why = "there is no a=crypto line"
	for _, a := range m.attrs {
		if !strings.EqualFold(a.name, "crypto") {
			continue
		}
		line, problem := parseCrypto(a.value)
		if problem != "" {
			why = fmt.Sprintf("a=crypto on line %d: %s", a.line, problem)
			continue
		}
		lines = append(lines, line)
	}
	return lines, why
}

// parseCrypto reads an a=crypto value (RFC 4568 section 9.1). The problem is "" if we can
// do what the line says.
func parseCrypto(value string) (c cryptoLine, problem string) {
	words := strings.Fields(value)
	if len(words) < 3 {
		return c, "it is not TAG SUITE inline:KEY"
	}
	tag, err := strconv.ParseUint(words[0], 10, 32)
	if err != nil || len(words[0]) > 9 {
		return c, "tag " + quote(words[0]) + " is not a number of at most 9 digits"
	}
	c.tag = uint32(tag)
	for _, s := range suites {
		if strings.EqualFold(words[1], s.String()) {
			c.suite = s
		}
	}
	if c.suite == NoSuite {
		return c, "suite " + quote(words[1]) + " is not supported"
	}
	for _, p := range words[3:] {
		if !harmless(p) {
			return c, "session parameter " + quote(p) + " is not supported"
		}
	}
	c.key, problem = parseKey(words[2], c.suite)
	return c, problem
}

// harmless tells whether a session parameter may be ignored: a window size is advice, and
// a leading dash says so (RFC 4568 section 6.3.7).
func harmless(param string) bool {
	return strings.HasPrefix(param, "-") || strings.HasPrefix(strings.ToUpper(param), "WSH=") ||
		strings.EqualFold(param, "KDR=0")
}

// parseKey reads inline:KEY|LIFETIME|MKI:LENGTH. Rekeying by index (MKI) or with several
// keys is not supported; a lifetime has to be one that SRTP knows.
func parseKey(param string, s Suite) (key, problem string) {
	method, info, _ := strings.Cut(param, ":")
	if !strings.EqualFold(method, "inline") || strings.Contains(info, ";") {
		return "", "it wants one inline: key"
	}
	parts := strings.Split(info, "|")
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(parts[0], "="))
	if err != nil {
		return "", "the key is no base64"
	}
	if want := s.KeyLength() + s.SaltLength(); len(raw) != want {
		return "", fmt.Sprintf("key and salt have %d bytes, %s wants %d", len(raw), s, want)
	}
	for i, p := range parts[1:] {
		switch {
		case strings.Contains(p, ":"):
			return "", "a key index (MKI) is not supported"
		case i > 0 || !isLifetime(p):
			return "", "lifetime " + quote(p) + " is not 1 to 2^48 packets"
		}
	}
	return string(raw), ""
}

// isLifetime reads 2^31 or a plain number of packets, up to SRTP's 2^48 (RFC 3711 section 9.2).
func isLifetime(s string) bool {
	if exponent, ok := strings.CutPrefix(s, "2^"); ok {
		n, err := strconv.ParseUint(exponent, 10, 8)
		return err == nil && n <= 48
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return err == nil && n > 0 && n <= 1<<48
}

// freshKey draws a key of ours.
func (l *Local) freshKey(s Suite) (string, *Error) {
	if l.Keys == nil {
		return "", internal("SRTP needs Local.Keys")
	}
	key := l.Keys(s)
	if want := s.KeyLength() + s.SaltLength(); len(key) != want {
		return "", internal("Local.Keys gave %d bytes for %s, which wants %d", len(key), s, want)
	}
	return string(key), nil
}

// answerCrypto chooses among the peer's lines by our preference and makes our side. What
// has not changed keeps its key.
func (m *section) answerCrypto(local *Local, last *Crypto) (*Crypto, *Error) {
	lines, why := m.cryptoLines()
	if len(lines) == 0 {
		return nil, refused(WarnTransport, m.line,
			"a=crypto with "+suites[0].String()+" or "+suites[1].String()+" is wanted",
			"%s has no usable key: %s", m.proto, why)
	}
	peer := lines[0]
	for _, l := range lines[1:] {
		if l.suite < peer.suite {
			peer = l
		}
	}
	if last != nil {
		kept := joinCrypto(cryptoLine{peer.tag, last.Suite, last.ours().key}, peer)
		if peer.suite == last.Suite && kept.Equal(last) {
			return kept, nil
		}
	}
	key, err := local.freshKey(peer.suite)
	if err != nil {
		return nil, err
	}
	return joinCrypto(cryptoLine{peer.tag, peer.suite, key}, peer), nil
}
