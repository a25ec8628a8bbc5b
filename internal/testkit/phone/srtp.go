package phone

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/pion/srtp/v3"
)

// suites are what a=crypto can name here, with the lengths of key and salt.
var suites = map[string]struct {
	profile   srtp.ProtectionProfile
	key, salt int
}{
	AESCM80:  {srtp.ProtectionProfileAes128CmHmacSha1_80, 16, 14},
	AES128GC: {srtp.ProtectionProfileAeadAes128Gcm, 16, 12},
}

// newKey returns a fresh master key and salt for an a=crypto line, in base 64.
func newKey(suite string) (string, error) {
	s, ok := suites[suite]
	if !ok {
		return "", fmt.Errorf("no SRTP suite %q", suite)
	}
	b := make([]byte, s.key+s.salt)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// newContext returns the context of one direction.
func newContext(suite, inline string) (*srtp.Context, error) {
	s, ok := suites[suite]
	if !ok {
		return nil, fmt.Errorf("no SRTP suite %q", suite)
	}
	key, _, _ := strings.Cut(inline, "|")
	b, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(b) != s.key+s.salt {
		return nil, fmt.Errorf("key %q is no base 64 of %d bytes (%v)", inline, s.key+s.salt, err)
	}
	return srtp.CreateContext(b[:s.key], b[s.key:], s.profile)
}
