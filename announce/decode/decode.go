package decode

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// What can be wrong with a file. Errors of this package wrap one of these, or an error of
// the reader that it was given.
var (
	ErrUnknown     = errors.New("no sound file that can be played")
	ErrMalformed   = errors.New("malformed sound file")
	ErrUnsupported = errors.New("unsupported sound file")
	ErrTooLong     = errors.New("sound file too long")
	ErrTooLarge    = errors.New("sound file too large")
)

// What a file may be where Options does not say.
const (
	DefaultMaxDuration = 4 * time.Hour
	DefaultMaxSize     = 1 << 30 // bytes
)

// MinLoop is the shortest sound that can be looped: to begin anew has its price.
const MinLoop = 100 * time.Millisecond

// Options are how a file is to be read. The zero value is the default.
type Options struct {
	// Rate is the sample rate of the output: 8000, 16000 or 48000 Hz. 0 takes the
	// smallest of these that loses nothing.
	Rate int
	// Loop begins anew at the end, without a seam: Read never returns io.EOF. The sound
	// must last MinLoop or longer.
	Loop bool
	// MaxDuration bounds one pass of the sound; 0 is DefaultMaxDuration.
	MaxDuration time.Duration
	// MaxSize bounds the file in bytes; 0 is DefaultMaxSize.
	MaxSize int64
}

// Info is what a file says about itself.
type Info struct {
	Container  string        // "wav" or "ogg"
	Coding     string        // "pcm", "float", "pcma", "pcmu" or "opus"
	SampleRate int           // Hz; of Opus what was encoded
	Channels   int           // 1 to 8
	Duration   time.Duration // of one pass
}

// stage is a stream of mono PCM. read writes at least one sample or returns an error; io.EOF
// is the end. pcm is not empty.
type stage interface {
	read(pcm []int16) (int, error)
}

// source is a file at its own rate.
type source interface {
	stage
	rewind() error // to the first sample
	rate() int
	info() Info
}

// Decoder is the sound of one file. It belongs to one goroutine at a time.
type Decoder struct {
	out    stage
	inf    Info
	hz     int
	err    error
	closer io.Closer
}

// Open reads the head of a file of size bytes. If r is an io.Closer, Close closes it; when
// Open returns an error, it has not been closed.
func Open(r io.ReaderAt, size int64, o Options) (*Decoder, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if size > o.MaxSize {
		return nil, fmt.Errorf("%w: %d bytes, want at most %d", ErrTooLarge, size, o.MaxSize)
	}
	src, err := sniff(r, size)
	if err != nil {
		return nil, err
	}
	inf := src.info()
	if inf.Duration > o.MaxDuration {
		return nil, fmt.Errorf("%w: %v, want at most %v", ErrTooLong, inf.Duration.Round(time.Millisecond), o.MaxDuration)
	}
	if o.Loop && inf.Duration < MinLoop {
		return nil, tooShort(inf.Duration)
	}
	if o.Rate == 0 {
		o.Rate = roomRate(inf.SampleRate)
	}
	d := &Decoder{inf: inf, hz: o.Rate}
	d.closer, _ = r.(io.Closer)
	pass := &pass{src: src, loop: o.Loop, limit: o.MaxDuration}
	d.out = convert(pass, src.rate(), o.Rate)
	return d, nil
}

func (o Options) withDefaults() (Options, error) {
	switch o.Rate {
	case 0, 8000, 16000, 48000:
	default:
		return o, fmt.Errorf("announce: output at %d Hz, want 8000, 16000 or 48000, or 0 for the file's choice", o.Rate)
	}
	if o.MaxDuration == 0 {
		o.MaxDuration = DefaultMaxDuration
	}
	if o.MaxSize == 0 {
		o.MaxSize = DefaultMaxSize
	}
	return o, nil
}

// roomRate is the smallest rate of a room that loses nothing of a file's.
func roomRate(hz int) int {
	switch {
	case hz <= 8000:
		return 8000
	case hz <= 16000:
		return 16000
	}
	return 48000
}

// Read writes the next samples to pcm and returns how many: at least one, unless there is
// an error. io.EOF is the end of the file; any error is final.
func (d *Decoder) Read(pcm []int16) (int, error) {
	if d.err != nil || len(pcm) == 0 {
		return 0, d.err
	}
	n, err := d.out.read(pcm)
	d.err = err
	return n, err
}

// Rate is that of the samples, Hz.
func (d *Decoder) Rate() int { return d.hz }

// Info is what the file says about itself.
func (d *Decoder) Info() Info { return d.inf }

// Length is how long one pass lasts, as the file says.
func (d *Decoder) Length() time.Duration { return d.inf.Duration }

// Close closes what was given to Open, if that can be closed.
func (d *Decoder) Close() error {
	if d.closer == nil {
		return nil
	}
	return d.closer.Close()
}

// pass counts a file's sound and begins anew where it is looped.
type pass struct {
	src   source
	loop  bool
	limit time.Duration
	n     int64 // samples of this pass
}

func (p *pass) read(pcm []int16) (int, error) {
	for {
		n, err := p.src.read(pcm)
		p.n += int64(n)
		switch {
		case span(p.n, p.src.rate()) > p.limit:
			return 0, fmt.Errorf("%w: more than %v", ErrTooLong, p.limit)
		case err == nil:
			return n, nil
		case err != io.EOF:
			return 0, err
		case p.n == 0:
			return 0, fmt.Errorf("%w: it holds no sound", ErrMalformed)
		case !p.loop:
			return 0, io.EOF
		case span(p.n, p.src.rate()) < MinLoop:
			return 0, tooShort(span(p.n, p.src.rate()))
		}
		if err := p.src.rewind(); err != nil {
			return 0, err
		}
		p.n = 0
	}
}

func tooShort(d time.Duration) error {
	return unsupported("%v are too short to be looped, want %v or more", d, MinLoop)
}

// span is how long n samples last; what no Duration holds is the longest.
func span(n int64, rate int) time.Duration {
	r := int64(rate)
	if n/r >= math.MaxInt64/int64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(n/r)*time.Second + time.Duration(n%r)*time.Second/time.Duration(r)
}

// malformed makes an error about the byte at offset.
func malformed(offset int64, format string, a ...any) error {
	return fmt.Errorf("%w: at byte %d: %s", ErrMalformed, offset, fmt.Sprintf(format, a...))
}

func unsupported(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, a...))
}
