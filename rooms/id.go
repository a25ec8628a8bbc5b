package rooms

import (
	"crypto/rand"
	"strings"
	"time"
)

// An id is 18 characters that sort as the moments of birth do: nine of the milliseconds
// since 1970, nine at random.
const (
	idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	idHalf     = 9
)

// newID names what begins at that moment; nothing else has the name, and nobody can foresee
// it.
func newID(at time.Time) string {
	id := make([]byte, 2*idHalf)
	_, _ = rand.Read(id[idHalf:]) // which does not fail
	for i, random := range id[idHalf:] {
		id[idHalf+i] = idAlphabet[random%32]
	}
	ms := at.UnixMilli()
	for i := idHalf - 1; i >= 0; i-- {
		id[i] = idAlphabet[ms&31]
		ms >>= 5
	}
	return string(id)
}

// IDTime returns the millisecond in which the bearer of an id of participants, conferences
// or announcements began; ok is false if it is none.
func IDTime(id string) (began time.Time, ok bool) {
	if len(id) != 2*idHalf {
		return time.Time{}, false
	}
	var ms int64
	for i := range len(id) {
		digit := strings.IndexByte(idAlphabet, id[i])
		if digit < 0 {
			return time.Time{}, false
		}
		if i < idHalf {
			ms = ms<<5 | int64(digit)
		}
	}
	return time.UnixMilli(ms), true
}
