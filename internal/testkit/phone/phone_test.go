package phone

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/echo"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/netsim"
	"github.com/confd/confd/internal/testkit/tone"
)

func listen(t *testing.T, o echo.Options) *echo.Server {
	t.Helper()
	s, err := echo.Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func dial(t *testing.T, o Options) *Phone {
	t.Helper()
	p, err := Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// hears listens for half a second after the first tenth.
func hears(t *testing.T, p *Phone, e tone.Expect) []int16 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	from := p.Mark() + 100*time.Millisecond
	if err := p.WaitSound(ctx, from+500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	pcm, err := p.Sound(from, from+500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if err := tone.Check(pcm, p.Rate(), e); err != nil {
		t.Error(err)
	}
	return pcm
}

func TestEveryCodecComesBack(t *testing.T) {
	s := listen(t, echo.Options{})
	l44 := Codec{Name: "L16", PayloadType: 11, ClockRate: 44100, SampleRate: 44100}
	for _, c := range []Codec{PCMU, PCMA, G722, L16, L16at8, l44, Opus} {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			o := Options{URI: "sip:a@" + s.Addr().String(), Codecs: []Codec{c}, Tone: 860}
			if c == l44 {
				o.PacketTime = 10 * time.Millisecond
			}
			p := dial(t, o)
			pcm := hears(t, p, tone.Expect{Present: []float64{860}, Absent: []float64{1500}})
			if d := tone.THDN(pcm, p.Rate(), 860); d > 0.05 {
				t.Errorf("THD+N %.3f", d)
			}
			r := p.Report()
			if err := r.Fault(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTransports(t *testing.T) {
	server, client := certificates(t)
	s := listen(t, echo.Options{TLS: server})
	for name, o := range map[string]Options{
		"tcp":  {URI: "sip:a@" + s.Addr().String() + ";transport=tcp"},
		"tls":  {URI: "sips:a@" + s.TLSAddr(), TLS: client},
		"srtp": {URI: "sip:a@" + s.TLSAddr() + ";transport=tls", TLS: client, SRTP: AESCM80},
	} {
		t.Run(name, func(t *testing.T) {
			o.Tone = 860
			p := dial(t, o)
			hears(t, p, tone.Expect{Present: []float64{860}})
			if err := p.Bye(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPhonesLeaveNothingBehind(t *testing.T) {
	leak.Check(t)
	s, err := echo.Listen(echo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var phones []*Phone
	for range 100 {
		p, err := Dial(t.Context(), Options{URI: "sip:a@" + s.Addr().String(), Tone: 860})
		if err != nil {
			t.Fatal(err)
		}
		phones = append(phones, p)
	}
	for _, p := range phones {
		if err := p.WaitSound(t.Context(), 600*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if err := tone.Check(p.Heard(500*time.Millisecond), p.Rate(), tone.Expect{Present: []float64{860}}); err != nil {
			t.Error(err)
		}
	}
	for _, p := range phones {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if now, total := s.Calls(); now != 0 || total != 100 {
		t.Errorf("%d calls of %d are left", now, total)
	}
	s.Close()
}

func TestHoldAndResume(t *testing.T) {
	s := listen(t, echo.Options{})
	p := dial(t, Options{URI: "sip:a@" + s.Addr().String(), Tone: 860})
	hears(t, p, tone.Expect{Present: []float64{860}})
	if err := p.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := p.Listen(ctx, 200*time.Millisecond); err == nil {
		t.Error("sound while on hold")
	}
	if err := p.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	hears(t, p, tone.Expect{Present: []float64{860}})
}

func TestCodecChangesByReinvite(t *testing.T) {
	s := listen(t, echo.Options{})
	p := dial(t, Options{URI: "sip:a@" + s.Addr().String(), Tone: 860})
	hears(t, p, tone.Expect{Present: []float64{860}})
	if err := p.Reinvite(t.Context(), "sendrecv", L16); err != nil {
		t.Fatal(err)
	}
	if p.Rate() != 16000 {
		t.Fatalf("rate %d after a change to L16/16000", p.Rate())
	}
	hears(t, p, tone.Expect{Present: []float64{860}})
}

func TestServerHangsUp(t *testing.T) {
	s := listen(t, echo.Options{})
	p := dial(t, Options{URI: "sip:a@" + s.Addr().String()})
	if err := s.HangUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Ended():
	case <-time.After(5 * time.Second):
		t.Fatal("the phone did not notice")
	}
	if p.EndReason() != "BYE" {
		t.Errorf("ended by %q", p.EndReason())
	}
}

func TestRefusalIsAStatusError(t *testing.T) {
	s := listen(t, echo.Options{})
	_, err := Dial(t.Context(), Options{
		URI:    "sip:a@" + s.Addr().String(),
		Codecs: []Codec{{Name: "L16", PayloadType: 100, ClockRate: 8000, SampleRate: 8000}, {Name: "GSM", PayloadType: 3, ClockRate: 8000}}[1:],
	})
	var status *StatusError
	if !errors.As(err, &status) || status.Code != 488 {
		t.Errorf("an offer of GSM alone gives %v, want 488", err)
	}
}

// TestLossShowsInTheReport holds the report against what the network is known to do.
func TestLossShowsInTheReport(t *testing.T) {
	s := listen(t, echo.Options{})
	p := dial(t, Options{
		URI: "sip:a@" + s.Addr().String(), Tone: 860, PacketTime: 10 * time.Millisecond, Seed: 3,
		Down: netsim.Impairment{Loss: 0.1, Duplicate: 0.1, Reorder: 0.1},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := p.WaitSound(ctx, 2*time.Second); err != nil {
		t.Fatal(err)
	}
	r := p.Report()
	if r.Lost < 5 || r.Lost > 50 || r.Duplicates < 5 || r.Late < 5 {
		t.Errorf("of %d packets %d lost, %d twice, %d late; want about a tenth each", r.Packets, r.Lost, r.Duplicates, r.Late)
	}
	if missing := p.Missing(0, 1800*time.Millisecond); missing < 50*time.Millisecond {
		t.Errorf("only %v of the sound is missing", missing)
	}
	if r.Fault() == nil {
		t.Error("no fault in such a stream")
	}
}

func TestDigitsAreEvents(t *testing.T) {
	s := listen(t, echo.Options{})
	p := dial(t, Options{URI: "sip:a@" + s.Addr().String(), Tone: 860})
	if err := p.SendDTMF(t.Context(), "1#", 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	hears(t, p, tone.Expect{Present: []float64{860}})
	// The echo sends them back, although it did not take telephone-event: 4 packets of the
	// tone's length and 3 of its end for each digit.
	if r := p.Report(); r.UnknownType != 14 {
		t.Errorf("%d packets of telephone-event came back, want 14", r.UnknownType)
	}
}

func certificates(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}
