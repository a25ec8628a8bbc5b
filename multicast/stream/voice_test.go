package stream

import (
	"bytes"
	"sync"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/transport"
)

// listener opens what is sent, in the library's own words.
type listener struct {
	t  testing.TB
	in *srtp.Context
}

func join(t testing.TB, k groupkey.Key) *listener {
	t.Helper()
	mki := []byte{byte(k.MKI >> 24), byte(k.MKI >> 16), byte(k.MKI >> 8), byte(k.MKI)}
	in, err := srtp.CreateContext(k.Master, k.Salt, srtp.ProtectionProfileAes128CmHmacSha1_80, srtp.MasterKeyIndicator(mki), srtp.SRTPReplayProtection(64))
	if err != nil {
		t.Fatal(err)
	}
	return &listener{t, in}
}

func (l *listener) hear(b []byte) *rtp.Packet {
	l.t.Helper()
	b, err := l.in.DecryptRTP(nil, b, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	var p rtp.Packet
	if err := p.Unmarshal(b); err != nil {
		l.t.Fatal(err)
	}
	return &p
}

// TestLateJoiner: a stream of any length is open to whoever joins, whenever, and its
// timeline does not break where its SSRC changes.
func TestLateJoiner(t *testing.T) {
	s, w := begin(t, protected)
	early, before, sources := join(t, *s.key), (*rtp.Packet)(nil), map[uint32]bool{}
	const length = 3 * wrap
	for i := range int64(length) {
		w.packets = w.packets[:0]
		s.Send(spoken(i))
		p := early.hear(w.packets[0])
		if before != nil && p.Timestamp-before.Timestamp != 960 {
			t.Fatalf("packet %d: timestamp %d after %d", i, p.Timestamp, before.Timestamp)
		}
		if before != nil && p.SSRC == before.SSRC && p.SequenceNumber != before.SequenceNumber+1 {
			t.Fatalf("packet %d: sequence %d after %d", i, p.SequenceNumber, before.SequenceNumber)
		}
		before, sources[p.SSRC] = p, true
		if i%9973 == 0 || p.SequenceNumber == 0xffff {
			join(t, *s.key).hear(w.packets[0])
		}
		if i%250 == 0 {
			s.Sent() // as who reports does
		}
	}
	if len(sources) != 4 || s.Stats().Sources != 3 {
		t.Errorf("%d SSRCs in %d packets, want 4", len(sources), length)
	}
}

// TestNobodyReports: without a spare the stream goes on past the wrap, for who is there.
func TestNobodyReports(t *testing.T) {
	s, w := begin(t, protected)
	l := join(t, *s.key)
	s.spare.Store(nil)
	s.self.sequence = wrap - 2
	ssrc := s.self.ssrc
	for i := range int64(4) {
		s.Send(spoken(i))
		if p := l.hear(w.packets[i]); p.SSRC != ssrc || p.SequenceNumber != uint16(wrap-2+i) {
			t.Errorf("packet %d: %v", i, p)
		}
	}
	s.Sent()
	s.Send(spoken(4))
	if p := join(t, *s.key).hear(w.packets[4]); p.SSRC == ssrc || p.SequenceNumber > 0x3ff {
		t.Errorf("after a report: %v", p)
	}
}

func TestSetKey(t *testing.T) {
	s, w := begin(t, protected)
	first, second := *s.key, groupkey.New(transport.AES128CMHMACSHA180, 2)
	o, err := groupkey.NewOpener(first, 8)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Add(second, 1, 1e9); err != nil {
		t.Fatal(err)
	}
	s.spare.Store(nil) // so that the counter is 1 when the key changes
	s.self.sequence = wrap - 1
	ssrc := s.self.ssrc
	for i := range int64(6) {
		if i == 3 {
			if err := s.SetKey(second); err != nil {
				t.Fatal(err)
			}
			s.spare.Store(nil)
		}
		s.Send(spoken(i))
		b, err := o.RTP(nil, w.packets[i], 1)
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		var p rtp.Packet
		if err := p.Unmarshal(b); err != nil || p.SSRC != ssrc || p.SequenceNumber != uint16(wrap-1+i) {
			t.Errorf("packet %d: %v, %v", i, &p, err)
		}
		if mki := w.packets[i][len(w.packets[i])-11]; (mki == 2) != (i >= 3) {
			t.Errorf("packet %d is under key %d", i, mki)
		}
	}
	s.Sent()
	s.Send(spoken(6)) // the next SSRC is under the new key
	if p := join(t, second).hear(w.packets[6]); p.SSRC == ssrc {
		t.Errorf("after the wrap: %v", p)
	}
}

// TestNextSSRCHasTheNewKey: what was prepared under the key before is not used.
func TestNextSSRCHasTheNewKey(t *testing.T) {
	s, w := begin(t, protected)
	second := groupkey.New(transport.AES128CMHMACSHA180, 2)
	if err := s.SetKey(second); err != nil {
		t.Fatal(err)
	}
	ssrc := s.self.ssrc
	s.self.sequence = wrap
	s.Send(spoken(0))
	if p := join(t, second).hear(w.packets[0]); p.SSRC == ssrc {
		t.Errorf("after the wrap: %v", p)
	}
}

func TestSetKeyRefuses(t *testing.T) {
	s, w := begin(t, protected)
	first := *s.key
	if s.SetKey(groupkey.Key{}) == nil {
		t.Error("took no key")
	}
	s.Send(spoken(0))
	join(t, first).hear(w.packets[0])
	s, _ = begin(t, nil)
	if s.SetKey(first) == nil {
		t.Error("a plain stream took a key")
	}
}

func TestNewSSRC(t *testing.T) {
	for _, change := range []func(*Config){nil, protected} {
		s, w := begin(t, change)
		s.Send(spoken(0))
		a := w.last(t)
		s.NewSSRC()
		if s.Sent().SSRC != a.SSRC || s.Sent().Packets != 1 {
			t.Error("another SSRC before the next packet")
		}
		s.Send(spoken(1))
		b := w.last(t)
		if b.SSRC == a.SSRC || b.Timestamp-a.Timestamp != 960 {
			t.Errorf("%v after %v", b, a)
		}
		if got := s.Sent(); got.SSRC != b.SSRC || got.Packets != 1 || got.Timestamp != b.Timestamp || got.Octets != uint32(3) || got.Rate != clockRate {
			t.Errorf("report: %+v of %v", got, b)
		}
		if st := s.Stats(); st.SSRC != b.SSRC || st.Packets != 2 || st.Octets != 6 || st.Sources != 1 {
			t.Errorf("%+v", st)
		}
	}
}

// TestNewSSRCAndKeyTogether: neither is lost, in either order.
func TestNewSSRCAndKeyTogether(t *testing.T) {
	for _, keyFirst := range []bool{true, false} {
		s, w := begin(t, protected)
		ssrc, second := s.self.ssrc, groupkey.New(transport.AES128CMHMACSHA180, 2)
		if keyFirst {
			_ = s.SetKey(second)
			s.NewSSRC()
		} else {
			s.NewSSRC()
			_ = s.SetKey(second)
		}
		s.Send(spoken(0))
		if p := join(t, second).hear(w.packets[0]); p.SSRC == ssrc {
			t.Errorf("key first %v: still %v", keyFirst, p)
		}
	}
}

// TestSentIsWhole: what a report says is of one packet, while packets go out, keys change
// and SSRCs change.
func TestSentIsWhole(t *testing.T) {
	s, w := begin(t, protected)
	w.discard = true
	stop, done := make(chan struct{}), sync.WaitGroup{}
	base := s.timeline
	done.Go(func() {
		for mki := uint32(2); ; mki++ {
			select {
			case <-stop:
				return
			default:
			}
			if mki%3 == 0 {
				s.NewSSRC()
			} else if err := s.SetKey(groupkey.New(transport.AES128CMHMACSHA180, mki)); err != nil {
				t.Error(err)
			}
			s.Stats()
		}
	})
	first, _ := base.At(0, clockRate)
	done.Go(func() {
		counts := map[uint32]uint32{}
		for {
			select {
			case <-stop:
				return
			default:
			}
			got := s.Sent()
			if got.Packets == 0 {
				continue
			}
			if got.Octets != 3*got.Packets || (got.Timestamp-first)%960 != 0 || got.SentAt == 0 || got.SentAt > clock.Now() || got.Packets < counts[got.SSRC] {
				t.Errorf("%+v", got)
			}
			counts[got.SSRC] = got.Packets
		}
	})
	for i := range int64(20_000) {
		s.Send(spoken(i))
	}
	close(stop)
	done.Wait()
	if st := s.Stats(); st.Packets != 20_000 || st.Failed != 0 {
		t.Errorf("%+v", st)
	}
}

// TestPublishedIsWhole: the same, as fast as can be written.
func TestPublishedIsWhole(t *testing.T) {
	var p published
	const last = 300_000
	go func() {
		for n := uint32(1); n <= last; n++ {
			p.write(&voice{ssrc: n, packets: n, octets: n}, n, int64(n))
		}
	}()
	for got := p.read(); got.SSRC < last; got = p.read() {
		if n := got.SSRC; got.Packets != n || got.Octets != n || got.Timestamp != n || got.SentAt != int64(n) {
			t.Fatalf("%+v", got)
		}
	}
}

func TestSendAllocatesNothing(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"plain":     nil,
		"redundant": redundant(2),
		"protected": protected,
		"all":       func(c *Config) { redundant(2)(c); protected(c); c.History = 4 },
	} {
		s, w := begin(t, change)
		w.discard = true
		s.Send(spoken(0))
		o, i := spoken(0), int64(0)
		o.Data = bytes.Repeat([]byte{7}, 160)
		n := testing.AllocsPerRun(1000, func() {
			i++
			o.Time = i * ptime
			if i == 500 { // to the next SSRC, too
				s.self.sequence = wrap
			}
			s.Send(o)
		})
		if n != 0 {
			t.Errorf("%s: %v allocations a packet", name, n)
		}
		if s.key != nil && s.Stats().Sources != 1 {
			t.Errorf("%s: no change of SSRC", name)
		}
	}
}

var _ media.Sink = (*Stream)(nil)
