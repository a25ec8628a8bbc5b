package control

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/transport"
	"github.com/confd/confd/transport/repair"
)

// prove gets a listener its token and returns the packet that shows it.
func prove(t testing.TB, s *session, out *notes, from netip.AddrPort, now int64) []byte {
	t.Helper()
	s.take(asking(&feedback.Token{Kind: feedback.PortMappingRequest, SSRC: 7, Nonce: 99}), from, false, now)
	walk := feedback.Read(out.answers[len(out.answers)-1])
	p, _ := walk.Next()
	k, ok := feedback.ReadToken(&p)
	if !ok || k.Kind != feedback.PortMappingResponse || k.Client != 7 || k.Nonce != 99 || k.SSRC != ourSSRC {
		t.Fatalf("answer to a request for a token: %+v (%v)", k, ok)
	}
	k.Kind, k.SSRC = feedback.TokenVerification, 7
	return feedback.AppendToken(nil, &k)
}

func nack(token []byte, lost ...uint16) []byte {
	fci, _ := repair.AppendNACK(nil, lost)
	return feedback.AppendNACK(bytes.Clone(token), 7, ourSSRC, fci)
}

func repairing(t testing.TB, sequences ...uint16) (*session, *notes) {
	t.Helper()
	c := testConfig()
	s, out := testSession(c)
	c.History.(*backlog).send(t, ourSSRC, sequences...)
	return s, out
}

func TestRetransmissionToTheOneWhoAsks(t *testing.T) {
	s, out := repairing(t, 65535, 0, 1)
	token := prove(t, s, out, host(1), 2*second)
	s.take(nack(token, 65535, 1, 2), host(1), false, 2*second)
	if s.due(2*second + hold - 1); len(out.medias) != 0 {
		t.Fatal("answered before others could ask")
	}
	at := s.next()
	if s.due(at); at > 2*second+hold || len(out.medias) != 2 || out.to[0] != host(1) {
		t.Fatalf("%d packets to %v at %d, want 2 to %v", len(out.medias), out.to, at, host(1))
	}
	for i, sequence := range []uint16{65535, 1} {
		var p rtp.Packet
		if err := p.Unmarshal(out.medias[i]); err != nil {
			t.Fatal(err)
		}
		want := packet(ourSSRC, sequence)
		original, payload, ok := repair.ReadRetransmission(p.Payload)
		if !ok || original != sequence || !bytes.Equal(payload, want.Payload) || p.PayloadType != 99 || p.SSRC == ourSSRC || p.SequenceNumber != uint16(i+1) ||
			p.Timestamp != want.Timestamp || !p.Marker || len(p.CSRC) != 2 || !bytes.Equal(p.GetExtension(1), []byte{30, 40}) {
			t.Errorf("retransmission of %d: %+v", sequence, p)
		}
	}
	if v := s.count.stats(); v.Unknown != 1 || v.Unicast != 2 || v.Nacks != 1 || v.Tokens != 1 {
		t.Errorf("counted %+v", v)
	}
}

// asking is a request for a token as listeners send it, with an empty report and a name.
func asking(t *feedback.Token) []byte {
	b := binary.BigEndian.AppendUint32([]byte{2 << 6, 201, 0, 1}, t.SSRC)
	return feedback.AppendToken(transport.AppendCNAME(b, t.SSRC, "0123456789abcdef"), t)
}

// An address may be forged: what it is sent is never more than what was sent in its name.
func TestTokensAreNotLargerThanWhatAsksForThem(t *testing.T) {
	s, out := repairing(t)
	ask := &feedback.Token{Kind: feedback.PortMappingRequest, SSRC: 7, Nonce: 99}
	whole := asking(ask)
	if s.take(feedback.AppendToken(nil, ask), host(1), false, 1e9); len(out.answers) != 0 {
		t.Fatal("a request that is smaller than the answer is answered")
	}
	if s.take(whole, host(1), false, 1e9); len(out.answers) != 1 || s.count.refused.Load() != 1 {
		t.Fatalf("%d answers to a whole request, %+v: want one, and one refused", len(out.answers), s.count.stats())
	}
	if got := len(out.answers[0]); got > len(whole) || got != feedback.ResponseSize {
		t.Errorf("%d bytes of answer to %d: want %d", got, len(whole), feedback.ResponseSize)
	}
}

func TestTokenOfAnotherAddressIsNoGood(t *testing.T) {
	s, out := repairing(t, 1)
	token := prove(t, s, out, host(1), 2*second)
	s.take(nack(token, 1), host(2), false, 2*second)
	if s.due(3 * second); len(out.medias) != 0 || s.count.stats().Unproven != 1 {
		t.Error("a stranger has packets sent to an address that did not ask")
	}
	walk := feedback.Read(out.answers[len(out.answers)-1])
	if p, _ := walk.Next(); p.Type != feedback.TypeToken || p.Count != uint8(feedback.TokenFailure) {
		t.Errorf("answered with %+v, want a verification failure", p)
	}
	now := transport.NTP(2 * second)
	s.ntp = func(int64) uint64 { return now + uint64(tokenLife.Seconds())<<32 }
	s.take(nack(token, 1), host(1), false, 4*second)
	if s.due(5 * second); len(out.medias) != 0 {
		t.Error("a token outlives its time")
	}
}

func TestManyWhoAskAreAnsweredOnce(t *testing.T) {
	s, out := repairing(t, 1, 2)
	for i := range manyAsk {
		token := prove(t, s, out, host(i), 2*second)
		s.take(nack(token, 1), host(i), false, 2*second)
		if i < manyAsk-1 {
			s.take(nack(token, 2), host(i), false, 2*second)
		}
	}
	s.due(2*second + hold)
	toGroup := 0
	for _, to := range out.to {
		if !to.IsValid() {
			toGroup++
		}
	}
	if toGroup != 1 || len(out.to) != 1+manyAsk-1 {
		t.Fatalf("sent to %v, want packet 1 to the group and packet 2 to %d listeners", out.to, manyAsk-1)
	}
	token := prove(t, s, out, host(9), 2*second)
	s.take(nack(token, 1), host(9), false, 2*second+hold+patience-1)
	if s.due(2*second + 2*hold + patience); len(out.medias) != manyAsk || s.count.stats().Repeated != 1 {
		t.Error("answered again before the group can have had the answer")
	}
}

func TestAskingAgainWaitsARoundTrip(t *testing.T) {
	s, out := repairing(t, 1)
	token := prove(t, s, out, host(1), 2*second)
	for _, c := range []struct {
		at   int64
		want int
	}{{0, 1}, {hold - 1, 1}, {hold + patience - 1, 1}, {hold + patience, 2}} {
		s.take(nack(token, 1), host(1), false, 2*second+c.at)
		s.due(2*second + c.at + hold)
		if len(out.medias) != c.want {
			t.Fatalf("asked after %v: %d packets, want %d", time.Duration(c.at), len(out.medias), c.want)
		}
	}
}

// Whoever asks, and however often, gets his share; all together get theirs.
func TestRetransmissionsKeepToTheirBandwidth(t *testing.T) {
	var all []uint16
	for i := range uint16(historySize) {
		all = append(all, i)
	}
	s, out := repairing(t, all...)
	token, bits := prove(t, s, out, host(1), 2*second), 0
	for now := 2 * second; now < 12*second; now += int64(200 * time.Millisecond) {
		s.take(nack(token, all...), host(1), false, now)
		s.due(now + hold)
	}
	for _, b := range out.medias {
		bits += 8 * len(b)
	}
	burst := 8 * 8 * maxPacket
	if most := burst + 10*12000; bits > most || bits < most/2 {
		t.Errorf("%d bits to one listener in 10 s, want at most %d", bits, most)
	}
	if s.count.stats().Refused == 0 {
		t.Error("what was refused is not counted")
	}
	for i := range 2 * maxProven {
		s.repairer.allows(host(i), 1, 12*second)
	}
	if n := len(s.repairer.listeners); n != maxProven {
		t.Errorf("budgets of %d listeners, want %d", n, maxProven)
	}
	if s.repairer.expire(12*second + int64(forget) + 1); len(s.repairer.listeners) != 0 {
		t.Error("budgets of those who are gone are kept")
	}
}

// Whoever has an address has all its ports: they together get what twenty listeners do, and leave
// the others their share.
func TestOneHostDoesNotTakeWhatIsForAll(t *testing.T) {
	s, _ := repairing(t)
	r, now := s.repairer, 12*second
	port := func(n int) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr("10.9.9.9"), uint16(n)) }
	packets, bits := 0, depth(r.rate)
	for n := range 2 * hostProven {
		if r.allows(port(1000+n), bits, now) {
			packets++
		}
	}
	if packets != fromOneHost {
		t.Errorf("one host has the budgets of %d listeners, want %d", packets, fromOneHost)
	}
	if n := len(r.listeners); n != hostProven {
		t.Errorf("budgets of %d listeners at one address, want %d", n, hostProven)
	}
	if !r.allows(host(1), bits, now) {
		t.Error("nothing is left for another")
	}
	if r.expire(now + int64(forget) + 1); len(r.listeners)+len(r.hosts) != 0 {
		t.Errorf("%d listeners and %d hosts are kept that are gone", len(r.listeners), len(r.hosts))
	}
}

func TestRetransmissionsChangeTheirSSRCBeforeTheyWrap(t *testing.T) {
	s, out := repairing(t, 1)
	s.due(3 * second)
	p := s.repairer.history.find(ourSSRC, 1)
	before := s.repairer.ssrc
	s.repairer.sequence = renewAfter - 2
	s.repairer.retransmit(p, host(1))
	if s.repairer.ssrc != before {
		t.Error("changed too early")
	}
	if s.repairer.retransmit(p, host(1)); s.repairer.ssrc == before || s.repairer.sequence != 1 || len(out.medias) != 2 {
		t.Errorf("SSRC %d before and %d after, sequence %d", before, s.repairer.ssrc, s.repairer.sequence)
	}
}

func TestHistoryKeepsWhatCanBeRepaired(t *testing.T) {
	s, _ := repairing(t)
	h := &s.repairer.history
	other := packet(ourSSRC, 5)
	other.PayloadType = 13
	noise, _ := other.Marshal()
	q := backlog{{SSRC: ourSSRC, Sequence: 5, Payload: noise}, {Sequence: 6, Payload: []byte{0x8f, 96}}, {Sequence: 7, Payload: make([]byte, maxPacket+1)}}
	q.send(t, ourSSRC, 8)
	h.drain(&q, second)
	for sequence, want := range map[uint16]bool{5: false, 6: false, 7: false, 8: true, 8 + historySize: false} {
		if got := h.find(ourSSRC, sequence) != nil; got != want {
			t.Errorf("packet %d kept: %v, want %v", sequence, got, want)
		}
	}
	if h.find(1, 8) != nil {
		t.Error("a packet of another SSRC is found")
	}
	p := h.find(ourSSRC, 8)
	s.repairer.ask(p, host(1), second)
	q.send(t, ourSSRC, 8+historySize)
	h.drain(&q, second)
	if s.repairer.next() != 0 || h.find(ourSSRC, 8) != nil {
		t.Error("a request outlives its packet")
	}
}
