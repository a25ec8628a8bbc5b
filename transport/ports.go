package transport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confd/confd/internal/clock"
)

// PortPool lends pairs of UDP ports, an even one for RTP and the odd one above it for RTCP
// (RFC 3550 section 11). A pair that comes back rests for the drain time, so that late
// packets of one call do not reach the next. Any goroutine may use a pool.
type PortPool struct {
	low   int // first even port
	drain int64

	unheardTime, unheardMax int64        // see LimitUnheard
	unheard, unheardVideo   atomic.Int64 // streams to unheard addresses
	unheardBytes            allowance    // of video to them

	mu     sync.Mutex
	pairs  []pair
	next   int // where the search goes on: the pair given back longest ago is near
	inUse  int
	closed bool
}

type pair struct {
	used bool
	free int64 // monotonic nanoseconds from which it may be lent again
}

// DefaultDrain is a good time for a pair to rest: packets still on their way, and a peer
// that has not yet read the end of the call, are through by then.
const DefaultDrain = 5 * time.Second

// ErrNoPorts reports that every pair of the range is in use, resting, or held by another
// program.
var ErrNoPorts = errors.New("no free RTP ports")

// errPoolClosed reports a Listen after Close.
var errPoolClosed = errors.New("the port pool is closed")

// NewPortPool makes a pool over the ports low to high, both included, 1 to 65535; an odd
// low is rounded up to even, and the range must then hold one pair at least. A pair rests
// for drain after use, at least 0. The search starts at a random pair, so that a restart
// does not meet the packets of the run before.
func NewPortPool(low, high int, drain time.Duration) (*PortPool, error) {
	if low < 1 || high > 65535 || low > high {
		return nil, fmt.Errorf("RTP port range %d-%d: want LOW-HIGH within 1-65535", low, high)
	}
	if drain < 0 {
		return nil, fmt.Errorf("RTP port drain time %v: must not be negative", drain)
	}
	even := low + low&1
	count := (high - even + 1) / 2
	if count < 1 {
		return nil, fmt.Errorf("RTP port range %d-%d holds no pair: want an even port and the odd one above it", low, high)
	}
	p := &PortPool{low: even, drain: int64(drain), pairs: make([]pair, count), next: rand.IntN(count)}
	p.LimitUnheard(DefaultUnheardTime, DefaultUnheardStreams)
	return p, nil
}

// InUse returns how many pairs are lent at the moment; resting ones are not among them.
func (p *PortPool) InUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inUse
}

// Size returns how many pairs the range holds.
func (p *PortPool) Size() int { return len(p.pairs) }

// Close stops further lending. Legs that are open stay open.
func (p *PortPool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return nil
}

// take reserves a pair that is neither lent nor resting, looking at no more than left
// pairs, and returns its index and how many were looked at.
func (p *PortPool) take(now int64, left int) (index, looked int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, 0, errPoolClosed
	}
	for looked < left {
		i := p.next
		p.next = (p.next + 1) % len(p.pairs)
		looked++
		if !p.pairs[i].used && p.pairs[i].free <= now {
			p.pairs[i].used = true
			p.inUse++
			return i, looked, nil
		}
	}
	return 0, looked, ErrNoPorts
}

// give returns a pair, which may be lent again at the time free.
func (p *PortPool) give(index int, free int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pairs[index].used {
		p.pairs[index] = pair{free: free}
		p.inUse--
	}
}

// sockets binds a pair of the pool at the local address. A pair of which another program
// holds a port is passed over.
func (p *PortPool) sockets(local netip.Addr) (index int, rtp, rtcp socket, err error) {
	for left := len(p.pairs); ; {
		index, looked, err := p.take(clock.Now(), left)
		if err != nil {
			return 0, rtp, rtcp, p.explain(err)
		}
		left -= looked
		rtp, rtcp, err = openPair(local, p.low+2*index)
		if err == nil {
			return index, rtp, rtcp, nil
		}
		p.give(index, 0)
		if !errors.Is(err, errPortTaken) {
			return 0, rtp, rtcp, err
		}
	}
}

// explain says why there is no pair, and what would help.
func (p *PortPool) explain(err error) error {
	if !errors.Is(err, ErrNoPorts) {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	resting, now := 0, clock.Now()
	for _, q := range p.pairs {
		if !q.used && q.free > now {
			resting++
		}
	}
	return fmt.Errorf("%w: of %d pairs in %d-%d, %d are in use, %d rest, the others are held by another program; a wider range would help",
		err, len(p.pairs), p.low, p.low+2*len(p.pairs)-1, p.inUse, resting)
}

func openPair(local netip.Addr, port int) (rtp, rtcp socket, err error) {
	rtp, err = openSocket(netip.AddrPortFrom(local, uint16(port)))
	if err != nil {
		return rtp, rtcp, err
	}
	rtcp, err = openSocket(netip.AddrPortFrom(local, uint16(port+1)))
	if err != nil {
		rtp.close()
	}
	return rtp, rtcp, err
}
