package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/confd/confd/rooms"
)

// Calls are the records of what is over.
type Calls interface {
	// Calls returns a page, the newest first, and the cursor of the next, "" if there is
	// none. Error: *rooms.Error, Invalid for a cursor that is none.
	Calls(RecordQuery) (page []rooms.CallRecord, next string, err error)
	// Conferences is the same of conferences.
	Conferences(RecordQuery) (page []rooms.ConferenceRecord, next string, err error)
	// Call returns one call, and Conference one conference. Error: *rooms.Error, NotFound.
	Call(id string) (rooms.CallRecord, error)
	Conference(id string) (rooms.ConferenceRecord, error)
}

// RecordQuery says which records are wanted.
type RecordQuery struct {
	After    string // cursor
	Limit    int
	From, To time.Time // of the start; zero is no bound

	// What follows leaves out nothing if it is "".
	Room       rooms.Name
	Conference string // this and what follows: of calls only
	Direction  rooms.Direction
	Outcome    rooms.Outcome
	URI        string
}

// TakesCall tells whether a call is wanted, as far as After, Limit and times do not say.
func (q *RecordQuery) TakesCall(c rooms.CallRecord) bool {
	return (q.Room == "" || slices.Contains(c.Rooms, q.Room)) && (q.Conference == "" || c.Conference == q.Conference) &&
		(q.Direction == "" || c.Info.Direction == q.Direction) && (q.Outcome == "" || c.Outcome == q.Outcome) &&
		(q.URI == "" || c.Info.URI == q.URI)
}

// TakesConference is the same of a conference.
func (q *RecordQuery) TakesConference(c rooms.ConferenceRecord) bool {
	return q.Room == "" || c.Room == q.Room
}

// Records is how records are asked for.
type Records struct {
	Paging
	Room RoomID    `query:"room" maxLength:"64" doc:"Only of this room, which a call was in at some time. Keys of single rooms must say which." example:"standup"`
	From time.Time `query:"from" doc:"Only what began then or later." example:"2026-03-01T00:00:00Z"`
	To   time.Time `query:"to" doc:"Only what began before." example:"2026-03-02T00:00:00Z"`
}

// CallRecords is how records of calls are asked for.
type CallRecords struct {
	Records
	Conference string `query:"conference" maxLength:"32" doc:"Only calls that were in this conference last." example:"1kjmajsj0k2v7mq4wz"`
	Direction  string `query:"direction" enum:"inbound,outbound" doc:"Only calls in this direction, as the server sees it." example:"outbound"`
	Outcome    string `query:"outcome" enum:"answered,busy,declined,unanswered,failed,cancelled" doc:"Only calls that came out so." example:"busy"`
	URI        string `query:"uri" maxLength:"512" doc:"Only calls from or to exactly this SIP address." example:"sip:anna@example.com"`
}

// OfCall is the path of a call's record.
type OfCall struct {
	ID string `path:"id" minLength:"1" maxLength:"32" doc:"The participant's id." example:"1kjmajsj0q3v7mq4wz"`
}

// OfConference is the path of a conference's record.
type OfConference struct {
	ID string `path:"id" minLength:"1" maxLength:"32" doc:"The conference's id." example:"1kjmajsj0k2v7mq4wz"`
}

func (in *Records) query(ctx context.Context) (RecordQuery, error) {
	q := RecordQuery{After: in.After, Limit: in.Limit, From: in.From, To: in.To, Room: in.Room.name}
	if q.Room == "" && len(callerOf(ctx).rooms) > 0 {
		return q, invalid("query.room", "this key is good for single rooms; say which")
	}
	return q, needRoom(ctx, q.Room)
}

// CallRecord is a call that is over, as JSON.
type CallRecord struct {
	ID          string           `json:"id" maxLength:"32" doc:"The participant's id." example:"1kjmajsj0q3v7mq4wz"`
	Room        string           `json:"room" maxLength:"64" doc:"The last room that it was in." example:"standup"`
	Rooms       []string         `json:"rooms" nullable:"false" doc:"All rooms that it was in, in order." example:"[\"lobby\",\"standup\"]"`
	Conference  string           `json:"conference,omitempty" maxLength:"32" doc:"The last conference that it was in." example:"1kjmajsj0k2v7mq4wz"`
	Direction   string           `json:"direction" enum:"inbound,outbound" doc:"inbound: it called; outbound: the server called it." example:"inbound"`
	URI         string           `json:"uri" doc:"Its SIP address." example:"sip:anna@example.com"`
	DisplayName string           `json:"display_name" doc:"What it was called." example:"Anna"`
	Address     string           `json:"address,omitempty" doc:"The IP address that its signalling came from." example:"192.0.2.17"`
	UserAgent   string           `json:"user_agent,omitempty" doc:"What its phone said that it was." example:"baresip v3.1"`
	CallID      string           `json:"call_id,omitempty" doc:"The Call-ID of its SIP dialog." example:"f81d4fae@192.0.2.17"`
	Outcome     string           `json:"outcome" enum:"answered,busy,declined,unanswered,failed,cancelled" doc:"How the call came out." example:"answered"`
	Status      int              `json:"status,omitempty" minimum:"0" maximum:"699" doc:"The SIP status of a call that failed." example:"486"`
	Started     time.Time        `json:"started" doc:"When the call came in, or dialling began." example:"2026-03-01T09:10:00Z"`
	Answered    *time.Time       `json:"answered,omitempty" doc:"When it entered the conference; absent if it did not." example:"2026-03-01T09:10:02Z"`
	Ended       time.Time        `json:"ended" doc:"When it was over." example:"2026-03-01T09:40:02Z"`
	Duration    float64          `json:"duration" minimum:"0" doc:"From answered to ended, seconds." example:"1800"`
	Reason      EndReason        `json:"reason" doc:"Why it ended."`
	Stats       ParticipantStats `json:"stats" doc:"Its figures at the end."`
}

// CallOf returns a record as JSON has it.
func CallOf(c *rooms.CallRecord) CallRecord {
	v := CallRecord{
		ID: c.ID, Room: string(c.Room), Rooms: []string{}, Conference: c.Conference, Direction: string(c.Info.Direction),
		URI: c.Info.URI, DisplayName: c.Name, UserAgent: c.Info.UserAgent, CallID: c.Info.CallID,
		Outcome: string(c.Outcome), Status: c.Status, Started: c.Started.UTC(), Answered: instant(c.Answered), Ended: c.Ended.UTC(),
		Reason: EndReason{string(c.Reason.Code), c.Reason.Text}, Stats: statsOf(&c.Stats),
	}
	for _, r := range c.Rooms {
		v.Rooms = append(v.Rooms, string(r))
	}
	if c.Info.RemoteAddr.IsValid() {
		v.Address = c.Info.RemoteAddr.Unmap().String()
	}
	if !c.Answered.IsZero() {
		v.Duration = seconds(c.Ended.Sub(c.Answered))
	}
	return v
}

// ConferenceRecord is a conference that is over, as JSON.
type ConferenceRecord struct {
	ID       string    `json:"id" maxLength:"32" doc:"Names the conference." example:"1kjmajsj0k2v7mq4wz"`
	Room     string    `json:"room" maxLength:"64" doc:"Its room." example:"standup"`
	Opened   time.Time `json:"opened" doc:"When the first came." example:"2026-03-01T09:10:00Z"`
	Ended    time.Time `json:"ended" doc:"When the last had left." example:"2026-03-01T09:40:02Z"`
	Duration float64   `json:"duration" minimum:"0" doc:"From opened to ended, seconds." example:"1802"`
	Reason   EndReason `json:"reason" doc:"Why it ended."`
	Joined   int       `json:"joined" minimum:"0" doc:"How many calls entered it." example:"12"`
	Peak     int       `json:"peak" minimum:"0" doc:"How many there were at most at a time." example:"9"`
	TalkTime float64   `json:"talk_time" minimum:"0" doc:"How long participants talked, added up, seconds." example:"1650.5"`
	Loss     float64   `json:"loss" minimum:"0" maximum:"1" doc:"Share of what participants sent that nobody heard, lost or too late, 0 to 1." example:"0.002"`
	MOS      float64   `json:"mos" minimum:"0" maximum:"4.5" doc:"Mean of the estimated quality of those who sent something (ITU-T G.107), 1 bad to 4.5 excellent; 0 if nobody did." example:"4.3"`
	WorstMOS float64   `json:"worst_mos" minimum:"0" maximum:"4.5" doc:"The least of them, 1 bad to 4.5 excellent; 0 if nobody sent anything." example:"3.9"`
}

// ConferenceOf returns a record as JSON has it.
func ConferenceOf(c *rooms.ConferenceRecord) ConferenceRecord {
	return ConferenceRecord{
		ID: c.ID, Room: string(c.Room), Opened: c.Opened.UTC(), Ended: c.Ended.UTC(), Duration: seconds(c.Ended.Sub(c.Opened)),
		Reason: EndReason{string(c.Reason.Code), c.Reason.Text}, Joined: c.Joined, Peak: c.Peak, TalkTime: seconds(c.Talked),
		Loss: c.Loss, MOS: c.MOS, WorstMOS: c.WorstMOS,
	}
}

// CallAnswer is one call.
type CallAnswer struct{ Body CallRecord }

// ConferenceAnswer is one conference.
type ConferenceAnswer struct{ Body ConferenceRecord }

// CallList is a page of calls.
type CallList struct {
	Body struct {
		Calls []CallRecord `json:"calls" nullable:"false" doc:"Calls that are over, the newest first."`
		Next
	}
}

// ConferenceList is a page of conferences.
type ConferenceList struct {
	Body struct {
		Conferences []ConferenceRecord `json:"conferences" nullable:"false" doc:"Conferences that are over, the newest first."`
		Next
	}
}

func (s *Server) addCalls() {
	if s.config.Calls == nil {
		return
	}
	const page = " A page may be shorter than limit and yet have a next."
	add(s, endpoint{method: "GET", path: "/v1/calls", id: "list-calls", tag: "records", scope: ScopeRead, perRoom: true,
		summary: "List calls that are over", text: "The newest first, those that were not answered among them." + page, problems: []string{"internal"}}, s.listCalls)
	add(s, endpoint{method: "GET", path: "/v1/calls/{id}", id: "get-call", tag: "records", scope: ScopeRead, perRoom: true,
		summary: "Read a call that is over", text: "By the id that the participant had, from a moment after its last event on.", problems: []string{"not_found", "internal"}}, s.getCall)
	add(s, endpoint{method: "GET", path: "/v1/conferences", id: "list-conferences", tag: "records", scope: ScopeRead, perRoom: true,
		summary: "List conferences that are over", text: "The newest first." + page, problems: []string{"internal"}}, s.listConferences)
	add(s, endpoint{method: "GET", path: "/v1/conferences/{id}", id: "get-conference", tag: "records", scope: ScopeRead, perRoom: true,
		summary: "Read a conference that is over", text: "By the id that the room's events and its calls have as conference.", problems: []string{"not_found", "internal"}}, s.getConference)
}

func (s *Server) listCalls(ctx context.Context, in *CallRecords) (*CallList, error) {
	q, err := in.query(ctx)
	if err != nil {
		return nil, err
	}
	q.Conference, q.Direction, q.Outcome, q.URI = in.Conference, rooms.Direction(in.Direction), rooms.Outcome(in.Outcome), in.URI
	out := &CallList{}
	out.Body.Calls, out.Body.Next.Next, err = recordPage(s.config.Calls.Calls, q, CallOf)
	return out, err
}

func (s *Server) listConferences(ctx context.Context, in *Records) (*ConferenceList, error) {
	q, err := in.query(ctx)
	if err != nil {
		return nil, err
	}
	out := &ConferenceList{}
	out.Body.Conferences, out.Body.Next.Next, err = recordPage(s.config.Calls.Conferences, q, ConferenceOf)
	return out, err
}

// recordPage returns a page of records as JSON has them, and the cursor of the next.
func recordPage[R, V any](read func(RecordQuery) ([]R, string, error), q RecordQuery, view func(*R) V) ([]V, string, error) {
	page, next, err := read(q)
	if rooms.CodeOf(err) == rooms.Invalid { // only the cursor can be
		err = invalid("query.after", "it is no next of a page")
	}
	views := make([]V, len(page))
	for i := range page {
		views[i] = view(&page[i])
	}
	return views, next, err
}

func (s *Server) getCall(ctx context.Context, in *OfCall) (*CallAnswer, error) {
	c, err := s.config.Calls.Call(in.ID)
	if err != nil {
		return nil, err
	}
	if who := callerOf(ctx); !who.mayRoom(c.Room) && !slices.ContainsFunc(c.Rooms, who.mayRoom) {
		return nil, noRecord(in.ID)
	}
	return &CallAnswer{CallOf(&c)}, nil
}

func (s *Server) getConference(ctx context.Context, in *OfConference) (*ConferenceAnswer, error) {
	c, err := s.config.Calls.Conference(in.ID)
	if err != nil {
		return nil, err
	}
	if !callerOf(ctx).mayRoom(c.Room) {
		return nil, noRecord(in.ID)
	}
	return &ConferenceAnswer{ConferenceOf(&c)}, nil
}

// noRecord is for who may not know of a record, too.
func noRecord(id string) error {
	return refuse(http.StatusNotFound, string(rooms.NotFound), "there is no record of %s", clip(id))
}
