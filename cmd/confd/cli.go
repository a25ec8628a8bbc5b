package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"

	"github.com/confd/confd/internal/buildinfo"
)

// Main is the program with its surroundings, so that tests can run it in theirs.
type Main struct {
	Args   []string // without the program's name
	Env    []string // NAME=VALUE
	Stdout io.Writer
	Stderr io.Writer

	// Ready, if not nil, is told once where a started server listens.
	Ready func(Addresses)
}

// cli is the grammar of the command line.
type cli struct {
	Serve   serveCommand   `cmd:"" help:"Run the conference server."`
	Config  configCommand  `cmd:"" help:"Print the configuration that flags, environment and file make, documented, as a file."`
	Version versionCommand `cmd:"" help:"Print which confd this is."`
	Key     keyCommand     `cmd:"" help:"Make, list and revoke access keys, of a running server or in the file of one that does not run."`
	Bench   benchCommand   `cmd:"" help:"Measure on this machine: what mixing costs, and what an audience costs over unicast and multicast."`
	Listen  listenCommand  `cmd:"" help:"Hear a multicast group, and tell how well it comes."`
	loadCommands
	remoteCommands
}

type versionCommand struct{}

// configFlags are the flags that set keys of the configuration, and the file.
type configFlags struct {
	Config    string   `placeholder:"FILE" help:"YAML file; deploy/confd.yaml shows every key. CONFD_CONFIG does the same."`
	SIP       []string `name:"sip" sep:"none" placeholder:"ADDR" help:"Listen for SIP on udp:HOST:PORT, tcp:HOST:PORT or tls:HOST:PORT; HOST:PORT alone is UDP and TCP. Repeatable. Default :5060."`
	HTTP      *string  `name:"http" placeholder:"ADDR" help:"Serve the API, health and metrics on HOST:PORT; empty for nowhere. Default 127.0.0.1:8080."`
	RTPPorts  *string  `name:"rtp-ports" placeholder:"LOW-HIGH" help:"UDP ports for media. Default 16384-32767."`
	MediaIP   *string  `name:"media-ip" placeholder:"IP" help:"Address to write into SDP. Default: the local address of the route to the peer."`
	TLSCert   *string  `name:"tls-cert" placeholder:"FILE" help:"Certificate chain for tls: addresses, PEM."`
	TLSKey    *string  `name:"tls-key" placeholder:"FILE" help:"Private key of the certificate, PEM."`
	Store     *string  `name:"store" placeholder:"FILE" help:"File with what survives a restart; empty for memory. Default: where the system keeps state."`
	LogLevel  *string  `name:"log-level" placeholder:"LEVEL" help:"debug, info, warn or error. Default info."`
	LogFormat *string  `name:"log-format" placeholder:"FORMAT" help:"text or json. Default text."`
}

type serveCommand struct {
	configFlags `embed:""`
}

type configCommand struct {
	configFlags `embed:""`
}

// exit carries kong's wish to end the program out of its parser.
type exit int

// Run does what Args say and returns the exit status: 0, 1 for a failure, 2 for a command
// line that makes no sense. Ending ctx drains a server.
func (m *Main) Run(ctx context.Context) (status int) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case exit:
			status = int(e)
		default:
			panic(e)
		}
	}()
	var c cli
	parser, err := kong.New(&c, kong.Name("confd"), kong.Description("A SIP conference server: call sip:NAME@host to be in room NAME."),
		kong.Writers(m.Stdout, m.Stderr), kong.Exit(func(code int) { panic(exit(code)) }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(m))
	if err != nil {
		panic(err) // the grammar above is wrong
	}
	k, err := parser.Parse(m.Args)
	if err != nil {
		fmt.Fprintln(m.Stderr, "confd:", err)
		fmt.Fprintln(m.Stderr, "Run \"confd --help\" for what there is.")
		return 2
	}
	if err := k.Run(); err != nil {
		fmt.Fprintln(m.Stderr, "confd:", err)
		var wrong *usageError
		if errors.As(err, &wrong) {
			return 2
		}
		return 1
	}
	return 0
}

// usageError is a configuration that makes no sense.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// Run prints the version.
func (versionCommand) Run(m *Main) error {
	_, err := fmt.Fprintln(m.Stdout, buildinfo.String())
	return err
}

// Run prints the configuration.
func (c configCommand) Run(m *Main) error {
	config, warnings, err := c.load(m.Env)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		fmt.Fprintln(m.Stderr, "confd:", w)
	}
	return WriteSample(m.Stdout, config)
}

// load returns the configuration that the flags, the environment and the file make.
func (f configFlags) load(env []string) (Config, []string, error) {
	flags := map[string][]string{"sip": f.SIP}
	for name, v := range map[string]*string{
		"http": f.HTTP, "rtp-ports": f.RTPPorts, "media-ip": f.MediaIP, "tls-cert": f.TLSCert,
		"tls-key": f.TLSKey, "store": f.Store, "log-level": f.LogLevel, "log-format": f.LogFormat,
	} {
		if v != nil {
			flags[name] = []string{*v}
		}
	}
	file := f.Config
	if file == "" {
		file = lookup(env, "CONFD_CONFIG")
	}
	c, warnings, err := LoadConfig(file, env, flags)
	if err != nil {
		return c, nil, &usageError{err}
	}
	return c, warnings, nil
}
