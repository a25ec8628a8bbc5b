package listen

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/transport"
)

func TestParse(t *testing.T) {
	addr, port := netip.MustParseAddr, netip.MustParseAddrPort
	pcmu := media.Format{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1}
	for _, c := range []struct {
		text string
		want Session
	}{
		{plainSDP, Session{Title: "Talk", ID: 7, Version: 3, Group: port("239.255.8.1:5004"), RTCP: port("239.255.8.1:5005"),
			Format: pcmu, Redundant: noType, Noise: noType, Retransmits: map[uint8]uint8{}, PacketTime: 20 * time.Millisecond,
			Bandwidth: feedback.Bandwidth{Senders: 800, Receivers: 2400}}},
		{repairSDP, Session{Title: "Talk", ID: 7, Version: 3, Group: port("239.255.8.1:5004"), RTCP: port("239.255.8.1:5005"),
			Source: addr("127.0.0.1"), Format: pcmu, Redundant: 98, Noise: 13, Retransmits: map[uint8]uint8{99: 0}, PacketTime: 20 * time.Millisecond,
			Target: port("127.0.0.1:5005"), NACK: true, Token: true, Bandwidth: feedback.Bandwidth{Senders: 2000, Receivers: 4000}}},
		{"v=0\no=- 1 1 IN IP6 fd00::1\ns=-\nc=IN IP6 ff35::8000:1\nt=0 0\na=source-filter: incl IN IP6 * fd00::1\n" +
			"m=video 6000 RTP/AVP 31\nm=audio 5006 RTP/AVP 96\na=rtpmap:96 opus/48000/2\na=ptime:40\nb=AS:40\n", // an order that is none
			Session{Title: "-", ID: 1, Version: 1, Group: port("[ff35::8000:1]:5006"), RTCP: port("[ff35::8000:1]:5007"), Source: addr("fd00::1"), Filter: true,
				Format: media.Format{Codec: media.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 2}, PayloadType: 96, Redundant: noType, Noise: noType,
				Retransmits: map[uint8]uint8{}, PacketTime: 40 * time.Millisecond, Bandwidth: feedback.Bandwidth{Senders: 500, Receivers: 1500}}},
	} {
		c.want.SDP = []byte(c.text)
		got, err := Parse([]byte(c.text))
		if err != nil {
			t.Errorf("%v\n%s", err, c.text)
		} else if !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%+v\nwant %+v", *got, c.want)
		}
	}
}

func TestParseKey(t *testing.T) {
	k := groupkey.New(transport.AES128CMHMACSHA180, 5)
	text := strings.Replace(repairSDP, "RTP/AVPF", "RTP/SAVPF", 1)
	s, err := Parse([]byte(text + "a=" + k.Crypto(1) + "\r\n"))
	if err != nil || s.Key == nil || !s.Key.Equal(k) {
		t.Fatalf("%+v, %v", s, err)
	}
	for want, end := range map[string]string{"scope listen": "", "a=crypto": "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret\r\n"} {
		if _, err := Parse([]byte(text + end)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret\"") {
			t.Errorf("%q gives %v", end, err)
		}
	}
}

func TestParseRefusals(t *testing.T) {
	with := func(old, new string) string {
		if !strings.Contains(repairSDP, old) {
			t.Fatal(old)
		}
		return strings.Replace(repairSDP, old, new, 1)
	}
	for want, text := range map[string]string{
		"not a session description":   "hello\r\n",
		"65537 bytes":                 strings.Repeat("x", maxSDP+1),
		"no audio stream":             with("239.255.8.1", "10.0.0.1"),
		`"c="`:                        with("c=IN IP4 239.255.8.1/1\r\n", ""),
		`"m=audio"`:                   with("m=audio", "m=video"),
		"between 1 and 65534":         with("m=audio 5004", "m=audio 65535"),
		"no payload type":             with("98 0 99 13", "98 99 13"),
		"source specific":             with("239.255.8.1", "232.1.8.1"),
		"right is incl":               with("t=0 0\r\n", "t=0 0\r\na=source-filter: incl IN IP4 *\r\n"),
		"the source must":             with("t=0 0\r\n", "t=0 0\r\na=source-filter: incl IN IP4 * 224.0.0.1\r\n"),
		"right is PORT":               with("a=rtcp:5005", "a=rtcp:0"),
		"a port between 1 and 65535 ": with("multicast-rtcp:5005", "multicast-rtcp:65536"),
	} {
		var e *Error
		if s, err := Parse([]byte(text)); !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v", want, s, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(plainSDP))
	f.Add([]byte(repairSDP))
	f.Add([]byte(strings.ReplaceAll(repairSDP, "\r", "")))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		if !s.Group.Addr().IsMulticast() || s.Group.Port() == 0 || s.RTCP.Port() == 0 || s.PacketTime <= 0 {
			t.Errorf("%+v", s)
		}
		if _, err := NewDecoder(s, func([]int16) {}); err != nil {
			t.Errorf("%v cannot be decoded: %v", s.Format, err)
		}
	})
}
