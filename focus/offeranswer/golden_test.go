package offeranswer

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/confd/confd/internal/testkit/golden"
	"github.com/confd/confd/media"
)

// The corpus is in testdata: offers/NAME.sdp holds one offer, or several of one session,
// in order, divided by lines of "---"; answers/NAME.txt holds what comes of them. A name
// that ends in @required or @off sets the SRTP policy, @6 gives us an IPv6 address, @group and
// @securegroup give the room a group, of testdata/groups, @video two lines of video in any
// format, @vp8 the same in a room that has settled on that.

func testLocal(name string) Local {
	l := Local{
		Address: netip.MustParseAddr("192.0.2.1"), RTPPort: 16384,
		SessionID: 1000, SessionVersion: 1, Username: "confd", Keys: testKeys(),
	}
	if strings.Contains(name, "@6") {
		l.Address = netip.MustParseAddr("2001:db8::1")
	}
	switch {
	case strings.Contains(name, "@group"):
		l.Group = testGroup("opus")
	case strings.Contains(name, "@securegroup"):
		l.Group = testGroup("ssm-red-srtp")
	}
	if hasVideo(name) {
		l = withVideo(l, 2)
		l.Video[0].SSRC, l.Video[0].RTXSSRC, l.Video[0].CNAME = 4000000001, 4000000002, "Zm9vYmFy"
		l.Video[0].Image = &Image{Recv: []ImageSize{{320, 1280, 180, 720}}}
	}
	return l
}

// testGroup reads a description of testdata/groups.
func testGroup(name string) *Group {
	text, err := os.ReadFile("testdata/groups/" + name + ".sdp")
	if err != nil {
		panic(err)
	}
	g, err := ParseGroup(text)
	if err != nil {
		panic(err)
	}
	return g
}

// testKeys counts instead of drawing, so that answers are the same every time and no key
// is given out twice.
func testKeys() func(Suite) []byte {
	drawn := byte(0)
	return func(s Suite) []byte {
		drawn++
		return bytes.Repeat([]byte{drawn}, s.KeyLength()+s.SaltLength())
	}
}

func testCapabilities(name string) Capabilities {
	c := DefaultCapabilities()
	switch {
	case strings.Contains(name, "@required"):
		c.SRTP = SRTPRequired
	case strings.Contains(name, "@off"):
		c.SRTP = SRTPOff
	}
	if hasVideo(name) {
		c.Video = testVideo(2)
		c.Video.Bitrate = 1_500_000
	}
	if strings.Contains(name, "@vp8") {
		c.Video.Formats, c.Video.Settled = []media.VideoFormat{{Codec: media.VP8}, h264(media.H264High, 1)}, true
	}
	return c
}

// corpus returns the offers of each file by its name.
func corpus(t testing.TB) map[string][][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/offers/*.sdp")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	all := map[string][][]byte{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".sdp")
		all[name] = bytes.Split(text, []byte("---\r\n"))
	}
	return all
}

func TestCorpus(t *testing.T) {
	for name, offers := range corpus(t) {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			caps, local := testCapabilities(name), testLocal(name)
			var state *State
			for i, offer := range offers {
				if i > 0 {
					got.WriteString("\n--- then\n")
				}
				r, err := Negotiate(offer, caps, local, state)
				if err != nil {
					fmt.Fprintf(&got, "%s\n", failure(t, err))
					continue
				}
				checkResult(t, offer, r, caps, local)
				got.WriteString(strings.ReplaceAll(string(r.SDP), "\r\n", "\n"))
				fmt.Fprintf(&got, "\n%s", summary(r))
				state = r.State
			}
			compare(t, "testdata/answers/"+name+".txt", got.String())
		})
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	golden.Check(t, file, []byte(got))
}

func failure(t testing.TB, err error) string {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T) is no *Error", err, err)
	}
	if e.Code != Malformed && e.Code != NotAcceptable {
		t.Fatalf("error %v has code %v: a peer cannot cause that", e, e.Code)
	}
	return fmt.Sprintf("%s, warning %d: %s", e.Code, e.Warning, e)
}

// summary is what the media plane is told, one fact a line.
func summary(r *Result) string {
	n := &r.Negotiated
	var b strings.Builder
	if !n.Audio {
		return "no audio\n"
	}
	fmt.Fprintf(&b, "media %d %s %s hold=%v unchanged=%v\n", n.Media, n.Profile, n.Direction, n.RemoteHold, r.Unchanged)
	fmt.Fprintf(&b, "send %d %s %d Hz x%d every %v", n.SendPT, n.Send, n.Send.SampleRate, n.Send.Channels, n.Send.PacketTime)
	if n.Send.Codec == media.Opus {
		fmt.Fprintf(&b, " %+v", n.Send.Opus)
	}
	fmt.Fprintf(&b, "\nnoise %d event %d levels in %d out %d\n", n.ComfortNoisePT, n.TelephoneEventPT, n.AudioLevelID, n.MixerLevelID)
	for pt := range uint8(128) {
		switch {
		case n.Receive[pt].Codec != media.NoCodec:
			fmt.Fprintf(&b, "receive %d %s %d Hz x%d\n", pt, n.Receive[pt], n.Receive[pt].SampleRate, n.Receive[pt].Channels)
		case n.ComfortNoise[pt] != 0:
			fmt.Fprintf(&b, "receive %d CN/%d\n", pt, n.ComfortNoise[pt])
		case n.TelephoneEvent[pt] != 0:
			fmt.Fprintf(&b, "receive %d telephone-event/%d\n", pt, n.TelephoneEvent[pt])
		}
	}
	if n.Multicast.IsValid() {
		fmt.Fprintf(&b, "group %s\n", n.Multicast)
	}
	if n.RemoteRTP.IsValid() {
		fmt.Fprintf(&b, "to %s and %s mux=%v\n", n.RemoteRTP, n.RemoteRTCP, n.RTCPMux)
	} else {
		b.WriteString("to nowhere\n")
	}
	if n.SRTP != nil {
		fmt.Fprintf(&b, "srtp %s local %x.%x remote %x.%x\n", n.SRTP, n.SRTP.LocalKey, n.SRTP.LocalSalt, n.SRTP.RemoteKey, n.SRTP.RemoteSalt)
	}
	for i := range n.Video {
		n.Video[i].summarise(&b)
	}
	return b.String()
}
