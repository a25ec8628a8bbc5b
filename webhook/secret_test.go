package webhook

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// The example that the Standard Webhooks libraries test themselves with.
func TestSignatureIsTheStandards(t *testing.T) {
	key, err := ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := signature([][]byte{key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestSecretsAreOf24To64Bytes(t *testing.T) {
	encode := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for _, c := range []struct {
		name, secret string
		ok           bool
	}{
		{"23 bytes", encode(23), false}, {"24 bytes", encode(24), true},
		{"64 bytes", encode(64), true}, {"65 bytes", encode(65), false},
		{"empty", "", false}, {"only the prefix", "whsec_", false},
		{"no prefix", encode(32)[6:], false}, {"prefix in capitals", strings.Replace(encode(32), "whsec", "WHSEC", 1), false},
		{"no padding", strings.TrimRight(encode(32), "="), false}, {"line break", encode(32)[:20] + "\n" + encode(32)[20:], false},
		{"URL alphabet", "whsec_" + strings.Repeat("-_", 16), false}, {"loose last bits", "whsec_" + strings.Repeat("A", 33) + "B==", false},
		{"a blank", " " + encode(32), false}, {"fresh", NewSecret(), true},
	} {
		key, err := ParseSecret(c.secret)
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v, want ok %v", c.name, err, c.ok)
		}
		if err != nil && (CodeOf(err) != Invalid || key != nil) {
			t.Errorf("%s: code %q, key %v", c.name, CodeOf(err), key)
		}
	}
	if one, other := NewSecret(), NewSecret(); one == other {
		t.Error("two fresh secrets are the same")
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	f.Add("whsec_" + strings.Repeat("A", 33) + "B==")
	f.Add(NewSecret())
	f.Add("whsec_\r\n")
	f.Fuzz(func(t *testing.T, secret string) {
		key, err := ParseSecret(secret)
		if err != nil {
			if len(secret) > 12 && strings.Contains(err.Error(), secret) {
				t.Errorf("the error tells the secret: %v", err)
			}
			return
		}
		if len(key) < MinKey || len(key) > MaxKey {
			t.Errorf("a key of %d bytes", len(key))
		}
		if again := "whsec_" + base64.StdEncoding.EncodeToString(key); again != secret {
			t.Errorf("%q and %q are the same secret", secret, again)
		}
		if bytes.Equal(key, nil) {
			t.Error("an empty key")
		}
	})
}
