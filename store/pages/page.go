package pages

import (
	"bytes"
	"fmt"
)

const (
	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10

	elementSize  = 16
	bucketHeader = 16
	bucketFlag   = 0x01
)

// page is a page with its overflow pages, or the inline page of a small bucket.
type page struct {
	id    uint64
	flags uint16
	count int
	data  []byte // with the header
}

func parsePage(data []byte) page {
	return page{
		id:    order.Uint64(data),
		flags: order.Uint16(data[8:]),
		count: int(order.Uint16(data[10:])),
		data:  data,
	}
}

// element is a key of a tree with what it leads to.
type element struct {
	key, value []byte
	bucket     bool   // of a leaf: value is a bucket
	child      uint64 // of a branch
}

func (p page) element(i int) (element, error) {
	at := headerSize + i*elementSize
	d := p.data[at:]
	if p.flags == branchPage {
		key, err := p.bytes(at, order.Uint32(d), order.Uint32(d[4:]))
		return element{key: key, child: order.Uint64(d[8:])}, err
	}
	flags, pos, keySize, valueSize := order.Uint32(d), order.Uint32(d[4:]), order.Uint32(d[8:]), order.Uint32(d[12:])
	if flags > bucketFlag {
		return element{}, fmt.Errorf("key %d has unknown flags %#x", i, flags)
	}
	key, err := p.bytes(at, pos, keySize)
	if err != nil {
		return element{}, err
	}
	value, err := p.bytes(at+int(keySize), pos, valueSize)
	return element{key: key, value: value, bucket: flags == bucketFlag}, err
}

// bytes returns size bytes at distance pos from offset at.
func (p page) bytes(at int, pos, size uint32) ([]byte, error) {
	start := uint64(at) + uint64(pos)
	end := start + uint64(size)
	if end > uint64(len(p.data)) {
		return nil, fmt.Errorf("bytes %d to %d lie outside its %d", start, end, len(p.data))
	}
	return p.data[start:end:end], nil
}

// elements returns the keys of a branch or leaf page, which must ascend within [low, high).
func (p page) elements(low, high []byte) ([]element, error) {
	if headerSize+p.count*elementSize > len(p.data) {
		return nil, fmt.Errorf("%d keys do not fit into its %d bytes", p.count, len(p.data))
	}
	all := make([]element, p.count)
	for i := range all {
		e, err := p.element(i)
		if err != nil {
			return nil, err
		}
		switch {
		case len(e.key) == 0:
			return nil, fmt.Errorf("key %d is empty", i)
		case i > 0 && bytes.Compare(all[i-1].key, e.key) >= 0:
			return nil, fmt.Errorf("key %d does not follow the key before it", i)
		case bytes.Compare(e.key, low) < 0, high != nil && bytes.Compare(e.key, high) >= 0:
			return nil, fmt.Errorf("key %d lies outside what its parent says", i)
		}
		all[i] = e
	}
	return all, nil
}
