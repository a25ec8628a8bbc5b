package e2e

import (
	"context"
	"net"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/confd/confd/internal/testkit/phone"
	"github.com/confd/confd/internal/testkit/tone"
)

// floodRate is what a stranger sends, packets a second.
const floodRate = 100_000

// heard is what the server counted of everybody's packets.
type heard struct{ received, lost, late, concealed float64 }

func (c *confd) heard(t *testing.T) heard {
	t.Helper()
	return heard{
		c.metric(t, "confd_rtp_packets_received_total"), c.metric(t, "confd_rtp_packets_lost_total"),
		c.metric(t, "confd_rtp_packets_unusable_total"), c.metric(t, "confd_concealed_samples_total"),
	}
}

// TestStrangerAtMediaPort: a stranger sends as much as it can, up to 100,000 packets a second,
// at the port of one leg in a call. That leg loses no frame, and nobody's sound changes.
func TestStrangerAtMediaPort(t *testing.T) {
	// Not parallel: it is about the server, not about who gets the processors.
	c := startConfd(t, host(), serverOptions{})
	var phones []*phone.Phone
	for _, o := range []phone.Options{
		{URI: c.uri("flooded"), Tone: 860}, {URI: c.uri("flooded"), Silent: true},
		{URI: c.uri("beside"), Tone: 1354}, {URI: c.uri("beside"), Silent: true},
	} {
		phones = append(phones, c.call(t, o))
	}
	ears := []ear{
		{phones[1], "the listener", tone.Expect{Present: []float64{860}, Absent: []float64{1354}}},
		{phones[3], "a listener in another room", tone.Expect{Present: []float64{1354}, Absent: []float64{860}}},
	}
	hearAll(t, ears)
	// What is late or made up is the phones' fault if they share the processors with much
	// else; so it counts only if it is so each time. A lost frame is nobody else's fault.
	const tries = 4
	for try := 1; ; try++ {
		before, sent, marks := c.heard(t), sum(phones), [2]time.Duration{ears[0].p.Mark(), ears[1].p.Mark()}
		n, took := flood(t, phones[0].RemoteRTP().String(), 2500*time.Millisecond)
		after, sent2 := c.heard(t), sum(phones)
		t.Logf("%d packets at %.0f a second; the phones sent %d", n, float64(n)/took.Seconds(), sent2-sent)
		if after.lost != before.lost {
			t.Errorf("%v frames were lost", after.lost-before.lost)
		}
		// The server may be a packet of each phone behind, at either end.
		if got := after.received - before.received; got < float64(sent2-sent)-float64(2*len(phones)) {
			t.Errorf("of %d packets that the phones sent, %v arrived", sent2-sent, got)
		}
		if after.late != before.late || after.concealed != before.concealed {
			if t.Logf("late %v, concealed %v", after.late-before.late, after.concealed-before.concealed); try < tries {
				continue
			}
			t.Errorf("frames came late or were made up in each of %d floods", tries)
		}
		for i, x := range ears {
			steady(t, x, marks[i], took)
		}
		break
	}
	if n := c.metric(t, "confd_sip_faults_total"); n != 0 {
		t.Errorf("confd itself failed in %v requests", n)
	}
	for _, x := range ears {
		c.clean(t, x.p, x.who)
	}
}

// steady fails the test unless x heard its tone, and nothing else, for all of a time.
func steady(t *testing.T, x ear, from, d time.Duration) {
	t.Helper()
	if err := x.p.WaitSound(t.Context(), from+d); err != nil {
		t.Fatal(err)
	}
	pcm, err := x.p.Sound(from, from+d)
	if err != nil {
		t.Fatal(err)
	}
	if bad := unsteady(pcm, 8000); bad > 0.05 {
		t.Errorf("%s: %.0f %% of the sound is unsteady", x.who, 100*bad)
	}
	if err := bestSecond(pcm, 8000, x.e); err != nil {
		t.Errorf("%s: %v", x.who, err)
	}
}

func sum(phones []*phone.Phone) (sent uint64) {
	for _, p := range phones {
		sent += p.Sent()
	}
	return sent
}

// flood sends RTP look-alikes to an address at floodRate, or as fast as the machine can. It
// returns how many, and for how long.
func flood(t *testing.T, to string, d time.Duration) (n int, took time.Duration) {
	t.Helper()
	addr, err := net.ResolveUDPAddr("udp4", to)
	if err != nil {
		t.Fatal(err)
	}
	s, err := net.ListenPacket("udp4", "127.0.0.9:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	batch := make([]ipv4.Message, 50)
	for i := range batch {
		packet := make([]byte, 172) // 20 ms of PCMU
		packet[0], packet[11] = 0x80, 7
		batch[i] = ipv4.Message{Buffers: [][]byte{packet}, Addr: addr}
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	conn := ipv4.NewPacketConn(s)
	for began := time.Now(); ; {
		took = time.Since(began)
		if ctx.Err() != nil {
			return n, took
		}
		if float64(n) > floodRate*took.Seconds() {
			time.Sleep(time.Millisecond)
			continue
		}
		for i := range batch {
			b := batch[i].Buffers[0]
			b[2], b[3] = byte((n+i)>>8), byte(n+i)
		}
		sent, err := conn.WriteBatch(batch, 0)
		if err != nil {
			continue // the kernel refuses some: that is what is hoped for
		}
		n += sent
	}
}
