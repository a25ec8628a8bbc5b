//go:build linux

package fleet

import (
	"hash/maphash"
	"sync/atomic"
)

// guide is what a room's reference got, by number: a hash of each payload, which all other
// callers of the room compare theirs with. One thread writes it.
type guide struct {
	newest atomic.Uint32 // number
	noted  atomic.Uint32 // how many were entered
	hashes [guideLength]atomic.Uint64
}

const (
	guideLength = 256 // numbers that a guide knows
	guideUse    = 200 // of which so many are compared with: those behind may be written anew
	guideFull   = 100 // entries, from which on what it does not have differs
	mineLength  = 64  // numbers that a caller knows of itself
	blockLength = 16  // numbers that are compared at a time
	blockLag    = 16  // numbers after which that is done: the reference's have come by then
)

var hashSeed = maphash.MakeSeed()

// hashOf returns the hash of a payload, which is never 0.
func hashOf(payload []byte) uint64 { return maphash.Bytes(hashSeed, payload) | 1 }

// note enters what the reference got. Numbers that are left out are unknown.
func (g *guide) note(number uint32, hash uint64) {
	g.noted.Add(1)
	newest := g.newest.Load()
	if ahead := int32(number - newest); ahead > 0 && ahead < guideLength {
		for n := newest + 1; n != number; n++ {
			g.hashes[n%guideLength].Store(0)
		}
	} else if ahead >= guideLength || ahead < -guideUse {
		for i := range g.hashes {
			g.hashes[i].Store(0)
		}
		ahead = 1
	} else if ahead <= 0 {
		g.hashes[number%guideLength].Store(hash)
		return
	}
	g.hashes[number%guideLength].Store(hash)
	g.newest.Store(number)
}

// comparison is how a caller's payloads compare with the reference's.
type comparison struct {
	guide   *guide // that offset is valid for
	aligned bool
	offset  uint32 // of the reference's number for the same payload
	next    uint32 // number that is compared next
	newest  uint32
	mine    [mineLength]uint64
}

// begin starts anew with a stream's first number.
func (c *comparison) begin(number uint32) {
	c.aligned, c.next, c.newest = false, number, number-1
	clear(c.mine[:])
}

// note enters a payload's hash and compares what is due.
func (c *comparison) note(g *guide, number uint32, hash uint64, counts *Counts) {
	if g != c.guide {
		c.guide, c.aligned = g, false
	}
	ahead := int32(number - c.newest)
	switch {
	case ahead > mineLength:
		c.begin(number)
		ahead = 1
	case ahead <= -mineLength:
		return
	}
	for n := c.newest + 1; int32(number-n) > 0; n++ {
		c.mine[n%mineLength] = 0
	}
	c.mine[number%mineLength] = hash
	if ahead > 0 {
		c.newest = number
	}
	for int32(c.newest-c.next) >= blockLength+blockLag {
		if g != nil {
			c.block(g, counts)
		}
		c.next += blockLength
	}
}

// block compares a block with the reference's, having looked for the place if it is not known.
func (c *comparison) block(g *guide, counts *Counts) {
	if c.aligned {
		same, differ := c.count(g, c.offset)
		counts.Matched += same
		if differ == 0 {
			return
		}
		if same > 0 {
			counts.Differing += differ
			return
		}
		c.aligned = false
	}
	if same := c.align(g); same > 0 {
		counts.Matched += same
		return
	}
	if c.distinctive() > 0 && g.noted.Load() >= guideFull {
		counts.Differing += blockLength
	}
}

// count compares the block at an offset. What either does not know counts for nothing.
func (c *comparison) count(g *guide, offset uint32) (same, differ int) {
	newest := g.newest.Load()
	for n := c.next; n != c.next+blockLength; n++ {
		if newest-(n+offset) >= guideUse {
			continue
		}
		own, other := c.mine[n%mineLength], g.hashes[(n+offset)%guideLength].Load()
		switch {
		case own == 0 || other == 0:
		case own == other:
			same++
		default:
			differ++
		}
	}
	return same, differ
}

// align looks for the offset at which the block is the reference's. A payload that is like
// the one before it is somewhere, but tells nothing.
func (c *comparison) align(g *guide) (same int) {
	k := c.distinctive()
	if k == 0 {
		return 0
	}
	own, newest := c.mine[k%mineLength], g.newest.Load()
	for back := range uint32(guideUse) {
		if g.hashes[(newest-back)%guideLength].Load() != own {
			continue
		}
		offset := newest - back - k
		if same, differ := c.count(g, offset); differ == 0 && same >= blockLength/2 {
			c.aligned, c.offset = true, offset
			return same
		}
	}
	return 0
}

// distinctive returns a number within the block whose payload is unlike its neighbours', or 0.
func (c *comparison) distinctive() uint32 {
	for n := c.next + 1; n != c.next+blockLength-1; n++ {
		own := c.mine[n%mineLength]
		if before := c.mine[(n-1)%mineLength]; own != 0 && before != 0 && own != before && own != c.mine[(n+1)%mineLength] {
			return n
		}
	}
	return 0
}
