package audience

import (
	"hash/maphash"
	"sync"

	"github.com/confd/confd/multicast/listen"
)

// kept is how many packets the book holds: more than listeners can lag behind each other.
const kept = 4096

// book is what was said, by sequence number and timestamp, as the first who played it had it.
type book struct {
	mu    sync.Mutex
	lines [kept]line
}

type line struct {
	known bool
	stamp uint32
	hash  uint64
}

var seed = maphash.MakeSeed()

// same tells whether a payload is what the others had, as far as anybody did.
func (b *book) same(p *listen.Played) (compared, same bool) {
	hash := maphash.Bytes(seed, p.Payload)
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &b.lines[p.Sequence%kept]
	if !l.known || l.stamp != p.Stamp {
		*l = line{true, p.Stamp, hash}
		return false, true
	}
	return true, l.hash == hash
}

// ear is one listener's Output: it compares, and one of them decodes.
type ear struct {
	said      *book
	decoder   *listen.Decoder // nil: it would hear what the one with a decoder does
	compared  uint64          // packets that somebody else had played before
	different uint64          // that were others than theirs
}

// Packet implements listen.Output.
func (e *ear) Packet(p *listen.Played, skip int) {
	compared, same := e.said.same(p)
	if compared {
		e.compared++
	}
	if !same {
		e.different++
	}
	if e.decoder != nil {
		e.decoder.Packet(p, skip)
	}
}

// Lost implements listen.Output.
func (e *ear) Lost(n int, next []byte) {
	if e.decoder != nil {
		e.decoder.Lost(n, next)
	}
}

// Pause implements listen.Output.
func (e *ear) Pause(n int) {
	if e.decoder != nil {
		e.decoder.Pause(n)
	}
}
