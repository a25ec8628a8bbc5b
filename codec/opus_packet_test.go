package codec

import (
	"fmt"
	"testing"
	"time"

	"github.com/hraban/opus"

	"github.com/confd/confd/media"
)

func toc(config, code int) byte { return byte(config<<3 | code) }

// TestOpusDurations: every configuration of RFC 6716 table 2, one to three frames.
func TestOpusDurations(t *testing.T) {
	for config := range 32 {
		var tenths int // of a millisecond
		switch {
		case config < 12:
			tenths = []int{100, 200, 400, 600}[config%4]
		case config < 16:
			tenths = []int{100, 200}[config%2]
		default:
			tenths = []int{25, 50, 100, 200}[config%4]
		}
		for _, rate := range []int{8000, 12000, 16000, 24000, 48000} {
			f := with(opusFormat(media.OpusParams{}), func(f *media.Format) { f.SampleRate = rate })
			one := tenths * rate / 10000
			check := func(want int, payload ...byte) {
				t.Helper()
				if got := PacketSamples(f, payload); got != want {
					t.Errorf("configuration %d at %d, %v: %d samples, want %d", config, rate, payload, got, want)
				}
			}
			check(one, toc(config, 0))
			check(one, toc(config, 0), 1, 2, 3)
			check(2*one, toc(config, 1), 1, 2)
			check(0, toc(config, 1), 1, 2, 3)
			check(2*one, toc(config, 2), 1, 5, 6)
			check(0, toc(config, 2), 3, 5, 6)
			most := 1200 / tenths
			check(most*one, toc(config, 3), byte(most))
			check(0, toc(config, 3), byte(most+1))
			check(0, toc(config, 3), 0)
			check(0, toc(config, 3))
		}
	}
}

// TestOpusFraming: lengths and padding at their edges (RFC 6716 section 3.2).
func TestOpusFraming(t *testing.T) {
	long := func(n int, head ...byte) []byte { return append(head, make([]byte, n)...) }
	const c = 31 // CELT, 20 ms
	for _, x := range []struct {
		name  string
		data  []byte
		sizes []uint16 // nil: malformed
	}{
		{"empty", nil, nil},
		{"longest frame", long(1275, toc(c, 0)), []uint16{1275}},
		{"too long", long(1276, toc(c, 0)), nil},
		{"two longest", long(2550, toc(c, 1)), []uint16{1275, 1275}},
		{"two too long", long(2552, toc(c, 1)), nil},
		{"one-byte length", long(252, toc(c, 2), 251), []uint16{251, 1}},
		{"two-byte length", long(252, toc(c, 2), 252, 0), []uint16{252, 0}},
		{"longest by length", long(1276, toc(c, 2), 255, 255), []uint16{1275, 1}},
		{"length cut short", []byte{toc(c, 2), 252}, nil},
		{"no length", []byte{toc(c, 2)}, nil},
		{"last too long", long(1277, toc(c, 2), 1), nil},
		{"constant", long(6, toc(c, 3), 3), []uint16{2, 2, 2}},
		{"constant uneven", long(7, toc(c, 3), 3), nil},
		{"variable", long(6, toc(c, 3), 128|3, 1, 2), []uint16{1, 2, 3}},
		{"variable beyond", long(2, toc(c, 3), 128|3, 1, 2), nil},
		{"padded", long(7, toc(c, 3), 64|2, 3), []uint16{2, 2}},
		{"padded by 255", long(4+254+1, toc(c, 3), 64|2, 255, 1), []uint16{2, 2}},
		{"padding only", long(3, toc(c, 3), 64|2, 3), []uint16{0, 0}},
		{"padding too long", long(2, toc(c, 3), 64|2, 3), nil},
		{"padding cut short", []byte{toc(c, 3), 64 | 2, 255}, nil},
		{"padded variable", long(6, toc(c, 3), 128|64|2, 3, 1), []uint16{1, 2}},
	} {
		var p opusPacket
		ok := p.parse(x.data)
		if ok != (x.sizes != nil) || ok && fmt.Sprint(p.sizes[:p.count]) != fmt.Sprint(x.sizes) {
			t.Errorf("%s: %v, %v, want %v", x.name, ok, p.sizes[:max(0, min(p.count, 5))], x.sizes)
		}
	}
}

// mid and side set the header bits of a SILK frame: voice flags, then the LBRR flag.
func TestOpusFlags(t *testing.T) {
	for _, c := range []struct {
		config       int
		stereo       byte
		first        byte
		voiced, copy bool
	}{
		{9, 0, 0x3f, false, false}, // WB 20 ms: bit 7 voice, bit 6 copy
		{9, 0, 0x80, true, false},
		{9, 0, 0x40, false, true},
		{8, 0, 0x80, true, false},   // 10 ms
		{10, 0, 0x1f, false, false}, // 40 ms: two voice flags
		{10, 0, 0x40, true, false},
		{10, 0, 0x20, false, true},
		{11, 0, 0x0f, false, false}, // 60 ms: three
		{11, 0, 0x20, true, false},
		{11, 0, 0x10, false, true},
		{9, 4, 0x0f, false, false}, // stereo: the same again for the side
		{9, 4, 0x20, true, false},
		{9, 4, 0x10, false, true},
		{11, 4, 0x02, true, false},
		{11, 4, 0x01, false, true},
		{13, 0, 0x80, true, false}, // hybrid
		{13, 0, 0x40, false, true},
	} {
		var p opusPacket
		if !p.parse([]byte{toc(c.config, 0) | c.stereo, c.first, 0}) {
			t.Fatal("malformed")
		}
		want := ActivitySilent
		if c.voiced {
			want = ActivityVoice
		}
		if p.activity() != want || p.redundant() != c.copy {
			t.Errorf("%+v: activity %d, copy %v", c, p.activity(), p.redundant())
		}
	}
	f := opusFormat(media.OpusParams{})
	for _, c := range []struct {
		payload []byte
		want    Activity
	}{
		{[]byte{toc(31, 0), 0x80, 0}, ActivityUnknown},
		{[]byte{toc(31, 0)}, ActivitySilent},
		{[]byte{toc(31, 0), 1}, ActivitySilent},
		{[]byte{toc(9, 1), 0x00, 0, 0x80, 0}, ActivityVoice},
		{[]byte{toc(9, 2), 0, 0x80, 0}, ActivityVoice},
		{[]byte{toc(9, 0)}, ActivitySilent},
		{nil, ActivityUnknown},
		{[]byte{toc(9, 3)}, ActivityUnknown},
	} {
		if got, _, exact := Inspect(f, c.payload); got != c.want || exact {
			t.Errorf("%v: %d, want %d", c.payload, got, c.want)
		}
	}
}

// TestOpusVoiceOfRealPackets: speech is found, and silence and faint noise are not.
func TestOpusVoiceOfRealPackets(t *testing.T) {
	f := opusFormat(media.OpusParams{Bitrate: 24000})
	voiced := func(pcm []int16) int {
		e := newEncoder(t, f, DefaultOptions())
		count := 0
		for ; len(pcm) >= 960; pcm = pcm[960:] {
			switch a, _, _ := Inspect(f, encode(t, e, pcm[:960])); a {
			case ActivityVoice:
				count++
			case ActivityUnknown:
				t.Fatal("a packet in CELT mode at 24 kbit/s")
			}
		}
		return count
	}
	if n := voiced(speechLike(96000, 48000)); n < 60 {
		t.Errorf("speech in %d of 100 packets, want 60", n)
	}
	faint := make([]int16, 96000)
	var g NoiseGenerator
	g.Fill(faint, 80)
	if n := voiced(faint); n > 20 {
		t.Errorf("speech in %d of 100 packets of faint noise, want 20 at most", n)
	}
}

func TestOpusDTX(t *testing.T) {
	f := opusFormat(media.OpusParams{Bitrate: 24000, DTX: true})
	e := newEncoder(t, f, DefaultOptions())
	silence := make([]int16, 960)
	sent := 0
	for range 100 {
		p, err := e.Encode([]byte{9}, silence)
		if err != nil || p[0] != 9 {
			t.Fatal(p, err)
		}
		if len(p) > 1 {
			sent++
		}
	}
	if sent > 25 {
		t.Errorf("%d of 100 packets of silence sent, want 25 at most", sent)
	}
}

// TestOpusRecover: the copy in the next packet is used where there is one.
func TestOpusRecover(t *testing.T) {
	f := opusFormat(media.OpusParams{Bitrate: 32000, FEC: true, Loss: 20})
	e, d, clean := newEncoder(t, f, DefaultOptions()), newDecoder(t, f), newDecoder(t, f)
	pcm := speechLike(48000*4, 48000)
	var packets [][]byte
	for i := range 200 {
		packets = append(packets, encode(t, e, pcm[i*960:][:960]))
	}
	out, want := make([]int16, 960), make([]int16, 960)
	recovered := 0
	var power, kept float64
	for i, p := range packets {
		if _, err := clean.Decode(want, p); err != nil {
			t.Fatal(err)
		}
		if i%7 == 6 && i+1 < len(packets) {
			ok, err := d.Recover(out, packets[i+1])
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				recovered++
				power += rms(want) * rms(want)
				kept += rms(out) * rms(out)
			} else if err := d.Conceal(out); err != nil {
				t.Fatal(err)
			}
		} else if _, err := d.Decode(out, p); err != nil {
			t.Fatal(err)
		}
	}
	if recovered < 20 {
		t.Errorf("%d of 28 packets recovered, want 20", recovered)
	}
	if kept < 0.5*power || kept > 2*power {
		t.Errorf("recovered sound has %.2f of the power", kept/power)
	}
}

func TestOpusRecoverRefusals(t *testing.T) {
	f := opusFormat(media.OpusParams{Bitrate: 32000, FEC: true, Loss: 20})
	e, d := newEncoder(t, f, DefaultOptions()), newDecoder(t, f)
	pcm := speechLike(48000, 48000)
	out := make([]int16, 960)
	var next []byte
	for i := range 50 {
		next = encode(t, e, pcm[i*960:][:960])
		var p opusPacket
		if i > 20 && p.parse(next) && p.redundant() {
			break
		}
		if _, err := d.Decode(out, next); err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := newDecoder(t, f).Recover(out, next); ok || err != nil {
		t.Errorf("recovered without a packet before: %v, %v", ok, err)
	}
	if ok, err := d.Recover(out[:480], next); ok || err != nil {
		t.Errorf("recovered half a frame: %v, %v", ok, err)
	}
	if ok, err := d.Recover(out, nil); ok || err == nil {
		t.Errorf("recovered from nothing: %v, %v", ok, err)
	}
	if ok, err := d.Recover(out, []byte{toc(31, 0), 1, 2, 3}); ok || err != nil {
		t.Errorf("recovered from CELT: %v, %v", ok, err)
	}
	if ok, err := d.Recover(out, next); !ok || err != nil {
		t.Errorf("not recovered: %v, %v", ok, err)
	}
	long := make([]int16, 2880)
	if ok, err := d.Recover(long, next); !ok || err != nil {
		t.Errorf("the end of a longer loss not recovered: %v, %v", ok, err)
	}
}

// TestOpusStereoIsMixedDown: a foreign stereo stream comes out as the channels' mean.
func TestOpusStereoIsMixedDown(t *testing.T) {
	enc, err := opus.NewEncoder(48000, 2, opus.AppAudio)
	if err != nil {
		t.Fatal(err)
	}
	if err := enc.SetBitrate(96000); err != nil {
		t.Fatal(err)
	}
	f := with(opusFormat(media.OpusParams{}), func(f *media.Format) { f.Channels = 2 })
	d := newDecoder(t, f)
	left := sine(48000, 48000, 440, 8000)
	pcm, out := make([]int16, 1920), make([]int16, 960)
	for i := range 50 {
		for k := range 960 {
			pcm[2*k], pcm[2*k+1] = left[i*960+k], 0
		}
		data := make([]byte, 1275)
		n, err := enc.Encode(pcm, data)
		if err != nil {
			t.Fatal(err)
		}
		if got := PacketSamples(f, data[:n]); got != 960 {
			t.Fatalf("%d samples", got)
		}
		if _, err := d.Decode(out, data[:n]); err != nil {
			t.Fatal(err)
		}
	}
	if got := rms(out); got < 2600 || got > 3050 {
		t.Errorf("level %.0f, want 2828: half of one channel", got)
	}
}

// TestOpusCBR: packets of one size.
func TestOpusCBR(t *testing.T) {
	f := opusFormat(media.OpusParams{Bitrate: 32000, CBR: true})
	for _, p := range packetsOf(t, f) {
		if len(p) != 80 {
			t.Fatalf("%d bytes, want 80", len(p))
		}
	}
}

// TestOpusLongPackets: several frames a packet, never above MaxPayload.
func TestOpusLongPackets(t *testing.T) {
	for _, ms := range []time.Duration{40, 60, 80, 100, 120} {
		f := opusFormat(media.OpusParams{Bitrate: 510000})
		f.PacketTime = ms * time.Millisecond
		for _, p := range packetsOf(t, f) {
			if len(p) > MaxPayload || PacketSamples(f, p) != f.Samples(f.PacketTime) {
				t.Fatalf("%d ms: %d bytes, %d samples", ms, len(p), PacketSamples(f, p))
			}
		}
	}
}
