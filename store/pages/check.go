package pages

import (
	"fmt"
	"io"
)

const (
	maxDepth  = 48 // of the pages of one tree
	maxNested = 8  // buckets in buckets
)

// Visitor is told what a file holds. It must not keep what it is given; an error of its own
// ends the check.
type Visitor struct {
	// Key is called for each key that is not a bucket, with the names of the buckets around
	// it, outermost first.
	Key func(path []string, key, value []byte) error
	// Bucket is called after the contents of each bucket, with its sequence number and
	// how many keys it has directly in it, buckets not counted. Nil = not called.
	Bucket func(path []string, sequence uint64, keys int) error
}

// Check reads every page in use of a bbolt file of size bytes and returns an error that
// names the first fault: a file cut off, pages that are shared, missing, of the wrong kind
// or out of order. It needs memory for the largest value and a byte a page. Nobody may write
// the file meanwhile.
func Check(r io.ReaderAt, size int64, visit Visitor) error {
	m, err := currentMeta(r, size)
	if err != nil {
		return err
	}
	if err := m.fits(size); err != nil {
		return err
	}
	c := &checker{r: r, pageSize: m.pageSize, used: make([]bool, m.high), visit: visit}
	if err := c.tree(m.root, nil, nil, nil, 0); err != nil {
		return err
	}
	if m.freelist == noFreelist {
		return nil
	}
	return c.freelist(m.freelist)
}

type checker struct {
	r        io.ReaderAt
	pageSize int64
	used     []bool
	visit    Visitor
	keys     int // of the bucket being read
}

// take reads a page with its overflow and notes that it is in use.
func (c *checker) take(id uint64) (page, error) {
	high := uint64(len(c.used))
	if id < firstTree || id >= high {
		return page{}, fmt.Errorf("page %d is referred to, there are pages %d to %d", id, firstTree, high-1)
	}
	data, err := c.read(id, 1)
	if err != nil {
		return page{}, err
	}
	run := uint64(order.Uint32(data[12:])) + 1
	if run > high-id {
		return page{}, fmt.Errorf("page %d claims %d pages, there are %d after it", id, run, high-id)
	}
	for i := id; i < id+run; i++ {
		if c.used[i] {
			return page{}, fmt.Errorf("page %d is used twice", i)
		}
		c.used[i] = true
	}
	if run > 1 {
		if data, err = c.read(id, run); err != nil {
			return page{}, err
		}
	}
	p := parsePage(data)
	if p.id != id {
		return page{}, fmt.Errorf("page %d says that it is page %d", id, p.id)
	}
	return p, nil
}

func (c *checker) read(id, run uint64) ([]byte, error) {
	data := make([]byte, int64(run)*c.pageSize)
	if _, err := c.r.ReadAt(data, int64(id)*c.pageSize); err != nil {
		return nil, fmt.Errorf("page %d cannot be read: %w", id, err)
	}
	return data, nil
}

// tree checks the page and all below it; keys lie in [low, high), nil meaning no bound.
func (c *checker) tree(id uint64, low, high []byte, path []string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("page %d lies more than %d deep", id, maxDepth)
	}
	p, err := c.take(id)
	if err != nil {
		return err
	}
	if p.flags != branchPage && p.flags != leafPage {
		return fmt.Errorf("page %d is of kind %#x, want a branch or a leaf", id, p.flags)
	}
	all, err := p.elements(low, high)
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	if fewest := fewestKeys(p.flags, depth); len(all) < fewest {
		return fmt.Errorf("page %d has %d keys, want %d or more", id, len(all), fewest)
	}
	if p.flags == leafPage {
		return c.leaf(all, path, true)
	}
	for i, e := range all {
		next := high
		if i+1 < len(all) {
			next = all[i+1].key
		}
		if err := c.tree(e.child, e.key, next, path, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// fewestKeys is how many keys a page must have. bbolt takes pages with fewer from its tree
// before it writes it, and panics if it comes to change one.
func fewestKeys(flags uint16, depth int) int {
	switch {
	case flags == branchPage:
		return 2
	case depth > 0:
		return 1
	}
	return 0
}

func (c *checker) leaf(all []element, path []string, nesting bool) error {
	for _, e := range all {
		if !e.bucket {
			c.keys++
			if err := c.visit.Key(path, e.key, e.value); err != nil {
				return err
			}
			continue
		}
		if !nesting || len(path) >= maxNested {
			return fmt.Errorf("bucket %q stands in a place where none can be", e.key)
		}
		if err := c.bucket(e.value, append(path[:len(path):len(path)], string(e.key))); err != nil {
			return err
		}
	}
	return nil
}

// bucket checks a bucket and tells of it.
func (c *checker) bucket(value []byte, path []string) error {
	if len(value) < bucketHeader {
		return fmt.Errorf("bucket %q has %d bytes, want at least %d", path, len(value), bucketHeader)
	}
	outer := c.keys
	c.keys = 0
	if err := c.contents(value, path); err != nil {
		return err
	}
	keys := c.keys
	c.keys = outer
	if c.visit.Bucket == nil {
		return nil
	}
	return c.visit.Bucket(path, order.Uint64(value[8:]), keys)
}

// contents checks what is in a bucket: a tree of its own, or a page inline in its parent.
func (c *checker) contents(value []byte, path []string) error {
	if root := order.Uint64(value); root != 0 {
		return c.tree(root, nil, nil, path, 0)
	}
	if len(value) < bucketHeader+headerSize {
		return fmt.Errorf("inline bucket %q has %d bytes, want at least %d", path, len(value), bucketHeader+headerSize)
	}
	p := parsePage(value[bucketHeader:])
	if p.flags != leafPage || p.id != 0 {
		return fmt.Errorf("inline bucket %q is page %d of kind %#x, want a leaf without a number", path, p.id, p.flags)
	}
	all, err := p.elements(nil, nil)
	if err != nil {
		return fmt.Errorf("inline bucket %q: %w", path, err)
	}
	return c.leaf(all, path, false)
}

// freelist checks that what is listed as free is not in use, nor listed twice. Pages that
// are neither are wasted, which hurts nobody.
func (c *checker) freelist(id uint64) error {
	p, err := c.take(id)
	if err != nil {
		return err
	}
	if p.flags != freelistPage {
		return fmt.Errorf("page %d is of kind %#x, want the list of free pages", id, p.flags)
	}
	ids, count := p.data[headerSize:], uint64(p.count)
	if count == 0xFFFF { // the number does not fit, it stands first
		count, ids = order.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return fmt.Errorf("%d free pages do not fit into their list", count)
	}
	for i := range count {
		free := order.Uint64(ids[8*i:])
		if free < firstTree || free >= uint64(len(c.used)) || c.used[free] {
			return fmt.Errorf("page %d is listed as free but in use, listed twice or not there", free)
		}
		c.used[free] = true
	}
	return nil
}
