package e2e

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/phone"
	"github.com/confd/confd/internal/testkit/tone"
)

// TestRealClients: baresip with Opus, baresip with G.722, Linphone, SIPp with G.711 and a
// phone of the test kit are in one room, and each hears the others and not itself. At the
// end SIGTERM hangs up on them.
func TestRealClients(t *testing.T) {
	need(t, "baresip", "linphonec", "sipp")
	t.Parallel()
	place := newPlace(t)
	c := startConfd(t, place, serverOptions{})
	tones := tone.Spread(5)
	opus := startBaresip(t, place, baresipOpus, tones[0])
	wide := startBaresip(t, place, baresipG722, tones[1])
	lin := startLinphone(t, place, linphoneOptions{freq: tones[2], codec: "opus"})
	opus.dial(t, c.uri("real"))
	wide.dial(t, c.uri("real"))
	lin.dial(t, c.uri("real"))
	sipp := startSipp(t, place, sippRun{
		scenario: "call.xml", target: c.sip, room: "real", transport: "u1", calls: 1, rate: 1, freq: tones[3], hold: 12 * time.Second,
	})
	p := c.call(t, phone.Options{URI: c.uri("real"), Tone: tones[4]})
	c.awaitMetric(t, 5, "confd_calls")

	hears(t, p, "the phone", tone.Expect{Present: without(tones, tones[4]), Absent: tones[4:5]})
	awaitRecording(t, 3*time.Second, opus, wide, lin)
	if err := sippDone(sipp, 1, 30*time.Second); err != nil {
		t.Error(err)
	}
	c.clean(t, p, "the phone")
	if err := c.terminate(15 * time.Second); err != nil {
		t.Fatal(err)
	}
	opus.event(t, "CALL_CLOSED")
	wide.event(t, "CALL_CLOSED")
	lin.expect(t, "ended")
	// An absent tone shows at -24 dB and lower in a mix that is coded by Opus.
	judge(t, "baresip with Opus", opus.quit(t), tone.Expect{Present: without(tones, tones[0]), Absent: tones[0:1], Apart: 18})
	judge(t, "baresip with G.722", wide.quit(t), tone.Expect{Present: without(tones, tones[1]), Absent: tones[1:2]})
	judge(t, "Linphone", lin.quit(t), tone.Expect{Present: without(tones, tones[2]), Absent: tones[2:3], Apart: 18})
}

// TestLinphoneSecure: Linphone calls over TLS, demands SRTP, and checks the certificate.
func TestLinphoneSecure(t *testing.T) {
	need(t, "linphonec")
	t.Parallel()
	place := newPlace(t)
	ca := newAuthority(t)
	c := startConfd(t, place, serverOptions{certificates: ca, env: []string{"CONFD_RTP_SRTP=required"}})
	lin := startLinphone(t, place, linphoneOptions{freq: 860, codec: "PCMU", secure: ca.file})
	lin.dial(t, uri("secret", c.tls, "transport=tls"))
	p := c.call(t, phone.Options{URI: uri("secret", c.tls, "transport=tls"), TLS: ca.client(), SRTP: phone.AESCM80, Tone: 1354})
	hears(t, p, "the phone", tone.Expect{Present: []float64{860}, Absent: []float64{1354}})
	c.clean(t, p, "the phone")
	awaitRecording(t, 2*time.Second, lin)
	judge(t, "Linphone", lin.quit(t), tone.Expect{Present: []float64{1354}, Absent: []float64{860}})
}

// TestHundredCalls: SIPp joins and leaves a hundred times, over UDP and then TCP, while
// someone listens to someone speak.
func TestHundredCalls(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	c := startConfd(t, host(), serverOptions{})
	talker := c.call(t, phone.Options{URI: c.uri("busy"), Tone: 860})
	listener := c.call(t, phone.Options{URI: c.uri("busy"), Silent: true})
	before := hears(t, listener, "before", tone.Expect{Present: []float64{860}})
	for _, transport := range []string{"u1", "t1", "tn"} {
		from := listener.Mark()
		sipp := startSipp(t, host(), sippRun{
			scenario: "silent.xml", target: c.sip, room: "busy", transport: transport, calls: 100, rate: 40, hold: 2 * time.Second,
		})
		if err := sippDone(sipp, 100, 60*time.Second); err != nil {
			t.Errorf("%s: %v", transport, err)
		}
		pcm, err := listener.Sound(from, listener.Mark())
		if err != nil {
			t.Fatal(err)
		}
		if a, b := unsteady(before, 8000), unsteady(pcm, 8000); b > a+0.1 {
			t.Errorf("%s: %.0f %% of the sound is unsteady, %.0f %% was before", transport, 100*b, 100*a)
		}
		if err := bestSecond(pcm, 8000, tone.Expect{Present: []float64{860}, Absent: []float64{1354}}); err != nil {
			t.Errorf("%s: %v", transport, err)
		}
		c.awaitMetric(t, 2, "confd_calls")
	}
	c.clean(t, listener, "the listener")
	for _, p := range []*phone.Phone{talker, listener} {
		if err := p.Bye(t.Context()); err != nil {
			t.Error(err)
		}
	}
	c.awaitMetric(t, 0, "confd_calls")
	c.awaitMetric(t, 0, "confd_rooms")
	c.awaitMetric(t, 0, "confd_sip_dialogs")
	c.awaitMetric(t, 0, "confd_rtp_port_pairs_in_use")
}

// TestSippHold: SIPp plays a tone throughout, holds and resumes; a listener hears it but for
// the time of the hold.
func TestSippHold(t *testing.T) {
	need(t, "sipp")
	for _, transport := range []string{"u1", "t1"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			c := startConfd(t, host(), serverOptions{})
			listener := c.call(t, phone.Options{URI: c.uri("hold"), Silent: true})
			sipp := startSipp(t, host(), sippRun{
				scenario: "hold.xml", target: c.sip, room: "hold", transport: transport, calls: 1, rate: 1, freq: 860, hold: 2500 * time.Millisecond,
			})
			if err := sippDone(sipp, 1, 30*time.Second); err != nil {
				t.Error(err)
			}
			pcm, err := listener.Sound(0, listener.Mark())
			if err != nil {
				t.Fatal(err)
			}
			got := phases(pcm, 8000, 860)
			if want := "on off on"; got != want {
				t.Errorf("the tone was %q, want %q", got, want)
				keep(t, listener, "listener")
			}
		})
	}
}

// phases tells in words when a tone was on and off, leaving out what was shorter than a
// second and a half, and "off" at either end.
func phases(pcm []int16, rate int, freq float64) string {
	const step = 250 * time.Millisecond
	n := rate / 4
	var words []string
	run, was := 0, ""
	end := func() {
		if time.Duration(run)*step >= 1500*time.Millisecond && (len(words) == 0 || words[len(words)-1] != was) {
			words = append(words, was)
		}
	}
	for ; len(pcm) >= n; pcm = pcm[n:] {
		is := "off"
		if math.Abs(tone.Near(pcm[:n], rate, freq, shift)+20) < 6 {
			is = "on"
		}
		if is != was {
			end()
			run, was = 0, is
		}
		run++
	}
	end()
	for len(words) > 0 && words[0] == "off" {
		words = words[1:]
	}
	for len(words) > 0 && words[len(words)-1] == "off" {
		words = words[:len(words)-1]
	}
	return strings.Join(words, " ")
}

func TestPhases(t *testing.T) {
	on := tone.Make(8000, 2*time.Second, -20, 860)
	off := make([]int16, 16000)
	var all []int16
	for _, part := range [][]int16{off, on, off, on[:4000], off, on, off} {
		all = append(all, part...)
	}
	if got := phases(all, 8000, 860); got != "on off on" {
		t.Errorf("%q", got)
	}
}
