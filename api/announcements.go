package api

import (
	"context"
	"net/http"

	"github.com/confd/confd/rooms"
)

// Announcer plays sound files into rooms. Errors are *rooms.Error.
type Announcer interface {
	// Play begins. Errors: NotFound (the room, the file), Invalid, Conflict if nobody is
	// there, Full.
	Play(ctx context.Context, room rooms.Name, q PlayRequest) (rooms.AnnouncementSnapshot, error)
	// Playing returns what plays in a room, in the order in which it began. Error: NotFound.
	Playing(room rooms.Name) ([]rooms.AnnouncementSnapshot, error)
	// Stop ends one. Error: NotFound.
	Stop(ctx context.Context, room rooms.Name, id string) error
}

// PlayRequest is what to play.
type PlayRequest struct {
	File string
	To   *[]string // nil: everyone
	Loop bool
	Gain float64 // dB
}

// Play is the body that plays a file.
type Play struct {
	File string             `json:"file" minLength:"1" maxLength:"128" doc:"The name of a sound file, as /v1/sounds has it." example:"welcome.wav"`
	To   optional[[]string] `json:"to,omitempty" maxItems:"1000" doc:"Who hears it: ids of participants, or group:NAME; null is everyone. Default null." example:"[\"1kjmajsj0q3v7mq4wz\"]"`
	Loop bool               `json:"loop,omitempty" doc:"Over and over, until it is stopped or the conference ends. Default false." example:"false"`
	Gain float64            `json:"gain,omitempty" minimum:"-60" maximum:"20" doc:"Makes it louder by so many dB. Default 0." example:"-6"`
}

// OfAnnouncement is the path of an announcement.
type OfAnnouncement struct {
	InRoom
	ID string `path:"id" minLength:"1" maxLength:"32" doc:"The announcement's id." example:"1kjmavyh0m4wz6xa3t"`
}

// MadeAnnouncement is an announcement that has begun.
type MadeAnnouncement struct {
	Location string `header:"Location"`
	Body     Announcement
}

// AnnouncementAnswer is one announcement.
type AnnouncementAnswer struct{ Body Announcement }

// AnnouncementList is all announcements of a room.
type AnnouncementList struct {
	Body struct {
		Announcements []Announcement `json:"announcements" nullable:"false" doc:"What plays in the room now, in the order in which it began."`
	}
}

func (s *Server) addAnnouncements() {
	if s.config.Announcer == nil {
		return
	}
	const path = "/v1/rooms/{room}/announcements"
	add(s, endpoint{method: "GET", path: path, id: "list-announcements", tag: "announcements", scope: ScopeRead, perRoom: true,
		summary: "List what plays in a room", problems: []string{"not_found"}}, s.listAnnouncements)
	add(s, endpoint{method: "POST", path: path, id: "play", tag: "announcements", scope: ScopeControl, perRoom: true, status: http.StatusCreated,
		summary: "Play a file into a room", text: "Beside what participants say, to everyone or to some. The event announcement.ended tells its end.",
		problems: []string{"not_found", "conflict", "full"}}, s.play)
	add(s, endpoint{method: "GET", path: path + "/{id}", id: "get-announcement", tag: "announcements", scope: ScopeRead, perRoom: true,
		summary: "Read what plays", problems: []string{"not_found"}}, s.getAnnouncement)
	add(s, endpoint{method: "DELETE", path: path + "/{id}", id: "stop-announcement", tag: "announcements", scope: ScopeControl, perRoom: true, status: http.StatusNoContent,
		summary: "Stop what plays", problems: []string{"not_found", "timed_out"}}, s.stopAnnouncement)
}

func (s *Server) listAnnouncements(_ context.Context, in *InRoom) (*AnnouncementList, error) {
	all, err := s.config.Announcer.Playing(in.Room.name)
	if err != nil {
		return nil, err
	}
	out := &AnnouncementList{}
	out.Body.Announcements = make([]Announcement, len(all))
	for i := range all {
		out.Body.Announcements[i] = announcementOf(&all[i])
	}
	return out, nil
}

func (s *Server) play(ctx context.Context, in *struct {
	InRoom
	Repeatable
	Body Play
}) (*MadeAnnouncement, error) {
	q := PlayRequest{File: in.Body.File, Loop: in.Body.Loop, Gain: in.Body.Gain}
	toList(in.Body.To, &q.To)
	a, err := s.config.Announcer.Play(ctx, in.Room.name, q)
	if err != nil {
		return nil, err
	}
	return &MadeAnnouncement{"/v1/rooms/" + string(in.Room.name) + "/announcements/" + a.ID, announcementOf(&a)}, nil
}

func (s *Server) getAnnouncement(_ context.Context, in *OfAnnouncement) (*AnnouncementAnswer, error) {
	all, err := s.config.Announcer.Playing(in.Room.name)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].ID == in.ID {
			return &AnnouncementAnswer{announcementOf(&all[i])}, nil
		}
	}
	return nil, refuse(http.StatusNotFound, string(rooms.NotFound), "no announcement %s plays in room %q", clip(in.ID), in.Room.name)
}

func (s *Server) stopAnnouncement(ctx context.Context, in *OfAnnouncement) (*struct{}, error) {
	return nil, s.config.Announcer.Stop(ctx, in.Room.name, in.ID)
}
