package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const samplePath = "../../deploy/confd.yaml"

// The sample is what `confd config` prints: every key, documented, at its default.
func TestSampleConfig(t *testing.T) {
	var want bytes.Buffer
	if err := WriteSample(&want, DefaultConfig()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(samplePath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is out of date; write it anew with: go run ./cmd/confd config > deploy/confd.yaml", samplePath)
	}
	c, _, err := LoadConfig(samplePath, nil, nil)
	if err != nil || !reflect.DeepEqual(c, DefaultConfig()) {
		t.Errorf("the sample is %+v, %v\nthe defaults are %+v", c, err, DefaultConfig())
	}
	for _, s := range settingsOf(&c) {
		last := s.key[strings.LastIndex(s.key, ".")+1:]
		if !strings.Contains(string(got), " "+last+": ") && !strings.Contains(string(got), "\n"+last+": ") {
			t.Errorf("the sample lacks %s", s.key)
		}
		if s.help == "" {
			t.Errorf("%s has no help", s.key)
		}
	}
}

func TestDefaultsAreRight(t *testing.T) {
	c := DefaultConfig()
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

func TestPrecedence(t *testing.T) {
	file := writeFile(t, "sip:\n  listen: [tcp:127.0.0.1:1]\nrtp:\n  ports: 3000-3001\naudio:\n  talkers: 3\n  period: 10ms\n")
	env := []string{"CONFD_SIP_LISTEN=udp:127.0.0.1:2, udp:127.0.0.1:22", "CONFD_RTP_PORTS=3002-3003", "CONFD_AUDIO_TALKERS=",
		"CONFD_RTP_MEDIA_IP=192.0.2.9", "CONFD_SIP_TRUSTED=192.0.2.0/24", "CONFD_SIP_LIMITS_RATE=0.5", "HOME=/"}
	c, warnings, err := LoadConfig(file, env, map[string][]string{"sip": {"127.0.0.1:3", "tcp:[::1]:4"}, "http": {""}})
	if err != nil || len(warnings) != 0 {
		t.Fatal(err, warnings)
	}
	want := DefaultConfig()
	want.SIP.Listen = []ListenAddr{{"", "127.0.0.1:3"}, {"tcp", "[::1]:4"}} // flag
	want.SIP.Trusted = prefixes("192.0.2.0/24")
	want.SIP.Limits.Rate = 0.5
	want.RTP.Ports = PortRange{3002, 3003} // environment
	want.RTP.MediaIP = netip.MustParseAddr("192.0.2.9")
	want.Audio.Talkers = 3 // file: the variable is empty
	want.Audio.Period = 10 * time.Millisecond
	want.HTTP.Listen = ""
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	_, warnings, err = LoadConfig("", []string{"CONFD_SIP_LISTN=x", "CONFD_CONFIG=y"}, nil)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "CONFD_SIP_LISTN") {
		t.Errorf("a variable that means nothing: %v, %v", warnings, err)
	}
}

func TestEveryKeyCanBeSetByItsVariable(t *testing.T) {
	c := DefaultConfig()
	for _, s := range settingsOf(&c) {
		text := strings.Trim(strings.ReplaceAll(mustYAML(t, s), "'", ""), "[]\"")
		if text == "" {
			continue
		}
		got, warnings, err := LoadConfig("", []string{s.env + "=" + text}, nil)
		if err != nil || len(warnings) > 0 || !reflect.DeepEqual(got, DefaultConfig()) {
			t.Errorf("%s=%s: %v %v", s.env, text, err, warnings)
		}
	}
}

func mustYAML(t *testing.T, s setting) string {
	t.Helper()
	text, err := yamlValue(s.value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// An error names the line, the key, the value and what would be right.
func TestFileErrors(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"# x\nsip:\n  lisen: [a]\n", []string{"confd.yaml:3", "sip.lisen", "sip.listen"}},
		{"spi: 1\n", []string{"confd.yaml:1", "spi", "sip"}},
		{"sip: 5\n", []string{"confd.yaml:1", "sip has keys"}},
		{"- 5\n", []string{"confd.yaml:1", "top"}},
		{"audio:\n  talkers: many\n", []string{"confd.yaml:2", "audio.talkers", "many", "whole number"}},
		{"audio:\n  talkers: 3\n  talkers: 4\n", []string{"confd.yaml:3", "twice"}},
		{"audio:\n  talkers: 65\n", []string{"audio.talkers", "65", "1 to 64"}},
		{"audio:\n  period: 15ms\n", []string{"audio.period", "15ms", "10ms or 20ms"}},
		{"audio:\n  period: 20\n", []string{"confd.yaml:2", "audio.period", "20", "duration"}},
		{"audio:\n  codecs: [opus, gsm]\n", []string{"audio.codecs", "gsm", "PCMU"}},
		{"audio:\n  codecs: []\n", []string{"audio.codecs", "nothing"}},
		{"sip:\n  listen: [\"udp:5060\"]\n", []string{"confd.yaml:2", "sip.listen", "5060", "udp:192.0.2.1:5060"}},
		{"sip:\n  listen: [\"0.0.0.0:99999\"]\n", []string{"99999", "65535"}},
		{"sip:\n  listen: [\"tls:0.0.0.0:5061\"]\n", []string{"tls:0.0.0.0:5061", "tls_cert"}},
		{"sip:\n  tls_cert: x\n", []string{"tls_key", "both"}},
		{"sip:\n  trusted: [10.0.0.0]\n", []string{"confd.yaml:2", "10.0.0.0"}},
		{"sip:\n  limits: {rate: 0}\n", []string{"sip.limits.rate", "0.01"}},
		{"sip:\n  limits: {rate: .nan}\n", []string{"sip.limits.rate", "NaN"}},
		{"sip:\n  min_se: 10s\n", []string{"sip.min_se", "1m30s"}},
		{"rtp:\n  ports: 30000\n", []string{"confd.yaml:2", "rtp.ports", "LOW-HIGH"}},
		{"multicast:\n  asm4: 10.0.0.0/8\n", []string{"multicast.asm4", "10.0.0.0"}},
		{"multicast:\n  ssm6: ff35::/8x\n", []string{"multicast.ssm6", "ff35::/8x", "prefix"}},
		{"multicast:\n  max_ttl: 256\n", []string{"multicast.max_ttl", "256", "1 to 255"}},
		{"multicast:\n  ports: 9-10\n", []string{"multicast.ports", "9-10"}},
		{"video:\n  codecs: [vp8, h263]\n", []string{"video.codecs", "h263", "h264"}},
		{"video:\n  codecs: [h264, h264/constrained-baseline/mode0]\n", []string{"video.codecs", "mode0", "twice"}},
		{"video:\n  codecs: []\n", []string{"video.codecs", "nothing", "video.enabled"}},
		{"video:\n  policy: any\n", []string{"video.policy", "any", "majority, fixed"}},
		{"video:\n  max_bitrate: 63999\n", []string{"video.max_bitrate", "63999", "64000"}},
		{"video:\n  lines: 17\n", []string{"video.lines", "17", "1 to 16"}},
		{"video:\n  hold: 99ms\n", []string{"video.hold", "99ms", "100ms"}},
		{"video:\n  workers: 65\n", []string{"video.workers", "65", "64"}},
		{"rtp:\n  ports: 30000-20000\n", []string{"rtp.ports", "30000-20000"}},
		{"rtp:\n  media_ip: 0.0.0.0\n", []string{"rtp.media_ip", "0.0.0.0"}},
		{"rtp:\n  media_ip: localhost\n", []string{"confd.yaml:2", "rtp.media_ip", "localhost"}},
		{"rtp:\n  unheard: {time: 61s}\n", []string{"rtp.unheard.time", "1m0s"}},
		{"rtp:\n  unheard: {streams: -1}\n", []string{"rtp.unheard.streams", "100000"}},
		{"rtp:\n  srtp: on\n", []string{"rtp.srtp", "on", "optional"}},
		{"rooms:\n  open: all\n", []string{"rooms.open", "all", "private, anyone, nobody"}},
		{"log:\n  level: loud\n", []string{"log.level", "loud", "debug"}},
		{"a: [\n", []string{"confd.yaml", "line"}},
	} {
		_, _, err := LoadConfig(writeFile(t, c.text), nil, nil)
		if err == nil {
			t.Errorf("%q is taken", c.text)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: %v lacks %q", c.text, err, w)
			}
		}
		if strings.Contains(err.Error(), "main.") {
			t.Errorf("%q: %v names a type of Go's", c.text, err)
		}
	}
}

func TestFilesThatSayNothing(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "sip:\n", "---\n", "drain_timeout:\n", "http:\n  listen: ~\n", "rtp: {ports: null}\n"} {
		if c, _, err := LoadConfig(writeFile(t, text), nil, nil); err != nil || !reflect.DeepEqual(c, DefaultConfig()) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, _, err := LoadConfig("/nonexistent/confd.yaml", nil, nil); err == nil {
		t.Error("a file that is not there is taken")
	}
}

func FuzzConfigFile(f *testing.F) {
	sample, err := os.ReadFile(samplePath)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	f.Add([]byte("sip: {listen: [a, b]}"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := DefaultConfig()
		_ = readYAML(settingsOf(&c), "confd.yaml", text)
	})
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "confd.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
