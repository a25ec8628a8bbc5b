package transport

import (
	"bytes"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/confd/confd/internal/clock"
)

var allSuites = []Suite{AES128CMHMACSHA180, AES128CMHMACSHA132, AEADAES128GCM}

// testKeys returns keys that differ in every part.
func testKeys(s Suite) *SRTP { return numberedKeys(s, 1) }

func numberedKeys(s Suite, n byte) *SRTP {
	key, salt := s.KeyLen()
	return &SRTP{
		Suite:    s,
		LocalKey: bytes.Repeat([]byte{n, 1}, key/2), LocalSalt: bytes.Repeat([]byte{n, 2}, salt/2),
		RemoteKey: bytes.Repeat([]byte{n, 3}, key/2), RemoteSalt: bytes.Repeat([]byte{n, 4}, salt/2),
	}
}

// foreign is the other end, in the library's own words.
type foreign struct {
	t       testing.TB
	in, out *srtp.Context
}

func newForeign(t testing.TB, k *SRTP) *foreign {
	t.Helper()
	profile := suites[k.Suite].profile
	in, err := srtp.CreateContext(k.LocalKey, k.LocalSalt, profile)
	if err != nil {
		t.Fatal(err)
	}
	out, err := srtp.CreateContext(k.RemoteKey, k.RemoteSalt, profile)
	if err != nil {
		t.Fatal(err)
	}
	return &foreign{t, in, out}
}

func (f *foreign) seal(b []byte) []byte {
	f.t.Helper()
	b, err := f.out.EncryptRTP(nil, b, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

func (f *foreign) open(b []byte) *rtp.Packet {
	f.t.Helper()
	b, err := f.in.DecryptRTP(nil, b, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	var p rtp.Packet
	if err := p.Unmarshal(b); err != nil {
		f.t.Fatal(err)
	}
	return &p
}

func secureCall(t testing.TB, k *SRTP, change func(*Params)) (*Leg, *phone, *foreign) {
	t.Helper()
	l, p := call(t, func(q *Params) {
		q.SRTP = k
		if change != nil {
			change(q)
		}
	})
	return l, p, newForeign(t, k)
}

func TestSRTPBothWays(t *testing.T) {
	for _, suite := range allSuites {
		t.Run(suite.String(), func(t *testing.T) {
			l, p, f := secureCall(t, testKeys(suite), func(p *Params) { p.CSRC, p.MixerLevelID = true, 1 })
			l.sequence = 65530 // the rollover counter moves on the way, on both sides
			p.seq = 65530
			for i := range int64(12) {
				o := outgoing(i * tickTime)
				o.Data = bytes.Repeat([]byte{byte(i)}, 160)
				o.Contributors = []uint32{1, 2, 3}
				l.Send(o)
				if r := f.open(p.read()); !bytes.Equal(r.Payload, o.Data) || len(r.CSRC) != 3 {
					t.Fatalf("packet %d: %v", i, r)
				}
				p.write(f.seal(p.next()))
				var got collector
				if poll(l, &got) != 1 || len(got.payloads[0]) != 160 {
					t.Fatalf("packet %d was not handed over: %+v", i, l.Stats().Dropped)
				}
			}
		})
	}
}

func TestSRTPDrops(t *testing.T) {
	for _, suite := range allSuites {
		l, p, f := secureCall(t, testKeys(suite), nil)
		good := f.seal(p.next())
		p.write(good)
		p.write(good)
		forged := f.seal(p.next())
		forged[20] ^= 1
		p.write(forged)
		p.write(p.next()) // in the clear
		p.write(good[:14])
		n := poll(l, discard)
		if d := l.Stats().Dropped; n != 1 || d.Replayed != 1 || d.Unauthenticated != 2 || d.Malformed != 1 {
			t.Errorf("%v: %d handed over, %+v", suite, n, d)
		}
	}
}

// TestSRTPBoundsSources: a peer that owns the key cannot have us keep state without end.
func TestSRTPBoundsSources(t *testing.T) {
	l, p, f := secureCall(t, testKeys(AEADAES128GCM), nil)
	for i := range 2 * maxSources {
		p.ssrc = uint32(i)
		p.write(f.seal(p.next()))
		poll(l, discard)
	}
	if l.crypto.sources != maxSources {
		t.Errorf("state for %d sources, want %d", l.crypto.sources, maxSources)
	}
}

func TestSRTPRekey(t *testing.T) {
	for _, suite := range allSuites {
		t.Run(suite.String(), func(t *testing.T) {
			l, p, f := secureCall(t, testKeys(suite), nil)
			exchange := func(f *foreign, at int64) {
				t.Helper()
				l.Send(outgoing(at))
				f.open(p.read())
				p.write(f.seal(p.next()))
				if poll(l, discard) != 1 {
					t.Fatalf("not handed over: %+v", l.Stats().Dropped)
				}
			}
			l.sequence, p.seq = 65534, 65534
			for i := range int64(4) { // the counter is 1 afterwards
				exchange(f, i*tickTime)
			}
			params := talk(p.addr())
			params.SRTP = testKeys(suite)
			apply(t, l, params) // the same keys: nothing may begin anew
			exchange(f, 4*tickTime)

			late := f.seal(p.next())
			params.SRTP = numberedKeys(suite, 9)
			apply(t, l, params)
			g := newForeign(t, params.SRTP)
			g.in.SetROC(l.SSRC(), 1)
			g.out.SetROC(p.ssrc, 1)
			p.write(late) // under the key before, on its way when it changed
			if poll(l, discard) != 1 {
				t.Errorf("a packet under the key before was dropped: %+v", l.Stats().Dropped)
			}
			exchange(g, 5*tickTime)
			exchange(g, 6*tickTime)
			if l.crypto.carried(p.ssrc) != nil {
				t.Error("the counter still waits to be taken over")
			}
		})
	}
}

// TestSRTPRekeyFromZero: some peers begin at rollover counter 0 with a new key.
func TestSRTPRekeyFromZero(t *testing.T) {
	l, p, f := secureCall(t, testKeys(AES128CMHMACSHA180), nil)
	p.seq = 65535
	for range 2 {
		p.write(f.seal(p.next()))
	}
	if poll(l, discard) != 2 {
		t.Fatal("no packets")
	}
	params := talk(p.addr())
	params.SRTP = numberedKeys(AES128CMHMACSHA180, 9)
	apply(t, l, params)
	g := newForeign(t, params.SRTP)
	for range 3 {
		p.write(g.seal(p.next()))
	}
	if n := poll(l, discard); n != 3 {
		t.Errorf("%d of 3 handed over: %+v", n, l.Stats().Dropped)
	}
}

func TestSRTPKeyBeforeExpires(t *testing.T) {
	l, p, f := secureCall(t, testKeys(AEADAES128GCM), nil)
	p.write(f.seal(p.next()))
	poll(l, discard)
	params := talk(p.addr())
	params.SRTP = numberedKeys(AEADAES128GCM, 9)
	apply(t, l, params)
	l.crypto.rekeyed -= int64(rekeyGrace) + 1
	p.write(f.seal(p.next()))
	if poll(l, discard) != 0 || l.Stats().Dropped.Unauthenticated != 1 {
		t.Errorf("the key before still opens: %+v", l.Stats().Dropped)
	}
}

func TestSRTPFromPlain(t *testing.T) {
	l, p := call(t, nil)
	p.speak()
	l.Send(outgoing(0))
	p.read()
	poll(l, discard)
	params := talk(p.addr())
	params.SRTP = testKeys(AEADAES128GCM)
	apply(t, l, params)
	f := newForeign(t, params.SRTP)
	p.write(f.seal(p.next()))
	if poll(l, discard) != 1 {
		t.Errorf("not handed over: %+v", l.Stats().Dropped)
	}
	l.Send(outgoing(tickTime))
	f.open(p.read())
}

func TestSRTCPBothWays(t *testing.T) {
	for _, suite := range allSuites {
		for _, mux := range []bool{false, true} {
			l, p, f := secureCall(t, testKeys(suite), func(q *Params) { q.RTCPMux = mux })
			control := p
			if !mux {
				control = newPhone(t, loopback, l.atControl(loopback))
				params := l.setup.params
				params.RemoteRTCP = control.addr()
				apply(t, l, params)
			}
			l.Send(outgoing(0))
			p.read()
			l.sendReport(scratches.Get().(*scratch), clock.Now())
			b, err := f.in.DecryptRTCP(nil, control.read(), nil)
			if err != nil {
				t.Fatal(err)
			}
			packets, err := rtcp.Unmarshal(b)
			if err != nil || len(packets) != 2 {
				t.Fatalf("%v, mux %v: %v, %v", suite, mux, packets, err)
			}
			report, err := (&rtcp.ReceiverReport{SSRC: 77}).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := f.out.EncryptRTCP(nil, report, nil)
			if err != nil {
				t.Fatal(err)
			}
			control.write(sealed)
			control.write(report) // in the clear
			for range controlTurn {
				poll(l, discard)
			}
			if s := l.Stats().RTCP; s.Received != 1 || s.Unauthenticated != 1 {
				t.Errorf("%v, mux %v: %+v", suite, mux, s)
			}
		}
	}
}
