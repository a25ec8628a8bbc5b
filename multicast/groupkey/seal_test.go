package groupkey

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/confd/confd/transport"
)

func sealer(t testing.TB, k Key) *Sealer {
	t.Helper()
	s, err := NewSealer(k)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func opener(t testing.TB, k Key, sources int) *Opener {
	t.Helper()
	o, err := NewOpener(k, sources)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// media is a plain RTP packet with a contributor.
func media(t testing.TB, ssrc uint32, seq uint16) []byte {
	t.Helper()
	h := rtp.Header{Version: 2, PayloadType: 96, SSRC: ssrc, SequenceNumber: seq, Timestamp: 960 * uint32(seq), CSRC: []uint32{5}}
	b, err := (&rtp.Packet{Header: h, Payload: []byte("forty milliseconds")}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func report(t testing.TB, ssrc uint32) []byte {
	t.Helper()
	b, err := (&rtcp.ReceiverReport{SSRC: ssrc}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	goldenRTP  = "8160000300000b400a0b0c0d00000005a449b17761e6d2cc36fdeced67cba92bc43600000007a5b3c0cde9b50f5c03d7"
	goldenRTCP = "80c900010a0b0c0d8000000100000007e75ad7589186d79260fb"
)

// TestGolden holds the bytes of both kinds of packet.
func TestGolden(t *testing.T) {
	s := sealer(t, fixed(suites[0], 7))
	if got, want := hex.EncodeToString(s.RTP(nil, media(t, 0x0a0b0c0d, 3))), goldenRTP; got != want {
		t.Errorf("RTP %s\nwant %s", got, want)
	}
	if got, want := hex.EncodeToString(s.RTCP(nil, report(t, 0x0a0b0c0d))), goldenRTCP; got != want {
		t.Errorf("RTCP %s\nwant %s", got, want)
	}
}

// TestForOthers: the library, in its own words, opens what is sealed and seals what opens.
func TestForOthers(t *testing.T) {
	for _, suite := range suites {
		k := fixed(suite, 0x01020304)
		s, o := sealer(t, k), opener(t, k, 4)
		mine := func() *srtp.Context {
			c, err := srtp.CreateContext(k.Master, k.Salt, profiles[suite].ProtectionProfile, srtp.MasterKeyIndicator([]byte{1, 2, 3, 4}))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		in, out := mine(), mine()
		p, r := media(t, 9, 1), report(t, 9)
		sealed := s.RTP(nil, p)
		if len(sealed) != len(p)+k.Overhead() || len(sealed) != len(p)+s.Overhead() {
			t.Errorf("%v: %d bytes more, want %d", suite, len(sealed)-len(p), k.Overhead())
		}
		if got, err := in.DecryptRTP(nil, sealed, nil); err != nil || !bytes.Equal(got, p) {
			t.Errorf("%v: RTP for others: %x, %v", suite, got, err)
		}
		if got, err := in.DecryptRTCP(nil, s.RTCP(nil, r), nil); err != nil || !bytes.Equal(got, r) {
			t.Errorf("%v: RTCP for others: %x, %v", suite, got, err)
		}
		theirs, _ := out.EncryptRTP(nil, p, nil)
		if got, err := o.RTP(theirs[:0], theirs, 1); err != nil || !bytes.Equal(got, p) {
			t.Errorf("%v: RTP of others: %x, %v", suite, got, err)
		}
		theirs, _ = out.EncryptRTCP(nil, r, nil)
		if got, err := o.RTCP(nil, theirs, 1); err != nil || !bytes.Equal(got, r) {
			t.Errorf("%v: RTCP of others: %x, %v", suite, got, err)
		}
	}
}

func TestNoKeyIsPlain(t *testing.T) {
	var s *Sealer
	b := media(t, 1, 1)
	if !bytes.Equal(s.RTP(nil, b), b) || !bytes.Equal(s.RTCP(nil, b), b) || s.Overhead() != 0 {
		t.Error("a nil sealer changes packets")
	}
	if got := sealer(t, fixed(suites[0], 1)).RTP(nil, []byte{0x80}); got != nil {
		t.Errorf("sealed what is no packet: %x", got)
	}
}

func TestOpenerDrops(t *testing.T) {
	k := fixed(suites[0], 7)
	s, o := sealer(t, k), opener(t, k, 4)
	good := s.RTP(nil, media(t, 1, 1))
	control := s.RTCP(nil, report(t, 1))
	if _, err := o.RTP(nil, good, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := o.RTCP(nil, control, 1); err != nil {
		t.Fatal(err)
	}
	flip := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 1
		return b
	}
	for _, c := range []struct {
		name string
		b    []byte
		open func(dst, b []byte, now int64) ([]byte, error)
		want error
	}{
		{"again", good, o.RTP, ErrReplayed},
		{"payload", flip(s.RTP(nil, media(t, 1, 2)), 20), o.RTP, ErrForged},
		{"header", flip(s.RTP(nil, media(t, 1, 2)), 3), o.RTP, ErrForged},
		{"key", flip(s.RTP(nil, media(t, 1, 2)), len(good)-11), o.RTP, ErrUnknownKey},
		{"plain", media(t, 1, 2), o.RTP, ErrUnknownKey},
		{"short", good[:25], o.RTP, ErrMalformed},
		{"version", append([]byte{0x40}, good[1:]...), o.RTP, ErrMalformed},
		{"lists cut off", append(append([]byte{0x8f}, good[1:14]...), good[len(good)-14:]...), o.RTP, ErrMalformed},
		{"report again", control, o.RTCP, ErrReplayed},
		{"report forged", flip(s.RTCP(nil, report(t, 1)), 5), o.RTCP, ErrForged},
		{"report of no key", flip(s.RTCP(nil, report(t, 1)), len(control)-11), o.RTCP, ErrUnknownKey},
		{"report cut off", control[:25], o.RTCP, ErrMalformed},
		{"nothing", nil, o.RTCP, ErrMalformed},
	} {
		if _, err := c.open(nil, c.b, 1); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestRekey: both keys are held for a while, the stream goes on over wraps, indices go on.
func TestRekey(t *testing.T) {
	for _, suite := range suites {
		first, second := fixed(suite, 1), fixed(suite, 2)
		s, o := sealer(t, first), opener(t, first, 4)
		open := func(b []byte, now int64, want error) {
			t.Helper()
			if _, err := o.RTP(nil, b, now); !errors.Is(err, want) {
				t.Fatalf("%v: %v, want %v", suite, err, want)
			}
		}
		openControl := func(b []byte, now int64, want error) {
			t.Helper()
			if _, err := o.RTCP(nil, b, now); !errors.Is(err, want) {
				t.Fatalf("%v: %v, want %v", suite, err, want)
			}
		}
		for seq := uint16(65534); seq != 1; seq++ { // the counter is 1 afterwards
			open(s.RTP(nil, media(t, 9, seq)), 1, nil)
		}
		openControl(s.RTCP(nil, report(t, 9)), 1, nil)
		early, late, spent := s.RTP(nil, media(t, 9, 1)), s.RTP(nil, media(t, 9, 2)), s.RTCP(nil, report(t, 9))
		control := s.RTCP(nil, report(t, 9))
		if err := s.Rekey(second); err != nil {
			t.Fatal(err)
		}
		open(s.RTP(nil, media(t, 9, 3)), 1, ErrUnknownKey)
		if err := o.Add(second, 1, time.Second); err != nil {
			t.Fatal(err)
		}
		open(early, 2, nil)
		open(s.RTP(nil, media(t, 9, 4)), 2, nil)
		openControl(control, 2, nil)
		openControl(s.RTCP(nil, report(t, 9)), 2, nil)
		again := sealer(t, second) // as one who expands keys elsewhere does it
		again.Begin(9, 1)
		open(again.RTP(nil, media(t, 9, 5)), 2, nil)
		open(late, int64(time.Second)+1, ErrUnknownKey)
		openControl(spent, int64(time.Second)+1, ErrUnknownKey)
	}
}

func TestRekeyRefuses(t *testing.T) {
	k := fixed(suites[0], 1)
	s, o := sealer(t, k), opener(t, k, 4)
	other := New(suites[0], 1)
	for name, bad := range map[string]Key{"suite": fixed(suites[1], 2), "identifier in use": other, "none": {MKI: 2}} {
		if s.Rekey(bad) == nil || o.Add(bad, 1, 0) == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := errors.Join(s.Rekey(k), o.Add(k, 1, 0)); err != nil || len(o.keys) != 1 {
		t.Errorf("the same key: %v, %d held", err, len(o.keys))
	}
}

// TestKeysAreBounded: however often a group is re-keyed within a grace.
func TestKeysAreBounded(t *testing.T) {
	o := opener(t, fixed(suites[0], 1), 4)
	for mki := uint32(2); mki < 3*maxKeys; mki++ {
		if err := o.Add(fixed(suites[0], mki), 1, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if len(o.keys) != maxKeys {
		t.Errorf("%d keys held, want %d", len(o.keys), maxKeys)
	}
	if _, err := o.RTP(nil, sealer(t, fixed(suites[0], 2*maxKeys)).RTP(nil, media(t, 1, 1)), 1); err != nil {
		t.Errorf("the oldest key held: %v", err)
	}
	if _, err := o.RTP(nil, sealer(t, fixed(suites[0], 2*maxKeys-1)).RTP(nil, media(t, 2, 1)), 1); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("the key that made room: %v", err)
	}
	o.expire(int64(2 * time.Hour))
	if len(o.keys) != 1 || o.expires != 0 {
		t.Errorf("%d keys held after the grace", len(o.keys))
	}
}

// TestForgedSourcesLeaveNothing: an SSRC costs memory only once it was authentic.
func TestForgedSourcesLeaveNothing(t *testing.T) {
	k := fixed(suites[0], 1)
	o, liar := opener(t, k, 4), sealer(t, Key{Suite: k.Suite, MKI: k.MKI, Master: make([]byte, 16), Salt: make([]byte, 14)})
	for ssrc := range uint32(1000) {
		_, err := o.RTP(nil, liar.RTP(nil, media(t, ssrc, 1)), 1)
		_, also := o.RTCP(nil, liar.RTCP(nil, report(t, ssrc)), 1)
		if !errors.Is(err, ErrForged) || !errors.Is(also, ErrForged) {
			t.Fatalf("SSRC %d: %v, %v", ssrc, err, also)
		}
		if _, ok := o.rtp.young.ROC(ssrc); ok {
			t.Fatalf("state for SSRC %d", ssrc)
		}
		if _, ok := o.rtcp.young.Index(ssrc); ok {
			t.Fatalf("RTCP state for SSRC %d", ssrc)
		}
	}
	if o.rtp.sources != 0 || o.rtcp.sources != 0 {
		t.Errorf("%d and %d sources counted", o.rtp.sources, o.rtcp.sources)
	}
}

// TestSourcesAreBounded: a group of any size, each member reporting.
func TestSourcesAreBounded(t *testing.T) {
	k := fixed(suites[0], 1)
	const bound = 16
	s, o := sealer(t, k), opener(t, k, bound)
	var packets, reports [][]byte
	for ssrc := range uint32(3 * bound) {
		packets = append(packets, s.RTP(nil, media(t, ssrc, 1)))
		reports = append(reports, s.RTCP(nil, report(t, ssrc)))
		_, err := o.RTP(nil, packets[ssrc], 1)
		_, also := o.RTCP(nil, reports[ssrc], 1)
		if err != nil || also != nil {
			t.Fatalf("SSRC %d: %v, %v", ssrc, err, also)
		}
	}
	for ssrc := range uint32(3 * bound) {
		_, kept := o.rtp.before().ROC(ssrc)
		_, keptControl := o.rtcp.before().Index(ssrc)
		if recent := ssrc >= 2*bound; kept != recent || keptControl != recent {
			t.Errorf("SSRC %d: kept %v, %v", ssrc, kept, keptControl)
		}
	}
	for ssrc := uint32(2 * bound); ssrc < 3*bound; ssrc++ { // what the old generation knows
		_, err := o.RTP(nil, packets[ssrc], 1)
		_, also := o.RTCP(nil, reports[ssrc], 1)
		if !errors.Is(err, ErrReplayed) || !errors.Is(also, ErrReplayed) {
			t.Errorf("SSRC %d again: %v, %v", ssrc, err, also)
		}
	}
}

// TestLateJoiner: who joins after a wrap cannot open the old SSRC, and can the next one. This
// is why a sender leaves its SSRC in time.
func TestLateJoiner(t *testing.T) {
	k := fixed(suites[0], 1)
	s := sealer(t, k)
	for seq := range 1 << 16 {
		s.RTP(nil, media(t, 1, uint16(seq)))
	}
	late := opener(t, k, 4)
	if _, err := late.RTP(nil, s.RTP(nil, media(t, 1, 0)), 1); !errors.Is(err, ErrForged) {
		t.Errorf("after the wrap: %v", err)
	}
	if _, err := late.RTP(nil, s.RTP(nil, media(t, 2, 0)), 1); err != nil {
		t.Errorf("under the next SSRC: %v", err)
	}
}

func TestAllocatesNothing(t *testing.T) {
	k := fixed(suites[0], 1)
	s, o := sealer(t, k), opener(t, k, 4)
	b := media(t, 1, 0)
	sealed, plain := make([]byte, 0, 1500), make([]byte, 0, 1500)
	s.Begin(1, 0)
	seq := uint16(0)
	next := func() {
		seq++
		b[2], b[3] = byte(seq>>8), byte(seq)
		if _, err := o.RTP(plain, s.RTP(sealed, b), 1); err != nil {
			t.Fatal(err)
		}
	}
	next()
	if n := testing.AllocsPerRun(200, next); n != 0 && !raceEnabled {
		t.Errorf("%v allocations a packet", n)
	}
}

func FuzzOpen(f *testing.F) {
	k := fixed(transport.AES128CMHMACSHA180, 7)
	s := sealer(f, k)
	f.Add(s.RTP(nil, media(f, 1, 1)))
	f.Add(s.RTCP(nil, report(f, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		o := opener(t, k, 1)
		before := bytes.Clone(b)
		_, err := o.RTP(nil, b, 1)
		_, _ = o.RTCP(nil, b, 1)
		if !bytes.Equal(b, before) {
			t.Error("the packet was changed")
		}
		if again, _ := o.RTP(nil, b, 1); err == nil && again != nil {
			t.Error("opened twice")
		}
	})
}
