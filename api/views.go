package api

import (
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/rooms"
)

// Room is a room as JSON.
type Room struct {
	ID               string          `json:"id" minLength:"1" maxLength:"64" doc:"What callers dial and paths name: 1 to 64 characters of a-z 0-9 . _ ~ + * -" example:"standup"`
	Name             string          `json:"name" maxLength:"128" doc:"For people, at most 128 bytes." example:"Daily stand-up"`
	MaxParticipants  int             `json:"max_participants" minimum:"0" doc:"How many there may be at a time; 0 is the server's limit." example:"20"`
	Admission        string          `json:"admission" enum:"anyone,private,invited" doc:"Who may join by calling: anyone; private, callers from networks that the server trusts; invited, nobody, only who is dialled out to or moved here." example:"anyone"`
	Locked           bool            `json:"locked" doc:"Nobody may join by calling; dialling out and moving in still work." example:"false"`
	MutedOnEntry     bool            `json:"muted_on_entry" doc:"Who joins begins muted, by call or by dial-out." example:"false"`
	Talkers          int             `json:"talkers" minimum:"0" maximum:"64" doc:"How many are heard at once; 0 is the server's default." example:"8"`
	SampleRate       int             `json:"sample_rate" enum:"0,8000,16000,48000" doc:"The rate of the mix that was set, Hz; 0 follows the members." example:"0"`
	EmptyTimeout     float64         `json:"empty_timeout" minimum:"0" maximum:"2592000" doc:"How long the room outlives its last participant, seconds; 0 is for ever for a room made over the API, and not at all for one that a call opened." example:"300"`
	Metadata         object          `json:"metadata" doc:"Yours: a JSON object of at most 4096 bytes, which confd keeps and tells." example:"{\"team\":\"red\"}"`
	Persistent       bool            `json:"persistent" doc:"It was made over the API and survives a restart; otherwise a call opened it." example:"true"`
	ParticipantCount int             `json:"participant_count" minimum:"0" doc:"How many there are now, those being called among them." example:"3"`
	Rate             int             `json:"rate" enum:"0,8000,16000,48000" doc:"The rate of the mix in force, Hz; 0 while there is no conference. In lists and snapshots it is as of the room's last change." example:"16000"`
	Conference       string          `json:"conference,omitempty" maxLength:"32" doc:"Names the running conference in records; absent while there is none." example:"1kjmajsj0k2v7mq4wz"`
	Created          time.Time       `json:"created" doc:"When the room was made." example:"2026-03-01T09:00:00Z"`
	Updated          time.Time       `json:"updated" doc:"When its settings were last changed." example:"2026-03-01T09:05:00Z"`
	Opened           *time.Time      `json:"opened,omitempty" doc:"When the running conference began; absent while there is none." example:"2026-03-01T09:10:00Z"`
	Version          uint64          `json:"version" doc:"Grows with every change of the settings; the ETag has it." example:"1764000000000000"`
	Multicast        *Multicast      `json:"multicast,omitempty" doc:"The multicast group that hears the room, as it was set; absent: none."`
	MulticastGroup   *MulticastGroup `json:"multicast_group,omitempty" doc:"The group, and who listens to it, now; absent without one. In lists and snapshots it is as of the room's last change."`
	Video            Video           `json:"video" doc:"Who sees whom, and in which codec: the settings in force, and what came of them. In lists and snapshots it is as of the room's last change."`
	Participants     []Participant   `json:"participants,omitempty" nullable:"false" doc:"Who is in it, in the order in which they came. In snapshot events only."`
}

func roomOf(s *rooms.RoomSnapshot) Room {
	r := Room{
		ID: string(s.Name), Name: s.DisplayName, MaxParticipants: s.MaxParticipants,
		Admission: string(s.Admission), Locked: s.Locked, MutedOnEntry: s.MutedOnEntry, Talkers: s.Talkers,
		SampleRate: s.SampleRate, EmptyTimeout: seconds(s.EmptyTimeout), Metadata: object(s.Metadata),
		Persistent: s.Persistent, ParticipantCount: s.Count, Rate: s.Rate, Conference: s.Conference,
		Created: s.Created.UTC(), Updated: s.Updated.UTC(), Opened: instant(s.Opened), Version: s.Version,
	}
	r.Multicast, r.MulticastGroup, r.Video = multicastOf(s.Multicast), groupOf(s.Group), videoOf(&s.VideoNow)
	if r.Admission == "" {
		r.Admission = string(rooms.AdmitAnyone)
	}
	for _, p := range s.Participants {
		r.Participants = append(r.Participants, participantOf(p))
	}
	return r
}

// Participant is a participant as JSON.
type Participant struct {
	ID           string            `json:"id" maxLength:"32" doc:"Names the participant, for ever." example:"1kjmajsj0q3v7mq4wz"`
	Room         string            `json:"room" maxLength:"64" doc:"The room that it is in." example:"standup"`
	State        string            `json:"state" enum:"calling,ringing,connected,held,left,failed" doc:"calling and ringing: dialled out to, not yet answered; connected; held: by PATCH or by the phone; left and failed in its last event only." example:"connected"`
	Direction    string            `json:"direction" enum:"inbound,outbound" doc:"inbound: it called; outbound: the server called it." example:"inbound"`
	URI          string            `json:"uri" doc:"Its SIP address." example:"sip:anna@example.com"`
	DisplayName  string            `json:"display_name" maxLength:"128" doc:"What to call it: what was set, or else what its phone says." example:"Anna"`
	Address      string            `json:"address,omitempty" doc:"The IP address that its signalling comes from." example:"192.0.2.17"`
	UserAgent    string            `json:"user_agent,omitempty" doc:"What its phone says that it is." example:"baresip v3.1"`
	CallID       string            `json:"call_id,omitempty" doc:"The Call-ID of its SIP dialog." example:"f81d4fae@192.0.2.17"`
	Role         string            `json:"role" maxLength:"32" doc:"Yours: at most 32 bytes." example:"moderator"`
	Metadata     object            `json:"metadata" doc:"Yours: a JSON object of at most 4096 bytes." example:"{\"crm\":\"4711\"}"`
	Muted        bool              `json:"muted" doc:"Nobody hears it." example:"false"`
	Deaf         bool              `json:"deaf" doc:"It hears nobody." example:"false"`
	Held         bool              `json:"held" doc:"Put on hold by PATCH: neither hears nor is heard." example:"false"`
	InputGain    float64           `json:"input_gain" minimum:"-60" maximum:"20" doc:"What it says is made louder by so many dB." example:"3"`
	OutputGain   float64           `json:"output_gain" minimum:"-60" maximum:"20" doc:"What it hears is made louder by so many dB." example:"0"`
	Pinned       bool              `json:"pinned" doc:"It is heard beside the loudest, however many speak." example:"false"`
	Hears        *[]string         `json:"hears,omitempty" doc:"Whom alone it hears: ids of participants, or group:NAME. Absent: everyone." example:"[\"group:floor\"]"`
	HeardBy      *[]string         `json:"heard_by,omitempty" doc:"Who alone hears it: ids of participants, or group:NAME. Absent: everyone." example:"[\"1kjmajsj0q3v7mq4wz\"]"`
	Groups       []string          `json:"groups" nullable:"false" doc:"The groups that it is in, for the lists of others." example:"[\"floor\"]"`
	Delivery     string            `json:"delivery" enum:"unicast,multicast" doc:"How its phone is to get what it hears: a stream of its own, or the room's group while it is muted." example:"unicast"`
	Delivered    string            `json:"delivery_in_force" enum:"unicast,multicast" doc:"How it gets it now." example:"unicast"`
	VideoMuted   bool              `json:"video_muted" doc:"Nobody sees it." example:"false"`
	VideoStopped bool              `json:"video_stopped" doc:"It is shown nobody." example:"false"`
	VideoLow     bool              `json:"video_low" doc:"It is sent as little as its source has." example:"false"`
	VideoPin     string            `json:"video_pin" maxLength:"32" doc:"The id of the participant that it sees before others; empty: whoever speaks." example:""`
	Video        []VideoLine       `json:"video,omitempty" nullable:"false" doc:"Its video lines. Absent without."`
	Created      time.Time         `json:"created" doc:"When the call came in, or dialling began." example:"2026-03-01T09:10:00Z"`
	Joined       *time.Time        `json:"joined,omitempty" doc:"When it entered the conference; absent before." example:"2026-03-01T09:10:02Z"`
	Talking      bool              `json:"talking" doc:"It speaks now." example:"true"`
	MediaLost    bool              `json:"media_lost" doc:"Nothing arrives from it any more." example:"false"`
	Version      uint64            `json:"version" doc:"Grows with every change of the settings; the ETag has it." example:"1"`
	Stats        *ParticipantStats `json:"stats,omitempty" doc:"Figures of now. Absent in events, and while it is not connected."`
}

func participantOf(p *rooms.ParticipantSnapshot) Participant {
	v := Participant{
		ID: p.ID, Room: string(p.Room), State: string(p.State), Direction: string(p.Info.Direction),
		URI: p.Info.URI, DisplayName: p.Name(), UserAgent: p.Info.UserAgent, CallID: p.Info.CallID,
		Role: p.Role, Metadata: object(p.Metadata), Muted: p.Muted, Deaf: p.Deaf, Held: p.Held,
		InputGain: p.InputGain, OutputGain: p.OutputGain, Pinned: p.Pinned, Hears: p.Hears, HeardBy: p.HeardBy,
		Groups: append([]string{}, p.Groups...), Created: p.Created.UTC(), Joined: instant(p.Joined),
		Talking: p.Talking, MediaLost: p.Lost, Version: p.Version,
		VideoMuted: p.VideoMuted, VideoStopped: p.VideoStopped, VideoLow: p.VideoLow, VideoPin: p.VideoPin, Video: videoLinesOf(p.Video),
	}
	v.Delivery, v.Delivered = string(rooms.DeliverUnicast), string(rooms.DeliverUnicast)
	if p.Delivery != "" {
		v.Delivery = string(p.Delivery)
	}
	if p.OnGroup {
		v.Delivered = string(rooms.DeliverMulticast)
	}
	if p.Info.RemoteAddr.IsValid() {
		v.Address = p.Info.RemoteAddr.Unmap().String()
	}
	return v
}

func viewOf(v *rooms.ParticipantView) Participant {
	p := participantOf(&v.ParticipantSnapshot)
	if !v.Stats.Joined.IsZero() {
		s := statsOf(&v.Stats)
		p.Stats = &s
	}
	addVideoStats(p.Video, v.VideoStats)
	return p
}

// ParticipantStats are a participant's figures of now. Ingress is what it sends.
type ParticipantStats struct {
	Level        int     `json:"level" minimum:"-127" maximum:"0" doc:"How loud it is now, dBov: 0 is as loud as can be, -127 silence." example:"-23"`
	TalkTime     float64 `json:"talk_time" minimum:"0" doc:"How long it has talked all in all, seconds." example:"41.5"`
	IngressCodec string  `json:"ingress_codec,omitempty" doc:"The codec of what it sends; absent before anything came." example:"opus"`
	EgressCodec  string  `json:"egress_codec,omitempty" doc:"The codec of what it gets." example:"opus"`
	Received     uint64  `json:"packets_received" doc:"RTP packets that came from it." example:"5000"`
	Sent         uint64  `json:"packets_sent" doc:"RTP packets that were sent to it." example:"5001"`
	Loss         float64 `json:"loss" minimum:"0" maximum:"1" doc:"Share of what it sent that nobody heard, lost or too late, 0 to 1." example:"0.002"`
	Jitter       float64 `json:"jitter" minimum:"0" doc:"Jitter of what it sends (RFC 3550), seconds." example:"0.004"`
	RoundTrip    float64 `json:"round_trip" minimum:"0" doc:"To it and back, seconds; 0 until it has reported." example:"0.031"`
	Buffer       float64 `json:"buffer" minimum:"0" doc:"Sound that waits in front of the mixer to even out jitter, seconds." example:"0.02"`
	Concealed    uint64  `json:"concealed_samples" doc:"Samples that were made up because nothing came in time." example:"960"`
	PeerLoss     float64 `json:"peer_loss" minimum:"0" maximum:"1" doc:"Share of what was sent that did not reach it, by its last report, 0 to 1." example:"0"`
	PeerJitter   float64 `json:"peer_jitter" minimum:"0" doc:"Jitter that it sees, seconds." example:"0.003"`
	MOS          float64 `json:"mos" minimum:"0" maximum:"4.5" doc:"Estimated quality for those who hear it (ITU-T G.107), 1 bad to 4.5 excellent; 0 before anything came." example:"4.3"`
}

func statsOf(s *rooms.ParticipantStats) ParticipantStats {
	v := ParticipantStats{
		Level: -int(s.Input.Level), TalkTime: seconds(s.TalkTime),
		Received: s.Leg.Received, Sent: s.Sent, Loss: s.Loss, Jitter: seconds(s.Leg.Jitter),
		RoundTrip: seconds(s.Leg.RoundTrip), Buffer: seconds(s.Input.Delay), Concealed: s.Input.Concealed,
		PeerLoss: s.Leg.PeerLoss, PeerJitter: seconds(s.Leg.PeerJitter), MOS: s.MOS,
	}
	if s.Leg.Received == 0 {
		v.Received = s.Input.Packets
	}
	if s.Input.Packets == 0 { // nothing has come that could have a level
		v.Level = -int(media.Silence)
	}
	if s.Input.Codec != media.NoCodec {
		v.IngressCodec = s.Input.Codec.String()
	}
	if s.Codec.Codec != media.NoCodec {
		v.EgressCodec = s.Codec.Codec.String()
	}
	return v
}
