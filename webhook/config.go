package webhook

import (
	"crypto/x509"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Config is what a Manager needs to know. Zero values are the defaults.
type Config struct {
	Store  Store  // nil: memory only
	Limits Limits // of one request

	AllowPrivate []netip.Prefix // networks that deliveries may go to though they are not public
	AllowHTTP    bool           // http endpoints beside https ones
	RootCAs      *x509.CertPool // nil: the system's
	Resolver     *net.Resolver  // nil: the system's

	MaxSubscriptions int // 1000
	MaxBody          int // bytes of an event, 256 KiB
	QueueLength      int // pending deliveries of a subscription, 1000
	RoomQueueLength  int // of them for one room, half of QueueLength
	DeadLetters      int // kept per subscription, the oldest go first; 1000
	Parallel         int // rooms of a subscription that are sent for at a time, 4; half of them after a failure
	Senders          int // requests at a time in all, 256; at least 4

	Attempts  int             // per delivery, 12
	Backoff   []time.Duration // pauses between them; the last repeats; 5 s to 4 h
	MaxAge    time.Duration   // of a delivery, 24 h
	OldSecret time.Duration   // how long a secret signs on after it was replaced, 24 h

	CloseTimeout time.Duration // most that Close waits for deliveries, 5 s
	UserAgent    string        // "confd"
	Logger       *slog.Logger  // nil: none
}

var defaultBackoff = []time.Duration{
	5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute,
	30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour,
}

func (c Config) withDefaults() Config {
	c.Limits = c.Limits.withDefaults()
	setDefault(&c.MaxSubscriptions, 1000)
	setDefault(&c.MaxBody, 256<<10)
	setDefault(&c.QueueLength, 1000)
	setDefault(&c.RoomQueueLength, max(c.QueueLength/2, 1))
	setDefault(&c.DeadLetters, 1000)
	setDefault(&c.Parallel, 4)
	setDefault(&c.Senders, 256)
	c.Senders = max(c.Senders, 4)
	setDefault(&c.Attempts, 12)
	setDefault(&c.MaxAge, 24*time.Hour)
	setDefault(&c.OldSecret, 24*time.Hour)
	setDefault(&c.CloseTimeout, 5*time.Second)
	if len(c.Backoff) == 0 {
		c.Backoff = defaultBackoff
	}
	c.Backoff, c.AllowPrivate = slices.Clone(c.Backoff), slices.Clone(c.AllowPrivate)
	if c.UserAgent == "" {
		c.UserAgent = "confd"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
