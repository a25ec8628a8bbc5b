package mixer

import (
	"bytes"
	"testing"
)

func putAudio(b *buffer, seq, needed int64) {
	b.put(seq, needed, bytes.Repeat([]byte{byte(seq)}, 160)).kind = slotAudio
}

// A stream that is played as it comes does with a few slots.
func TestBufferStaysSmallWherePacketsArePlayed(t *testing.T) {
	var b buffer
	for seq := int64(1000); seq < 2000; seq++ {
		putAudio(&b, seq, seq-warmPackets)
	}
	if len(b.slots) != fewSlots {
		t.Errorf("%d slots, want %d", len(b.slots), fewSlots)
	}
}

// Whatever is needed is kept, in any order of arrival, up to slotCount packets.
func TestBufferGrowsForWhatIsNeeded(t *testing.T) {
	for _, back := range []bool{false, true} {
		var b buffer
		for i := range int64(slotCount) {
			if back {
				i = slotCount - 1 - i
			}
			putAudio(&b, 1000+i, 1000)
		}
		for seq := int64(1000); seq < 1000+slotCount; seq++ {
			if s := b.at(seq); s == nil || len(s.payload) != 160 || s.payload[159] != byte(seq) {
				t.Fatalf("packet %d is not kept (backwards: %v)", seq, back)
			}
		}
		if putAudio(&b, 1000+slotCount, 1000); b.has(1000) || len(b.slots) != slotCount {
			t.Errorf("%d slots, want %d at most", len(b.slots), slotCount)
		}
	}
}

func TestBufferTakesLongerPayloads(t *testing.T) {
	var b buffer
	b.put(1, 0, nil).kind = slotEvent
	b.near()
	putAudio(&b, 2, 0)
	long := bytes.Repeat([]byte{7}, maxPayload)
	b.put(3, 0, long).kind = slotAudio
	if !bytes.Equal(b.at(3).payload, long) || len(b.at(2).payload) != 160 || len(b.at(1).payload) != 0 {
		t.Error("a longer payload changed others, or was not kept")
	}
}
