package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/focus"
	"github.com/confd/confd/focus/guard"
	"github.com/confd/confd/focus/offeranswer"
	"github.com/confd/confd/internal/buildinfo"
	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

// What follows translates the configuration into each part's own.

// newLogger returns a log, and what changes its level while it is in use.
func newLogger(c LogConfig, w io.Writer) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	_ = level.UnmarshalText([]byte(c.Level)) // checked before
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), level
	}
	return slog.New(slog.NewTextHandler(w, options)), level
}

func (c *Config) mixer() mixer.Config {
	m := mixer.Config{
		Period:   c.Audio.Period,
		Workers:  c.Audio.Workers,
		Talkers:  c.Audio.Talkers,
		RealTime: c.Audio.RealTime,
		Codec:    codec.Options{Complexity: c.Audio.OpusComplexity},
	}
	if c.Audio.IOUring {
		m.Outbox = transport.NewOutbox
	}
	return m
}

func (c *Config) registry(s *server) rooms.Config {
	return rooms.Config{
		Engine:          s.engine,
		Store:           s.storage,
		Groups:          s.groups,
		Video:           c.Video.rooms(s.video),
		Records:         s.storage.record,
		Open:            c.Rooms.Open,
		MaxRooms:        c.Rooms.MaxRooms,
		MaxParticipants: c.Rooms.MaxTotalParticipants,
		MaxPerRoom:      c.Rooms.MaxParticipants,
		Logger:          s.log,
	}
}

// agent returns the configuration of signalling, and the guard in it.
func (c *Config) agent(s *server) (focus.Config, *guard.Guard, error) {
	g, err := guard.New(c.guardLimits(), nil)
	if err != nil {
		return focus.Config{}, nil, err
	}
	cert, err := c.tls()
	if err != nil {
		return focus.Config{}, nil, err
	}
	f := focus.Config{
		TLS:            cert,
		MediaIP:        c.RTP.MediaIP,
		Pool:           s.pool,
		Registry:       s.registry,
		Capabilities:   c.capabilities(),
		Guard:          g,
		Trusted:        c.mayOpenRooms,
		Load:           func() float64 { return s.engine.Load().Used },
		MaxLoad:        c.SIP.Limits.Load,
		MaxCalls:       c.SIP.Limits.Calls,
		SessionExpires: c.SIP.SessionExpires,
		MinSE:          c.SIP.MinSE,
		Silence:        c.SIP.ProbeAfter,
		ReportTimeout:  c.Multicast.ReportTimeout,
		Version:        buildinfo.Version,
		Logger:         s.log,
	}
	if err := c.DialOut.addTo(&f); err != nil {
		return focus.Config{}, nil, err
	}
	for _, l := range c.SIP.Listen {
		for _, n := range l.networks() {
			f.Listen = append(f.Listen, focus.Listen{Network: n, Address: l.Addr})
		}
	}
	return f, g, nil
}

func (c *Config) tls() (*tls.Config, error) {
	if c.SIP.TLSCert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.SIP.TLSCert, c.SIP.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("sip.tls_cert and sip.tls_key: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

func (c *Config) guardLimits() guard.Limits {
	in := c.SIP.Limits
	l := guard.DefaultLimits()
	l.MessageSize = in.MessageSize
	l.HeaderSize = min(l.HeaderSize, l.MessageSize)
	l.HeaderLine = min(l.HeaderLine, l.HeaderSize)
	l.Calls = guard.Rate{PerSecond: in.Rate, Burst: in.Burst}
	l.Messages = guard.Rate{PerSecond: in.Messages, Burst: int(4 * in.Messages)}
	l.Connections = in.Connections
	l.ConnectionsPerSource = min(l.ConnectionsPerSource, l.Connections)
	l.Trusted = nil
	for _, p := range c.SIP.Trusted {
		l.Trusted = append(l.Trusted, guard.Trusted{Prefix: p, Calls: guard.Rate{PerSecond: in.TrustedRate, Burst: in.TrustedBurst}})
	}
	return l
}

// mayOpenRooms reports whether a caller is of a private network.
func (c *Config) mayOpenRooms(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return slices.ContainsFunc(c.Rooms.PrivateNetworks, func(p netip.Prefix) bool { return p.Contains(ip) })
}

func (c *Config) capabilities() offeranswer.Capabilities {
	caps := offeranswer.DefaultCapabilities()
	all := caps.Audio
	caps.Audio = nil
	for _, name := range c.Audio.Codecs {
		for _, a := range all {
			if a.Codec.String() == name {
				caps.Audio = append(caps.Audio, a)
			}
		}
	}
	caps.MaxOpusBitrate = c.Audio.OpusBitrate
	caps.SRTP = map[string]offeranswer.SRTPPolicy{
		"off": offeranswer.SRTPOff, "optional": offeranswer.SRTPOptional, "required": offeranswer.SRTPRequired,
	}[c.RTP.SRTP]
	return caps
}

// codecNames are the values of audio.codecs.
func codecNames() []string {
	var names []string
	for _, c := range []media.Codec{media.Opus, media.G722, media.PCMU, media.PCMA, media.L16} {
		names = append(names, c.String())
	}
	return names
}
