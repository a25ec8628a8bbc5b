package store

import (
	"encoding/base64"
	"encoding/binary"
	"time"
)

// A record's key is its time, eight bytes that sort as the times do, and its id.
const timeSize = 8

// The times that fit: nanoseconds from 1970 in 64 bits.
var (
	minTime = time.Unix(0, -1<<63)
	maxTime = time.Unix(0, 1<<63-1)
)

func checkTime(op string, t time.Time) error {
	if t.Before(minTime) || t.After(maxTime) {
		return errorf(ErrInvalid, op, "the time %v lies outside the years 1678 to 2261", t)
	}
	return nil
}

// timeKey returns the first key that a record of time t can have.
func timeKey(t time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(t.UnixNano())^1<<63)
}

func recordKey(t time.Time, id string) []byte { return append(timeKey(t), id...) }

func splitKey(key []byte) (t time.Time, id string) {
	return time.Unix(0, int64(binary.BigEndian.Uint64(key)^1<<63)).UTC(), string(key[timeSize:])
}

// A cursor is a record's key in text that needs no escape in an URL, with a leading byte
// for the kind.
const cursorKind = 1

var cursorText = base64.RawURLEncoding

func makeCursor(key []byte) string {
	return cursorText.EncodeToString(append([]byte{cursorKind}, key...))
}

// parseCursor returns the key of a cursor, nil for an empty one.
func parseCursor(op, cursor string) ([]byte, error) {
	if cursor == "" {
		return nil, nil
	}
	const rule = "give the one that came with the page before, or none for the newest"
	if len(cursor) > cursorText.EncodedLen(1+timeSize+MaxKey) {
		return nil, errorf(ErrInvalid, op, "the cursor has %d characters; %s", len(cursor), rule)
	}
	b, err := cursorText.DecodeString(cursor)
	if err != nil || len(b) <= 1+timeSize || b[0] != cursorKind || makeCursor(b[1:]) != cursor {
		return nil, errorf(ErrInvalid, op, "%q is no cursor; %s", cursor, rule)
	}
	return b[1:], nil
}
