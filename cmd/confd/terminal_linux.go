package main

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// terminal is the one that the program was started from, giving key by key.
type terminal struct {
	in, out *os.File
	before  *unix.Termios
	pressed chan byte
	stop    context.CancelFunc
	ended   chan struct{}
}

// openTerminal takes the terminal of standard input, if w is one, too, until close. Signals
// work as before.
func openTerminal(w io.Writer) (*terminal, error) {
	out, ok := w.(*os.File)
	if !ok || !isTerminal(out) || !isTerminal(os.Stdin) {
		return nil, errors.New("this is no terminal to draw on; --once prints one frame anywhere")
	}
	before, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS)
	if err != nil {
		return nil, err
	}
	by := *before
	by.Lflag &^= unix.ICANON | unix.ECHO
	by.Cc[unix.VMIN], by.Cc[unix.VTIME] = 0, 1 // read returns after 0.1 s without a key
	if err := unix.IoctlSetTermios(int(os.Stdin.Fd()), unix.TCSETS, &by); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	t := &terminal{in: os.Stdin, out: out, before: before, pressed: make(chan byte), stop: stop, ended: make(chan struct{})}
	go t.read(ctx)
	return t, nil
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// read hands on keys until ctx ends or the terminal does.
func (t *terminal) read(ctx context.Context) {
	defer close(t.ended)
	defer close(t.pressed)
	var key [1]byte
	for ctx.Err() == nil {
		n, err := t.in.Read(key[:])
		if err != nil && !errors.Is(err, io.EOF) { // EOF is no key within 0.1 s
			return
		}
		if n == 0 {
			continue
		}
		select {
		case t.pressed <- key[0]:
		case <-ctx.Done():
		}
	}
}

func (t *terminal) keys() <-chan byte { return t.pressed }

// size is in characters; 80 by 24 where nobody knows.
func (t *terminal) size() (width, height int) {
	s, err := unix.IoctlGetWinsize(int(t.out.Fd()), unix.TIOCGWINSZ)
	if err != nil || s.Col == 0 || s.Row == 0 {
		return 80, 24
	}
	return int(s.Col), int(s.Row)
}

// close gives the terminal back as it was.
func (t *terminal) close() {
	t.stop()
	<-t.ended
	_ = unix.IoctlSetTermios(int(t.in.Fd()), unix.TCSETS, t.before) // there is nobody to tell
}
