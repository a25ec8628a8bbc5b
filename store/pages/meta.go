package pages

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
)

const (
	magic        = 0xED0CDAED
	version      = 2
	headerSize   = 16
	metaSize     = 64
	noFreelist   = ^uint64(0)
	minPageSize  = 1 << 10
	maxPageSize  = 1 << 16
	firstTree    = 2 // pages 0 and 1 are the meta pages
	leastPages   = 4 // two meta pages, a free list, a root
	checksumAt   = 56
	metaPageNeed = headerSize + metaSize
)

var order = binary.NativeEndian

// meta is one version of the whole file.
type meta struct {
	pageSize int64
	root     uint64 // page of the root bucket
	freelist uint64 // page of the free list, or noFreelist
	high     uint64 // number of pages in use or free
	txid     uint64
}

// readMeta returns the meta page at offset off, or an error if it is none.
func readMeta(r io.ReaderAt, off int64) (meta, error) {
	var b [metaPageNeed]byte
	if _, err := r.ReadAt(b[:], off); err != nil {
		return meta{}, fmt.Errorf("the meta page at byte %d cannot be read: %w", off, err)
	}
	d := b[headerSize:]
	sum := fnv.New64a()
	sum.Write(d[:checksumAt])
	switch {
	case order.Uint32(d) != magic:
		return meta{}, fmt.Errorf("no meta page at byte %d", off)
	case order.Uint32(d[4:]) != version:
		return meta{}, fmt.Errorf("the format is version %d, want %d", order.Uint32(d[4:]), version)
	case order.Uint64(d[checksumAt:]) != sum.Sum64():
		return meta{}, fmt.Errorf("the meta page at byte %d does not match its checksum", off)
	}
	m := meta{
		pageSize: int64(order.Uint32(d[8:])),
		root:     order.Uint64(d[16:]),
		freelist: order.Uint64(d[32:]),
		high:     order.Uint64(d[40:]),
		txid:     order.Uint64(d[48:]),
	}
	return m, nil
}

// currentMeta returns what bbolt would take for the state of the file: the second meta page
// lies one page on, wherever that is if the first one is torn.
func currentMeta(r io.ReaderAt, size int64) (meta, error) {
	first, err := readMeta(r, 0)
	if err == nil {
		if err := first.sane(); err != nil {
			return meta{}, err
		}
		second, err := readMeta(r, first.pageSize)
		switch {
		case err != nil || second.txid <= first.txid:
			return first, nil
		case second.pageSize != first.pageSize:
			return meta{}, fmt.Errorf("its meta pages speak of pages of %d and of %d bytes", first.pageSize, second.pageSize)
		}
		return second, nil
	}
	for at := int64(minPageSize); at <= maxPageSize && at < size-minPageSize; at *= 2 {
		if second, err := readMeta(r, at); err == nil {
			if second.pageSize != at {
				return meta{}, fmt.Errorf("the meta page at byte %d speaks of pages of %d bytes", at, second.pageSize)
			}
			return second, nil
		}
	}
	return meta{}, err
}

func (m meta) sane() error {
	if m.pageSize < minPageSize || m.pageSize > maxPageSize || m.pageSize&(m.pageSize-1) != 0 {
		return fmt.Errorf("the page size is %d, want a power of two from %d to %d", m.pageSize, minPageSize, maxPageSize)
	}
	return nil
}

// fits says whether a file of size bytes can hold what m says it holds.
func (m meta) fits(size int64) error {
	have := uint64(size / m.pageSize)
	if m.high < leastPages {
		return fmt.Errorf("it claims %d pages, want at least %d", m.high, leastPages)
	}
	if m.high > have {
		return fmt.Errorf("it is cut off: it has %d bytes, its %d pages of %d bytes need more", size, m.high, m.pageSize)
	}
	return nil
}
