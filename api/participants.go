package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/confd/confd/rooms"
)

// OfRoom is the path of one participant.
type OfRoom struct {
	InRoom
	ID string `path:"id" minLength:"1" maxLength:"32" doc:"The participant's id." example:"1kjmajsj0q3v7mq4wz"`
}

// ParticipantFields are what can be set in a participant.
type ParticipantFields struct {
	DisplayName  optional[string]   `json:"display_name,omitempty" maxLength:"128" doc:"Instead of what its phone says; at most 128 bytes. Default: what its phone says." example:"Anna"`
	Role         optional[string]   `json:"role,omitempty" maxLength:"32" doc:"Yours: at most 32 bytes. Default: empty." example:"moderator"`
	Metadata     optional[object]   `json:"metadata,omitempty" doc:"Yours: a JSON object of at most 4096 bytes. It is replaced as a whole. Default {}." example:"{\"crm\":\"4711\"}"`
	Muted        optional[bool]     `json:"muted,omitempty" doc:"Nobody hears it. Default false." example:"true"`
	Deaf         optional[bool]     `json:"deaf,omitempty" doc:"It hears nobody. Default false." example:"false"`
	Held         optional[bool]     `json:"held,omitempty" doc:"On hold: neither hears nor is heard. Default false." example:"false"`
	InputGain    optional[float64]  `json:"input_gain,omitempty" minimum:"-60" maximum:"20" doc:"Makes what it says louder by so many dB. Default 0." example:"3"`
	OutputGain   optional[float64]  `json:"output_gain,omitempty" minimum:"-60" maximum:"20" doc:"Makes what it hears louder by so many dB, in whole steps. Default 0." example:"-6"`
	Pinned       optional[bool]     `json:"pinned,omitempty" doc:"It is heard beside the loudest, however many speak. Default false." example:"false"`
	Hears        optional[[]string] `json:"hears,omitempty" maxItems:"1000" doc:"Whom alone it hears: ids of participants, or group:NAME; [] is nobody, null everyone. One hears another if both lists allow it. Default null." example:"[\"group:floor\"]"`
	HeardBy      optional[[]string] `json:"heard_by,omitempty" maxItems:"1000" doc:"Who alone hears it: ids of participants, or group:NAME; [] is nobody, null everyone. Default null." example:"[\"1kjmajsj0q3v7mq4wz\"]"`
	Groups       optional[[]string] `json:"groups,omitempty" maxItems:"16" doc:"The groups that it is in, for the lists of others: 1 to 32 characters of a-z 0-9 . _ ~ + * - each. Default []." example:"[\"floor\"]"`
	Delivery     optional[string]   `json:"delivery,omitempty" enum:"unicast,multicast" doc:"How its phone gets what it hears: unicast, a stream of its own; multicast, the room's group, while it is muted, which it becomes with this. Default unicast." example:"multicast"`
	VideoMuted   optional[bool]     `json:"video_muted,omitempty" doc:"Nobody sees it. Default false." example:"true"`
	VideoStopped optional[bool]     `json:"video_stopped,omitempty" doc:"It is shown nobody. Default false." example:"true"`
	VideoLow     optional[bool]     `json:"video_low,omitempty" doc:"It is sent as little as its source has: the lowest encoding and layers. Default false." example:"true"`
	VideoPin     optional[string]   `json:"video_pin,omitempty" maxLength:"32" doc:"The id of the participant that it sees before others; empty: whoever speaks. Default empty." example:"1kjmajsj0j1b7mq4xz"`
}

// patch changes settings, and never fails.
func (f *ParticipantFields) patch(s *rooms.ParticipantSettings) error {
	f.DisplayName.to(&s.DisplayName)
	f.Role.to(&s.Role)
	if f.Metadata.set {
		s.Metadata = json.RawMessage(f.Metadata.value)
	}
	f.Muted.to(&s.Muted)
	f.Deaf.to(&s.Deaf)
	f.Held.to(&s.Held)
	f.InputGain.to(&s.InputGain)
	f.OutputGain.to(&s.OutputGain)
	f.Pinned.to(&s.Pinned)
	toList(f.Hears, &s.Hears)
	toList(f.HeardBy, &s.HeardBy)
	f.Groups.to(&s.Groups)
	f.VideoMuted.to(&s.VideoMuted)
	f.VideoStopped.to(&s.VideoStopped)
	f.VideoLow.to(&s.VideoLow)
	f.VideoPin.to(&s.VideoPin)
	if f.Delivery.set {
		s.Delivery = rooms.Delivery(f.Delivery.value)
	}
	return nil
}

// Dial is the body that calls somebody into a room.
type Dial struct {
	To         string            `json:"to" minLength:"1" maxLength:"512" doc:"Whom to call: a SIP, SIPS or tel URI, at most 512 bytes." example:"sip:anna@pbx.example.com"`
	From       string            `json:"from,omitempty" maxLength:"512" doc:"Who calls: a SIP URI, or its user part. Default: the room." example:"+4930123456"`
	CallerName string            `json:"caller_name,omitempty" maxLength:"128" doc:"The caller's name, as the phone shows it; at most 128 bytes." example:"Daily stand-up"`
	Headers    map[string]string `json:"headers,omitempty" maxProperties:"32" doc:"Added to the INVITE: at most 32, of 1024 bytes each." example:"{\"X-Campaign\":\"spring\"}"`
	Timeout    float64           `json:"timeout,omitempty" minimum:"1" maximum:"600" doc:"How long it may ring, seconds, 1 to 600. Default 60." example:"30"`
	Username   string            `json:"username,omitempty" maxLength:"128" doc:"For a trunk that asks for credentials." example:"trunk-17"`
	Password   string            `json:"password,omitempty" maxLength:"128" writeOnly:"true" doc:"For a trunk that asks for credentials; it is neither kept nor told." example:"correct horse"`
	ParticipantFields
}

// ParticipantAnswer is one participant.
type ParticipantAnswer struct {
	ETag string `header:"ETag"`
	Body Participant
}

// MadeParticipant is a participant under a new path.
type MadeParticipant struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     Participant
}

// ParticipantList is a page of participants.
type ParticipantList struct {
	Body struct {
		Participants []Participant `json:"participants" nullable:"false" doc:"Who is in the room, in the order in which their calls began."`
		Next
	}
}

func (s *Server) addParticipants() {
	add(s, endpoint{method: "GET", path: "/v1/rooms/{room}/participants", id: "list-participants", tag: "participants", scope: ScopeRead, perRoom: true,
		summary: "List participants", text: "Who is in the room or is being called, with figures of now.", problems: []string{"not_found"}}, s.listParticipants)
	add(s, endpoint{method: "POST", path: "/v1/rooms/{room}/participants", id: "dial-participant", tag: "participants", scope: ScopeControl, perRoom: true, status: http.StatusCreated,
		summary: "Call somebody into the room", text: "The participant is there at once, in state calling. Events tell how it goes on: participant.ringing, participant.joined, or participant.failed with an outcome of busy, declined, unanswered, failed or cancelled. DELETE cancels the call.",
		problems: []string{"not_found", "full", "overloaded", "draining"}}, s.dialParticipant)
	add(s, endpoint{method: "GET", path: "/v1/rooms/{room}/participants/{id}", id: "get-participant", tag: "participants", scope: ScopeRead, perRoom: true,
		summary: "Read a participant", text: "With figures of now.", problems: []string{"not_found"}}, s.getParticipant)
	add(s, endpoint{method: "PATCH", path: "/v1/rooms/{room}/participants/{id}", id: "patch-participant", tag: "participants", scope: ScopeControl, perRoom: true,
		summary: "Change a participant", text: "A merge patch: mute, deafen, hold, gains, name, role, who hears whom, video. The answer comes once it can be heard. The lists of a room may take 64 different mixes, which those share who hear the same; a change, a call or a move that would take more is refused as full.",
		problems: []string{"not_found", "full", "conflict", "timed_out"}}, s.patchParticipant)
	add(s, endpoint{method: "DELETE", path: "/v1/rooms/{room}/participants/{id}", id: "remove-participant", tag: "participants", scope: ScopeControl, perRoom: true, status: http.StatusNoContent,
		summary: "Remove a participant", text: "Its phone gets a BYE with the reason; a call that is not yet answered is cancelled.",
		problems: []string{"not_found", "timed_out"}}, s.removeParticipant)
	add(s, endpoint{method: "POST", path: "/v1/rooms/{room}/participants/{id}/move", id: "move-participant", tag: "participants", scope: ScopeControl, perRoom: true,
		summary: "Move a participant to another room", text: "Without hanging up: its id, its call and its settings go on.",
		problems: []string{"not_found", "full", "conflict", "timed_out"}}, s.moveParticipant)
}

func (s *Server) listParticipants(_ context.Context, in *struct {
	InRoom
	Paging
}) (*ParticipantList, error) {
	views, err := s.config.Registry.Views(in.Room.name)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(views, func(a, b rooms.ParticipantView) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	if in.After != "" {
		t, id, err := parseCursor(in.After)
		if err != nil {
			return nil, err
		}
		views = slices.DeleteFunc(views, func(v rooms.ParticipantView) bool {
			return cmp.Or(v.Created.Compare(t), cmp.Compare(v.ID, id)) <= 0
		})
	}
	out := &ParticipantList{}
	if len(views) > in.Limit {
		views = views[:in.Limit]
		last := &views[in.Limit-1]
		out.Body.Next.Next = cursor(last.Created, last.ID)
	}
	out.Body.Participants = make([]Participant, len(views))
	for i := range views {
		out.Body.Participants[i] = viewOf(&views[i])
	}
	return out, nil
}

func (s *Server) dialParticipant(ctx context.Context, in *struct {
	InRoom
	Repeatable
	Body Dial
}) (*MadeParticipant, error) {
	b := &in.Body
	q := rooms.InviteRequest{
		To: b.To, From: b.From, DisplayName: b.CallerName, Headers: b.Headers, Timeout: duration(b.Timeout),
		Username: b.Username, Password: b.Password,
	}
	_ = b.patch(&q.Settings)
	p, err := s.config.Registry.Dial(ctx, in.Room.name, q)
	return madeParticipant(&p, err)
}

func madeParticipant(p *rooms.ParticipantSnapshot, err error) (*MadeParticipant, error) {
	if err != nil {
		return nil, err
	}
	at := "/v1/rooms/" + string(p.Room) + "/participants/" + p.ID
	return &MadeParticipant{ETag: etag(p.Version), Location: at, Body: participantOf(p)}, nil
}

func (s *Server) getParticipant(_ context.Context, in *OfRoom) (*ParticipantAnswer, error) {
	v, err := s.config.Registry.View(in.Room.name, in.ID)
	if err != nil {
		return nil, err
	}
	return &ParticipantAnswer{ETag: etag(v.Version), Body: viewOf(&v)}, nil
}

func (s *Server) patchParticipant(ctx context.Context, in *struct {
	OfRoom
	Precondition
	Body ParticipantFields
}) (*ParticipantAnswer, error) {
	p, err := s.config.Registry.PatchParticipant(ctx, in.Room.name, in.ID, in.Body.patch, in.IfMatch.version)
	if err != nil {
		return nil, in.onVersion(err)
	}
	return &ParticipantAnswer{ETag: etag(p.Version), Body: participantOf(&p)}, nil
}

func (s *Server) removeParticipant(ctx context.Context, in *struct {
	OfRoom
	Precondition
	Why
}) (*struct{}, error) {
	err := s.config.Registry.RemoveParticipant(ctx, in.Room.name, in.ID, in.reason(rooms.ReasonRemoved), in.IfMatch.version)
	return nil, in.onVersion(err)
}

// Move is the body that moves a participant.
type Move struct {
	Room string `json:"room" minLength:"1" maxLength:"64" doc:"The room to move to, which is there." example:"breakout-1"`
}

func (s *Server) moveParticipant(ctx context.Context, in *struct {
	OfRoom
	Body Move
}) (*MadeParticipant, error) {
	to, err := parseRoom("body.room", in.Body.Room)
	if err != nil {
		return nil, err
	}
	if err := needRoom(ctx, to); err != nil {
		return nil, err
	}
	p, err := s.config.Registry.Move(ctx, in.Room.name, in.ID, to)
	return madeParticipant(&p, err)
}
