package guard

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Decision is what to do with a new call.
type Decision uint8

// The decisions.
const (
	Allow  Decision = iota
	Refuse          // over the rate: 503 with Retry-After
	Ignore          // far over the rate: no answer at all, so that nothing is reflected
)

// The three buckets of a source.
const (
	bucketCalls = iota
	bucketMessages
	bucketAnswers
	bucketCount
)

// policy is the rates of a kind of source, and how far below zero its buckets go.
type policy struct {
	rates [bucketCount]Rate
	floor [bucketCount]float64
}

// limiter keeps token buckets per source prefix in a table of fixed size. The table is
// set-associative with a random hash, so nobody can aim at another's slot. Where a set is
// full, a newcomer takes the slot of the source that owes least and takes over what that
// one owes (as the SpaceSaving sketch does): whoever cycles through prefixes to push its
// own bucket out finds, coming back, one at least as empty as the fullest of its set.
type limiter struct {
	limits   Limits
	strange  policy
	trusted  []policy // beside limits.Trusted
	seed     maphash.Seed
	sets     []sourceSet
	totalsMu sync.Mutex
	totals   slot // the answers of all sources together, in the first bucket
	total    policy
}

const (
	ways         = 8
	nanoToSecond = 1e-9
	unlimited    = 1e18
)

// sourceSet is eight slots under one lock.
type sourceSet struct {
	mu    sync.Mutex
	slots [ways]slot
}

type slot struct {
	key    netip.Prefix
	policy *policy // nil: unused
	last   int64   // nanoseconds of the clock
	tokens [bucketCount]float64
}

func newLimiter(l Limits, now int64) *limiter {
	sets := 1024 / ways
	for sets*ways < l.Sources {
		sets *= 2
	}
	r := &limiter{limits: l, seed: maphash.MakeSeed(), sets: make([]sourceSet, sets)}
	r.strange = newPolicy(l.Calls, l.Messages, l.Answers, l.CallDebt)
	for _, t := range l.Trusted {
		r.trusted = append(r.trusted, newPolicy(t.Calls, t.Messages, l.Answers, l.CallDebt))
	}
	r.total.rates[0] = l.AnswersTotal
	r.totals.policy, r.totals.last, r.totals.tokens[0] = &r.total, now, float64(l.AnswersTotal.Burst)
	return r
}

func newPolicy(calls, messages, answers Rate, debt int) (p policy) {
	p.rates = [bucketCount]Rate{bucketCalls: calls, bucketMessages: messages, bucketAnswers: answers}
	p.floor[bucketCalls] = -float64(debt * calls.Burst)
	return p
}

// prefix returns the source that addr, unmapped and without a zone, belongs to.
func (r *limiter) prefix(addr netip.Addr) netip.Prefix {
	bits := r.limits.IPv6Bits
	if addr.Is4() {
		bits = r.limits.IPv4Bits
	}
	p, _ := addr.Prefix(bits)
	return p
}

// policy returns the rates of addr, and whether it is of a trusted network.
func (r *limiter) policy(addr netip.Addr) (p *policy, trusted bool) {
	for i := range r.limits.Trusted {
		if r.limits.Trusted[i].Prefix.Contains(addr) {
			return &r.trusted[i], true
		}
	}
	return &r.strange, false
}

// draw takes n tokens from a bucket of addr, where it has them or may run into debt, and
// returns how many it had before and the floor of its debt.
func (r *limiter) draw(now int64, addr netip.Addr, bucket int, n float64) (had, floor float64) {
	addr = plain(addr)
	p, _ := r.policy(addr)
	if p.rates[bucket].PerSecond == 0 {
		return unlimited, 0
	}
	key := r.prefix(addr)
	bytes := key.Addr().As16()
	set := &r.sets[maphash.Bytes(r.seed, bytes[:])&uint64(len(r.sets)-1)]
	set.mu.Lock()
	defer set.mu.Unlock()
	return set.find(key, p, now).draw(now, bucket, n), p.floor[bucket]
}

func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

func (s *slot) draw(now int64, bucket int, n float64) (had float64) {
	s.refill(now)
	had = s.tokens[bucket]
	if had >= 1 || had-n >= s.policy.floor[bucket] {
		s.tokens[bucket] = had - n
	}
	return had
}

func (s *slot) refill(now int64) {
	seconds := float64(max(now-s.last, 0)) * nanoToSecond
	s.last = max(now, s.last)
	for b, rate := range s.policy.rates {
		s.tokens[b] = min(s.tokens[b]+seconds*rate.PerSecond, float64(rate.Burst))
	}
}

// find returns the slot of key, taking over one where it has none.
func (set *sourceSet) find(key netip.Prefix, p *policy, now int64) *slot {
	var victim *slot
	least := unlimited
	for i := range set.slots {
		s := &set.slots[i]
		switch {
		case s.policy == nil:
			if least > -1 {
				victim, least = s, -1
			}
		case s.key == key && s.policy == p:
			return s
		default:
			s.refill(now)
			if owed := s.owed(); owed < least {
				victim, least = s, owed
			}
		}
	}
	victim.takeOver(key, p, now)
	return victim
}

// owed is how far the emptiest bucket is below full, in bursts: 0 for an idle source.
func (s *slot) owed() (worst float64) {
	for b, rate := range s.policy.rates {
		if rate.PerSecond > 0 {
			worst = max(worst, (float64(rate.Burst)-s.tokens[b])/float64(rate.Burst))
		}
	}
	return worst
}

// takeOver gives the slot, refilled just now, to key, and with it what it owes.
func (s *slot) takeOver(key netip.Prefix, p *policy, now int64) {
	var left [bucketCount]float64 // in bursts
	for b := range left {
		left[b] = 1
		if s.policy != nil && s.policy.rates[b].PerSecond > 0 {
			left[b] = s.tokens[b] / float64(s.policy.rates[b].Burst)
		}
	}
	s.key, s.policy, s.last = key, p, now
	for b, rate := range p.rates {
		s.tokens[b] = max(float64(rate.Burst)*left[b], p.floor[b])
	}
}

// allowCall decides on a new call of addr.
func (r *limiter) allowCall(now int64, addr netip.Addr) Decision {
	return decide(r.draw(now, addr, bucketCalls, 1))
}

// callsIgnored tells whether a new call of addr would be ignored. It takes no token.
func (r *limiter) callsIgnored(now int64, addr netip.Addr) bool {
	return decide(r.draw(now, addr, bucketCalls, 0)) == Ignore
}

func decide(had, floor float64) Decision {
	switch {
	case had >= 1:
		return Allow
	case had-1 < floor:
		return Ignore
	}
	return Refuse
}

// allowMessage takes a token for a message of addr.
func (r *limiter) allowMessage(now int64, addr netip.Addr) bool {
	return r.messageDelay(now, addr) == 0
}

// messageDelay takes a token for a message of addr and returns 0, or how long it is until
// there may be one.
func (r *limiter) messageDelay(now int64, addr netip.Addr) time.Duration {
	had, _ := r.draw(now, addr, bucketMessages, 1)
	if had >= 1 {
		return 0
	}
	p, _ := r.policy(plain(addr))
	return max(time.Duration((1-had)/p.rates[bucketMessages].PerSecond*float64(time.Second)), time.Microsecond)
}

// allowAnswer tells whether a malformed request of addr may be answered.
func (r *limiter) allowAnswer(now int64, addr netip.Addr) bool {
	if had, _ := r.draw(now, addr, bucketAnswers, 1); had < 1 {
		return false
	}
	if r.limits.AnswersTotal.PerSecond == 0 {
		return true
	}
	r.totalsMu.Lock()
	defer r.totalsMu.Unlock()
	return r.totals.draw(now, 0, 1) >= 1
}
