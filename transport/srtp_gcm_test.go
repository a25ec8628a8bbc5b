package transport

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pion/srtp/v3"
)

// bothGCM returns our way and the library's of one key.
func bothGCM(t testing.TB) (*gcmSealer, *srtp.Context) {
	t.Helper()
	k := testKeys(AEADAES128GCM)
	s, err := newGCMSealer(k.LocalKey, k.LocalSalt)
	if err != nil {
		t.Fatal(err)
	}
	c, err := srtp.CreateContext(k.LocalKey, k.LocalSalt, srtp.ProtectionProfileAeadAes128Gcm)
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// testPacket has contributors and an extension, if these are more than 0, of words words.
func testPacket(sequence uint16, ssrc uint32, contributors, words, payload int) []byte {
	b := []byte{0x80 | byte(contributors), 96, byte(sequence >> 8), byte(sequence), 0, 0, 1, 2,
		byte(ssrc >> 24), byte(ssrc >> 16), byte(ssrc >> 8), byte(ssrc)}
	b = append(b, bytes.Repeat([]byte{7}, 4*contributors)...)
	if words > 0 {
		b[0] |= 0x10
		b = append(b, 0x10, 0, 0, byte(words))
		b = append(b, bytes.Repeat([]byte{0}, 4*words)...) // padding, to the library
	}
	for i := range payload {
		b = append(b, byte(i)^byte(sequence))
	}
	return b
}

// TestGCMAsTheLibrary: bit by bit, for any header, in place or not.
func TestGCMAsTheLibrary(t *testing.T) {
	s, c := bothGCM(t)
	sequence := uint16(0)
	for contributors := range 16 {
		for _, words := range []int{0, 1, 2, 9} {
			for _, payload := range []int{0, 1, 15, 16, 17, 160, 1188} {
				plain := testPacket(sequence, 5, contributors, words, payload)
				want, err := c.EncryptRTP(nil, plain, nil)
				if err != nil {
					t.Fatal(err)
				}
				sequence++
				twice := &rollover{}
				*twice = *s.stream(5)
				apart := s.seal(make([]byte, 0, 2000), plain)
				*s.stream(5) = *twice
				room := append(make([]byte, 0, 2000), plain...)
				within := s.seal(room[:0], room)
				if name := fmt.Sprintf("%d contributors, %d words, %d bytes", contributors, words, payload); !bytes.Equal(apart, want) || !bytes.Equal(within, want) {
					t.Fatalf("%s: the library protects it differently", name)
				} else if &within[0] != &room[0] {
					t.Fatalf("%s: moved", name)
				}
			}
		}
	}
}

// TestGCMCountsAsTheLibrary: wraps, gaps, what comes again from before a wrap, and several streams.
func TestGCMCountsAsTheLibrary(t *testing.T) {
	s, c := bothGCM(t)
	same := func(sequence uint16, ssrc uint32) {
		t.Helper()
		plain := testPacket(sequence, ssrc, 0, 0, 20)
		want, err := c.EncryptRTP(nil, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.seal(make([]byte, 0, 200), plain); !bytes.Equal(got, want) {
			t.Fatalf("packet %d of %d: the library counts differently", sequence, ssrc)
		}
		ours, known := s.ROC(ssrc)
		if theirs, ok := c.ROC(ssrc); ours != theirs || known != ok {
			t.Fatalf("packet %d of %d: rollover counter %d %v, the library has %d %v", sequence, ssrc, ours, known, theirs, ok)
		}
	}
	for _, sequence := range []uint16{0, 32_767, 32_768, 65_535, 0, 65_534, 1, 32_768, 32_769, 65_535, 32_767, 32_766, 0, 40_000, 7_231, 7_232, 39_999} {
		same(sequence, 1)
	}
	random := rand.New(rand.NewPCG(1, 2))
	next := [4]uint16{}
	for range 20_000 {
		i := random.IntN(len(next))
		next[i] += uint16(random.IntN(5_000))
		same(next[i]-uint16(random.IntN(3)*random.IntN(200)), uint32(10+i))
	}
	s.SetROC(99, 8)
	c.SetROC(99, 8)
	same(65_000, 99)
	same(3, 99)
}

// TestGCMKeyIsUsedUp: no index is used twice, also not after the last.
func TestGCMKeyIsUsedUp(t *testing.T) {
	s, _ := bothGCM(t)
	s.SetROC(1, 1<<32-1)
	room := make([]byte, 0, 200)
	for sequence, want := range map[uint16]bool{65_534: true, 65_535: true} {
		if got := s.seal(room, testPacket(sequence, 1, 0, 0, 20)) != nil; got != want {
			t.Errorf("packet %d: sealed: %v", sequence, got)
		}
	}
	for range 2 {
		if s.seal(room, testPacket(0, 1, 0, 0, 20)) != nil {
			t.Fatal("the packet behind the last was sealed")
		}
	}
}

func TestGCMAllocatesNothing(t *testing.T) {
	s, _ := bothGCM(t)
	room, plain := make([]byte, 0, 2000), testPacket(1, 1, 0, 0, 1000)
	s.seal(room, plain)
	s.seal(room, testPacket(1, 2, 0, 0, 0))
	if n := testing.AllocsPerRun(100, func() { s.seal(room, plain) }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func BenchmarkGCM(b *testing.B) {
	ours, theirs := bothGCM(b)
	plain, room := testPacket(1, 1, 0, 0, 1000), make([]byte, 0, 2000)
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			ours.seal(room, plain)
		}
	})
	b.Run("library", func(b *testing.B) {
		c := crypto{cryptoKeys: &cryptoKeys{out: theirs}}
		for b.Loop() {
			c.seal(room, plain)
		}
	})
}
