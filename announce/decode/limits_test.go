package decode

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// Each error says what is wrong, and where it can, what would be right.
func TestErrorsTell(t *testing.T) {
	plain, sound := fmtChunk(tagPCM, 16, 1, 8000), make([]byte, 1600)
	good := riff(chunk("fmt ", plain), chunk("data", sound))
	opus := file(t, "stereo.opus")
	pages := func(change func([]oggPage) []oggPage) []byte { return ogg(change(take(t, opus))...) }
	head := func(at int, v byte) []byte {
		return pages(func(p []oggPage) []oggPage { p[0].body[at] = v; return p })
	}
	for name, c := range map[string]struct {
		b    []byte
		kind error
		text string
	}{
		"empty":            {nil, ErrUnknown, "empty"},
		"text":             {[]byte("hello world, this is text"), ErrUnknown, `"hell"`},
		"mp3":              {[]byte("ID3\x04\x00 and so on and on"), ErrUnknown, "MP3, want WAV"},
		"mp4":              {[]byte("\x00\x00\x00\x20ftypisom and on"), ErrUnknown, "MP4"},
		"webp":             {[]byte("RIFF\x00\x00\x00\x00WEBPVP8 "), ErrUnknown, "not WAVE"},
		"flac":             {[]byte("fLaC\x00\x00\x00\x22 and so on"), ErrUnknown, "FLAC"},
		"head only":        {good[:12], ErrMalformed, "cut off"},
		"cut in fmt":       {good[:30], ErrMalformed, "cut off"},
		"cut in sound":     {good[:1000], ErrMalformed, "1600 bytes of sound announced, but the file has only 956"},
		"no sound":         {riff(chunk("fmt ", plain), chunk("data", nil)), ErrMalformed, "no sound"},
		"no data":          {riff(chunk("fmt ", plain)), ErrMalformed, "cut off"},
		"no fmt":           {riff(chunk("data", sound)), ErrMalformed, "fmt chunk before the data"},
		"short fmt":        {riff(chunk("fmt ", plain[:14]), chunk("data", sound)), ErrMalformed, "want 16 or more"},
		"frames":           {riff(chunk("fmt ", slices.Concat(plain[:12], []byte{3, 0}, plain[14:])), chunk("data", sound)), ErrMalformed, "frames of 3 bytes, want 2"},
		"9 channels":       {riff(chunk("fmt ", fmtChunk(tagPCM, 16, 9, 8000)), chunk("data", sound)), ErrUnsupported, "9 channels, want 1 to 8"},
		"no channels":      {riff(chunk("fmt ", fmtChunk(tagPCM, 16, 0, 8000)), chunk("data", sound)), ErrUnsupported, "0 channels"},
		"odd rate":         {riff(chunk("fmt ", fmtChunk(tagPCM, 16, 1, 8001)), chunk("data", sound)), ErrUnsupported, "8001 Hz, want one of"},
		"ADPCM":            {riff(chunk("fmt ", fmtChunk(2, 4, 1, 8000)), chunk("data", sound)), ErrUnsupported, "coding 2 of 4 bits, want PCM"},
		"float64":          {riff(chunk("fmt ", fmtChunk(tagFloat, 64, 1, 8000)), chunk("data", sound)), ErrUnsupported, "float (3) of 32"},
		"strange guid":     {riff(chunk("fmt ", append(extensible(plain)[:39], 0)), chunk("data", sound)), ErrUnsupported, "extensible"},
		"many chunks":      {riff(slices.Repeat([][]byte{chunk("junk", nil)}, maxChunks)...), ErrMalformed, "first 256 chunks"},
		"vorbis":           {file(t, "vorbis.ogg"), ErrUnsupported, "Vorbis, want Opus"},
		"cut in a page":    {opus[:len(opus)-1], ErrMalformed, "cut off"},
		"cut in a head":    {opus[:20], ErrMalformed, "cut off"},
		"heads only":       {pages(func(p []oggPage) []oggPage { return p[:2] }), ErrMalformed, "no sound"},
		"no tags":          {pages(func(p []oggPage) []oggPage { return p[:1] }), ErrMalformed, "before its OpusTags"},
		"wrong tags":       {pages(func(p []oggPage) []oggPage { p[1].body[0] = 'X'; return p }), ErrMalformed, "no OpusTags"},
		"a page missing":   {pages(func(p []oggPage) []oggPage { return append(p[:3], p[4:]...) }), ErrMalformed, "part of the file is missing"},
		"bit flipped":      {append(slices.Clone(opus[:len(opus)-1]), opus[len(opus)-1]^1), ErrMalformed, "checksum"},
		"garbage between":  {append(slices.Clone(opus), "and here comes something else altogether"...), ErrMalformed, "want an Ogg page"},
		"a chain":          {append(slices.Clone(opus), pages(func(p []oggPage) []oggPage { renumber(p, 7); return p })...), ErrUnsupported, "second stream"},
		"behind the end":   {append(slices.Clone(opus), pages(func(p []oggPage) []oggPage { p[2].number = p[len(p)-1].number + 1; return p[2:3] })...), ErrMalformed, "behind its last"},
		"no Opus packet":   {pages(func(p []oggPage) []oggPage { p[2].body[0], p[2].body[1] = 3, 0; return p }), ErrMalformed, "no Opus"},
		"continued":        {pages(func(p []oggPage) []oggPage { p[3].flags |= pageContinued; return p }), ErrMalformed, "continued flag is true, want false"},
		"first too short":  {pages(func(p []oggPage) []oggPage { p[2].granule = 5; return p }), ErrMalformed, "ends at sample 5"},
		"negative":         {pages(func(p []oggPage) []oggPage { p[2].granule = -7; return p }), ErrMalformed, "position -7"},
		"version":          {head(8, 16), ErrUnsupported, "version 16, want 0 to 15"},
		"surround":         {head(9, 6), ErrUnsupported, "6 channels"},
		"no channel":       {head(9, 0), ErrUnsupported, "0 channels"},
		"ambisonics":       {head(18, 2), ErrUnsupported, "family 2"},
		"short head":       {pages(func(p []oggPage) []oggPage { p[0].body, p[0].lacing = p[0].body[:18], []byte{18}; return p }), ErrMalformed, "OpusHead of 18 bytes"},
		"sound with tags":  {pages(func(p []oggPage) []oggPage { p[1].lacing = append(p[1].lacing, 0); return p }), ErrMalformed, "on the page of OpusTags"},
		"endless packet":   {pages(endless), ErrMalformed, "packet of more than 61440 bytes"},
		"no RIFF at size0": {[]byte("RIFF"), ErrUnknown, "RIFF"},
	} {
		_, _, err := all(c.b, Options{})
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v with %q", name, err, c.kind, c.text)
		}
	}
}

func renumber(list []oggPage, serial uint32) {
	for i := range list {
		list[i].serial = serial
	}
}

// endless makes a packet that goes on over two full pages.
func endless(list []oggPage) []oggPage {
	full := oggPage{0, noGranule, list[0].serial, 2, bytes.Repeat([]byte{255}, 255), make([]byte, 255*255)}
	next := full
	next.flags, next.number = pageContinued, 3
	return append(list[:2], full, next)
}

// Tags may hold pictures, as long as they like; other streams may run beside.
func TestTagsAndOtherStreams(t *testing.T) {
	_, want, _ := all(file(t, "stereo.opus"), Options{})
	list := take(t, file(t, "stereo.opus"))
	tags := list[1]
	tags.lacing, tags.body = bytes.Repeat([]byte{255}, 255), append(slices.Clone(tags.body), make([]byte, 255*255-len(tags.body))...)
	rest := oggPage{pageContinued, 0, tags.serial, 2, []byte{5}, make([]byte, 5)}
	other := oggPage{pageFirst, 0, 99, 0, []byte{4}, []byte("what")}
	out := []oggPage{other, list[0], other, tags, rest}
	for _, p := range list[2:] {
		p.number++
		out = append(out, p, oggPage{0, 0, 99, p.number, []byte{1}, []byte{0}})
	}
	if _, pcm, err := all(ogg(out...), Options{}); err != nil || !slices.Equal(pcm, want) {
		t.Errorf("%d samples, %v, want %d", len(pcm), err, len(want))
	}
}

func TestLimitsAtTheirEdge(t *testing.T) {
	b := riff(chunk("fmt ", fmtChunk(tagPCM, 16, 1, 8000)), chunk("data", make([]byte, 16000)))
	for _, c := range []struct {
		o    Options
		want error
	}{
		{Options{MaxSize: int64(len(b))}, nil},
		{Options{MaxSize: int64(len(b)) - 1}, ErrTooLarge},
		{Options{MaxDuration: time.Second}, nil},
		{Options{MaxDuration: time.Second - 1}, ErrTooLong},
	} {
		if _, _, err := all(b, c.o); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.o, err, c.want)
		}
	}
	if _, err := open(b, Options{Rate: 44100}); err == nil || !strings.Contains(err.Error(), "want 8000, 16000 or 48000") {
		t.Errorf("output at 44100 Hz: %v", err)
	}
	for size, want := range map[int]error{1600: nil, 1598: ErrUnsupported} {
		d, err := open(riff(chunk("fmt ", fmtChunk(tagPCM, 16, 1, 8000)), chunk("data", make([]byte, size))), Options{Loop: true})
		if err == nil {
			_, err = drain(d, 5000)
		}
		if !errors.Is(err, want) {
			t.Errorf("loop of %d bytes: %v, want %v", size, err, want)
		}
	}
	// What the last page says is no promise: what is decoded counts.
	list := take(t, file(t, "stereo.opus"))
	last := len(list) - 1
	list[last].granule, list[last].flags = 400, 0
	if _, _, err := all(ogg(list...), Options{MaxDuration: 149 * time.Millisecond}); !errors.Is(err, ErrTooLong) {
		t.Errorf("150 ms that call themselves 2: %v, want %v", err, ErrTooLong)
	}
}

// endlessWave is a file of a gigabyte that exists only as it is read.
type endlessWave struct {
	head    []byte
	largest int
	closed  bool
}

func (e *endlessWave) ReadAt(b []byte, at int64) (int, error) {
	e.largest = max(e.largest, len(b))
	clear(b)
	if at < int64(len(e.head)) {
		copy(b, e.head[at:])
	}
	return len(b), nil
}

func (e *endlessWave) Close() error { e.closed = true; return nil }

func TestFilesAreStreamed(t *testing.T) {
	e := &endlessWave{head: patchSize(riff(chunk("fmt ", fmtChunk(tagPCM, 16, 2, 48000)), chunk("data", nil)), 0xffffffff)}
	d, err := Open(e, 1<<30, Options{Rate: 16000})
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, 320)
	if allocs := testing.AllocsPerRun(100, func() {
		if _, err := d.Read(pcm); err != nil {
			t.Fatal(err)
		}
	}); allocs != 0 {
		t.Errorf("a read allocates %v times", allocs)
	}
	if e.largest > 16<<10 {
		t.Errorf("%d bytes read at once", e.largest)
	}
	if err := d.Close(); err != nil || !e.closed {
		t.Errorf("close: %v, closed %v", err, e.closed)
	}
}

// broken is a disk that fails.
type broken struct {
	io.ReaderAt
	after int64
}

var errDisk = errors.New("input/output error")

func (b broken) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > b.after {
		return 0, errDisk
	}
	return b.ReaderAt.ReadAt(p, at)
}

// An error of the disk is not blamed on the file.
func TestReadErrors(t *testing.T) {
	for _, name := range []string{"s16_8k_stereo.wav", "stereo.opus"} {
		b := file(t, name)
		for after := int64(0); after < int64(len(b)); after += 1 + after/40 {
			d, err := Open(broken{bytes.NewReader(b), after}, int64(len(b)), Options{})
			if err == nil {
				_, err = drain(d, 1<<20)
			}
			if !errors.Is(err, errDisk) || errors.Is(err, ErrMalformed) {
				t.Fatalf("%s, disk fails after %d bytes: %v", name, after, err)
			}
		}
	}
}
