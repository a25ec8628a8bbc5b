package groupkey

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/srtp/v3"

	"github.com/confd/confd/transport"
)

// mkiSize is the length in bytes of a master key identifier in packets.
const mkiSize = 4

// lifetime is how many packets a key may protect, as SDP has it. It binds the more numerous
// of SRTP (2^48) and SRTCP (2^31) by the lower bound (RFC 3711 section 9.2).
const lifetime = "2^31"

// Key is a group's master key. Its String does not show the secret.
type Key struct {
	Suite        transport.Suite
	MKI          uint32 // names the key in packets and SDP; unique in a group's life
	Master, Salt []byte // 16 and 14 bytes
}

// profiles are the suites that serve a group: the library's name, and the length in bytes
// of the tag that RTP gets. RTCP's has 10 in any case (RFC 4568 section 6.2).
var profiles = map[transport.Suite]struct {
	srtp.ProtectionProfile
	tag int
}{
	transport.AES128CMHMACSHA180: {srtp.ProtectionProfileAes128CmHmacSha1_80, 10},
	transport.AES128CMHMACSHA132: {srtp.ProtectionProfileAes128CmHmacSha1_32, 4},
}

// New makes a random key. A suite that does not serve a group is refused where the key is
// put to use.
func New(s transport.Suite, mki uint32) Key {
	key, salt := s.KeyLen()
	secret := make([]byte, key+salt)
	_, _ = rand.Read(secret) // cannot fail
	return Key{Suite: s, MKI: mki, Master: secret[:key:key], Salt: secret[key:]}
}

// String is for logs and errors.
func (k Key) String() string { return fmt.Sprintf("%v key %d", k.Suite, k.MKI) }

// GoString keeps the secret out of %#v, too.
func (k Key) GoString() string { return k.String() }

// MarshalText keeps the secret out of whatever is written as JSON.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Equal tells whether two keys are the same in every part.
func (k Key) Equal(o Key) bool {
	return k.Suite == o.Suite && k.MKI == o.MKI && bytes.Equal(k.Master, o.Master) && bytes.Equal(k.Salt, o.Salt)
}

// Overhead returns how many bytes the key adds to an RTP packet, 0 for an unknown suite.
func (k Key) Overhead() int {
	if p, ok := profiles[k.Suite]; ok {
		return mkiSize + p.tag
	}
	return 0
}

// check says what is wrong with a key.
func (k Key) check() error {
	if _, ok := profiles[k.Suite]; !ok {
		return fmt.Errorf("%v does not serve a group: want AES_CM_128_HMAC_SHA1_80 or AES_CM_128_HMAC_SHA1_32", k.Suite)
	}
	if key, salt := k.Suite.KeyLen(); len(k.Master) != key || len(k.Salt) != salt {
		return fmt.Errorf("%v with a master key of %d bytes and a salt of %d: want %d and %d", k, len(k.Master), len(k.Salt), key, salt)
	}
	return nil
}

// follows says why k cannot take over from the key before.
func (k Key) follows(before Key) error {
	if err := k.check(); err != nil {
		return err
	}
	if k.Suite != before.Suite {
		return fmt.Errorf("%v after %v: want the same suite", k, before)
	}
	if k.MKI == before.MKI {
		return fmt.Errorf("%v after another key of this identifier: want a new one", k)
	}
	return nil
}

// context makes the library's state for a key.
func (k Key) context(options ...srtp.ContextOption) (*srtp.Context, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	c, err := srtp.CreateContext(k.Master, k.Salt, profiles[k.Suite].ProtectionProfile,
		append(options, srtp.MasterKeyIndicator(k.identifier()))...)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", k, err)
	}
	return c, nil
}

// identifier returns the MKI as packets have it.
func (k Key) identifier() []byte { return binary.BigEndian.AppendUint32(nil, k.MKI) }

// Crypto returns the key, and others of its suite under which packets may come, as the value of
// an SDP attribute (RFC 4568 section 9.1), without "a=": crypto:TAG SUITE
// inline:SECRET|2^31|MKI:4, and ";inline:" for each of the others.
func (k Key) Crypto(tag int, others ...Key) string {
	line := fmt.Sprintf("crypto:%d %v %s", tag, k.Suite, k.inline())
	for _, o := range others {
		line += ";" + o.inline()
	}
	return line
}

func (k Key) inline() string {
	secret := base64.StdEncoding.EncodeToString(append(bytes.Clone(k.Master), k.Salt...))
	return fmt.Sprintf("inline:%s|%s|%d:%d", secret, lifetime, k.MKI, mkiSize)
}

// Parse reads what Crypto writes, with "a=" or "crypto:" in front or without, and returns 1 to 8
// keys. It refuses a line of another suite, without MKIs of four bytes that differ, or with
// session parameters that change how packets are protected.
func Parse(attr string) ([]Key, error) {
	attr = strings.TrimPrefix(strings.TrimPrefix(attr, "a="), "crypto:")
	fields := strings.Fields(attr)
	if len(fields) < 3 {
		return nil, errors.New("crypto attribute of fewer than three fields: want TAG SUITE inline:SECRET|LIFETIME|MKI:4")
	}
	if !digits(fields[0], 9) {
		return nil, fmt.Errorf("crypto tag %.20q: want 1 to 9 digits", fields[0])
	}
	suite, err := parseSuite(fields[1])
	if err != nil {
		return nil, err
	}
	for _, p := range fields[3:] {
		// The window is a hint; what begins with "-" may be passed over (section 6.3).
		if !strings.HasPrefix(p, "WSH=") && !strings.HasPrefix(p, "-") {
			return nil, fmt.Errorf("crypto session parameter %.40q: want none but WSH", p)
		}
	}
	return parseKeys(suite, fields[2])
}

func parseKeys(s transport.Suite, params string) (keys []Key, err error) {
	list := strings.SplitN(params, ";", maxKeys+1)
	if len(list) > maxKeys {
		return nil, fmt.Errorf("crypto attribute of more than %d keys: want 1 to %d", maxKeys, maxKeys)
	}
	for _, param := range list {
		k, err := parseInline(s, param)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(keys, func(o Key) bool { return o.MKI == k.MKI }) {
			return nil, fmt.Errorf("crypto attribute of two keys with the identifier %d: want different ones", k.MKI)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func parseSuite(name string) (transport.Suite, error) {
	for s := range profiles {
		if strings.EqualFold(s.String(), name) {
			return s, nil
		}
	}
	return 0, fmt.Errorf("crypto suite %.40q: want AES_CM_128_HMAC_SHA1_80 or AES_CM_128_HMAC_SHA1_32", name)
}

// parseInline reads inline:SECRET|LIFETIME|MKI:4, where the lifetime may be missing.
func parseInline(s transport.Suite, param string) (Key, error) {
	const want = "want inline:SECRET|LIFETIME|MKI:4"
	rest, ok := strings.CutPrefix(param, "inline:")
	parts := strings.Split(rest, "|")
	if !ok || len(parts) < 2 || len(parts) > 3 {
		return Key{}, errors.New("crypto key parameter: " + want)
	}
	k := Key{Suite: s}
	secret, err := base64.StdEncoding.DecodeString(parts[0])
	key, salt := s.KeyLen()
	if err != nil || len(secret) != key+salt {
		return Key{}, fmt.Errorf("crypto secret of %d characters: want %d bytes in base64", len(parts[0]), key+salt)
	}
	k.Master, k.Salt = secret[:key:key], secret[key:]
	if len(parts) == 3 && !digits(strings.TrimPrefix(parts[1], "2^"), 15) {
		return Key{}, fmt.Errorf("crypto lifetime %.20q: %s", parts[1], want)
	}
	k.MKI, err = parseMKI(parts[len(parts)-1])
	return k, err
}

func parseMKI(v string) (uint32, error) {
	value, size, ok := strings.Cut(v, ":")
	n, err := strconv.ParseUint(value, 10, 32)
	if !ok || err != nil || !digits(value, 10) || size != strconv.Itoa(mkiSize) {
		return 0, fmt.Errorf("crypto MKI %.20q: want a number below 2^32 and its length, as in 7:%d", v, mkiSize)
	}
	return uint32(n), nil
}

// digits tells whether v is 1 to most decimal digits.
func digits(v string, most int) bool {
	return len(v) >= 1 && len(v) <= most && strings.Trim(v, "0123456789") == ""
}
