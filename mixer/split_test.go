package mixer

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// What is true of a conference is true of one whose every stage is done in parts of one, on
// three threads.
func TestSplit(t *testing.T) {
	splitAll = true
	defer func() { splitAll = false }()
	for name, test := range map[string]func(*testing.T){
		"allocations": TestTickAllocatesNothing, "waiting": TestWaitingMixThenRoom, "whisper": TestWhisperMix,
		"taps": TestTaps, "pushed": TestPushedIngress, "loudest": TestLoudestKWithHysteresis,
		"unknown": TestSpeakerFoundAmongManyUnknown, "held": TestHeldInputIsNotMixed, "digits": TestTelephoneEvent,
		"redundancy": TestRedundancyIsUsed, "bounded": TestClassesAreBounded, "noise": TestComfortNoiseEgress,
		"shared": TestClassesAreShared, "contributors": TestContributors, "engine": TestEngineRuns,
		"panic": TestPanicStaysInItsConference, "codecs": TestCodecChangesUnderWaitingPackets,
		"nonsense": TestRecoversFromNonsense, "duplicates": TestDuplicates, "leg": TestMovedLegSendsUnbrokenRTP,
		"moves": TestMovesAreUnbroken,
	} {
		t.Run(name, test)
	}
}

// A split conference does what an unsplit one does: to the event, the sample and the packet.
func TestSplitIsTheSame(t *testing.T) {
	whole := script(t)
	splitAll = true
	defer func() { splitAll = false }()
	for range 3 {
		parts := script(t)
		for i := range whole {
			if whole[i] != parts[i] {
				t.Fatalf("tick %d: split\n%s\nelse\n%s", i, parts[i], whole[i])
			}
		}
	}
}

// script runs a room of all codecs and packet times in which people come, speak, press keys,
// change their gain and leave, over a bad network. It returns what each tick did.
func script(t *testing.T) (ticks []string) {
	b := newBed(t, Config{Talkers: 3, Candidates: 2})
	var told bytes.Buffer
	base := uint32(0)
	b.conf.cfg.Events = func(e Event) {
		id := uint32(0)
		if e.Input != nil {
			id = e.Input.id - base
		}
		fmt.Fprintf(&told, "event %d of %d: %q %v %d\n", e.Kind, id, e.Digit, e.Duration, e.Rate)
	}
	var phones []*testPhone
	for i := range 24 {
		p := b.phone(scriptFormat(t, i), -20-float64(i%7), float64(300+40*i), network{phase: time.Duration(i) * 700e3,
			loss: 0.02, jitter: time.Duration(i%4) * 8e6, ppm: float64(i*20 - 200),
			pause: func(n int) bool { return (n+i*37)%150 > 90 }})
		p.ssrc, p.keep = uint32(i)+1, true
		p.out.cfg.ComfortNoise, p.out.cfg.ComfortNoisePayloadType = i%5 == 0, 13
		if i == 0 {
			base = p.in.id
		}
		phones = append(phones, p)
	}
	for n := range 400 {
		scriptStep(b, phones, n)
		b.tick()
		for _, p := range phones {
			for _, o := range p.sent {
				ids := slices.Clone(o.Contributors)
				for i := range ids {
					ids[i] -= base
				}
				fmt.Fprintf(&told, "to %d: %d %d %d %v %v %v %x\n", p.in.id-base, o.Time, o.Kind, o.PayloadType, o.Marker, ids, o.Levels, o.Data)
			}
			p.sent = p.sent[:0]
			fmt.Fprintf(&told, "%d: %+v %d\n", p.in.id-base, p.in.Stats(), p.out.Sent())
		}
		ticks = append(ticks, told.String())
		told.Reset()
	}
	return ticks
}

func scriptFormat(t *testing.T, i int) media.Format {
	switch i % 6 {
	case 0:
		return format(t, media.PCMU, 8000, 20*time.Millisecond)
	case 1:
		return format(t, media.G722, 16000, 20*time.Millisecond)
	case 2:
		return format(t, media.Opus, 48000, 20*time.Millisecond)
	case 3:
		return format(t, media.PCMA, 8000, 10*time.Millisecond)
	case 4:
		return format(t, media.Opus, 48000, 10*time.Millisecond)
	}
	return format(t, media.L16, 16000, 30*time.Millisecond)
}

func scriptStep(b *bed, phones []*testPhone, n int) {
	p := phones[n*7%len(phones)]
	switch {
	case n < len(phones):
		phones[n].start = b.due
		phones[n].join()
	case n%11 == 0 && p.in.conf != nil:
		p.leave()
	case n%11 == 5 && p.in.conf == nil:
		p.join()
	case n%11 == 7:
		for i := range 3 {
			q := phones[(n+5*i)%len(phones)]
			q.event(uint32(n), 160, byte(i), i == 1)
		}
	case n%11 == 9:
		cfg := p.in.cfg
		cfg.Gain = float32(n%3) + 0.5
		b.conf.Apply(Configure(p.in, cfg))
	}
}
