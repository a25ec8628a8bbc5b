package codec

import (
	"fmt"
	"reflect"
	"sync"
	"unsafe"

	"github.com/hraban/opus"
)

// The wrapper keeps libopus's state in an unexported slice of bytes, field "mem" of its
// Encoder and Decoder. opus.h documents the state as one block that may be copied
// shallowly, so copying the slice's content copies the codec.

// copyOpusState makes dst stand where src stands. Both are *opus.Encoder or both are
// *opus.Decoder, made for the same number of channels.
func copyOpusState[T opus.Encoder | opus.Decoder](dst, src *T) error {
	to, err := opusState(dst)
	if err != nil {
		return err
	}
	from, err := opusState(src)
	if err != nil {
		return err
	}
	if len(to) != len(from) || len(to) == 0 {
		return fmt.Errorf("codec: opus state of %d bytes does not fit into %d", len(from), len(to))
	}
	copy(to, from)
	return nil
}

// opusState returns the bytes of a codec's state.
func opusState[T opus.Encoder | opus.Decoder](codec *T) ([]byte, error) {
	mem := reflect.ValueOf(codec).Elem().FieldByName("mem")
	if !mem.IsValid() || mem.Type() != reflect.TypeFor[[]byte]() {
		return nil, fmt.Errorf("codec: %T has no field mem []byte: the opus wrapper has changed", codec)
	}
	return *(*[]byte)(unsafe.Pointer(mem.UnsafeAddr())), nil
}

// freshDecoders holds a decoder by sample rate that never decodes: what Reset copies.
var freshDecoders sync.Map

func freshOpusDecoder(rate int) (*opus.Decoder, error) {
	if d, ok := freshDecoders.Load(rate); ok {
		return d.(*opus.Decoder), nil
	}
	d, err := opus.NewDecoder(rate, 1)
	if err != nil {
		return nil, fmt.Errorf("codec: opus decoder at %d Hz: %w", rate, err)
	}
	kept, _ := freshDecoders.LoadOrStore(rate, d)
	return kept.(*opus.Decoder), nil
}
