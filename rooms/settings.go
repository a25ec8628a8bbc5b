package rooms

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/confd/confd/multicast"
)

// The limits of what settings may hold.
const (
	MaxDisplayName  = 128                 // bytes
	MaxRole         = 32                  // bytes
	MaxMetadata     = 4096                // bytes of JSON, after white space between tokens is taken out
	MaxTalkers      = 64                  // heard at once in one mix
	MaxEmptyTimeout = 30 * 24 * time.Hour // for longer than that, let it be for ever
	MinGain         = -60.0               // dB
	MaxGain         = 20.0                // dB
	MaxListed       = 1000                // entries of Hears or HeardBy
	MaxGroups       = 16                  // of one participant
	MaxGroupName    = 32                  // characters
)

// Admission says which calls may join a room that exists.
type Admission string

// The kinds of admission. Empty means anyone.
const (
	AdmitAnyone  Admission = "anyone"
	AdmitPrivate Admission = "private" // callers that signalling trusts
	AdmitInvited Admission = "invited" // nobody who calls: only who is dialled out to or moved here
)

// Settings are what can be set in a room; the zero value is the default of each.
type Settings struct {
	DisplayName     string          `json:"name,omitempty"`             // for people; at most MaxDisplayName bytes, no control characters
	MaxParticipants int             `json:"max_participants,omitempty"` // at most the server's limit; 0 means that. Nobody is thrown out
	Admission       Admission       `json:"admission,omitempty"`
	Locked          bool            `json:"locked,omitempty"`         // no call may join; dialling out and moving in still work
	MutedOnEntry    bool            `json:"muted_on_entry,omitempty"` // who joins by call or dial-out begins muted
	Talkers         int             `json:"talkers,omitempty"`        // heard at once, 1 to MaxTalkers; 0 means the server's default
	SampleRate      int             `json:"sample_rate,omitempty"`    // Hz, 8000, 16000 or 48000; 0 follows the members
	EmptyTimeout    time.Duration   `json:"empty_timeout,omitempty"`  // see [Definition]; 0 to MaxEmptyTimeout
	Metadata        json.RawMessage `json:"metadata,omitempty"`       // a JSON object of at most MaxMetadata bytes, or nothing
	Multicast       *multicast.Spec `json:"multicast,omitempty"`      // the group that hears the room; nil for none
	Video           VideoSettings   `json:"video,omitzero"`
}

// ParticipantSettings are what can be set in a participant; the zero value is the default
// of each.
type ParticipantSettings struct {
	DisplayName string          `json:"display_name,omitempty"` // instead of what signalling says; at most MaxDisplayName bytes
	Role        string          `json:"role,omitempty"`         // free; at most MaxRole bytes
	Metadata    json.RawMessage `json:"metadata,omitempty"`     // as the room's
	Muted       bool            `json:"muted,omitempty"`        // nobody hears it
	Deaf        bool            `json:"deaf,omitempty"`         // it hears nobody
	Held        bool            `json:"held,omitempty"`         // both, and what it sends is dropped
	InputGain   float64         `json:"input_gain,omitempty"`   // dB, MinGain to MaxGain: of what it says
	OutputGain  float64         `json:"output_gain,omitempty"`  // dB, MinGain to MaxGain, in whole steps: of what it hears
	Pinned      bool            `json:"pinned,omitempty"`       // heard beside the loudest, however many speak
	// Hears lists whom it hears, and HeardBy who hears it, as ids of participants or
	// "group:NAME"; nil means everyone, empty nobody. L hears S if both lists allow it.
	// Who is named and not there is no error: ids outlive participants. GroupListener is the id
	// of the room's multicast group.
	Hears   *[]string `json:"hears,omitempty"`
	HeardBy *[]string `json:"heard_by,omitempty"`
	// Groups are those that it is in: 1 to MaxGroupName characters of a-z 0-9 . _ ~ + * -
	Groups       []string `json:"groups,omitempty"`
	VideoMuted   bool     `json:"video_muted,omitempty"`   // nobody sees it
	VideoStopped bool     `json:"video_stopped,omitempty"` // it sees nobody
	VideoLow     bool     `json:"video_low,omitempty"`     // it is sent as little as can be
	VideoPin     string   `json:"video_pin,omitempty"`     // id of whom it sees before others; "" is nobody
	// Delivery moves it to the room's multicast group while it is muted. To set
	// DeliverMulticast mutes it.
	Delivery Delivery `json:"delivery,omitempty"`
}

// groupPrefix marks a group among ids.
const groupPrefix = "group:"

func (s Settings) clone() Settings {
	s.Metadata = bytes.Clone(s.Metadata)
	s.Video = s.Video.clone()
	if s.Multicast != nil {
		spec := *s.Multicast
		s.Multicast = &spec
	}
	return s
}

func (s ParticipantSettings) clone() ParticipantSettings {
	s.Metadata = bytes.Clone(s.Metadata)
	s.Groups = slices.Clone(s.Groups)
	s.Hears, s.HeardBy = cloneList(s.Hears), cloneList(s.HeardBy)
	return s
}

func cloneList(l *[]string) *[]string {
	if l == nil {
		return nil
	}
	c := append([]string{}, *l...)
	return &c
}

// check brings s into its canonical form, or says which field is wrong.
func (s *Settings) check(op string, limit int) error {
	if err := checkText(op, "name", s.DisplayName, MaxDisplayName); err != nil {
		return err
	}
	switch {
	case s.MaxParticipants < 0 || s.MaxParticipants > limit:
		return wrong(op, "max_participants", "%d is not within 0 to %d, which rooms.max_participants allows", s.MaxParticipants, limit)
	case s.Talkers < 0 || s.Talkers > MaxTalkers:
		return wrong(op, "talkers", "%d is not within 0 to %d", s.Talkers, MaxTalkers)
	case s.EmptyTimeout < 0 || s.EmptyTimeout > MaxEmptyTimeout:
		return wrong(op, "empty_timeout", "%v is not within 0 and %v", s.EmptyTimeout, MaxEmptyTimeout)
	}
	switch s.Admission {
	case AdmitAnyone:
		s.Admission = ""
	case "", AdmitPrivate, AdmitInvited:
	default:
		return wrong(op, "admission", "%.40q is none of anyone, private, invited", string(s.Admission))
	}
	switch s.SampleRate {
	case 0, 8000, 16000, 48000:
	default:
		return wrong(op, "sample_rate", "%d is none of 8000, 16000, 48000, or 0 to follow the members", s.SampleRate)
	}
	if err := s.Video.check(op); err != nil {
		return err
	}
	return checkMetadata(op, &s.Metadata)
}

// check brings s into its canonical form, or says which field is wrong.
func (s *ParticipantSettings) check(op string) error {
	if err := checkText(op, "display_name", s.DisplayName, MaxDisplayName); err != nil {
		return err
	}
	if err := checkText(op, "role", s.Role, MaxRole); err != nil {
		return err
	}
	if err := checkGain(op, "input_gain", s.InputGain); err != nil {
		return err
	}
	if err := checkGain(op, "output_gain", s.OutputGain); err != nil {
		return err
	}
	if err := checkList(op, "hears", s.Hears); err != nil {
		return err
	}
	if err := checkList(op, "heard_by", s.HeardBy); err != nil {
		return err
	}
	if err := checkGroups(op, &s.Groups); err != nil {
		return err
	}
	if s.VideoPin != "" && !isID(s.VideoPin) {
		return wrong(op, "video_pin", "%.80q is no id of a participant, nor empty", s.VideoPin)
	}
	switch s.Delivery {
	case DeliverUnicast:
		s.Delivery = ""
	case "", DeliverMulticast:
	default:
		return wrong(op, "delivery", "%.40q is neither unicast nor multicast", string(s.Delivery))
	}
	return checkMetadata(op, &s.Metadata)
}

func checkText(op, field, s string, limit int) error {
	switch {
	case len(s) > limit:
		return wrong(op, field, "it is %d bytes long, and %d are allowed", len(s), limit)
	case !utf8.ValidString(s):
		return wrong(op, field, "it is no valid UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		return wrong(op, field, "it has a control character in it")
	}
	return nil
}

func checkGain(op, field string, dB float64) error {
	if dB >= MinGain && dB <= MaxGain { // not so if it is no number
		return nil
	}
	return wrong(op, field, "%v dB is not within %v to %v", dB, MinGain, MaxGain)
}

// checkList takes out what is named twice.
func checkList(op, field string, list *[]string) error {
	if list == nil {
		return nil
	}
	if len(*list) > MaxListed {
		return wrong(op, field, "it names %d, and %d are allowed", len(*list), MaxListed)
	}
	for _, name := range *list {
		group, isGroup := strings.CutPrefix(name, groupPrefix)
		if isGroup && !isGroupName(group) || !isGroup && !isID(name) {
			return wrong(op, field, "%.80q is neither the id of a participant nor group:NAME", name)
		}
	}
	slices.Sort(*list)
	*list = slices.Compact(*list)
	return nil
}

func checkGroups(op string, groups *[]string) error {
	for _, name := range *groups {
		if !isGroupName(name) {
			return wrong(op, "groups", "%.80q is no name of a group: 1 to %d characters of a-z 0-9 . _ ~ + * -", name, MaxGroupName)
		}
	}
	slices.Sort(*groups)
	*groups = slices.Compact(*groups)
	if len(*groups) > MaxGroups {
		return wrong(op, "groups", "they are %d, and %d are allowed", len(*groups), MaxGroups)
	}
	if len(*groups) == 0 {
		*groups = nil
	}
	return nil
}

func isGroupName(s string) bool {
	return len(s) > 0 && len(s) <= MaxGroupName && !strings.ContainsFunc(s, func(c rune) bool { return c > 127 || !isNameByte(byte(c)) })
}

// isID tells whether a participant could have the id.
func isID(s string) bool {
	return len(s) > 0 && len(s) <= 32 && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9')
	})
}

// checkMetadata takes out the white space; null and {} are nothing.
func checkMetadata(op string, m *json.RawMessage) error {
	if len(*m) == 0 {
		*m = nil
		return nil
	}
	var flat bytes.Buffer
	if len(*m) <= 16*MaxMetadata {
		if err := json.Compact(&flat, *m); err != nil {
			return wrong(op, "metadata", "it is no JSON: %v", err)
		}
	}
	switch {
	case len(*m) > 16*MaxMetadata || flat.Len() > MaxMetadata:
		return wrong(op, "metadata", "it is %d bytes long, and %d are allowed", max(flat.Len(), len(*m)), MaxMetadata)
	case flat.String() == "null" || flat.String() == "{}":
		*m = nil
		return nil
	case flat.Bytes()[0] != '{':
		return wrong(op, "metadata", "it is no JSON object")
	}
	*m = flat.Bytes()
	return nil
}

// wrong is an error about a field of settings.
func wrong(op, field, format string, args ...any) *Error {
	e := errorf(Invalid, op, field+": "+format, args...)
	e.Field = field
	return e
}
