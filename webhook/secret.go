package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// Lengths of a secret's key, in bytes, as Standard Webhooks has them.
const (
	MinKey = 24
	MaxKey = 64

	secretPrefix = "whsec_"
	newKey       = 32
)

// NewSecret returns a fresh random secret: "whsec_" and 32 bytes in base64.
func NewSecret() string {
	key := make([]byte, newKey)
	_, _ = rand.Read(key) // never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// ParseSecret returns the key in a secret: "whsec_" and [MinKey] to [MaxKey] bytes in padded
// standard base64. Errors are of code Invalid and do not repeat the secret.
func ParseSecret(secret string) ([]byte, error) {
	const rule = `a secret is "whsec_" and 24 to 64 random bytes in base64`
	code, ok := strings.CutPrefix(secret, secretPrefix)
	if !ok {
		return nil, invalid("secret", `does not begin with "whsec_"; %s`, rule)
	}
	if strings.ContainsAny(code, "\r\n") { // which the decoder would skip
		return nil, invalid("secret", "contains a line break; %s", rule)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(code)
	if err != nil {
		return nil, invalid("secret", "is not base64 after the prefix; %s", rule)
	}
	if len(key) < MinKey || len(key) > MaxKey {
		return nil, invalid("secret", "holds %d bytes; %s", len(key), rule)
	}
	return key, nil
}

// signature returns the value of webhook-signature: for each key "v1," and the base64 of
// HMAC-SHA256 over "id.timestamp.body", parted by spaces.
func signature(keys [][]byte, id string, at time.Time, body []byte) string {
	var all []string
	for _, key := range keys {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		h.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	return strings.Join(all, " ")
}
