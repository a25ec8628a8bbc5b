package e2e

import (
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/echo"
	"github.com/confd/confd/internal/testkit/tone"
)

func startEcho(t *testing.T) *echo.Server {
	t.Helper()
	s, err := echo.Listen(echo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestBaresipDriver(t *testing.T) {
	for _, c := range []baresipCodec{baresipOpus, baresipG722, baresipPCMU} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := startEcho(t)
			b := startBaresip(t, host(), c, 860)
			b.dial(t, "sip:room@"+s.Addr().String())
			awaitRecording(t, 2*time.Second, b)
			b.hangUp(t)
			judge(t, "baresip", b.quit(t), tone.Expect{Present: []float64{860}, Absent: []float64{1354}})
		})
	}
}

func TestLinphoneDriver(t *testing.T) {
	for _, codec := range []string{"opus", "G722", "PCMU"} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			s := startEcho(t)
			l := startLinphone(t, host(), linphoneOptions{freq: 860, codec: codec})
			l.dial(t, "sip:room@"+s.Addr().String())
			awaitRecording(t, 2*time.Second, l)
			judge(t, "linphone", l.quit(t), tone.Expect{Present: []float64{860}, Absent: []float64{1354}})
		})
	}
}

func TestSippDriver(t *testing.T) {
	for _, scenario := range []string{"call.xml", "hold.xml", "silent.xml"} {
		for _, transport := range []string{"u1", "t1"} {
			t.Run(scenario+"/"+transport, func(t *testing.T) {
				s := startEcho(t)
				p := startSipp(t, host(), sippRun{
					scenario: scenario, target: s.Addr().String(), room: "room", transport: transport,
					calls: 3, rate: 10, freq: 860, hold: 300 * time.Millisecond,
				})
				if err := sippDone(p, 3, 30*time.Second); err != nil {
					t.Error(err)
				}
				if now, total := s.Calls(); now != 0 || total != 3 {
					t.Errorf("the peer saw %d calls and has %d", total, now)
				}
			})
		}
	}
}
