package e2e

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/netsim"
	"github.com/confd/confd/internal/testkit/phone"
	"github.com/confd/confd/internal/testkit/tone"
)

// TestTwelvePhones: each has its own tone and hears the eleven others, and itself more than
// 40 dB under them.
func TestTwelvePhones(t *testing.T) {
	t.Parallel()
	c := startConfd(t, host(), serverOptions{env: []string{"CONFD_AUDIO_TALKERS=12"}})
	tones := tone.Spread(12)
	codecs := []phone.Codec{phone.PCMU, phone.PCMA, phone.G722, phone.L16}
	var phones []*phone.Phone
	for i, f := range tones {
		phones = append(phones, c.call(t, phone.Options{
			URI: c.uri("twelve"), Codecs: codecs[i%len(codecs) : i%len(codecs)+1], Tone: f, Level: -30, Seed: uint64(i),
		}))
	}
	var ears []ear
	for i, p := range phones {
		e := othersThan(i, tones)
		e.AtLeast = -36
		ears = append(ears, ear{p, fmt.Sprintf("phone %d (%s)", i, p.Codec().Name), e})
	}
	hearAll(t, ears)
	for _, x := range ears {
		c.clean(t, x.p, x.who)
	}
	for _, p := range phones {
		if err := p.Bye(t.Context()); err != nil {
			t.Error(err)
		}
	}
	c.awaitMetric(t, 0, "confd_calls")
}

// TestCodecsInOneRoom: G.711, G.722, L16 and Opus hear each other. What Opus codes may not
// show an absent tone, but cannot be held to 40 dB.
func TestCodecsInOneRoom(t *testing.T) {
	t.Parallel()
	c := startConfd(t, host(), serverOptions{})
	codecs := []phone.Codec{phone.PCMU, phone.G722, phone.L16, phone.Opus, phone.PCMA}
	tones := tone.Spread(len(codecs))
	var phones []*phone.Phone
	for i, codec := range codecs {
		phones = append(phones, c.call(t, phone.Options{URI: c.uri("mixed"), Codecs: []phone.Codec{codec}, Tone: tones[i]}))
	}
	var ears []ear
	for i, p := range phones {
		e := othersThan(i, tones)
		if codecs[i].Name == "opus" {
			e.Apart = 20
		}
		ears = append(ears, ear{p, codecs[i].Name, e})
	}
	hearAll(t, ears)
	for _, x := range ears {
		c.clean(t, x.p, x.who)
	}
}

// TestPacketTimes: the server sends in the packet time that the phone asks for, and takes
// whatever it sends.
func TestPacketTimes(t *testing.T) {
	t.Parallel()
	c := startConfd(t, host(), serverOptions{})
	times := []time.Duration{10, 20, 30, 40, 60}
	tones := tone.Spread(len(times))
	var phones []*phone.Phone
	for i, d := range times {
		phones = append(phones, c.call(t, phone.Options{URI: c.uri("times"), PacketTime: d * time.Millisecond, Tone: tones[i]}))
	}
	var ears []ear
	for i, p := range phones {
		ears = append(ears, ear{p, fmt.Sprintf("%d ms", times[i]), othersThan(i, tones)})
	}
	hearAll(t, ears)
	for i, p := range phones {
		who := ears[i].who
		r := p.Report()
		got := float64(p.Mark()) / float64(r.Packets-1) / float64(time.Millisecond)
		if math.Abs(got-float64(times[i])) > 1 {
			t.Errorf("%s: a packet has %.1f ms", who, got)
		}
		c.clean(t, p, who)
	}
}

// TestTransports: IPv4 and IPv6, UDP, TCP, TLS with both SRTP suites, in one room.
func TestTransports(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	c := startConfd(t, host(), serverOptions{certificates: ca})
	options := []phone.Options{
		{URI: c.uri("all")},
		{URI: c.uri("all", "transport=tcp")},
		{URI: uri("all", c.tls, "transport=tls"), TLS: ca.client(), SRTP: phone.AESCM80},
		{URI: uri("all", c.tls, "transport=tls"), TLS: ca.client(), SRTP: phone.AES128GC, RTCPMux: true},
		{URI: c.uri("all"), NoOffer: true},
		{URI: c.uri("all"), Levels: true, RTCPMux: true},
	}
	tones := tone.Spread(len(options))
	var phones []*phone.Phone
	for i, o := range options {
		o.Tone = tones[i]
		phones = append(phones, c.call(t, o))
	}
	var ears []ear
	for i, p := range phones {
		ears = append(ears, ear{p, fmt.Sprintf("phone %d", i), othersThan(i, tones)})
	}
	hearAll(t, ears)
	for _, x := range ears {
		c.clean(t, x.p, x.who)
	}
	r := phones[5].Report()
	if len(r.Contributors) == 0 || len(r.Levels) == 0 {
		t.Errorf("contributors %v and levels %v, want some of each", r.Contributors, r.Levels)
	}
	contact := phones[0].Response().Contact()
	if contact == nil || !strings.Contains(contact.Value(), "isfocus") {
		t.Errorf("Contact %v lacks isfocus (RFC 4579)", contact)
	}
}

// TestIPv6 calls ::1.
func TestIPv6(t *testing.T) {
	t.Parallel()
	p := host()
	p.ip = "::1"
	if l, err := p.ListenPacket("udp", "[::1]:0"); err != nil {
		t.Skipf("no IPv6 here: %v", err)
	} else {
		l.Close()
	}
	c := startConfd(t, p, serverOptions{})
	a := c.call(t, phone.Options{URI: c.uri("six"), Tone: 860})
	b := c.call(t, phone.Options{URI: c.uri("six", "transport=tcp"), Tone: 1354})
	hears(t, a, "a", tone.Expect{Present: []float64{1354}, Absent: []float64{860}})
	hears(t, b, "b", tone.Expect{Present: []float64{860}, Absent: []float64{1354}})
}

// TestHoldByPhone: whoever holds is not heard, music or not, and hears nobody; the others go
// on. After that all is as before.
func TestHoldByPhone(t *testing.T) {
	t.Parallel()
	c := startConfd(t, host(), serverOptions{})
	tones := tone.Spread(3)
	var phones []*phone.Phone
	for _, f := range tones {
		phones = append(phones, c.call(t, phone.Options{URI: c.uri("hold"), Tone: f}))
	}
	holder, other := phones[0], phones[1]
	all := func(when string) {
		t.Helper()
		var ears []ear
		for i, p := range phones {
			ears = append(ears, ear{p, fmt.Sprintf("phone %d %s", i, when), othersThan(i, tones)})
		}
		hearAll(t, ears)
	}
	all("before")
	for _, h := range []struct {
		name, direction, answer string
		change                  func(context.Context, string, ...phone.Codec) error
	}{
		{"re-INVITE", "sendonly", "a=recvonly", holder.Reinvite},
		{"UPDATE", "inactive", "a=inactive", holder.Update},
	} {
		if err := h.change(t.Context(), h.direction); err != nil {
			t.Fatalf("%s %s: %v", h.name, h.direction, err)
		}
		if !strings.Contains(holder.Answer(), h.answer) {
			t.Errorf("%s %s is answered without %s:\n%s", h.name, h.direction, h.answer, holder.Answer())
		}
		hears(t, other, "while held by "+h.name, tone.Expect{Present: tones[2:3], Absent: tones[0:2]})
		if err := h.change(t.Context(), "sendrecv"); err != nil {
			t.Fatalf("%s: %v", h.name, err)
		}
		all("after " + h.name)
	}
	c.clean(t, other, "the other")
}

// TestSendonlyFirst: a first offer of sendonly is a sender, which is mixed.
func TestSendonlyFirst(t *testing.T) {
	t.Parallel()
	c := startConfd(t, host(), serverOptions{})
	c.call(t, phone.Options{URI: c.uri("sender"), Tone: 860, Direction: "sendonly"})
	listener := c.call(t, phone.Options{URI: c.uri("sender"), Direction: "recvonly", Silent: true})
	hears(t, listener, "the listener", tone.Expect{Present: []float64{860}})
}

// TestCodecChanges: a re-INVITE to another codec keeps the call's sound.
func TestCodecChanges(t *testing.T) {
	t.Parallel()
	c := startConfd(t, host(), serverOptions{})
	a := c.call(t, phone.Options{URI: c.uri("change"), Tone: 860})
	b := c.call(t, phone.Options{URI: c.uri("change"), Tone: 1354})
	for _, codec := range []phone.Codec{phone.PCMU, phone.G722, phone.Opus, phone.L16, phone.PCMA} {
		if err := a.Reinvite(t.Context(), "sendrecv", codec); err != nil {
			t.Fatalf("to %s: %v", codec.Name, err)
		}
		a.SetVoice(tone.New(a.Rate(), -20, 860))
		hears(t, a, "a with "+codec.Name, tone.Expect{Present: []float64{1354}, Absent: []float64{860}, Apart: 20})
		hears(t, b, "b while a has "+codec.Name, tone.Expect{Present: []float64{860}, Absent: []float64{1354}})
	}
	c.clean(t, b, "b")
}

// TestBadNetworks: what comes over a bad network is heard all the same, and clean where the
// jitter buffer can do it.
func TestBadNetworks(t *testing.T) {
	t.Parallel()
	c := startConfd(t, host(), serverOptions{})
	networks := []netsim.Impairment{
		{Loss: 0.05},
		{Loss: 0.20},
		{Jitter: 30 * time.Millisecond},
		{Reorder: 0.05, Hold: 25 * time.Millisecond, Duplicate: 0.05},
	}
	tones := tone.Spread(len(networks))
	for i, n := range networks {
		for _, codec := range []phone.Codec{phone.PCMU, phone.Opus} {
			t.Run(fmt.Sprintf("%+v %s", n, codec.Name), func(t *testing.T) {
				room := fmt.Sprintf("bad%d%s", i, codec.Name)
				listener := c.call(t, phone.Options{URI: c.uri(room), Silent: true})
				c.call(t, phone.Options{URI: c.uri(room), Codecs: []phone.Codec{codec}, Tone: tones[i], Up: n, Seed: 11})
				most := 0.05 // THD+N
				if n.Reorder > 0 {
					most = 0.15 // the server may take a few late packets for lost
				}
				x := ear{listener, "the listener", tone.Expect{Present: tones[i : i+1], AtLeast: -26, Shift: shift}}
				x.find(t.Context(), t, settle, func(pcm []int16) error {
					err := tone.Check(pcm, 8000, x.e)
					if bad := unsteady(pcm, 8000); n.Loss <= 0.05 && bad > 0.1 {
						err = errors.Join(err, fmt.Errorf("%.0f %% of the sound is off by more than 3 dB: not concealed", 100*bad))
					}
					if d := tone.THDN(pcm, 8000, tones[i]); n.Loss == 0 && d > most && !underRace {
						err = errors.Join(err, fmt.Errorf("THD+N is %.3f though nothing was lost", d))
					}
					return err
				})
				c.clean(t, listener, "the listener")
			})
		}
	}
}

// TestDigits: telephone-events and INFO reach the server as digits and are not heard.
func TestDigits(t *testing.T) {
	t.Parallel()
	c := startConfd(t, host(), serverOptions{})
	a := c.call(t, phone.Options{URI: c.uri("digits"), Tone: 860})
	b := c.call(t, phone.Options{URI: c.uri("digits"), Silent: true})
	hears(t, b, "before", tone.Expect{Present: []float64{860}})
	from := b.Mark()
	if err := a.SendDTMF(t.Context(), "159#", 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := b.WaitSound(ctx, from+time.Second); err != nil {
		t.Fatal(err)
	}
	pcm, err := b.Sound(from, from+time.Second)
	if err != nil {
		t.Fatal(err)
	}
	dtmf := []float64{697, 770, 852 - 80, 941, 1209, 1336, 1477}
	for i, l := range tone.Heard(pcm, b.Rate(), dtmf...) {
		if l > -45 {
			t.Errorf("%g Hz is heard at %.1f dB while digits are sent", dtmf[i], l)
		}
	}
}

// TestDigitsAreEvents: each digit is one event of the room, however often its packets come.
func TestDigitsAreEvents(t *testing.T) {
	t.Parallel()
	c := startConfd(t, host(), serverOptions{})
	a := c.call(t, phone.Options{URI: c.uri("digits"), Up: netsim.Impairment{Duplicate: 0.3}})
	hears(t, a, "a", tone.Expect{})
	c.awaitMetric(t, 0, "confd_events_total", `kind="digit"`)
	if err := a.SendDTMF(t.Context(), "159#", 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	res, err := a.Request(t.Context(), "INFO", "application/dtmf-relay", "Signal=7\r\nDuration=160\r\n")
	if err != nil || res.StatusCode != 200 {
		t.Errorf("INFO with dtmf-relay: %v, %v", res, err)
	}
	c.awaitMetric(t, 5, "confd_events_total", `kind="digit"`)
}

// TestLeavesNothing: calls that come and go, also rudely, leave no call, room or port.
func TestLeavesNothing(t *testing.T) {
	t.Parallel()
	c := startConfd(t, host(), serverOptions{})
	for round := range 3 {
		var phones []*phone.Phone
		for i := range 20 {
			phones = append(phones, c.call(t, phone.Options{URI: c.uri(fmt.Sprintf("room%d", i%3)), Tone: 860}))
		}
		c.awaitMetric(t, 20, "confd_calls")
		for _, p := range phones {
			if err := p.Bye(t.Context()); err != nil {
				t.Errorf("round %d: %v", round, err)
			}
		}
	}
	c.awaitMetric(t, 0, "confd_calls")
	c.awaitMetric(t, 0, "confd_rtp_port_pairs_in_use")
	c.awaitMetric(t, 0, "confd_sip_dialogs")
}

// TestDrain: SIGTERM hangs up on everyone, with a reason, and ends with status 0.
func TestDrain(t *testing.T) {
	t.Parallel()
	c := startConfd(t, host(), serverOptions{})
	var phones []*phone.Phone
	for i, params := range [][]string{nil, nil, {"transport=tcp"}} {
		phones = append(phones, c.call(t, phone.Options{URI: c.uri(fmt.Sprint("room", i%2), params...), Tone: 860}))
	}
	if err := c.terminate(15 * time.Second); err != nil {
		t.Fatal(err)
	}
	for i, p := range phones {
		select {
		case <-p.Ended():
			if !strings.Contains(p.EndReason(), "BYE: ") {
				t.Errorf("phone %d: ended by %q, want a Reason", i, p.EndReason())
			}
		default:
			t.Errorf("phone %d got no BYE", i)
		}
	}
}
