package library

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/confd/confd/announce/decode"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/internal/testkit/wav"
)

// tune is a WAV file of d.
func tune(d time.Duration) []byte {
	return wav.Encode(&wav.Audio{Rate: 8000, Channels: 1, Samples: tone.Make(8000, d, -20, 440)})
}

func open(t *testing.T, cfg Config) *Library {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func save(l *Library, name string, b []byte) error {
	_, err := l.Save(context.Background(), name, bytes.NewReader(b))
	return err
}

// files returns all that is in the folder.
func (l *Library) files(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(l.cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestSaveListPlayDelete(t *testing.T) {
	leak.Check(t)
	l := open(t, Config{})
	e, err := l.Save(context.Background(), "Grüße zum Fest.wav", bytes.NewReader(tune(time.Second)))
	want := decode.Info{Container: "wav", Coding: "pcm", SampleRate: 8000, Channels: 1, Duration: time.Second}
	if err != nil || e.Info != want || e.Size != 16044 || e.Problem != "" {
		t.Fatalf("%+v, %v", e, err)
	}
	opus, err := os.ReadFile("../decode/testdata/stereo.opus")
	if err != nil {
		t.Fatal(err)
	}
	// The content counts, not the name.
	if err := save(l, "a.mp3", opus); err != nil {
		t.Fatal(err)
	}
	list, err := l.List()
	if err != nil || len(list) != 2 || list[0] != e || list[1].Name != "a.mp3" || list[1].Info.Coding != "opus" {
		t.Fatalf("%+v, %v", list, err)
	}
	d, err := l.Sound(e.Name, decode.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := l.Delete(e.Name); err != nil {
		t.Fatal(err)
	}
	// Who plays it hears it to its end.
	if n := count(d); n != 8000 {
		t.Errorf("%d samples of a deleted file, want 8000", n)
	}
	if _, err := l.Sound(e.Name, decode.Options{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
	if err := l.Delete(e.Name); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if got := l.files(t); !slices.Equal(got, []string{"a.mp3"}) {
		t.Errorf("left in the folder: %q", got)
	}
}

func count(d *decode.Decoder) (n int) {
	pcm := make([]int16, 1000)
	for {
		k, err := d.Read(pcm)
		n += k
		if err != nil {
			return n
		}
	}
}

func TestSaveReplaces(t *testing.T) {
	l := open(t, Config{MaxFiles: 1})
	for _, d := range []time.Duration{time.Second, 2 * time.Second} {
		if err := save(l, "a.wav", tune(d)); err != nil {
			t.Fatal(err)
		}
		if list, err := l.List(); err != nil || len(list) != 1 || list[0].Info.Duration != d {
			t.Errorf("%+v, %v, want %v", list, err, d)
		}
	}
	// What cannot be played replaces nothing.
	if err := save(l, "a.wav", []byte("something else")); !errors.Is(err, decode.ErrUnknown) {
		t.Error(err)
	}
	if e, err := l.Entry("a.wav"); err != nil || e.Info.Duration != 2*time.Second {
		t.Errorf("%+v, %v", e, err)
	}
}

// Nothing is left of an upload that is refused.
func TestSaveRefuses(t *testing.T) {
	leak.Check(t)
	whole := tune(time.Second)
	l := open(t, Config{MaxSize: int64(len(whole)), MaxDuration: time.Second})
	if err := save(l, "fits.wav", whole); err != nil {
		t.Error(err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		r    io.Reader
		want error
	}{
		"a byte too large": {context.Background(), bytes.NewReader(append(whole[:len(whole):len(whole)], 0)), decode.ErrTooLarge},
		"endless":          {context.Background(), endless{}, decode.ErrTooLarge},
		"cut off":          {context.Background(), bytes.NewReader(whole[:len(whole)-2]), decode.ErrMalformed},
		"too long":         {context.Background(), bytes.NewReader(mulaw(8001)), decode.ErrTooLong},
		"no sound":         {context.Background(), strings.NewReader("<html>"), decode.ErrUnknown},
		"empty":            {context.Background(), strings.NewReader(""), decode.ErrUnknown},
		"broken sender":    {context.Background(), iotest.TimeoutReader(iotest.HalfReader(bytes.NewReader(whole))), iotest.ErrTimeout},
		"cancelled":        {gone, bytes.NewReader(whole), context.Canceled},
	} {
		if _, err := l.Save(c.ctx, "x.wav", c.r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	// Damaged behind its head: only decoding all of it tells.
	opus, _ := os.ReadFile("../decode/testdata/stereo.opus")
	opus[len(opus)-1] ^= 1
	if err := save(l, "x.opus", opus); !errors.Is(err, decode.ErrMalformed) {
		t.Errorf("damaged: %v", err)
	}
	if got := l.files(t); !slices.Equal(got, []string{"fits.wav"}) {
		t.Errorf("left in the folder: %q", got)
	}
}

// mulaw is a WAV file of n samples.
func mulaw(n int) []byte {
	b := wav.Encode(&wav.Audio{Rate: 8000, Channels: 1, Samples: make([]int16, n/2+1)})[:44+n]
	b[20], b[28], b[29], b[32], b[34], b[40], b[41] = 7, 0x40, 0x1f, 1, 8, byte(n), byte(n>>8)
	return b
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestFull(t *testing.T) {
	l := open(t, Config{MaxFiles: 2})
	for i, want := range []error{nil, nil, ErrFull} {
		if err := save(l, fmt.Sprint(i), tune(time.Second)); !errors.Is(err, want) {
			t.Errorf("file %d: %v, want %v", i, err, want)
		}
	}
	if err := l.Delete("0"); err != nil {
		t.Fatal(err)
	}
	if err := save(l, "2", tune(time.Second)); err != nil {
		t.Errorf("after a deletion: %v", err)
	}
}

// Uploads at once do not get past the limit, and each name holds one whole file.
func TestUploadsAtOnce(t *testing.T) {
	l := open(t, Config{MaxFiles: 5})
	var wait sync.WaitGroup
	for i := range 40 {
		wait.Go(func() {
			err := save(l, fmt.Sprint(i%8), tune(100*time.Millisecond*time.Duration(1+i%3)))
			if err != nil && !errors.Is(err, ErrFull) {
				t.Error(err)
			}
			if _, err := l.List(); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	list, err := l.List()
	if err != nil || len(list) == 0 || len(list) > 5 || len(l.files(t)) != len(list) {
		t.Errorf("%d files, %v, want 1 to 5", len(list), err)
	}
	for _, e := range list {
		if e.Problem != "" {
			t.Errorf("%+v", e)
		}
	}
}

func TestNames(t *testing.T) {
	l := open(t, Config{})
	bad := []string{"", ".", "..", ".hidden", "../x", "a/b", "/etc/passwd", `a\b`, "a\x00b", "a\nb", " a", "a ", "a\xff", "a:b", "a*",
		"a\u202eb", ".upload-x", strings.Repeat("x", MaxName+1)}
	for _, name := range bad {
		if err := save(l, name, tune(time.Second)); !errors.Is(err, ErrName) {
			t.Errorf("save %q: %v, want %v", name, err, ErrName)
		}
		if _, err := l.Sound(name, decode.Options{}); !errors.Is(err, ErrName) {
			t.Errorf("sound %q: %v, want %v", name, err, ErrName)
		}
		if err := l.Delete(name); !errors.Is(err, ErrName) {
			t.Errorf("delete %q: %v, want %v", name, err, ErrName)
		}
	}
	for _, name := range []string{"a", "a.wav", "हिन्दी.opus", "Take 5 (live), it's #1!", strings.Repeat("x", MaxName)} {
		if err := save(l, name, tune(time.Second)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Links within the folder are followed, others are not; what is no file is no sound.
func TestNoEscape(t *testing.T) {
	leak.Check(t)
	outside := filepath.Join(t.TempDir(), "secret.wav")
	if err := os.WriteFile(outside, tune(time.Second), 0o600); err != nil {
		t.Fatal(err)
	}
	l := open(t, Config{})
	in := func(name string) string { return filepath.Join(l.cfg.Dir, name) }
	up, err := filepath.Rel(l.cfg.Dir, outside)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.WriteFile(in("a.wav"), tune(time.Second), 0o600), os.Symlink("a.wav", in("inside")),
		os.Symlink(outside, in("absolute")), os.Symlink(up, in("relative")), os.Symlink("loop", in("loop")),
		os.Mkdir(in("folder"), 0o700), os.WriteFile(in("folder/b.wav"), tune(time.Second), 0o600),
		os.WriteFile(in("README"), []byte("read me"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, ok := range map[string]bool{"a.wav": true, "inside": true, "absolute": false, "relative": false, "loop": false,
		"folder": false, "README": false} {
		d, err := l.Sound(name, decode.Options{})
		if (err == nil) != ok {
			t.Errorf("%s: %v, want that it can be played: %v", name, err, ok)
		}
		if err == nil {
			d.Close()
		}
	}
	list, err := l.List()
	names := []string{}
	for _, e := range list {
		names = append(names, e.Name)
		if (e.Problem != "") != (e.Name == "README") {
			t.Errorf("%+v", e)
		}
	}
	if err != nil || !slices.Equal(names, []string{"README", "a.wav", "inside"}) {
		t.Errorf("listed: %q, %v", names, err)
	}
	// A link is replaced, not what it points to.
	if err := save(l, "absolute", tune(2*time.Second)); err != nil {
		t.Errorf("replacing a link that leads out: %v", err)
	}
	if b, err := os.ReadFile(outside); err != nil || !bytes.Equal(b, tune(time.Second)) {
		t.Errorf("the file outside was changed: %d bytes, %v", len(b), err)
	}
	if err := save(l, "folder", tune(time.Second)); !errors.Is(err, ErrNoFile) {
		t.Errorf("a folder replaced: %v", err)
	}
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, uploadPrefix+"x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := open(t, Config{Dir: dir, ReadOnly: true})
	if err := save(l, "a", tune(time.Second)); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
	if err := l.Delete("a"); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
	if len(l.files(t)) != 1 {
		t.Error("a read-only folder was changed")
	}
	// Who may write sweeps what a crash left.
	if l := open(t, Config{Dir: dir}); len(l.files(t)) != 0 {
		t.Errorf("left: %q", l.files(t))
	}
}

func TestOpenRefuses(t *testing.T) {
	for want, cfg := range map[string]Config{
		"want a folder that exists": {Dir: filepath.Join(t.TempDir(), "none")},
		"limits want":               {Dir: t.TempDir(), MaxFiles: -1},
	} {
		if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", cfg, err, want)
		}
	}
}

func FuzzCheckName(f *testing.F) {
	for _, s := range []string{"a.wav", "../x", "Grüße", ".", "a/b", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if CheckName(name) == nil && (!filepath.IsLocal(name) || filepath.Base(name) != name || strings.HasPrefix(name, ".")) {
			t.Errorf("%q is taken for a name", name)
		}
	})
}
