package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"unicode/utf8"
)

// Limits of what is stored.
const (
	MaxKey      = 256     // bytes of a key or an id
	MaxDocument = 1 << 20 // bytes of a document as JSON
	maxVersion  = 1<<16 - 1
)

// Schema says how the documents of a space are written and read.
type Schema[T any] struct {
	Name    string // 1 to 64 characters of a-z 0-9 _, as [Rooms]
	Version int    // 1 to 65535; raise it when older code could no longer read the documents

	// Migrate reads a document of an older version. Nil reads it as it is, which does
	// where fields were only added.
	Migrate func(version int, document []byte) (T, error)
}

func (s Schema[T]) check() error {
	ok := len(s.Name) >= 1 && len(s.Name) <= 64
	for _, c := range s.Name {
		ok = ok && ('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_')
	}
	if !ok {
		return errorf(ErrInvalid, "open", "%q is no name of a space; use 1 to 64 characters of a-z 0-9 _", s.Name)
	}
	return nil
}

// Documents in the file: format (1 byte), version (2), checksum (4), JSON. The checksum is
// CRC-32C over the key, the format and version, and the JSON.
const (
	documentFormat = 1
	documentHeader = 7
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// pack returns the envelope of a document.
func pack(key []byte, version int, doc []byte) []byte {
	out := make([]byte, documentHeader, documentHeader+len(doc))
	out[0] = documentFormat
	binary.BigEndian.PutUint16(out[1:], uint16(version))
	out = append(out, doc...)
	binary.BigEndian.PutUint32(out[3:], checksum(key, out))
	return out
}

// unpack returns the document of an envelope, within the same memory.
func unpack(key, envelope []byte) (version int, doc []byte, err error) {
	if len(envelope) < documentHeader {
		return 0, nil, fmt.Errorf("it has %d bytes, want at least %d", len(envelope), documentHeader)
	}
	if envelope[0] != documentFormat {
		return 0, nil, fmt.Errorf("it has format %d, want %d", envelope[0], documentFormat)
	}
	if binary.BigEndian.Uint32(envelope[3:]) != checksum(key, envelope) {
		return 0, nil, errors.New("it does not match its checksum")
	}
	return int(binary.BigEndian.Uint16(envelope[1:])), envelope[documentHeader:], nil
}

func checksum(key, envelope []byte) uint32 {
	sum := crc32.Update(0, castagnoli, key)
	sum = crc32.Update(sum, castagnoli, envelope[:3])
	return crc32.Update(sum, castagnoli, envelope[documentHeader:])
}

// encode returns the envelope of v under key.
func (s Schema[T]) encode(op string, key []byte, v T) ([]byte, error) {
	doc, err := json.Marshal(v)
	if err != nil {
		return nil, errorf(ErrInvalid, op, "%w", err)
	}
	if len(doc) > MaxDocument {
		return nil, errorf(ErrInvalid, op, "the document has %d bytes, want at most %d", len(doc), MaxDocument)
	}
	return pack(key, s.Version, doc), nil
}

// decode reads an envelope that was found under key.
func (s Schema[T]) decode(op string, key, envelope []byte) (T, error) {
	var v T
	version, doc, err := unpack(key, envelope)
	switch {
	case err != nil:
		return v, errorf(ErrCorrupt, op, "document %q: %w", key, err)
	case version > s.Version:
		return v, errorf(ErrNewer, op, "document %q has version %d, this confd knows up to %d", key, version, s.Version)
	case version < s.Version && s.Migrate != nil:
		if v, err = s.Migrate(version, doc); err != nil {
			return v, errorf(ErrCorrupt, op, "document %q of version %d cannot be migrated: %w", key, version, err)
		}
		return v, nil
	}
	if err := json.Unmarshal(doc, &v); err != nil {
		return v, errorf(ErrCorrupt, op, "document %q: %w", key, err)
	}
	return v, nil
}

// checkKey returns an error unless key can be a key.
func checkKey(op, key string) error {
	switch {
	case key == "":
		return errorf(ErrInvalid, op, "the key is empty; want 1 to %d bytes", MaxKey)
	case len(key) > MaxKey:
		return errorf(ErrInvalid, op, "the key has %d bytes; want 1 to %d", len(key), MaxKey)
	case !utf8.ValidString(key) || strings.ContainsRune(key, 0):
		return errorf(ErrInvalid, op, "the key %q is no UTF-8 text", key)
	}
	return nil
}
