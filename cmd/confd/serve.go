package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/confd/confd/api"
	"github.com/confd/confd/focus"
	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/internal/buildinfo"
	"github.com/confd/confd/mixer"
	"github.com/confd/confd/multicast"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

// server is a running conference server. Its parts are started in the order of the fields
// and stopped in the reverse.
type server struct {
	config   Config
	log      *slog.Logger
	level    *slog.LevelVar // of log
	env      []string
	storage  *storage
	engine   *mixer.Engine
	groups   *multicast.Host   // nil if rooms have none
	video    *forwarder.Engine // nil if there is no video
	registry *rooms.Registry
	pool     *transport.PortPool
	agent    *focus.Agent
	web      net.Listener // nil if there is no HTTP
	http     *api.Server
	extras   extras
	failed   chan error // something that should run for ever ended
}

// Run serves until ctx ends or something breaks, and then drains.
func (c serveCommand) Run(ctx context.Context, m *Main) error {
	config, warnings, err := c.load(m.Env)
	if err != nil {
		return err
	}
	log, level := newLogger(config.Log, m.Stderr)
	for _, w := range warnings {
		log.Warn(w)
	}
	s := &server{config: config, log: log, level: level, env: m.Env, failed: make(chan error, 1)}
	if os.Getenv("GOGC") == "" { // else somebody knows better
		defer spaceCollections(minGarbage)()
		defer collectInLulls(lookEvery)()
	}
	if err := s.start(); err != nil {
		return errors.Join(err, s.stop())
	}
	addrs := s.addresses()
	fmt.Fprintf(m.Stdout, "confd %s ready: %s\n", buildinfo.Version, addrs)
	if m.Ready != nil {
		m.Ready(addrs)
	}
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	return errors.Join(err, s.stop())
}

// start opens everything; if it fails, stop closes what was opened.
func (s *server) start() (err error) {
	c := &s.config
	if s.storage, err = openStorage(c, s.env, s.log); err != nil {
		return err
	}
	if s.engine, err = mixer.New(c.mixer()); err != nil {
		return err
	}
	s.engine.Start()
	if err := s.engine.RealTime(); err != nil && c.Audio.RealTime {
		s.log.Info("mixing threads run at ordinary priority", "reason", err)
	}
	if err := s.engine.Outboxes(); err != nil && c.Audio.IOUring {
		s.log.Info("packets are sent one by one", "reason", err)
	}
	if s.groups, err = s.newGroups(); err != nil {
		return err
	}
	if err = s.startVideo(); err != nil {
		return err
	}
	s.registry = rooms.New(c.registry(s))
	if err = s.storage.restore(s.registry); err != nil {
		return err
	}
	if s.pool, err = transport.NewPortPool(c.RTP.Ports.Low, c.RTP.Ports.High, c.RTP.ReuseAfter); err != nil {
		return fmt.Errorf("rtp.ports: %w", err)
	}
	s.pool.LimitUnheard(c.RTP.Unheard.Time, c.RTP.Unheard.Streams)
	sip, guard, err := c.agent(s)
	if err != nil {
		return err
	}
	if s.agent, err = focus.New(sip); err != nil {
		return err
	}
	if err = s.startExtras(); err != nil {
		return err
	}
	if err = s.startHTTP(slices.Concat(sipMetrics(s.agent, guard, s.pool), groupMetrics(s.groups), s.videoMetrics())); err != nil {
		return err
	}
	if err = s.agent.Start(); err != nil {
		return err
	}
	if c.DialOut.Limits.Calls > 0 {
		s.registry.SetDialer(s.agent)
	}
	return nil
}

func (s *server) startHTTP(sip []prometheus.Collector) (err error) {
	if s.config.HTTP.Listen == "" {
		return nil
	}
	keys, err := openKeyring(&s.config.HTTP, s.storage.file)
	if err != nil {
		return err
	}
	if err := s.config.HTTP.checkKeys(keys.Len()); err != nil {
		return err
	}
	c := api.Config{
		LogLevel: s.level, Calls: s.storage,
		Engine: s.engine, Registry: s.registry, NotReady: s.notReady,
		Collectors: append(sip, storeMetrics(s.storage.file, &s.extras)...), Version: buildinfo.Version, Logger: s.log,
		Keys: keys, RequireKey: s.config.HTTP.RequireKey, CORS: s.config.HTTP.CORS,
		MaxConnections: s.config.HTTP.Limits.Connections, MaxWatchers: s.config.HTTP.Limits.EventStreams,
	}
	s.extras.addTo(&c)
	if s.http, err = api.New(c); err != nil {
		return err
	}
	if s.web, err = s.config.HTTP.listen(); err != nil {
		return err
	}
	go func() {
		if err := s.http.Serve(s.web); err != nil {
			select {
			case s.failed <- fmt.Errorf("http: %w", err):
			default: // it ends for another reason already
			}
		}
	}()
	return nil
}

// notReady returns why new calls are not welcome.
func (s *server) notReady() []api.Reason {
	var all []api.Reason
	if s.registry.Counts().Draining {
		all = append(all, api.Reason{Code: "draining", Detail: "the server is about to end"})
	}
	if used, limit := s.engine.Load().Used, s.config.SIP.Limits.Load; used >= limit {
		all = append(all, api.Reason{Code: "overloaded",
			Detail: fmt.Sprintf("a mixing thread is at work for %.0f %% of its time, and sip.limits.load is %.0f %%", 100*used, 100*limit)})
	}
	if calls, limit := s.agent.Stats().Calls, s.config.SIP.Limits.Calls; calls >= limit {
		all = append(all, api.Reason{Code: "overloaded",
			Detail: fmt.Sprintf("there are %d calls, and sip.limits.calls is %d", calls, limit)})
	}
	return all
}

// stop hangs up on everyone, within drain_timeout, and closes what start opened.
func (s *server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.config.DrainTimeout)
	defer cancel()
	var errs []error
	if s.registry != nil {
		s.registry.Refuse()
	}
	if s.agent != nil {
		n := s.agent.Stats().Calls
		began := time.Now()
		if err := s.agent.Drain(ctx); err != nil {
			s.log.Warn("some calls did not end in time", "error", err)
		} else if n > 0 {
			s.log.Info("all calls have ended", "calls", n, "took", time.Since(began).Round(time.Millisecond))
		}
		errs = append(errs, s.agent.Close())
	}
	if s.registry != nil {
		s.registry.Close()
	}
	if s.groups != nil {
		s.groups.Close()
	}
	if s.video != nil {
		s.video.Close()
	}
	errs = append(errs, s.extras.close())
	if s.http != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.http.Close(ctx) // requests that were cut off are no failure of ours
	}
	if s.pool != nil {
		errs = append(errs, s.pool.Close())
	}
	if s.engine != nil {
		s.engine.Close()
	}
	if s.storage != nil {
		errs = append(errs, s.storage.close())
	}
	return errors.Join(errs...)
}
