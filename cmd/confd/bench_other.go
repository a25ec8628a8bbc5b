//go:build !linux

package main

import "errors"

type benchCommand struct {
	Subject string `arg:"" optional:"" help:"What to measure."`
}

// Run says that it cannot.
func (benchCommand) Run() error {
	return errors.New("bench: it reads Linux's clocks of processor time, and there is none here")
}
