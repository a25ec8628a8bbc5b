//go:build !linux

package main

import (
	"errors"
	"io"
)

// terminal is only known of Linux.
type terminal struct{}

func openTerminal(io.Writer) (*terminal, error) {
	return nil, errors.New("only Linux terminals can be drawn on; --once prints one frame anywhere")
}

func (*terminal) size() (width, height int) { return 80, 24 }
func (*terminal) keys() <-chan byte         { return nil }
func (*terminal) close()                    {}
