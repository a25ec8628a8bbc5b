package e2e

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/phone"
	"github.com/confd/confd/internal/testkit/tone"
)

// linphoneConference is a linphonec that mixes whoever calls it: a second conference server
// beside confd, from the distribution. A helper does what a person at its prompt would: it
// answers each call by its number (linphonec's automatic answer takes the wrong call once
// there are two) and adds it to the conference, for which linphonec sends a re-INVITE.
//
// It has one room, whatever the address that is called, answers some ten calls a second
// (tried with up to 24), and is silent itself. When the first caller hangs up, it crashes, in
// LocalConference::removeParticipant of liblinphone 5.1.65, so that the other BYEs are refused:
// what is measured with it must be measured before.
type linphoneConference struct {
	*process
	address string // HOST:PORT of its SIP, UDP and TCP
}

func startLinphoneConference(t *testing.T, p *place) *linphoneConference {
	t.Helper()
	const anyPort, calls = -1, 100
	port := p.freePort(t)
	config := linphoneConfig(p, port, anyPort, linphoneOptions{}) + fmt.Sprintf("max_calls=%d\n", calls) +
		"[video]\nenabled=0\ncapture=0\ndisplay=0\nautomatically_initiate=0\nautomatically_accept=0\n"
	program, _ := runLinphone(t, p, config, toneFile(linphoneRate, 1, 0, time.Minute))
	l := &linphoneConference{process: program, address: hostPort(p.ip, port)}
	l.listens(t, port)
	go l.attend()
	return l
}

var (
	linphoneIncoming = regexp.MustCompile(`assigned id (\d+)`)
	linphoneMedia    = regexp.MustCompile(`Media streams established .* for call (\d+)`)
)

// attend answers and adds whoever calls, until the program ends.
func (l *linphoneConference) attend() {
	added := map[string]bool{}
	for read := 0; ; {
		text := l.out.String()
		end := strings.LastIndexByte(text, '\n') + 1
		for line := range strings.Lines(text[read:end]) {
			if m := linphoneIncoming.FindStringSubmatch(line); m != nil {
				fmt.Fprintln(l.stdin, "answer "+m[1])
			}
			if m := linphoneMedia.FindStringSubmatch(line); m != nil && !added[m[1]] {
				added[m[1]] = true // a second time comes of being added
				fmt.Fprintln(l.stdin, "conference add "+m[1])
			}
		}
		read = end
		select {
		case <-l.done:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestLinphoneMixes: the second server does what a conference server does, so that what is
// measured with it means something. Five phones hear each other, and not themselves.
func TestLinphoneMixes(t *testing.T) {
	t.Parallel()
	place := newPlace(t)
	l := startLinphoneConference(t, place)
	tones := tone.Spread(5)
	var ears []ear
	for i, f := range tones {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		p, err := phone.Dial(ctx, phone.Options{
			URI: uri("any", l.address), User: fmt.Sprintf("phone-%d", i), Tone: f, Level: -26, Network: place, Local: place.ip,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Close() }) // linphonec has crashed by then
		e := othersThan(i, tones)
		e.Apart = 20
		ears = append(ears, ear{p, fmt.Sprintf("phone %d", i), e})
	}
	hearAll(t, ears)
}
