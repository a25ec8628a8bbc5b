package multicast

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pion/sdp/v3"

	"github.com/confd/confd/internal/testkit/golden"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/multicast/listen"
	"github.com/confd/confd/transport"
)

func describe(t *testing.T, s Spec, source string) *description {
	t.Helper()
	c := DefaultConfig()
	if err := s.Check(&c); err != nil {
		t.Fatal(err)
	}
	s = s.Filled()
	return &description{id: 7, version: 4001, title: "Board", source: address(t, source), spec: s,
		place: Place{Group: s.Group, Port: 10000}, format: s.format(&c),
		rtcp: feedback.Bandwidth{Senders: 1000, Receivers: 3000}, repair: true}
}

func described(t *testing.T) map[string]*description {
	plain := describe(t, Spec{Group: address(t, "239.255.1.2")}, "192.0.2.1")
	secret := describe(t, Spec{Mode: SourceSpecific, Group: address(t, "232.1.2.3"), TTL: 7, Redundancy: 2, SRTP: true}, "192.0.2.1")
	secret.key = &groupkey.Key{Suite: transport.AES128CMHMACSHA180, MKI: 9, Master: []byte("sixteen bytes ok"), Salt: []byte("fourteen bytes")}
	untold := *secret
	untold.key = nil
	bare := describe(t, Spec{Group: address(t, "239.255.1.2"), Codec: "pcmu", PacketTime: 40}, "192.0.2.1")
	bare.repair = false
	six := describe(t, Spec{Mode: SourceSpecific, Group: address(t, "ff35::8000:1"), Codec: "l16"}, "2001:db8::1")
	seen, hidden := *plain, *secret
	for d, f := range map[*description]string{&seen: "vp8", &hidden: "h264/constrained-baseline/mode1"} {
		d.spec.Video, d.place.Video, d.videoRTCP = true, true, feedback.Bandwidth{Senders: 12500, Receivers: 37500}
		d.spec = d.spec.Filled()
		d.video, _ = media.ParseVideoFormat(f)
	}
	return map[string]*description{"opus-vp8": &seen, "srtp-h264": &hidden, "opus": plain, "ssm-red-srtp": secret, "srtp-without-key": &untold, "pcmu": bare, "l16-ip6": six}
}

func TestDescriptionsAsText(t *testing.T) {
	for name, d := range described(t) {
		got := d.text()
		golden.Check(t, filepath.Join("testdata", name+".sdp"), got)
		var parsed sdp.SessionDescription
		if err := parsed.Unmarshal(got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A key is nowhere but where it is asked for.
func TestNoKeyUntold(t *testing.T) {
	for name, d := range described(t) {
		if has := strings.Contains(string(d.text()), "crypto"); has != (name == "ssm-red-srtp" || name == "srtp-h264") {
			t.Errorf("%s: has a key: %v", name, has)
		}
	}
}

func TestTitles(t *testing.T) {
	for title, want := range map[string]string{
		"Board": "Board", "": "-", " \t": "-", "a\r\nm=audio 1": "a  m=audio 1", "\xff": "-",
		strings.Repeat("x", 201): strings.Repeat("x", 200), strings.Repeat("x", 199) + "ü": strings.Repeat("x", 199),
	} {
		if got := plainTitle(title); got != want || !utf8.ValidString(got) {
			t.Errorf("%q: %q, want %q", title, got, want)
		}
	}
}

// What is written here is read by confd listen.
func TestListenersReadDescriptions(t *testing.T) {
	for name, d := range described(t) {
		s, err := listen.Parse(d.text())
		if name == "srtp-without-key" {
			if err == nil {
				t.Error("a description without its key can be played")
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		port, source := uint16(d.place.Port), d.source
		if s.Group != netip.AddrPortFrom(d.place.Group, port) || s.RTCP != netip.AddrPortFrom(d.place.Group, port+1) ||
			s.Target != netip.AddrPortFrom(source, port+1) || s.Filter != (d.spec.Mode == SourceSpecific) {
			t.Errorf("%s: read as %+v", name, s)
		}
		if s.Format.Codec != d.format.Codec || s.PacketTime != d.format.PacketTime || s.NACK != d.repair || s.Token != d.repair ||
			s.Bandwidth != d.rtcp || (s.Key == nil) == d.spec.SRTP || (s.Redundant == redType) != (d.spec.Redundancy > 0) {
			t.Errorf("%s: read as %+v", name, s)
		}
		if d.key != nil && !s.Key.Equal(*d.key) {
			t.Errorf("%s: key %v, want %v", name, s.Key, d.key)
		}
	}
}

func TestVideoFormatsAsParameters(t *testing.T) {
	for name, want := range map[string]string{
		"vp8": "", "vp9/2": "profile-id=2", "av1/0": "profile=0", "h265/1": "profile-id=1;tier-flag=0;level-id=93",
		"h265/2/high-tier": "profile-id=2;tier-flag=1;level-id=93", "h264/high/mode0": "profile-level-id=64001f;packetization-mode=0",
		"h264/constrained-high/mode1": "profile-level-id=640c1f;packetization-mode=1",
		"h264/baseline/mode1":         "profile-level-id=42001f;packetization-mode=1",
		"h264/main/mode1":             "profile-level-id=4d001f;packetization-mode=1",
	} {
		f, err := media.ParseVideoFormat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := formatParameters(f); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if f.Codec != media.H264 {
			continue
		}
		var idc, iop uint8
		if _, err := fmt.Sscanf(h264Profiles[f.Profile], "%02x%02x", &idc, &iop); err != nil {
			t.Fatal(err)
		}
		if back, ok := media.H264Profile(idc, iop); !ok || back != f.Profile {
			t.Errorf("%s is read as profile %d", name, back)
		}
	}
}
