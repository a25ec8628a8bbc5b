package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/confd/confd/focus"
)

// maxCredential bounds a trunk's user name and password, bytes each.
const maxCredential = 256

func (c *DialOutConfig) check(w *wrongs) {
	c.Trunk.check(w)
	w.whole("dial_out.limits.calls", c.Limits.Calls, 0, 1_000_000)
	w.number("dial_out.limits.rate", c.Limits.Rate, 0.01, 1e6)
	w.whole("dial_out.limits.burst", c.Limits.Burst, 1, 1_000_000)
}

func (t *TrunkConfig) check(w *wrongs) {
	const key = "dial_out.trunk."
	if t.Address == "" && *t != (TrunkConfig{}) {
		w.add(key+"address", "nothing", "the trunk's host beside what else is said of it, as in sip.example.net")
	}
	hasPassword := t.Password != "" || t.PasswordFile != ""
	if t.Username == "" && hasPassword {
		w.add(key+"username", "nothing", "the name that the password belongs to")
	}
	if t.Username != "" && !hasPassword {
		w.add(key+"password_file", "nothing", "a file with the password of the user name")
	}
	if t.Password != "" && t.PasswordFile != "" {
		w.add(key+"password and "+key+"password_file", "both", "one of them")
	}
	w.credential(key+"username", t.Username)
	w.credential(key+"password", t.Password)
}

func (w *wrongs) credential(key, text string) {
	if err := checkCredential(text); err != nil {
		*w = append(*w, fmt.Errorf("%s: %w", key, err))
	}
}

// checkCredential does not repeat what it finds wrong: it may be a password.
func checkCredential(text string) error {
	switch {
	case len(text) > maxCredential:
		return fmt.Errorf("it has %d bytes; right are at most %d", len(text), maxCredential)
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }):
		return errors.New("it has a control character or broken UTF-8 in it; right is a line of text")
	}
	return nil
}

// trunk is the trunk with its password.
func (t *TrunkConfig) trunk() (focus.Trunk, error) {
	f := focus.Trunk{Address: t.Address, Username: t.Username, Password: t.Password, From: t.From, All: t.All}
	if t.PasswordFile == "" {
		return f, nil
	}
	var err error
	if f.Password, err = firstLine(t.PasswordFile); err == nil {
		err = checkCredential(f.Password)
	}
	if err == nil && f.Password == "" {
		err = errors.New("its first line is empty; right is the password")
	}
	if err != nil {
		return f, fmt.Errorf("dial_out.trunk.password_file: %w", err)
	}
	return f, nil
}

// firstLine returns the first line of a file, without its end.
func firstLine(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

// tls is how calls over TLS know whom they reach; nil is as the system does.
func (c *DialOutConfig) tls() (*tls.Config, error) {
	if c.TLSCA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.TLSCA)
	if err != nil {
		return nil, fmt.Errorf("dial_out.tls_ca: %w", err)
	}
	trusted, err := x509.SystemCertPool()
	if err != nil {
		trusted = x509.NewCertPool() // this system has none
	}
	if !trusted.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("dial_out.tls_ca: %s has no certificate in it; right are certificates of authorities in PEM", c.TLSCA)
	}
	return &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}, nil
}

// addTo tells signalling whom to call how.
func (c *DialOutConfig) addTo(f *focus.Config) (err error) {
	if f.Trunk, err = c.Trunk.trunk(); err != nil {
		return err
	}
	f.DialOut = focus.DialLimits{Max: c.Limits.Calls, PerSecond: c.Limits.Rate, Burst: c.Limits.Burst}
	f.DialTLS, err = c.tls()
	return err
}
