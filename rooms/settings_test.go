package rooms

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/multicast"
)

// fieldOf returns the field that an error names.
func fieldOf(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Code == Invalid {
		return e.Field
	}
	return fmt.Sprint(err)
}

func object(n int) json.RawMessage {
	return json.RawMessage(`{"a":"` + strings.Repeat("x", n-8) + `"}`)
}

// Each limit at its edge; the error names the field.
func TestSettingsLimits(t *testing.T) {
	var profiles []string
	for i := range MaxVideoCodecs + 1 {
		profiles = append(profiles, fmt.Sprint("h265/", i))
	}
	for _, c := range []struct {
		s    Settings
		want string
	}{
		{Settings{}, ""},
		{Settings{DisplayName: strings.Repeat("x", MaxDisplayName)}, ""},
		{Settings{DisplayName: strings.Repeat("x", MaxDisplayName+1)}, "name"},
		{Settings{DisplayName: "Caf\u00e9 \U0001f600"}, ""},
		{Settings{DisplayName: "a\xff"}, "name"},
		{Settings{DisplayName: "a\tb"}, "name"},
		{Settings{DisplayName: "a\u0085b"}, "name"},
		{Settings{MaxParticipants: 50}, ""},
		{Settings{MaxParticipants: 51}, "max_participants"},
		{Settings{MaxParticipants: -1}, "max_participants"},
		{Settings{Admission: AdmitPrivate}, ""},
		{Settings{Admission: AdmitInvited}, ""},
		{Settings{Admission: "Anyone"}, "admission"},
		{Settings{Talkers: 64}, ""},
		{Settings{Talkers: 65}, "talkers"},
		{Settings{Talkers: -1}, "talkers"},
		{Settings{SampleRate: 48000}, ""},
		{Settings{SampleRate: 44100}, "sample_rate"},
		{Settings{SampleRate: -8000}, "sample_rate"},
		{Settings{EmptyTimeout: MaxEmptyTimeout}, ""},
		{Settings{EmptyTimeout: MaxEmptyTimeout + 1}, "empty_timeout"},
		{Settings{EmptyTimeout: -1}, "empty_timeout"},
		{Settings{Metadata: object(MaxMetadata)}, ""},
		{Settings{Metadata: object(MaxMetadata + 1)}, "metadata"},
		{Settings{Metadata: json.RawMessage(`[1]`)}, "metadata"},
		{Settings{Metadata: json.RawMessage(`"x"`)}, "metadata"},
		{Settings{Metadata: json.RawMessage(`{"a":1`)}, "metadata"},
		{Settings{Metadata: json.RawMessage(`{"a":1} {}`)}, "metadata"},
		{Settings{Metadata: json.RawMessage(strings.Repeat(" ", 1<<20))}, "metadata"},
		{Settings{Video: VideoSettings{Policy: VideoMajority}}, ""},
		{Settings{Video: VideoSettings{Policy: "any"}}, "video.policy"},
		{Settings{Video: VideoSettings{MaxBitrate: MinVideoBitrate}}, ""},
		{Settings{Video: VideoSettings{MaxBitrate: MinVideoBitrate - 1}}, "video.max_bitrate"},
		{Settings{Video: VideoSettings{MaxBitrate: MaxVideoBitrate}}, ""},
		{Settings{Video: VideoSettings{MaxBitrate: MaxVideoBitrate + 1}}, "video.max_bitrate"},
		{Settings{Video: VideoSettings{Hold: MinVideoHold}}, ""},
		{Settings{Video: VideoSettings{Hold: MinVideoHold - 1}}, "video.hold"},
		{Settings{Video: VideoSettings{Hold: MaxVideoHold}}, ""},
		{Settings{Video: VideoSettings{Hold: MaxVideoHold + 1}}, "video.hold"},
		{Settings{Video: VideoSettings{Codecs: []string{"H264", "h264/high/mode1", "vp9/2"}}}, ""},
		{Settings{Video: VideoSettings{Codecs: []string{"h263"}}}, "video.codecs"},
		{Settings{Video: VideoSettings{Codecs: []string{"vp9/4"}}}, "video.codecs"},
		{Settings{Video: VideoSettings{Codecs: []string{"vp8", "VP8"}}}, "video.codecs"},
		{Settings{Video: VideoSettings{Codecs: profiles[:MaxVideoCodecs]}}, ""},
		{Settings{Video: VideoSettings{Codecs: profiles}}, "video.codecs"},
	} {
		err := c.s.check("test", 50)
		if c.want == "" && err != nil || c.want != "" && fieldOf(err) != c.want {
			t.Errorf("%.80q: %v, want field %q", fmt.Sprintf("%+v", c.s), err, c.want)
		}
	}
}

func TestParticipantSettingsLimits(t *testing.T) {
	many := make([]string, MaxListed+1)
	groups := make([]string, MaxGroups+1)
	for i := range many {
		many[i] = fmt.Sprintf("id%d", i)
	}
	for i := range groups {
		groups[i] = fmt.Sprintf("g%d", i)
	}
	enough := many[:MaxListed]
	for _, c := range []struct {
		s    ParticipantSettings
		want string
	}{
		{ParticipantSettings{}, ""},
		{ParticipantSettings{DisplayName: strings.Repeat("x", MaxDisplayName+1)}, "display_name"},
		{ParticipantSettings{Role: strings.Repeat("x", MaxRole)}, ""},
		{ParticipantSettings{Role: strings.Repeat("x", MaxRole+1)}, "role"},
		{ParticipantSettings{InputGain: MaxGain, OutputGain: MinGain}, ""},
		{ParticipantSettings{InputGain: MaxGain + 0.1}, "input_gain"},
		{ParticipantSettings{InputGain: math.NaN()}, "input_gain"},
		{ParticipantSettings{OutputGain: MinGain - 0.1}, "output_gain"},
		{ParticipantSettings{OutputGain: math.Inf(1)}, "output_gain"},
		{ParticipantSettings{Hears: list("abc", "group:x", "group:x.y_z~+*-9")}, ""},
		{ParticipantSettings{Hears: list()}, ""},
		{ParticipantSettings{Hears: &enough}, ""},
		{ParticipantSettings{Hears: &many}, "hears"},
		{ParticipantSettings{Hears: list("")}, "hears"},
		{ParticipantSettings{Hears: list("group:")}, "hears"},
		{ParticipantSettings{Hears: list("A")}, "hears"},
		{ParticipantSettings{HeardBy: list("../x")}, "heard_by"},
		{ParticipantSettings{HeardBy: list("group:" + strings.Repeat("x", MaxGroupName))}, ""},
		{ParticipantSettings{HeardBy: list("group:" + strings.Repeat("x", MaxGroupName+1))}, "heard_by"},
		{ParticipantSettings{HeardBy: list("group:\u00e9")}, "heard_by"},
		{ParticipantSettings{Groups: groups[:MaxGroups]}, ""},
		{ParticipantSettings{Groups: groups}, "groups"},
		{ParticipantSettings{Groups: []string{"a b"}}, "groups"},
		{ParticipantSettings{Groups: []string{""}}, "groups"},
		{ParticipantSettings{Metadata: json.RawMessage(`7`)}, "metadata"},
		{ParticipantSettings{VideoPin: "1kjmajsj0q3v7mq4wz"}, ""},
		{ParticipantSettings{VideoPin: "group:x"}, "video_pin"},
	} {
		err := c.s.check("test")
		if c.want == "" && err != nil || c.want != "" && fieldOf(err) != c.want {
			t.Errorf("%.80q: %v, want field %q", fmt.Sprintf("%+v", c.s), err, c.want)
		}
	}
}

// Settings that mean the same become the same, so that they do not count as a change.
func TestSettingsAreCanonical(t *testing.T) {
	s := Settings{Admission: AdmitAnyone, Metadata: json.RawMessage(" { \"a\" : 1 } ")}
	if err := s.check("test", 1); err != nil || s.Admission != "" || string(s.Metadata) != `{"a":1}` {
		t.Errorf("%+v, %v", s, err)
	}
	for _, none := range []string{"", "null", " {} "} {
		s.Metadata = json.RawMessage(none)
		if err := s.check("test", 1); err != nil || s.Metadata != nil {
			t.Errorf("%q becomes %q, %v", none, s.Metadata, err)
		}
	}
	p := ParticipantSettings{Hears: list("b", "a", "b"), Groups: []string{"y", "x", "y"}}
	if err := p.check("test"); err != nil || !slices.Equal(*p.Hears, []string{"a", "b"}) || !slices.Equal(p.Groups, []string{"x", "y"}) {
		t.Errorf("%+v, %v", p, err)
	}
	p = ParticipantSettings{Hears: list(), Groups: []string{}}
	if err := p.check("test"); err != nil || p.Hears == nil || p.Groups != nil {
		t.Errorf("hearing nobody is not hearing everyone: %+v, %v", p, err)
	}
}

// A definition comes back from JSON as it went.
func TestDefinitionAsJSON(t *testing.T) {
	def := newDefinition("a", Settings{
		DisplayName: "A", MaxParticipants: 3, Admission: AdmitInvited, Locked: true, MutedOnEntry: true,
		Talkers: 5, SampleRate: 16000, EmptyTimeout: 1500 * time.Millisecond, Metadata: json.RawMessage(`{"k":[1,2]}`),
		Multicast: &multicast.Spec{Group: netip.MustParseAddr("ff15::8000:1"), SRTP: true},
		Video:     VideoSettings{Off: true, Policy: VideoFixed, Codecs: []string{"vp8"}, MaxBitrate: 1e6, Hold: time.Second},
	})
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Settings]()) {
		if reflect.ValueOf(def.Settings).FieldByIndex(f.Index).IsZero() {
			t.Errorf("the test forgets %s", f.Name)
		}
	}
	text, err := json.Marshal(def)
	if err != nil {
		t.Fatal(err)
	}
	var back Definition
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if !back.Created.Equal(def.Created) || !back.Updated.Equal(def.Updated) {
		t.Errorf("times of %s", text)
	}
	back.Created, back.Updated = def.Created, def.Updated
	if !reflect.DeepEqual(def, back) {
		t.Errorf("%+v became %+v by way of %s", def, back, text)
	}
}

// Whatever is let through stays as it is, is bounded and is JSON.
func FuzzMetadata(f *testing.F) {
	for _, s := range []string{"", "{}", `{"a":1}`, "null", "[", `{"a":"\ud800"}`, "{\"a\":\xff}", strings.Repeat("[", 10000)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := json.RawMessage(data)
		if checkMetadata("test", &m) != nil {
			return
		}
		if len(m) > MaxMetadata || m != nil && (m[0] != '{' || !json.Valid(m)) {
			t.Fatalf("%q becomes %q", data, m)
		}
		again := slices.Clone(m)
		if err := checkMetadata("test", &again); err != nil || string(again) != string(m) {
			t.Fatalf("%q becomes %q, %v", m, again, err)
		}
	})
}

// Ids and lists of strangers never bring a room down, nor come out other than they are.
func FuzzLists(f *testing.F) {
	for _, s := range []string{"abc", "group:x", "group:", "a,b", "../..", "\x00", "group:\u00e9,abc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		names := strings.Split(text, ",")
		if checkList("test", "hears", &names) != nil {
			return
		}
		for _, n := range names {
			if len(n) > len(groupPrefix)+MaxGroupName || strings.ContainsAny(n, "/%\x00 ") {
				t.Fatalf("%q is let through", n)
			}
		}
		all := people(3, func(_ int, h *hearer) { h.hears = &names })
		exact(t, all, arrange(all))
	})
}
