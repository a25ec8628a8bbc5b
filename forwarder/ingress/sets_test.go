package ingress

import (
	"bytes"
	"testing"

	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

var (
	sps     = []byte{0x67, 0x42, 0xe0, 0x1f, 0x80, 1, 2, 3}
	pps     = []byte{0x68, 0xce, 0x38, 0x80}
	idr     = []byte{0x65, 0x88, 1, 2, 3}
	trail   = []byte{0x41, 0x9a, 1, 2, 3}
	sps1    = []byte{0x67, 0x42, 0xe0, 0x1f, 0x40, 9, 9} // its id is 1
	vps265  = []byte{0x40, 1, 0x0c, 1}
	sps265  = []byte{0x42, 1, 1, 1}
	pps265  = []byte{0x44, 1, 0xc0, 1}
	idr265  = []byte{0x26, 1, 0xaf, 1}
	delim   = []byte{0x09, 0x10}
	h264Run = Config{Codec: media.H264}
)

// packed is several NAL units in one payload: STAP-A, or an aggregation packet of H.265.
func packed(head []byte, units ...[]byte) []byte {
	p := bytes.Clone(head)
	for _, u := range units {
		p = append(append(p, byte(len(u)>>8), byte(len(u))), u...)
	}
	return p
}

// one is a packet at a time, in units of pictures.
type one struct {
	at      uint32
	payload []byte
	marker  bool
}

func send(r *run, first uint16, all ...one) {
	r.Helper()
	for i, o := range all {
		r.put(transport.VideoPacket{Sequence: first + uint16(i), Timestamp: 3000 * o.at, Payload: o.payload, Marker: o.marker})
	}
}

func TestParameterSetsBelongToThePictureBehindThem(t *testing.T) {
	for name, all := range map[string][]one{
		"of its timestamp":        {{1, sps, false}, {1, pps, false}, {1, idr, true}},
		"marked":                  {{1, sps, true}, {1, pps, true}, {1, idr, true}},
		"of another timestamp":    {{1, sps, false}, {1, pps, false}, {2, idr, true}},
		"of two others, marked":   {{1, sps, true}, {2, pps, true}, {3, idr, true}},
		"packed":                  {{1, packed([]byte{0x78}, sps, pps), false}, {1, idr, true}},
		"packed and marked":       {{1, packed([]byte{0x78}, sps, pps), true}, {2, idr, true}},
		"behind a delimiter":      {{1, delim, true}, {2, sps, true}, {2, pps, false}, {2, idr, true}},
		"packed with the picture": {{1, packed([]byte{0x78}, sps, pps, idr), true}},
	} {
		r := newRun(t, h264Run)
		send(r, 10, all...)
		r.want(1, 1)
		f := r.frames[0]
		if !f.Key || !f.Parameters || f.Count != len(all) || f.Timestamp != 3000*all[len(all)-1].at {
			t.Errorf("%s: %+v", name, f)
		}
		p := r.s.Parameters()
		if len(p) != 2 || !bytes.Equal(p[0].Payload, sps) || !bytes.Equal(p[1].Payload, pps) {
			t.Errorf("%s: remembered %d", name, len(p))
		}
	}
}

func TestParameterSetsOfH265(t *testing.T) {
	r := newRun(t, Config{Codec: media.H265})
	send(r, 1, one{1, packed([]byte{0x60, 1}, pps265, sps265), true}, one{1, idr265, true})
	r.want(0, 0) // one is missing
	send(r, 3, one{2, vps265, true}, one{2, idr265, true})
	r.want(1, 1)
	p := r.s.Parameters()
	if len(p) != 3 || !bytes.Equal(p[0].Payload, vps265) || !bytes.Equal(p[1].Payload, sps265) || !bytes.Equal(p[2].Payload, pps265) {
		t.Errorf("remembered %d", len(p))
	}
	if st := r.s.Stats(); st.Headless != 1 {
		t.Errorf("%+v", st)
	}
}

func TestAKeyFrameNeedsParameterSets(t *testing.T) {
	r := newRun(t, h264Run)
	send(r, 0, one{0, trail, true}, one{1, idr, true})
	r.want(2, 0)
	if st := r.s.Stats(); st.Unusable != 1 || st.KeyFrames != 0 || !r.s.WantsKey(r.now) {
		t.Errorf("%+v", st)
	}
	send(r, 2, one{2, sps, true}, one{3, pps, true}, one{4, trail, true}) // they do not make a key frame
	r.want(3, 0)
	send(r, 5, one{5, idr, true}) // but the next may use them
	r.want(4, 1)
	if f := r.frames[3]; !f.Key || f.Parameters {
		t.Errorf("%+v", f)
	}
	r.s.Reset() // another source's are not
	if send(r, 100, one{6, trail, true}, one{7, idr, true}); len(r.s.Parameters()) != 0 {
		t.Error("parameter sets survive a reset")
	}
	r.want(6, 1)
}

// Where a source sends its sets along with each key frame, a key frame without them behind a
// hole has lost them there; they may have been new.
func TestAKeyFrameWhoseParameterSetsWereLost(t *testing.T) {
	for _, along := range []bool{true, false} {
		r := newRun(t, h264Run)
		send(r, 1, one{1, sps, false}, one{1, pps, false}, one{1, idr, true})
		next := uint16(4)
		if !along {
			send(r, next, one{2, idr, true})
			next++
		}
		send(r, next+1, one{3, idr, true})
		r.pass(100 * ms)
		if got := r.frames[len(r.frames)-1].Timestamp == 9000; got == along || r.s.WantsKey(r.now) != along {
			t.Errorf("usually along %v: handed out %v; %+v", along, got, r.s.Stats())
		}
	}
}

// Of a picture that its source marks slice by slice, only the first part is one to begin with.
func TestMarkersOnEverySlice(t *testing.T) {
	r := newRun(t, h264Run)
	send(r, 1, one{1, packed([]byte{0x78}, sps, pps), false}, one{1, idr, true}, one{1, []byte{0x65, 0x44, 1}, true}, one{2, trail, true})
	r.want(3, 3)
	if !r.frames[0].Key || r.frames[1].Key || r.frames[2].Key {
		t.Errorf("%+v", r.frames)
	}
}

func TestParameterSetsAreReplacedByNumber(t *testing.T) {
	r := newRun(t, h264Run)
	newer := append(bytes.Clone(sps), 77)
	send(r, 1, one{1, sps, false}, one{1, sps1, false}, one{1, pps, false}, one{1, newer, false}, one{1, idr, true})
	p := r.s.Parameters()
	if len(p) != 3 || !bytes.Equal(p[0].Payload, newer) || !bytes.Equal(p[1].Payload, sps1) || !bytes.Equal(p[2].Payload, pps) {
		t.Errorf("remembered %d", len(p))
	}
}

func TestParameterSetsAreBounded(t *testing.T) {
	r := newRun(t, h264Run)
	long := make([]byte, MaxSetSize+1)
	copy(long, pps)
	send(r, 1, one{1, sps, false}, one{1, long[:MaxSetSize], false}, one{1, idr, true})
	r.want(1, 1)
	send(r, 4, one{2, long, false}, one{2, idr, true})
	if st := r.s.Stats(); st.BadSets != 1 {
		t.Errorf("%+v", st)
	}
	for i := range uint16(100) { // many numbers
		send(r, 6+i, one{3, []byte{0x68, 1, byte(i) << 1, 0x80}, false})
	}
	if n := len(r.s.Parameters()); n != MaxSets {
		t.Errorf("%d are remembered, want %d", n, MaxSets)
	}
}

func TestNumberReads(t *testing.T) {
	for _, c := range []struct {
		b    []byte
		want uint8
	}{{[]byte{0x80}, 0}, {[]byte{0x40}, 1}, {[]byte{0x60}, 2}, {[]byte{0x20}, 3}, {[]byte{0, 0x80, 0x80}, 255}, {[]byte{0, 0, 1}, 255}, {nil, 255}} {
		if got := number(c.b); got != c.want {
			t.Errorf("% x reads as %d, want %d", c.b, got, c.want)
		}
	}
}
