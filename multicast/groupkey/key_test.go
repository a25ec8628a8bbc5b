package groupkey

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/confd/confd/transport"
)

var suites = []transport.Suite{transport.AES128CMHMACSHA180, transport.AES128CMHMACSHA132}

// fixed is a key whose every byte is known.
func fixed(s transport.Suite, mki uint32) Key {
	return Key{Suite: s, MKI: mki, Master: bytes.Repeat([]byte{byte(mki), 1}, 8), Salt: bytes.Repeat([]byte{byte(mki), 2}, 7)}
}

func TestCryptoGolden(t *testing.T) {
	const want = "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:BwEHAQcBBwEHAQcBBwEHAQcCBwIHAgcCBwIHAgcC|2^31|7:4"
	if got := fixed(transport.AES128CMHMACSHA180, 7).Crypto(1); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestParseReadsWhatCryptoWrites(t *testing.T) {
	for _, s := range suites {
		for _, mki := range []uint32{0, 1, 1<<32 - 1} {
			k := New(s, mki)
			for _, prefix := range []string{"", "a="} {
				got, err := Parse(prefix + k.Crypto(3))
				if err != nil || len(got) != 1 || !got[0].Equal(k) {
					t.Errorf("%s: %v, %v", k.Crypto(3), got, err)
				}
			}
		}
	}
	if a, b := New(suites[0], 1), New(suites[0], 1); a.Equal(b) {
		t.Error("two new keys are the same")
	}
}

// A list names the key that is to be used first, and as many as an Opener holds.
func TestSeveralKeys(t *testing.T) {
	var keys []Key
	for i := range maxKeys {
		keys = append(keys, fixed(suites[0], uint32(i)))
		line := keys[0].Crypto(1, keys[1:]...)
		got, err := Parse(line)
		if err != nil || !slices.EqualFunc(got, keys, Key.Equal) {
			t.Errorf("%s: %v, %v", line, got, err)
		}
	}
	if _, err := Parse(keys[0].Crypto(1, append(keys[1:], fixed(suites[0], 99))...)); err == nil {
		t.Errorf("%d keys are taken", maxKeys+1)
	}
}

func TestParse(t *testing.T) {
	secret := strings.Repeat("A", 40)
	for _, c := range []struct {
		line string
		ok   bool
	}{
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|2^31|7:4", true},
		{"1 aes_cm_128_hmac_sha1_32 inline:" + secret + "|2^31|7:4", true},
		{"crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|1048576|7:4", true},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|7:4", true},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|2^31|4294967295:4 WSH=128 -X", true},
		{"999999999 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|7:4", true},
		{"1000000000 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|7:4", false},
		{"x AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|7:4", false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|2^31|4294967296:4", false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|2^31|+7:4", false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|2^31|7:1", false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|2^31|7", false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|2^|7:4", false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|2^31|7:4|", false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret[4:] + "|2^31|7:4", false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "AAAA|2^31|7:4", false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|7:4;inline:" + secret + "|8:4", true},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|7:4;inline:" + secret + "|7:4", false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|7:4;" + secret + "|8:4", false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|7:4;", false},
		{"1 AES_CM_128_HMAC_SHA1_80 " + secret + "|7:4", false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + secret + "|7:4 UNENCRYPTED_SRTP", false},
		{"1 AEAD_AES_128_GCM inline:" + secret + "|7:4", false},
		{"1 AES_CM_128_HMAC_SHA1_80", false},
		{"", false},
	} {
		if _, err := Parse(c.line); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.line, err)
		}
	}
}

// TestSecretStaysOut: logs, errors and JSON show the name of a key only.
func TestSecretStaysOut(t *testing.T) {
	k := fixed(suites[0], 7)
	const want = "AES_CM_128_HMAC_SHA1_80 key 7"
	b, err := json.Marshal(k)
	for _, got := range []string{fmt.Sprint(k), fmt.Sprintf("%+v", k), fmt.Sprintf("%#v", k), strings.Trim(string(b), `"`)} {
		if got != want || err != nil {
			t.Errorf("%s (%v), want %s", got, err, want)
		}
	}
}

func TestRefusesKeys(t *testing.T) {
	short := fixed(suites[0], 1)
	short.Master = short.Master[1:]
	for name, k := range map[string]Key{"GCM": New(transport.AEADAES128GCM, 1), "none": {}, "short": short} {
		if _, err := NewSealer(k); err == nil {
			t.Errorf("%s: a sealer", name)
		}
		if _, err := NewOpener(k, 1); err == nil {
			t.Errorf("%s: an opener", name)
		}
	}
	for _, n := range []int{0, maxSources + 1} {
		if _, err := NewOpener(fixed(suites[0], 1), n); err == nil {
			t.Errorf("an opener for %d sources", n)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(fixed(suites[0], 7).Crypto(1))
	f.Add(fixed(suites[0], 7).Crypto(1, fixed(suites[0], 8)))
	f.Add("a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:" + strings.Repeat("A", 40) + "|7:4 WSH=64")
	f.Fuzz(func(t *testing.T, line string) {
		k, err := Parse(line)
		if err != nil {
			return
		}
		if again, err := Parse(k[0].Crypto(1, k[1:]...)); err != nil || !slices.EqualFunc(k, again, Key.Equal) {
			t.Errorf("%q: %v, %v", line, again, err)
		}
	})
}
