package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/confd/confd/rooms"
)

// InRoom is the path of what belongs to a room.
type InRoom struct {
	Room RoomID `path:"room" minLength:"1" maxLength:"64" doc:"The room's id." example:"standup"`
}

// RoomID is a room's id as a client wrote it, in a path or a query.
type RoomID struct{ name rooms.Name }

// UnmarshalText folds capital letters.
func (id *RoomID) UnmarshalText(text []byte) (err error) {
	id.name, err = roomNamed(string(text))
	return err
}

// Schema is that of text.
func (*RoomID) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeString} }

// roomNamed reads a name as a client wrote it: capital letters fold, nothing else does.
func roomNamed(text string) (rooms.Name, error) {
	if strings.ContainsAny(text, ";%") {
		return "", fmt.Errorf("%s is no room id; it is 1 to 64 characters of a-z 0-9 . _ ~ + * -", clip(text))
	}
	name, err := rooms.ParseName(text)
	if err != nil {
		return "", errors.New(problemOfError(err).Detail)
	}
	return name, nil
}

// parseRoom is roomNamed of one place in a body.
func parseRoom(location, text string) (rooms.Name, error) {
	name, err := roomNamed(text)
	if err != nil {
		return "", invalid(location, "%s", err.Error())
	}
	return name, nil
}

// RoomFields are what can be set in a room.
type RoomFields struct {
	Name            optional[string]          `json:"name,omitempty" maxLength:"128" doc:"For people, at most 128 bytes. Default: empty." example:"Daily stand-up"`
	MaxParticipants optional[int]             `json:"max_participants,omitempty" minimum:"0" maximum:"1000000" doc:"How many there may be at a time, up to the server's limit, which 0 means. Nobody is thrown out. Default 0." example:"20"`
	Admission       optional[string]          `json:"admission,omitempty" enum:"anyone,private,invited" doc:"Who may join by calling: anyone; private, callers from networks that the server trusts; invited, nobody, only who is dialled out to or moved here. Default anyone." example:"anyone"`
	Locked          optional[bool]            `json:"locked,omitempty" doc:"Nobody may join by calling; dialling out and moving in still work. Default false." example:"false"`
	MutedOnEntry    optional[bool]            `json:"muted_on_entry,omitempty" doc:"Who joins begins muted, by call or by dial-out. Default false." example:"false"`
	Talkers         optional[int]             `json:"talkers,omitempty" minimum:"0" maximum:"64" doc:"How many are heard at once, the loudest; 0 is the server's default. Default 0." example:"8"`
	SampleRate      optional[int]             `json:"sample_rate,omitempty" enum:"0,8000,16000,48000" doc:"The rate of the mix, Hz; 0 follows the members. Default 0." example:"16000"`
	EmptyTimeout    optional[float64]         `json:"empty_timeout,omitempty" minimum:"0" maximum:"2592000" doc:"How long the room outlives its last participant, seconds, up to 30 days; it is deleted then. 0 is for ever for a room made over the API. Default 0." example:"300"`
	Metadata        optional[object]          `json:"metadata,omitempty" doc:"Yours: a JSON object of at most 4096 bytes, which confd keeps and tells. It is replaced as a whole. Default {}." example:"{\"team\":\"red\"}"`
	Multicast       optional[MulticastFields] `json:"multicast,omitempty" doc:"A multicast group that hears the room: {} is one with the defaults. A patch of it is merged, too; null switches it off. Any change gives listeners another description. Default null." example:"{}"`
	Video           optional[VideoFields]     `json:"video,omitempty" doc:"Who sees whom, and in which codec. A patch of it is merged, too; null resets all of it." example:"{\"policy\":\"fixed\",\"codecs\":[\"h264\"]}"`
}

// patch changes settings. Error: what is no address.
func (f *RoomFields) patch(s *rooms.Settings) error {
	f.Name.to(&s.DisplayName)
	f.MaxParticipants.to(&s.MaxParticipants)
	if f.Admission.set {
		s.Admission = rooms.Admission(f.Admission.value)
	}
	f.Locked.to(&s.Locked)
	f.MutedOnEntry.to(&s.MutedOnEntry)
	f.Talkers.to(&s.Talkers)
	f.SampleRate.to(&s.SampleRate)
	toDuration(f.EmptyTimeout, &s.EmptyTimeout)
	if f.Metadata.set {
		s.Metadata = json.RawMessage(f.Metadata.value)
	}
	toVideo(f.Video, &s.Video)
	return toMulticast(f.Multicast, &s.Multicast)
}

// RoomCreate is the body that makes a room.
type RoomCreate struct {
	ID optional[string] `json:"id,omitempty" minLength:"1" maxLength:"64" doc:"What callers dial and paths name: 1 to 64 characters of a-z 0-9 . _ ~ + * -; capital letters become small. Default: one is made up." example:"standup"`
	RoomFields
}

// RoomAnswer is one room.
type RoomAnswer struct {
	ETag string `header:"ETag"`
	Body Room
}

// MadeRoom is a room that was made.
type MadeRoom struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     Room
}

// RoomList is a page of rooms.
type RoomList struct {
	Body struct {
		Rooms []Room `json:"rooms" nullable:"false" doc:"Rooms by id."`
		Next
	}
}

// Repeatable is the header that makes a POST safe to repeat.
type Repeatable struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Any text of your making. The same request with the same key within 24 hours gets the same answer and does nothing more." example:"order-4711"`
}

// Why is the reason that a phone is told.
type Why struct {
	Reason string `query:"reason" maxLength:"128" pattern:"^[^\\x00-\\x1f\\x7f\ufffd]*$" patternDescription:"text without control characters or broken UTF-8" doc:"Told to phones in the SIP header Reason, and to watchers. At most 128 bytes." example:"time is up"`
}

func (w Why) reason(code rooms.ReasonCode) rooms.Reason {
	return rooms.Reason{Code: code, Text: w.Reason}
}

func (s *Server) addRooms() {
	add(s, endpoint{method: "GET", path: "/v1/rooms", id: "list-rooms", tag: "rooms", scope: ScopeRead, perRoom: true,
		summary: "List rooms", text: "Rooms by id, those that calls opened among them."}, s.listRooms)
	add(s, endpoint{method: "POST", path: "/v1/rooms", id: "create-room", tag: "rooms", scope: ScopeControl, perRoom: true, status: http.StatusCreated,
		summary: "Create a room", text: "The room is there at once, survives a restart, and can be called at sip:ID@host. An empty object {} makes one with an id of its own. A room that a call opened under that id becomes this one.",
		problems: []string{"exists", "full", "conflict", "draining", "timed_out", "internal"}}, s.createRoom)
	add(s, endpoint{method: "GET", path: "/v1/rooms/{room}", id: "get-room", tag: "rooms", scope: ScopeRead, perRoom: true,
		summary: "Read a room", problems: []string{"not_found"}}, s.getRoom)
	add(s, endpoint{method: "PATCH", path: "/v1/rooms/{room}", id: "patch-room", tag: "rooms", scope: ScopeControl, perRoom: true,
		summary: "Change a room", text: "A merge patch. It takes effect in the running conference.",
		problems: []string{"not_found", "full", "conflict", "draining", "timed_out", "internal"}}, s.patchRoom)
	add(s, endpoint{method: "DELETE", path: "/v1/rooms/{room}", id: "delete-room", tag: "rooms", scope: ScopeControl, perRoom: true, status: http.StatusNoContent,
		summary: "Delete a room", text: "Ends the conference, with BYE to everyone, and the room.",
		problems: []string{"not_found", "timed_out", "internal"}}, s.deleteRoom)
}

func (s *Server) listRooms(ctx context.Context, in *struct {
	Paging
	IDPrefix string `query:"id_prefix" maxLength:"64" doc:"Only rooms whose ids begin so." example:"team-"`
}) (*RoomList, error) {
	all := s.config.Registry.List(rooms.ListOptions{Prefix: strings.ToLower(in.IDPrefix), After: rooms.Name(in.After)})
	who := callerOf(ctx)
	out := &RoomList{}
	out.Body.Rooms = []Room{}
	for i := range all {
		if !who.mayRoom(all[i].Name) {
			continue
		}
		if len(out.Body.Rooms) == in.Limit {
			out.Body.Next.Next = out.Body.Rooms[in.Limit-1].ID
			break
		}
		out.Body.Rooms = append(out.Body.Rooms, roomOf(&all[i]))
	}
	return out, nil
}

func (s *Server) createRoom(ctx context.Context, in *struct {
	Repeatable
	Body RoomCreate
}) (*MadeRoom, error) {
	var name rooms.Name
	if in.Body.ID.set && !in.Body.ID.null {
		var err error
		if name, err = parseRoom("body.id", in.Body.ID.value); err != nil {
			return nil, err
		}
	}
	if err := needRoom(ctx, name); err != nil {
		return nil, err
	}
	var settings rooms.Settings
	if err := in.Body.patch(&settings); err != nil {
		return nil, err
	}
	made, err := s.config.Registry.Create(ctx, name, settings)
	if err != nil {
		return nil, err
	}
	return &MadeRoom{ETag: etag(made.Version), Location: "/v1/rooms/" + string(made.Name), Body: roomOf(&made)}, nil
}

func (s *Server) getRoom(_ context.Context, in *InRoom) (*RoomAnswer, error) {
	r, err := s.config.Registry.Get(in.Room.name)
	return roomAnswer(&r, err)
}

func roomAnswer(r *rooms.RoomSnapshot, err error) (*RoomAnswer, error) {
	if err != nil {
		return nil, err
	}
	return &RoomAnswer{ETag: etag(r.Version), Body: roomOf(r)}, nil
}

func (s *Server) patchRoom(ctx context.Context, in *struct {
	InRoom
	Precondition
	Body RoomFields
}) (*RoomAnswer, error) {
	r, err := s.config.Registry.Patch(ctx, in.Room.name, in.Body.patch, in.IfMatch.version)
	return roomAnswer(&r, in.onVersion(err))
}

func (s *Server) deleteRoom(ctx context.Context, in *struct {
	InRoom
	Precondition
	Why
}) (*struct{}, error) {
	err := s.config.Registry.Delete(ctx, in.Room.name, in.reason(rooms.ReasonRoomClosed), in.IfMatch.version)
	return nil, in.onVersion(err)
}
