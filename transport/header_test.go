package transport

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/pion/rtp"
)

// headerSeeds are packets as phones send them.
func headerSeeds(t testing.TB) [][]byte {
	one := rtp.Header{Version: 2, PayloadType: 111, SequenceNumber: 7, Timestamp: 960, SSRC: 5, Marker: true, CSRC: []uint32{1, 2}}
	for id, v := range map[uint8][]byte{1: {0x8a}, 3: {1, 2, 3}} {
		if err := one.SetExtension(id, v); err != nil {
			t.Fatal(err)
		}
	}
	two := rtp.Header{Version: 2, PayloadType: 0, Extension: true, ExtensionProfile: rtp.ExtensionProfileTwoByte}
	for id, v := range map[uint8][]byte{1: {}, 200: {0x2a}} {
		if err := two.SetExtension(id, v); err != nil {
			t.Fatal(err)
		}
	}
	old := rtp.Header{Version: 2, Extension: true, ExtensionProfile: 0x4321}
	if err := old.SetExtension(0, []byte{1, 2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	event := rtp.Header{Version: 2, PayloadType: 101, Marker: true, SequenceNumber: 65535, SSRC: 0xffffffff}
	padded := packetBytes(t, rtp.Header{Version: 2, SSRC: 3}, []byte{1, 2, 3, 0, 0, 3})
	padded[0] |= 0x20
	return [][]byte{
		packetBytes(t, rtp.Header{Version: 2, SequenceNumber: 1, Timestamp: 160, SSRC: 1}, make([]byte, 160)),
		packetBytes(t, one, []byte{1, 2}), packetBytes(t, two, []byte{1, 2}), packetBytes(t, old, []byte{1}),
		packetBytes(t, event, []byte{5, 0x8a, 3, 32}), padded,
	}
}

func TestHeaderAgreesWithPion(t *testing.T) {
	for i, b := range headerSeeds(t) {
		if !compareWithPion(t, b) {
			t.Errorf("seed %d was refused", i)
		}
	}
}

// compareWithPion tells whether both take a packet, and fails if they read it differently.
func compareWithPion(t *testing.T, b []byte) bool {
	var h header
	var p rtp.Packet
	ok := parseHeader(&h, b)
	payload, padOK := []byte(nil), false
	if ok {
		payload, padOK = h.payload(b)
	}
	// The library minds neither the version nor takes a packet whose extension elements are
	// broken; both are deliberate here.
	if err := p.Unmarshal(b); err != nil || p.Version != 2 {
		return false
	}
	if !ok || !padOK {
		t.Fatalf("%x: refused, but the library takes it", b)
	}
	if h.ssrc != p.SSRC || h.timestamp != p.Timestamp || h.sequence != p.SequenceNumber ||
		h.pt != p.PayloadType || h.marker != p.Marker || !bytes.Equal(payload, p.Payload) {
		t.Fatalf("%x: read as %+v, the library reads %v", b, h, p)
	}
	if p.Extension && (p.ExtensionProfile == profileOne || p.ExtensionProfile == profileTwo) {
		for _, id := range p.GetExtensionIDs() {
			if got, want := h.element(id), p.GetExtension(id); !bytes.Equal(got, want) {
				t.Fatalf("%x: element %d is %x, the library reads %x", b, id, got, want)
			}
		}
	}
	return true
}

func FuzzHeader(f *testing.F) {
	for _, b := range headerSeeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		compareWithPion(t, b)
		var h header
		if !parseHeader(&h, b) {
			return
		}
		for id := range 256 {
			h.element(uint8(id))
		}
	})
}

func TestElement(t *testing.T) {
	for _, c := range []struct {
		name      string
		profile   uint16
		extension string
		id        uint8
		want      string
	}{
		{"one byte", profileOne, "10aa0000", 1, "aa"},
		{"second, after padding", profileOne, "10aa002102bb0000", 2, "02bb"},
		{"absent", profileOne, "10aa0000", 2, ""},
		{"id 15 ends", profileOne, "f0aa10bb", 1, ""},
		{"id 0 with a length ends", profileOne, "01aabb10cc000000", 1, ""},
		{"too long", profileOne, "1faaaaaa", 1, ""},
		{"no id 0", profileOne, "00aa0000", 0, ""},
		{"two bytes", profileTwo, "c801aa00", 200, "aa"},
		{"two bytes, appbits", profileTwo | 7, "c801aa00", 200, "aa"},
		{"two bytes, empty before", profileTwo, "0100c801aa000000", 200, "aa"},
		{"two bytes, too long", profileTwo, "c804aabb", 200, ""},
		{"two bytes, cut", profileTwo, "000000c8", 200, ""},
		{"other profile", 0x4321, "10aa0000", 1, ""},
	} {
		b, err := hex.DecodeString(c.extension)
		if err != nil {
			t.Fatal(err)
		}
		h := header{profile: c.profile, extension: b}
		if got := hex.EncodeToString(h.element(c.id)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func FuzzElement(f *testing.F) {
	f.Add(uint16(profileOne), uint8(1), []byte{0x10, 0xaa, 0, 0})
	f.Add(uint16(profileTwo), uint8(200), []byte{200, 1, 0xaa, 0})
	f.Fuzz(func(t *testing.T, profile uint16, id uint8, b []byte) {
		h := header{profile: profile, extension: b}
		if got := h.element(id); len(got) > len(b) {
			t.Fatalf("an element of %d bytes in %d", len(got), len(b))
		}
	})
}
