package listen

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/multicast/socket"
	"github.com/confd/confd/transport"
	"github.com/confd/confd/transport/repair"
)

var home = netip.MustParseAddr("127.0.0.1")

// station is a group's sender on the loopback interface, with a feedback target.
type station struct {
	t      *testing.T
	sdp    string
	group  netip.AddrPort
	out    *socket.Sender
	target *net.UDPConn
	mint   *feedback.Mint
	over   sync.WaitGroup

	mu                             sync.Mutex
	s                              speaker
	seal                           *groupkey.Sealer // of RTP and of retransmissions
	open                           *groupkey.Opener
	tokens, requests, unproven     int
	reports, byes, retransmissions int
}

func newStation(t *testing.T, group string, key *groupkey.Key) *station {
	target, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	port := target.LocalAddr().(*net.UDPAddr).Port
	rtp := port&^1 - 2
	b := &station{t: t, target: target, mint: feedback.NewMint(time.Minute), group: netip.AddrPortFrom(netip.MustParseAddr(group), uint16(rtp)), s: speaker{ssrc: 5, seq: 65530, generations: 1}}
	b.sdp = strings.NewReplacer("239.255.8.1", group, "m=audio 5004", fmt.Sprint("m=audio ", rtp), "rtcp:5005 IN", fmt.Sprint("rtcp:", port, " IN"),
		"multicast-rtcp:5005", fmt.Sprint("multicast-rtcp:", rtp+1)).Replace(repairSDP)
	if key != nil {
		b.rekey(*key)
		if b.open, err = groupkey.NewOpener(*key, 16); err != nil {
			t.Fatal(err)
		}
	}
	b.out = b.sender(home, rtp)
	b.over.Add(1)
	go b.answer()
	t.Cleanup(func() {
		_ = target.Close()
		b.over.Wait()
	})
	return b
}

func (b *station) sender(from netip.Addr, port int) *socket.Sender {
	path, err := socket.Find(b.group.Addr(), "", from)
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := socket.OpenSender(socket.SenderConfig{Group: netip.AddrPortFrom(b.group.Addr(), uint16(port)), Path: path, TTL: 1})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(s.Close)
	return s
}

// rekey has the next packet be under another key.
func (b *station) rekey(k groupkey.Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seal == nil {
		s, err := groupkey.NewSealer(k)
		if err != nil {
			b.t.Fatal(err)
		}
		b.seal = s
		return
	}
	if err := b.seal.Rekey(k); err != nil {
		b.t.Fatal(err)
	}
	if err := b.open.Add(k, 0, time.Hour); err != nil {
		b.t.Fatal(err)
	}
}

// describe returns the session, with a key if there is one.
func (b *station) describe(k *groupkey.Key) *Session {
	text := b.sdp
	if k != nil {
		text = strings.Replace(text, "RTP/AVPF", "RTP/SAVPF", 1) + "a=" + k.Crypto(1) + "\r\n"
	}
	return parse(b.t, text)
}

// say sends the next packet to the group.
func (b *station) say() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out.Send(b.wire(b.s.next(0)))
}

// wire returns a packet as it is sent.
func (b *station) wire(p *rtp.Packet) []byte {
	raw, err := p.Marshal()
	if err != nil {
		b.t.Error(err)
	}
	return b.seal.RTP(nil, raw)
}

// answer is the feedback target.
func (b *station) answer() {
	defer b.over.Done()
	buf := make([]byte, 2048)
	for {
		n, from, err := b.target.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		b.mu.Lock()
		b.feedback(buf[:n], from)
		b.mu.Unlock()
	}
}

func (b *station) feedback(raw []byte, from netip.AddrPort) {
	if b.open != nil {
		plain, err := b.open.RTCP(nil, raw, 1)
		if err != nil {
			b.t.Errorf("feedback does not open: %v", err)
			return
		}
		raw = plain
	}
	now, proven := uint64(time.Now().Unix()+2208988800)<<32, false
	c := feedback.Read(raw)
	for p, ok := c.Next(); ok; p, ok = c.Next() {
		if token, is := feedback.ReadToken(&p); is && token.Kind == feedback.PortMappingRequest {
			b.tokens++
			answer := b.mint.Answer(&token, from.Addr(), b.s.ssrc, now)
			b.unicast(b.control(feedback.AppendToken(nil, &answer)), from)
		} else if is {
			proven = b.mint.Good(&token, from.Addr(), now)
		}
		if _, is := p.ReportOn(b.s.ssrc); is {
			b.reports++
		}
		if p.Type == 203 {
			b.byes++
		}
		if _, fci, is := p.NACK(); is {
			b.again(fci, proven, from)
		}
	}
}

func (b *station) control(raw []byte) []byte {
	if b.seal == nil {
		return raw
	}
	return b.seal.RTCP(nil, raw)
}

func (b *station) unicast(raw []byte, to netip.AddrPort) { _, _ = b.target.WriteToUDPAddrPort(raw, to) }

func (b *station) again(fci []byte, proven bool, to netip.AddrPort) {
	b.requests++
	if !proven {
		b.unproven++
		return
	}
	lost, _ := repair.ReadNACK(fci)
	for seq, ok := lost.Next(); ok; seq, ok = lost.Next() {
		if p := b.s.again(seq); p != nil {
			b.retransmissions++
			p.SequenceNumber = uint16(b.retransmissions)
			b.unicast(b.wire(p), to)
		}
	}
}

// A group with a key, a quarter of its packets lost, strangers in it, is renewed in
// its key, which reaches the listener when packets under it have come already. Not a packet is
// missed, as far as it can be had again.
func TestListener(t *testing.T) {
	leak.Check(t)
	first, second := groupkey.New(transport.AES128CMHMACSHA180, 1), groupkey.New(transport.AES128CMHMACSHA180, 2)
	b := newStation(t, "239.255.8.2", &first)
	out, dropped, seen, dice := &recorder{t: t}, 0, 0, rand.New(rand.NewPCG(3, 4))
	l, err := Listen(b.describe(&first), Config{Local: home, Output: out, Buffer: time.Second, Drop: func([]byte) bool {
		if seen++; seen > 20 && seen < 280 && dice.Float64() < 0.25 {
			dropped++
			return true
		}
		return false
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	stranger := b.sender(netip.MustParseAddr("127.0.0.9"), int(b.group.Port()))
	forger := b.sender(home, int(b.group.Port()))
	const packets = 150
	begin := time.Now()
	for i := range packets {
		switch i {
		case 70:
			b.rekey(second)
		case 75:
			if err := l.Update(b.describe(&second)); err != nil {
				t.Fatal(err)
			}
		}
		b.say()
		raw, _ := (&rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 5, SequenceNumber: uint16(i)}, Payload: payload(9999)}).Marshal()
		stranger.Send(raw)
		forger.Send(append(raw, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
		time.Sleep(time.Until(begin.Add(time.Duration(i+1) * 20 * time.Millisecond)))
	}
	wait.For(t, "all sound to be played", func() bool { return l.Stats().Played >= packets*0.02 }, func() any { return l.Stats() })
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	st := l.Stats()
	t.Logf("%+v; %d of %d dropped", st, dropped, seen)
	if len(out.numbers)+int(st.Lost) != packets || st.Lost > 3 {
		t.Errorf("%d of %d played, %d lost", len(out.numbers), packets, st.Lost)
	}
	contiguous(t, out, 0)
	if st.Foreign != packets || st.Unauthentic == 0 {
		t.Errorf("%d foreign packets, %d without authenticity", st.Foreign, st.Unauthentic)
	}
	if st.ByRedundancy == 0 || st.ByRetransmission == 0 {
		t.Errorf("%d repaired by redundancy, %d by request", st.ByRedundancy, st.ByRetransmission)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens != 1 || b.unproven != 0 || b.requests == 0 || b.reports == 0 {
		t.Errorf("%d tokens, %d requests, %d of them without token, %d reports", b.tokens, b.requests, b.unproven, b.reports)
	}
}

// Who joins while the next key is described but not used hears the group from the start, and goes
// on hearing it.
func TestJoinDuringARekey(t *testing.T) {
	leak.Check(t)
	first, second := groupkey.New(transport.AES128CMHMACSHA180, 1), groupkey.New(transport.AES128CMHMACSHA180, 2)
	b := newStation(t, "239.255.8.9", &first)
	text := strings.Replace(b.sdp, "RTP/AVPF", "RTP/SAVPF", 1)
	s := parse(t, text+"a="+second.Crypto(1, first)+"\r\n")
	l, err := Listen(s, Config{Local: home, NoFeedback: true, Output: &counter{}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	hears := func(n uint64) {
		until(t, b, fmt.Sprint(n, " packets"), func() bool { return l.Stats().Received >= n }, b.say)
	}
	hears(5)
	b.rekey(second)
	heard := l.Stats().Received
	hears(heard + 5)
	if err := l.Update(s); err != nil {
		t.Error(err)
	}
	if err := l.Update(b.describe(&second)); err != nil {
		t.Error(err)
	}
	if st := l.Stats(); st.AwaitingKey != 0 || st.Unauthentic != 0 {
		t.Errorf("%+v: want all of it opened", st)
	}
}

func TestByeReachesTheSender(t *testing.T) {
	leak.Check(t)
	b := newStation(t, "239.255.8.3", nil)
	b.s.generations = 0
	l, err := Listen(b.describe(nil), Config{Local: home, Output: &counter{}, Drop: func(raw []byte) bool { return raw[3]%2 == 0 }})
	if err != nil {
		t.Fatal(err)
	}
	until(t, b, "a request", func() bool { return b.requests > 0 }, b.say)
	_ = l.Close()
	_ = l.Close()
	until(t, b, "a BYE", func() bool { return b.byes == 1 }, func() {})
}

// until waits for something to be so at the station, doing something before each look.
func until(t *testing.T, b *station, what string, so func() bool, do func()) {
	t.Helper()
	wait.For(t, what, func() bool {
		do()
		b.mu.Lock()
		defer b.mu.Unlock()
		return so()
	})
}

func TestSilentListener(t *testing.T) {
	leak.Check(t)
	b := newStation(t, "239.255.8.4", nil)
	l, err := Listen(b.describe(nil), Config{Local: home, NoFeedback: true, NoRepair: true, Output: &counter{}, Drop: func(raw []byte) bool { return raw[3]%4 == 0 }})
	if err != nil {
		t.Fatal(err)
	}
	until(t, b, "losses", func() bool { return l.Stats().Lost > 3 }, b.say)
	_ = l.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens+b.requests+b.reports+b.byes != 0 || l.Stats().ByRedundancy != 0 {
		t.Errorf("%d tokens, %d requests, %d reports, %d byes; %+v", b.tokens, b.requests, b.reports, b.byes, l.Stats())
	}
}

func TestListenRefusals(t *testing.T) {
	s := parse(t, plainSDP)
	for _, buffer := range []time.Duration{-1, MaxBuffer + 1} {
		if _, err := Listen(s, Config{Local: home, Buffer: buffer, Output: &counter{}}); err == nil {
			t.Errorf("a buffer of %v is taken", buffer)
		}
	}
	if _, err := Listen(s, Config{Interface: "nope", Output: &counter{}}); err == nil || !strings.Contains(err.Error(), "nope") {
		t.Errorf("%v", err)
	}
	l, err := Listen(s, Config{Local: home, Buffer: MaxBuffer, Output: &counter{}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := l.Update(parse(t, repairSDP)); err == nil {
		t.Error("another stream is taken for the same")
	}
	if err := l.Update(parse(t, plainSDP)); err != nil {
		t.Error(err)
	}
}
