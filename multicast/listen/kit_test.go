package listen

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/confd/confd/transport/repair"
)

const plainSDP = "v=0\r\no=- 7 3 IN IP4 127.0.0.1\r\ns=Talk\r\nc=IN IP4 239.255.8.1/1\r\nt=0 0\r\n" +
	"m=audio 5004 RTP/AVP 0\r\na=recvonly\r\n"

const repairSDP = "v=0\r\no=- 7 3 IN IP4 127.0.0.1\r\ns=Talk\r\nc=IN IP4 239.255.8.1/1\r\nt=0 0\r\na=rtcp-unicast:rsi\r\n" +
	"m=audio 5004 RTP/AVPF 98 0 99 13\r\nb=AS:100\r\nb=RS:2000\r\nb=RR:4000\r\na=rtpmap:98 red/8000\r\na=fmtp:98 0/0\r\na=rtpmap:99 rtx/8000\r\na=fmtp:99 apt=0;rtx-time=500\r\n" +
	"a=ptime:20\r\na=rtcp:5005 IN IP4 127.0.0.1\r\na=multicast-rtcp:5005\r\na=portmapping-req\r\na=rtcp-fb:* nack\r\na=recvonly\r\n"

func parse(t testing.TB, text string) *Session {
	t.Helper()
	s, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// speaker makes packets of PCMU, 20 ms each, that tell their number.
type speaker struct {
	ssrc, stamp uint32
	seq         uint16
	generations int
	past        [][]byte // payloads, newest last
	marks       []uint32 // their timestamps
	made        uint32
}

// payload is what the n-th packet of a speaker says.
func payload(n uint32) []byte {
	b := bytes.Repeat([]byte{byte(n)}, 160)
	binary.BigEndian.PutUint32(b, n)
	return b
}

// next makes a packet, after a pause of so many samples.
func (s *speaker) next(pause uint32) *rtp.Packet {
	s.stamp += pause
	own := payload(s.made)
	p := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 0, SequenceNumber: s.seq, Timestamp: s.stamp, SSRC: s.ssrc}, Payload: own}
	if s.generations > 0 {
		p.PayloadType, p.Payload = 98, s.redundant(own)
	}
	s.past, s.marks = append(s.past, own), append(s.marks, s.stamp)
	s.seq, s.stamp, s.made = s.seq+1, s.stamp+160, s.made+1
	return p
}

func (s *speaker) redundant(own []byte) []byte {
	var blocks []repair.Block
	for g := min(s.generations, len(s.past)); g > 0; g-- {
		i := len(s.past) - g
		blocks = append(blocks, repair.Block{PayloadType: 0, Offset: s.stamp - s.marks[i], Payload: s.past[i]})
	}
	b, ok := repair.AppendRedundant(nil, append(blocks, repair.Block{Payload: own}))
	if !ok {
		panic("blocks do not fit")
	}
	return b
}

// again makes the retransmission of a sequence number, counted back from the newest.
func (s *speaker) again(seq uint16) *rtp.Packet {
	back := int(s.seq - seq)
	if back < 1 || back > len(s.past) {
		return nil
	}
	i := len(s.past) - back
	return &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 99, SSRC: s.ssrc + 1, Timestamp: s.marks[i]},
		Payload: repair.AppendRetransmission(nil, seq, s.past[i])}
}

// recorder is an Output that writes down what is played.
type recorder struct {
	t       testing.TB
	numbers []uint32 // of the packets
	at      []int    // samples played before each
	lost    int      // samples
	paused  int
	total   int
	after   int // calls of Lost that had the next packet
}

func (r *recorder) Packet(p *Played, skip int) {
	n := binary.BigEndian.Uint32(p.Payload)
	if !bytes.Equal(p.Payload, payload(n)) {
		r.t.Errorf("a payload was changed: % x", p.Payload[:8])
	}
	r.numbers, r.at = append(r.numbers, n), append(r.at, r.total-skip)
	r.total += p.Samples - skip
}

func (r *recorder) Lost(n int, next []byte) {
	r.lost, r.total = r.lost+n, r.total+n
	if next != nil {
		r.after++
	}
}

func (r *recorder) Pause(n int) { r.paused, r.total = r.paused+n, r.total+n }

// network carries a speaker's packets to a track in fake time, with loss.
type network struct {
	track    *track
	out      *recorder
	rand     *rand.Rand
	loss     float64 // of every packet, sent again or not
	trip     int64   // of a request and its answer
	asks     bool
	now      int64
	backward []delayed
	dropped  int
}

type delayed struct {
	p  *rtp.Packet
	at int64
}

const ms = int64(time.Millisecond)

func newNetwork(t testing.TB, sdp string, buffer time.Duration) *network {
	out := &recorder{t: t}
	return &network{track: newTrack(parse(t, sdp), buffer, out), out: out, rand: rand.New(rand.NewPCG(1, 2)), now: 1e12, trip: 10 * ms}
}

// lose tells whether the next packet is lost.
func (n *network) lose() bool { return n.rand.Float64() < n.loss }

// send brings a packet, unless it is lost, and then 20 ms pass.
func (n *network) send(s *speaker, p *rtp.Packet) {
	if n.lose() {
		n.dropped++
	} else {
		n.track.receive(p, n.now)
	}
	n.pass(s, 20)
}

// pass lets milliseconds pass.
func (n *network) pass(s *speaker, times int) {
	for range times {
		n.now += ms
		n.track.play(n.now)
		if !n.asks {
			continue
		}
		for _, seq := range n.track.ask(n.now, nil) {
			if p := s.again(seq); p != nil && !n.lose() {
				n.backward = append(n.backward, delayed{p, n.now + n.trip})
			}
		}
		for len(n.backward) > 0 && n.backward[0].at <= n.now {
			n.track.receive(n.backward[0].p, n.now)
			n.backward = n.backward[1:]
		}
	}
}
