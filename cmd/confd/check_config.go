package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/confd/confd/rooms"
)

// Check returns everything that is wrong with c, each with its key, its value and what
// would be right.
func (c *Config) Check() error {
	var w wrongs
	c.SIP.check(&w)
	c.DialOut.check(&w)
	c.RTP.check(&w)
	c.Rooms.check(&w)
	c.checkMulticast(&w)
	c.Audio.check(&w)
	c.Video.check(&w)
	c.HTTP.check(&w)
	c.HTTP.Limits.check(&w)
	w.duration("records.keep", c.Records.Keep, time.Hour, 10*365*24*time.Hour)
	w.whole("sounds.max_size", c.Sounds.MaxSize, 1000, 1<<30)
	w.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	w.oneOf("log.format", c.Log.Format, "text", "json")
	w.duration("drain_timeout", c.DrainTimeout, 0, time.Hour)
	return errors.Join(w...)
}

func (c *SIPConfig) check(w *wrongs) {
	if len(c.Listen) == 0 {
		w.add("sip.listen", "nothing", "at least one address, as in 0.0.0.0:5060")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		w.add("sip.tls_cert and sip.tls_key", "one without the other", "both or none")
	}
	for _, l := range c.Listen {
		if l.Network == "tls" && c.TLSCert == "" {
			w.add("sip.listen", "tls:"+l.Addr, "sip.tls_cert and sip.tls_key beside it")
		}
	}
	w.duration("sip.min_se", c.MinSE, 90*time.Second, 24*time.Hour)
	w.duration("sip.session_expires", c.SessionExpires, c.MinSE, 24*time.Hour)
	w.duration("sip.probe_after", c.ProbeAfter, time.Second, time.Hour)
	w.whole("sip.limits.calls", c.Limits.Calls, 1, 1_000_000)
	w.number("sip.limits.rate", c.Limits.Rate, 0.01, 1e6)
	w.whole("sip.limits.burst", c.Limits.Burst, 1, 1_000_000)
	w.number("sip.limits.trusted_rate", c.Limits.TrustedRate, 0, 1e6)
	w.whole("sip.limits.trusted_burst", c.Limits.TrustedBurst, 1, 1_000_000)
	w.number("sip.limits.messages", c.Limits.Messages, 1, 1e6)
	w.whole("sip.limits.connections", c.Limits.Connections, 1, 1_000_000)
	w.whole("sip.limits.message_size", c.Limits.MessageSize, 1500, 65535)
	w.number("sip.limits.load", c.Limits.Load, 0.1, 1)
}

func (c *RTPConfig) check(w *wrongs) {
	if p := c.Ports; p.Low < 1024 || p.High > 65535 || p.High-p.Low < 1 {
		w.add("rtp.ports", fmt.Sprintf("%d-%d", p.Low, p.High), "LOW-HIGH with at least two ports from 1024 to 65535")
	}
	if ip := c.MediaIP; ip.IsUnspecified() || ip.IsMulticast() {
		w.add("rtp.media_ip", ip.String(), "an address at which phones reach this machine, or empty")
	}
	w.oneOf("rtp.srtp", c.SRTP, "optional", "required", "off")
	w.duration("rtp.reuse_after", c.ReuseAfter, 0, time.Minute)
	w.duration("rtp.unheard.time", c.Unheard.Time, 0, time.Minute)
	w.whole("rtp.unheard.streams", c.Unheard.Streams, 0, 100_000)
}

func (c *RoomsConfig) check(w *wrongs) {
	w.oneOf("rooms.open", string(c.Open), string(rooms.OpenPrivate), string(rooms.OpenAnyone), string(rooms.OpenNobody))
	w.whole("rooms.max_participants", c.MaxParticipants, 1, 1_000_000)
	w.whole("rooms.max_total_participants", c.MaxTotalParticipants, 1, 1_000_000)
	w.whole("rooms.max_rooms", c.MaxRooms, 1, 1_000_000)
}

func (c *AudioConfig) check(w *wrongs) {
	known := codecNames()
	for i, name := range c.Codecs {
		w.oneOf("audio.codecs", name, known...)
		if slices.Contains(c.Codecs[:i], name) {
			w.add("audio.codecs", name+" twice", "each codec once")
		}
	}
	if len(c.Codecs) == 0 {
		w.add("audio.codecs", "nothing", "at least one of "+strings.Join(known, ", "))
	}
	w.whole("audio.talkers", c.Talkers, 1, 64)
	if c.Period != 10*time.Millisecond && c.Period != 20*time.Millisecond {
		w.add("audio.period", c.Period.String(), "10ms or 20ms")
	}
	w.whole("audio.workers", c.Workers, 0, 256)
	w.whole("audio.opus_complexity", c.OpusComplexity, 1, 10)
	w.whole("audio.opus_bitrate", c.OpusBitrate, 6000, 510000)
}

func (c *HTTPConfig) check(w *wrongs) {
	if c.Listen == "" {
		return
	}
	if err := checkHostPort(c.Listen); err != nil {
		w.add("http.listen", c.Listen, "HOST:PORT, as in 127.0.0.1:8080")
		return
	}
	c.checkAccess(w)
}

func (c *HTTPLimitsConfig) check(w *wrongs) {
	w.whole("http.limits.connections", c.Connections, 2, 1_000_000)
	w.whole("http.limits.event_streams", c.EventStreams, 1, max(c.Connections-1, 1))
}

func (c *HTTPConfig) checkAccess(w *wrongs) {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		w.add("http.tls_cert and http.tls_key", "one without the other", "both or none")
	}
	for _, text := range c.Keys {
		if _, err := parseKey(text); err != nil {
			*w = append(*w, fmt.Errorf("http.keys: %w", err))
		}
	}
	for _, origin := range c.CORS {
		u, err := url.Parse(origin)
		if origin != "*" && (err != nil || u.Scheme == "" || u.Host == "" || origin != u.Scheme+"://"+u.Host) {
			w.add("http.cors", fmt.Sprintf("%q", origin), "an origin, as in https://app.example, or *")
		}
	}
}

// wrongs collects what is wrong with a configuration.
type wrongs []error

func (w *wrongs) add(key, value, right string) {
	*w = append(*w, fmt.Errorf("%s: %s is wrong; right is %s", key, value, right))
}

func (w *wrongs) oneOf(key, value string, right ...string) {
	if !slices.Contains(right, value) {
		w.add(key, fmt.Sprintf("%q", value), "one of "+strings.Join(right, ", "))
	}
}

func (w *wrongs) whole(key string, value, low, high int) {
	if value < low || value > high {
		w.add(key, fmt.Sprint(value), fmt.Sprintf("%d to %d", low, high))
	}
}

func (w *wrongs) number(key string, value, low, high float64) {
	if !(value >= low && value <= high) { // a NaN is wrong, too
		w.add(key, fmt.Sprint(value), fmt.Sprintf("%g to %g", low, high))
	}
}

func (w *wrongs) duration(key string, value, low, high time.Duration) {
	if value < low || value > high {
		w.add(key, value.String(), fmt.Sprintf("%v to %v", low, high))
	}
}
