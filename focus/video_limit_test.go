package focus

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/rooms"
)

// lineLevel is an H.264 line at a level, with what else it says.
func lineLevel(port int, level string, attributes ...string) string {
	s := videoLineOf(port, 97, "H264/90000", "profile-level-id=42e0"+level+";packetization-mode=1")
	for _, a := range attributes {
		s += "a=" + a + "\n"
	}
	return s
}

// wantsSizes compares what a description says of the level and of sizes; "" is nothing.
func wantsSizes(t *testing.T, sdp, level, image, frame string) {
	t.Helper()
	if !strings.Contains(sdp, "profile-level-id=42e0"+level+";") {
		t.Errorf("want level %s:\n%s", level, sdp)
	}
	for name, want := range map[string]string{"a=imageattr:* ": image, "a=framesize:97 ": frame} {
		_, rest, _ := strings.Cut(sdp, name)
		if got, _, _ := strings.Cut(rest, "\r\n"); got != want {
			t.Errorf("%s%q, want %q:\n%s", name, got, want, sdp)
		}
	}
}

// What one can take reaches who sends to it: who comes by the answer, who is there by a re-INVITE
// with no more than all others take.
func TestLimitsReachWhoSends(t *testing.T) {
	s := startVideo(t)
	soft, room := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
	room.room = soft.room
	_, answer := s.watch(soft, lineLevel(40002, "1f"))
	wantsSizes(t, answer, "1f", "", "")
	sizes := []string{"imageattr:97 send * recv [x=640,y=480] [x=320,y=240]", "framesize:97 640-480"}
	_, answer = s.watch(room, lineLevel(40004, "15", sizes...))
	wantsSizes(t, answer, "15", "", "")
	invite := soft.take(lineLevel(40002, "15"))
	wantsSizes(t, string(invite.Body()), "15", "recv [x=[16:640],y=[16:480]]", "")
	s.dialogOf(soft).becomes(t, rooms.VideoOn, h264)

	tiny := dial(t, "UDP", s.addr(0))
	tiny.room = soft.room
	_, answer = s.watch(tiny, lineLevel(40006, "0a", "imageattr:* recv [x=128,y=96]", "framesize:97 128-96"))
	wantsSizes(t, answer, "0a", "recv [x=[16:640],y=[16:480]]", "640-480")
	for _, one := range []*peer{soft, room} {
		frame := map[*peer]string{soft: "", room: "352-288"}[one]
		wantsSizes(t, string(one.take(lineLevel(40002, "0d", sizes...)).Body()), "0d", "recv [x=[16:352],y=[16:288]]", frame)
	}
	for _, one := range []*peer{tiny, room} {
		one.expect(200, one.request("BYE", "", ""))
	}
	wait.For(t, "the others to leave", func() bool { return s.registry.VideoPlan(rooms.Name(soft.room)).Limit.Level == 31 })
	wantsSizes(t, soft.reoffer(lineLevel(40002, "1f")), "1f", "", "")
	soft.expect(200, soft.request("BYE", "", ""))
	s.settled()
}

// Who refuses a limit has video as before, and is asked again only for less.
func TestLimitIsRefused(t *testing.T) {
	s := startVideo(t)
	a, b, c := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
	b.room, c.room = a.room, a.room
	s.watch(a, lineLevel(40002, "1f"))
	s.watch(b, lineLevel(40004, "15"))
	invite := a.await(sip.INVITE)
	a.answer(invite, 488, "", "")
	a.await(sip.ACK)
	s.watch(c, lineLevel(40006, "14"))
	wantsSizes(t, string(b.take(lineLevel(40004, "14")).Body()), "14", "", "")
	wantsSizes(t, string(a.take(lineLevel(40002, "14")).Body()), "14", "", "")
	for _, one := range []*peer{a, b, c} {
		s.dialogOf(one).becomes(t, rooms.VideoOn, h264)
		one.expect(200, one.request("BYE", "", ""))
	}
	s.settled()
}
