package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync/atomic"
)

// soundQueue is how many pieces of sound, usually of 20 ms, may wait for a slow reader.
const soundQueue = 512

const wavHeader = 44 // bytes

// soundFile writes sound, without keeping those waiting that bring it. A nil one takes it
// and does nothing.
type soundFile struct {
	rate    int
	wav     bool
	to      *bufio.Writer
	file    *os.File // nil: the standard output
	queue   chan []int16
	over    chan struct{}
	written int64 // bytes of samples
	missed  atomic.Uint64
	failed  atomic.Pointer[error]
}

// openSound begins a file of WAV or of bare samples; "-" is the standard output.
func openSound(m *Main, wav, raw string, rate int) (*soundFile, error) {
	s := &soundFile{rate: rate, wav: wav != "", queue: make(chan []int16, soundQueue), over: make(chan struct{})}
	to := m.Stdout
	if name := wav + raw; name != "-" {
		f, err := os.Create(name)
		if err != nil {
			return nil, err
		}
		s.file, to = f, f
	}
	s.to = bufio.NewWriter(to)
	if s.wav {
		_, _ = s.to.Write(header(rate, math.MaxUint32)) // as long as it may be
	}
	go s.run()
	return s, nil
}

// header is RIFF/WAVE with 16-bit mono samples, data bytes of them.
func header(rate int, data int64) []byte {
	le := binary.LittleEndian
	size := func(n int64) uint32 { return uint32(min(n, math.MaxUint32)) }
	b := le.AppendUint32([]byte("RIFF"), size(data+wavHeader-8))
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(le.AppendUint16(b, 1), 1)
	b = le.AppendUint32(le.AppendUint32(b, uint32(rate)), uint32(2*rate))
	b = le.AppendUint16(le.AppendUint16(b, 2), 16)
	return le.AppendUint32(append(b, "data"...), size(data))
}

// take queues some sound.
func (s *soundFile) take(pcm []int16) {
	if s == nil {
		return
	}
	select {
	case s.queue <- append([]int16(nil), pcm...):
	default:
		s.missed.Add(uint64(len(pcm)))
	}
}

func (s *soundFile) run() {
	defer close(s.over)
	var b []byte
	for pcm := range s.queue {
		b = b[:0]
		for _, v := range pcm {
			b = binary.LittleEndian.AppendUint16(b, uint16(v))
		}
		n, err := s.to.Write(b)
		s.written += int64(n)
		if err == nil && len(s.queue) == 0 {
			err = s.to.Flush()
		}
		if err != nil {
			s.failed.CompareAndSwap(nil, &err)
		}
	}
}

// failure returns why nothing can be written any more.
func (s *soundFile) failure() error {
	if s == nil {
		return nil
	}
	if err := s.failed.Load(); err != nil {
		return fmt.Errorf("the sound cannot be written: %w", *err)
	}
	return nil
}

// close writes what waits, and into the header how much it is. Nothing may be taken any
// more.
func (s *soundFile) close() error {
	if s == nil {
		return nil
	}
	close(s.queue)
	<-s.over
	err := errors.Join(s.failure(), s.to.Flush())
	if s.file != nil {
		if s.wav && err == nil {
			_, err = s.file.WriteAt(header(s.rate, s.written), 0)
		}
		err = errors.Join(err, s.file.Close())
	}
	if n := s.missed.Load(); n > 0 {
		err = errors.Join(err, fmt.Errorf("%.1f s of sound were left out, because it was not taken fast enough", float64(n)/float64(s.rate)))
	}
	return err
}

// printLine prints v as JSON on one line.
func printLine(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = w.Write(append(text, '\n'))
	}
	return err
}
