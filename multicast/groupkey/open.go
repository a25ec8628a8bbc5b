package groupkey

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// Why a packet does not open.
var (
	ErrMalformed  = errors.New("not an SRTP packet")
	ErrUnknownKey = errors.New("the packet's key is not held, or not any more")
	ErrForged     = errors.New("the packet's authentication tag is wrong")
	ErrReplayed   = errors.New("the packet was seen before, or is too old to tell")
)

const (
	replayWindow = 128 // packets; RFC 3711 section 3.3.2 asks for 64 at least
	maxKeys      = 8   // held at a time; past it the oldest goes
	maxSources   = 1 << 20

	rtpHeader  = 12
	rtcpHeader = 8 + 4 // with the index that SRTCP adds
	rtcpTag    = 10
)

// Opener authenticates and decrypts what arrives from a group. It holds the current key and
// those before until their time is over. It belongs to one goroutine at a time.
//
// State is kept for an SSRC only after a packet under it was authentic, and for at most twice
// as many SSRCs as NewOpener was given, of RTP and of RTCP each. Past that the oldest half
// is forgotten: those may come again, and then an old packet of theirs counts as new.
type Opener struct {
	keys      []held // the current one last
	expires   int64  // when the first of them goes; 0 = none does
	sources   int    // bound of each table
	tag       int    // length of RTP's
	rtp, rtcp table
	header    rtp.Header // the library parses into it
}

type held struct {
	Key
	until int64 // monotonic nanoseconds; 0 = current
}

// NewOpener makes an opener with one key that keeps state for sources SSRCs (1 to 2^20).
// Any goroutine may call it.
func NewOpener(k Key, sources int) (*Opener, error) {
	if sources < 1 || sources > maxSources {
		return nil, fmt.Errorf("state for %d sources: want 1 to %d", sources, maxSources)
	}
	o := &Opener{keys: []held{{Key: k}}, sources: sources, tag: profiles[k.Suite].tag}
	for _, t := range []*table{&o.rtp, &o.rtcp} {
		if err := o.renew(t); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// Add takes a new current key, of the same suite. Those before it go on to open what comes
// under them until now plus grace, unless their end was nearer. A key that is current already
// changes nothing. On error nothing has changed.
func (o *Opener) Add(k Key, now int64, grace time.Duration) error {
	if o.keys[len(o.keys)-1].Equal(k) {
		return nil
	}
	for _, h := range o.keys {
		if err := k.follows(h.Key); err != nil {
			return err
		}
	}
	return o.add(k, now+max(int64(grace), 0))
}

// Holds tells whether packets under a key open.
func (o *Opener) Holds(k Key) bool {
	return slices.ContainsFunc(o.keys, func(h held) bool { return h.Equal(k) })
}

func (o *Opener) add(k Key, until int64) error {
	if len(o.keys) == maxKeys {
		o.drop(0)
	}
	id := k.identifier()
	for _, c := range o.contexts() {
		if err := c.AddCipherForMKI(id, k.Master, k.Salt); err != nil {
			return fmt.Errorf("%v: %w", k, err) // checked before: does not happen
		}
		if err := c.SetSendMKI(id); err != nil {
			return fmt.Errorf("%v: %w", k, err)
		}
	}
	o.keys[len(o.keys)-1].until = until
	o.keys = append(o.keys, held{Key: k})
	o.aim()
	return nil
}

// aim notes when the next key goes.
func (o *Opener) aim() {
	o.expires = 0
	for _, h := range o.keys {
		if h.until != 0 && (o.expires == 0 || h.until < o.expires) {
			o.expires = h.until
		}
	}
}

// expire lets go of the keys whose time is over.
func (o *Opener) expire(now int64) {
	for i := len(o.keys) - 2; i >= 0; i-- {
		if o.keys[i].until <= now {
			o.drop(i)
		}
	}
	o.aim()
}

func (o *Opener) drop(i int) {
	for _, c := range o.contexts() {
		_ = c.RemoveMKI(o.keys[i].identifier()) // is there, and is not the current one
	}
	o.keys = append(o.keys[:i], o.keys[i+1:]...)
}

// contexts returns those of the library that are in use.
func (o *Opener) contexts() (all []*srtp.Context) {
	for _, c := range []*srtp.Context{o.rtp.young, o.rtp.old, o.rtcp.young, o.rtcp.old} {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// RTP authenticates packet b and decrypts it into dst, which should have the capacity and
// may be b[:0]. Now is monotonic. The error is one of this package's.
func (o *Opener) RTP(dst, b []byte, now int64) ([]byte, error) {
	if err := o.screen(b, rtpHeader, o.tag, now); err != nil {
		return nil, err
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	_, young := o.rtp.young.ROC(ssrc)
	_, old := o.rtp.before().ROC(ssrc)
	plain, err := o.rtp.pick(young, old).DecryptRTP(dst, b, &o.header)
	if err != nil {
		return nil, o.reason(b, err)
	}
	o.count(&o.rtp, young || old)
	return plain, nil
}

// RTCP does the same for a compound RTCP packet.
func (o *Opener) RTCP(dst, b []byte, now int64) ([]byte, error) {
	if err := o.screen(b, rtcpHeader, rtcpTag, now); err != nil {
		return nil, err
	}
	ssrc := binary.BigEndian.Uint32(b[4:])
	_, young := o.rtcp.young.Index(ssrc)
	_, old := o.rtcp.before().Index(ssrc)
	plain, err := o.rtcp.pick(young, old).DecryptRTCP(dst, b, nil)
	switch {
	case err == nil:
		o.count(&o.rtcp, young || old)
		return plain, nil
	case errors.Is(err, srtp.ErrFailedToVerifyAuthTag):
		return nil, ErrForged
	}
	return nil, ErrReplayed
}

// screen refuses what no key can open before anything is computed.
func (o *Opener) screen(b []byte, header, tag int, now int64) error {
	if o.expires != 0 && now >= o.expires {
		o.expire(now)
	}
	end := len(b) - tag
	if end-mkiSize < header || b[0]>>6 != 2 {
		return ErrMalformed
	}
	mki := binary.BigEndian.Uint32(b[end-mkiSize:])
	for i := range o.keys {
		if o.keys[i].MKI == mki {
			return nil
		}
	}
	return ErrUnknownKey
}

// reason names why an RTP packet did not open. The library has no exported error for
// replays; they are what is left.
func (o *Opener) reason(b []byte, err error) error {
	if errors.Is(err, srtp.ErrFailedToVerifyAuthTag) {
		return ErrForged
	}
	if n, err := o.header.Unmarshal(b); err != nil || len(b) < n+mkiSize+o.tag {
		return ErrMalformed
	}
	return ErrReplayed
}

// table is the state of SSRCs in two generations. The library has no way to forget one SSRC,
// so a full generation is forgotten at once.
type table struct {
	young, old *srtp.Context // old is nil at first
	sources    int           // in young
}

// before returns the old generation, or the young one where there is none yet.
func (t *table) before() *srtp.Context {
	if t.old == nil {
		return t.young
	}
	return t.old
}

func (t *table) pick(young, old bool) *srtp.Context {
	if old && !young {
		return t.old
	}
	return t.young
}

// count follows how many SSRCs the young generation holds.
func (o *Opener) count(t *table, known bool) {
	if known {
		return
	}
	if t.sources++; t.sources == o.sources {
		_ = o.renew(t) // with keys that were good before
	}
}

// renew begins a generation under the keys that are held.
func (o *Opener) renew(t *table) error {
	current := len(o.keys) - 1
	c, err := o.keys[current].context(srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return err
	}
	for _, h := range o.keys[:current] {
		if err := c.AddCipherForMKI(h.identifier(), h.Master, h.Salt); err != nil {
			return fmt.Errorf("%v: %w", h.Key, err)
		}
	}
	t.old, t.young, t.sources = t.young, c, 0
	return nil
}
