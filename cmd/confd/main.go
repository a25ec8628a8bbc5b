// Confd is a SIP conference server in one program: call sip:NAME@host, and everyone who
// does hears everyone else.
//
// See confd --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	m := &Main{Args: os.Args[1:], Env: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr}
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-signals
		cancel() // drain
		<-signals
		os.Exit(1) // now
	}()
	os.Exit(m.Run(ctx))
}
