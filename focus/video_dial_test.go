package focus

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
	"github.com/confd/confd/rooms"
)

// Who is called is offered video; the fork that wins has it, and all ports of a call that comes
// to nothing are given back.
func TestDialOutOffersVideo(t *testing.T) {
	leak.Check(t)
	s := startVideo(t)
	for name, c := range map[string]struct {
		answer string
		format media.VideoFormat
		pairs  int
	}{
		"taken":    {lineH264(40002), h264, 2},
		"refused":  {lineVP8(0), media.VideoFormat{}, 1},
		"left out": {"", media.VideoFormat{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			callee := listen(t, "UDP")
			_, w := s.call(callee)
			invite := callee.expect(sip.INVITE)
			if body := string(invite.Body()); len(ports(body)) != 1 || ports(body)[0] == 0 || !strings.Contains(body, "VP8") || !strings.Contains(body, "H264") {
				t.Errorf("the offer is\n%s", body)
			}
			s.pairs(2)
			callee.answer(invite, 183, "a", "", offer(callee.addr.String(), "sendrecv")+lineVP8(40004))
			receive(t, w.ringing, "early media")
			callee.answer(invite, 200, "b", "", offer(callee.addr.String(), "sendrecv")+c.answer)
			if ack := callee.await(sip.ACK); tagOf(ack.To().Params) != "b" {
				t.Errorf("the ACK is\n%s", ack)
			}
			w.participant()
			wait.For(t, "the other early dialog to go", func() bool { return s.dialogs.size() == 1 })
			got := s.only().videos(t)
			if len(got) != 1 || got[0].Format != c.format || (got[0].State == rooms.VideoOn) != (c.pairs == 2) {
				t.Errorf("the room has %+v", got)
			}
			s.pairs(c.pairs)
			callee.request(invite, "b", "BYE", 1, "", "")
			s.undialled()
		})
	}
	callee := listen(t, "UDP")
	_, w := s.call(callee)
	callee.answer(callee.expect(sip.INVITE), 486, "b", "", "")
	w.failure()
	s.undialled()
}

// The telephone network is offered sound alone.
func TestTrunkIsNotOfferedVideo(t *testing.T) {
	callee := listen(t, "UDP")
	s := startVideo(t, func(c *Config) { c.Trunk = Trunk{Address: "sip:" + callee.addr.String()} })
	_, w := s.call(callee, func(r *rooms.DialRequest) { r.To = "tel:+4930123456" })
	invite := callee.expect(sip.INVITE)
	if strings.Contains(string(invite.Body()), "m=video") {
		t.Errorf("the offer is\n%s", invite.Body())
	}
	callee.answer(invite, 486, "b", "", "")
	w.failure()
	s.undialled()
}
