package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/confd/confd/client"
	"github.com/confd/confd/internal/netlab"
)

// cryptoLine is the key of an SRTP group as the description has it: secret and MKI.
var cryptoLine = regexp.MustCompile(`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:([^|]+)\|2\^31\|([0-9]+):4\r\n`)

// videoPorts is the port of a group's video in its description.
var videoPorts = regexp.MustCompile(`c=IN IP4 ([0-9.]+)/[\s\S]*m=video ([0-9]+) RTP/SAVPF 100 `)

// watchSecretly has a host look at a group's VP8 by GStreamer's srtpdec, which knows nothing of
// descriptions: address, key and SSRC are told it.
func watchSecretly(t *testing.T, h *netlab.Host, sdp string, ssrc uint32) *spectator {
	t.Helper()
	need(t, "gst-launch-1.0")
	runs(t, "gst-inspect-1.0", "srtpdec")
	key, place := cryptoLine.FindStringSubmatch(sdp), videoPorts.FindStringSubmatch(sdp)
	if key == nil || place == nil {
		t.Fatalf("the description has no key, or no video:\n%s", sdp)
	}
	secret, err := base64.StdEncoding.DecodeString(key[1])
	number, err2 := strconv.ParseUint(key[2], 10, 32)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	caps := fmt.Sprintf("application/x-srtp,media=video,encoding-name=VP8,clock-rate=90000,payload=100,ssrc=(uint)%d,"+
		"srtp-key=(buffer)%s,mki=(buffer)%08x,srtp-cipher=aes-128-icm,srtp-auth=hmac-sha1-80,srtcp-cipher=aes-128-icm,srtcp-auth=hmac-sha1-80",
		ssrc, hex.EncodeToString(secret), number)
	s := &spectator{colours: filepath.Join(t.TempDir(), "colours"), said: new(output)}
	cmd := h.Command("gst-launch-1.0", "-q", "udpsrc", "address="+place[1], "port="+place[2], "caps="+caps, "!", "srtpdec", "!",
		"rtpvp8depay", "!", "vp8dec", "!", "videocrop", "bottom=180", "!", "videoscale", "!", "videoconvert", "!",
		"video/x-raw,format=RGB,width=4,height=1", "!", "filesink", "buffer-mode=unbuffered", "location="+s.colours)
	cmd.Stderr = s.said
	s.process = run(t, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("GStreamer said %s", s.said.String())
		}
	})
	return s
}

// TestSecretGroupShowsWhoSpeaks: somebody else's SRTP opens the video of a group with its key.
func TestSecretGroupShowsWhoSpeaks(t *testing.T) {
	t.Parallel()
	l := newLab(t, 2)
	c := startConfd(t, at(l.Hosts[0]), serverOptions{})
	x := newCinema(t, at(l.Hosts[0]), c)
	r, g, sdp := screened(t, x, "vp8", client.MulticastFields{Srtp: client.Set(true)})
	s := watchSecretly(t, l.Hosts[1], sdp, uint32(x.d.set(x.room, client.RoomFields{}).MulticastGroup.Video.Ssrc))
	s.awaits(t, "while green speaks", green, red, green)
	x.floor(r)
	s.awaits(t, "while red speaks", red, red, green)
	x.floor(g)
	s.awaits(t, "while green speaks again", green, red, green)
}
