package focus

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/wait"
)

func TestKeyFrameIsWanted(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	s.watch(p, lineVP8(40002)+"a=label:11\n", lineVP8(40004)+"a=label:12\n")
	control := "Content-Type: application/media_control+xml\n"
	ask := func(ids string) string {
		return `<?xml version="1.0" encoding="utf-8" ?><media_control><vc_primitive>` + ids +
			"<to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>"
	}
	for _, c := range []struct {
		body  string
		code  int
		count uint64
	}{
		{ask(""), 200, 1},
		{ask("<stream_id>12</stream_id>"), 200, 2},
		{ask("<stream_id>of nobody</stream_id>"), 200, 3},
		{"<media_control><general_error>no</general_error></media_control>", 200, 3},
		{"<media_control>", 400, 3},
		{"not XML", 200, 3},
		{ask(strings.Repeat("<stream_id>", 20)), 400, 3},
		{ask(strings.Repeat(" ", maxControl)), 400, 3},
	} {
		p.expect(c.code, p.request("INFO", control, c.body))
		if n := s.Stats().KeyFramesWanted; n != c.count {
			t.Errorf("after %.60s… %d were counted, want %d", c.body, n, c.count)
		}
	}
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

// A key frame is asked for once at a time, and not again of who refuses that.
func TestKeyFrameIsAskedFor(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	d, _ := s.watch(p, lineVP8(40002))
	idle := func() { wait.For(t, "the INFO to be over", func() bool { return !d.keyFrames.asking.Load() }) }
	for range 3 {
		d.AskKeyFrame(1)
	}
	info := p.await(sip.INFO)
	if got := header(t, info, "Content-Type"); got != typeMediaControl || !strings.Contains(string(info.Body()), "picture_fast_update") {
		t.Errorf("asked is\n%s", info)
	}
	if update, streams, err := parseMediaControl(info.Body()); !update || streams != nil || err != nil {
		t.Errorf("our own request is read as %v %v: %v", update, streams, err)
	}
	p.answer(info, 200, "", "")
	idle()
	d.AskKeyFrame(1) // too soon
	idle()
	if n := s.Stats().KeyFramesAsked; n != 1 {
		t.Errorf("%d were asked for, want 1", n)
	}
	d.keyFrames.asked.Add(-int64(askPace)) // a second goes by
	d.AskKeyFrame(1)
	p.answer(p.await(sip.INFO), 415, "", "")
	idle()
	d.keyFrames.asked.Add(-int64(askPace))
	d.AskKeyFrame(1)
	idle()
	if got := s.Stats(); got.KeyFramesAsked != 2 || got.KeyFramesRefused != 1 {
		t.Errorf("%d were asked for, %d refused; want 2 and 1", got.KeyFramesAsked, got.KeyFramesRefused)
	}
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

func FuzzParseMediaControl(f *testing.F) {
	f.Add([]byte(keyFrameRequest))
	f.Add([]byte("<a><b><stream_id> 1 </stream_id><to_encoder><picture_fast_update/></to_encoder></b></a>"))
	f.Add([]byte(`<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>`))
	f.Add([]byte(`<?xml version="1.0" encoding="latin1"?><x/>`))
	f.Add([]byte("<a></b>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		update, streams, err := parseMediaControl(body)
		if err != nil && (update || streams != nil) || len(streams) > maxStreams || len(body) > maxControl && err == nil {
			t.Errorf("%v, %d streams, %v", update, len(streams), err)
		}
		if update && !strings.Contains(string(body), "picture_fast_update") {
			t.Errorf("%q asks for nothing", body)
		}
	})
}
