package api

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast"
	"github.com/confd/confd/rooms"
)

// MulticastFields are what can be set in a room's multicast group.
type MulticastFields struct {
	Mode       optional[string] `json:"mode,omitempty" enum:"asm,ssm" doc:"Who may send to the group: asm, anyone (RFC 1112); ssm, this server alone (RFC 4607). Default asm." example:"ssm"`
	Family     optional[int]    `json:"family,omitempty" enum:"0,4,6" doc:"IPv4 or IPv6; 0 is group's, else 4. Default 0." example:"4"`
	Group      optional[string] `json:"group,omitempty" maxLength:"45" doc:"The group's address. Default: one of the server's, the same as long as the room is there." example:"239.255.42.1"`
	Port       optional[int]    `json:"port,omitempty" minimum:"0" maximum:"65534" doc:"The port of RTP, even, from 1024 on; RTCP is the next. Default 0: one of the server's." example:"0"`
	TTL        optional[int]    `json:"ttl,omitempty" minimum:"0" maximum:"255" doc:"How far packets go: 1 stays in the network of the server, each router takes 1. 0 is 1. Default 0." example:"1"`
	Interface  optional[string] `json:"interface,omitempty" maxLength:"15" doc:"The network interface to send on. Default: that of the configuration, or of the route." example:"eth0"`
	Codec      optional[string] `json:"codec,omitempty" enum:"opus,pcmu,l16" doc:"What the stream is coded in. Default opus." example:"opus"`
	PacketTime optional[int]    `json:"ptime,omitempty" enum:"0,10,20,40,60" doc:"Sound in a packet, ms; 0 is 10 of l16, else 20. Default 0." example:"20"`
	Redundancy optional[int]    `json:"redundancy,omitempty" minimum:"0" maximum:"2" doc:"How many packets before each is repeated in it (RFC 2198), against losses. Default 0." example:"1"`
	SRTP       optional[bool]   `json:"srtp,omitempty" doc:"Encrypt, with a key that multicast.sdp tells who has a key of scope listen. Default false." example:"true"`
	Announce   optional[bool]   `json:"announce,omitempty" doc:"Announce the group to the network by SAP (RFC 2974). Default false." example:"false"`
	Offer      optional[string] `json:"offer,omitempty" enum:"asked,always" doc:"Which callers without an offer are offered the group: asked, those of sip:ROOM;multicast@host; always, all. Default asked." example:"asked"`

	Video         optional[bool] `json:"video,omitempty" doc:"Carry the picture of who speaks, too, as the room's cameras send it, on the two ports above port's. Default false." example:"true"`
	VideoBitrate  optional[int]  `json:"video_bitrate,omitempty" minimum:"0" maximum:"20000000" doc:"The most that the pictures may take, bits per second, 64000 to 20000000; the room's cameras are asked for no more. 0 is 1000000 with video. Default 0." example:"1500000"`
	VideoInterval optional[int]  `json:"video_interval,omitempty" minimum:"0" maximum:"60" doc:"How often the camera that is shown is asked for a key frame, s, so that who joins sees a picture; 0 is 5 with video. Default 0." example:"5"`
}

// patch changes a spec. Error: what is no address.
func (f *MulticastFields) patch(s *multicast.Spec) (err error) {
	if f.Mode.set {
		s.Mode = multicast.Mode(f.Mode.value)
	}
	switch text := f.Group.value; {
	case !f.Group.set:
	case text == "":
		s.Group = netip.Addr{}
	default:
		if s.Group, err = netip.ParseAddr(text); err != nil {
			return invalid("body.multicast.group", "%s is no IP address; right is one as 239.255.42.1 or ff15::8000:1", clip(text))
		}
	}
	f.Family.to(&s.Family)
	f.Port.to(&s.Port)
	f.TTL.to(&s.TTL)
	f.Interface.to(&s.Interface)
	f.Codec.to(&s.Codec)
	f.PacketTime.to(&s.PacketTime)
	f.Redundancy.to(&s.Redundancy)
	f.SRTP.to(&s.SRTP)
	f.Announce.to(&s.Announce)
	f.Offer.to(&s.Offer)
	f.Video.to(&s.Video)
	f.VideoBitrate.to(&s.VideoBitrate)
	f.VideoInterval.to(&s.VideoInterval)
	return nil
}

// toMulticast merges a patch into what a room has: null switches the group off, anything else
// switches it on.
func toMulticast(o optional[MulticastFields], spec **multicast.Spec) error {
	switch {
	case !o.set:
	case o.null:
		*spec = nil
	default:
		if *spec == nil {
			*spec = new(multicast.Spec)
		}
		return o.value.patch(*spec)
	}
	return nil
}

// Multicast is the setting of a room's multicast group as JSON.
type Multicast struct {
	Mode       string `json:"mode" enum:"asm,ssm" doc:"Who may send to the group: asm, anyone; ssm, this server alone." example:"asm"`
	Family     int    `json:"family" enum:"4,6" doc:"IPv4 or IPv6." example:"4"`
	Group      string `json:"group" doc:"The address that was asked for; empty: one of the server's." example:""`
	Port       int    `json:"port" minimum:"0" maximum:"65534" doc:"The port that was asked for; 0: one of the server's." example:"0"`
	TTL        int    `json:"ttl" minimum:"1" maximum:"255" doc:"How far packets go: 1 stays in the network of the server, each router takes 1." example:"1"`
	Interface  string `json:"interface" maxLength:"15" doc:"The network interface that was asked for; empty: that of the configuration, or of the route." example:""`
	Codec      string `json:"codec" enum:"opus,pcmu,l16" doc:"What the stream is coded in." example:"opus"`
	PacketTime int    `json:"ptime" minimum:"10" maximum:"60" doc:"Sound in a packet, ms." example:"20"`
	Redundancy int    `json:"redundancy" minimum:"0" maximum:"2" doc:"How many packets before each is repeated in it." example:"0"`
	SRTP       bool   `json:"srtp" doc:"It is encrypted." example:"false"`
	Announce   bool   `json:"announce" doc:"It is announced by SAP." example:"false"`
	Offer      string `json:"offer" enum:"asked,always" doc:"Which callers without an offer are offered the group." example:"asked"`

	Video         bool `json:"video" doc:"It carries the picture of who speaks, too." example:"false"`
	VideoBitrate  int  `json:"video_bitrate" minimum:"0" maximum:"20000000" doc:"The most that the pictures may take, bits per second; 0 without video." example:"0"`
	VideoInterval int  `json:"video_interval" minimum:"0" maximum:"60" doc:"How often a key frame is asked for, s; 0 without video." example:"0"`
}

func multicastOf(s *multicast.Spec) *Multicast {
	if s == nil {
		return nil
	}
	f := s.Filled()
	return &Multicast{
		Mode: string(f.Mode), Family: f.Family, Group: addressText(s.Group), Port: f.Port, TTL: f.TTL, Interface: f.Interface,
		Codec: f.Codec, PacketTime: f.PacketTime, Redundancy: f.Redundancy, SRTP: f.SRTP, Announce: f.Announce, Offer: f.Offer,
		Video: f.Video, VideoBitrate: f.VideoBitrate, VideoInterval: f.VideoInterval,
	}
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// MulticastGroup is a room's multicast group of now as JSON.
type MulticastGroup struct {
	Group           string            `json:"group" doc:"Its address." example:"239.255.17.4"`
	Port            int               `json:"port" minimum:"1024" maximum:"65534" doc:"The port of RTP; RTCP is the next." example:"12000"`
	Source          string            `json:"source" doc:"The address that it is sent from; empty as long as there is none." example:"192.0.2.10"`
	SSRC            int64             `json:"ssrc" minimum:"0" maximum:"4294967295" doc:"Of the stream; 0 while nothing is sent." example:"3735928559"`
	SDPVersion      uint64            `json:"sdp_version" doc:"Grows with every change of multicast.sdp, whose ETag has it." example:"3973000000"`
	Sending         bool              `json:"sending" doc:"The stream runs: somebody is in the room, and the interface is there." example:"true"`
	Announced       bool              `json:"announced" doc:"SAP tells of it." example:"false"`
	Audience        MulticastAudience `json:"audience" doc:"Who listens, as far as reports tell."`
	Packets         uint64            `json:"packets" doc:"RTP packets sent." example:"5000"`
	Bytes           uint64            `json:"bytes" doc:"Bytes of their payload." example:"400000"`
	Failed          uint64            `json:"packets_failed" doc:"RTP packets that the machine did not take." example:"0"`
	Nacks           uint64            `json:"nacks" doc:"Requests of listeners for packets that they lack." example:"12"`
	Retransmissions uint64            `json:"retransmissions" doc:"Packets that were sent once more, to a listener or to the group." example:"11"`
	Reports         uint64            `json:"feedback" doc:"Datagrams of listeners' feedback that were read." example:"940"`
	Dropped         uint64            `json:"feedback_dropped" doc:"Of their feedback, what was malformed, forged, of another stream, or too much." example:"0"`
	Rekeyed         uint64            `json:"rekeyed" doc:"Times that it got a new key." example:"1"`
	Video           *MulticastVideo   `json:"video,omitempty" doc:"Its pictures, if it carries them."`
}

// MulticastVideo is the pictures of a group of now as JSON.
type MulticastVideo struct {
	Port            int    `json:"port" minimum:"1024" maximum:"65532" doc:"The port of RTP; RTCP is the next." example:"12002"`
	Codec           string `json:"codec" doc:"What they are coded in, as multicast.sdp describes it; empty before the room has video." example:"h264/constrained-baseline/mode1"`
	SSRC            int64  `json:"ssrc" minimum:"0" maximum:"4294967295" doc:"Of the stream; 0 while nothing is sent." example:"3735928559"`
	Shows           string `json:"shows" doc:"Id of the participant whose picture it is; empty is nobody." example:"p7Qm2kV9xT4wY1rB"`
	Pictures        uint64 `json:"pictures" doc:"Pictures sent." example:"7500"`
	Packets         uint64 `json:"packets" doc:"RTP packets sent." example:"31000"`
	Bytes           uint64 `json:"bytes" doc:"Bytes of their payload." example:"34000000"`
	Failed          uint64 `json:"packets_failed" doc:"RTP packets that the machine did not take, or that were too long." example:"0"`
	Nacks           uint64 `json:"nacks" doc:"Requests of listeners for packets that they lack." example:"12"`
	Retransmissions uint64 `json:"retransmissions" doc:"Packets that were sent once more, to a listener or to the group." example:"11"`
	Wishes          uint64 `json:"key_frame_wishes" doc:"Requests of listeners for a key frame." example:"40"`
	KeyFrames       uint64 `json:"key_frames_asked" doc:"Key frames that were asked for, for newcomers or for all wishes together." example:"60"`
	Reports         uint64 `json:"feedback" doc:"Datagrams of listeners' feedback that were read." example:"940"`
	Dropped         uint64 `json:"feedback_dropped" doc:"Of their feedback, what was malformed, forged, of another stream, or too much." example:"0"`
}

func groupVideoOf(s *rooms.GroupSnapshot) *MulticastVideo {
	if !s.Place.Video {
		return nil
	}
	p, c := &s.Stats.Pictures, &s.Stats.VideoControl
	v := &MulticastVideo{Port: s.VideoPort(), SSRC: int64(p.SSRC), Shows: s.Shows, Pictures: p.Pictures, Packets: p.Packets, Bytes: p.Octets,
		Failed: p.Failed + p.Unreachable + p.Oversize, Nacks: c.Nacks, Retransmissions: c.Unicast + c.Multicast,
		Wishes: p.Wishes, KeyFrames: p.Asked, Reports: c.Taken, Dropped: c.Malformed + c.Forged + c.Foreign + c.Overrun}
	if s.Pictured != (media.VideoFormat{}) {
		v.Codec = s.Pictured.String()
	}
	return v
}

// MulticastAudience is who listens to a group, as far as reports tell, as JSON.
type MulticastAudience struct {
	Listeners    int     `json:"listeners" minimum:"0" doc:"Estimated, those that have not reported of late among them." example:"500"`
	Reporting    int     `json:"reporting" minimum:"0" doc:"Listeners whose reports are at hand." example:"480"`
	SIPListeners int     `json:"sip_listeners" minimum:"0" doc:"Participants that get the group in place of a stream of their own." example:"3"`
	LossP50      float64 `json:"loss_p50" minimum:"0" maximum:"1" doc:"Share of packets that half of the listeners do not lose more of, 0 to 1." example:"0"`
	LossP90      float64 `json:"loss_p90" minimum:"0" maximum:"1" doc:"The same of 90 of 100 listeners, 0 to 1." example:"0.004"`
	LossP99      float64 `json:"loss_p99" minimum:"0" maximum:"1" doc:"The same of 99 of 100 listeners, 0 to 1." example:"0.03"`
	JitterP50    float64 `json:"jitter_p50" minimum:"0" doc:"Jitter that half of the listeners do not see more of, seconds." example:"0.001"`
	JitterP90    float64 `json:"jitter_p90" minimum:"0" doc:"The same of 90 of 100 listeners, seconds." example:"0.004"`
	JitterP99    float64 `json:"jitter_p99" minimum:"0" doc:"The same of 99 of 100 listeners, seconds." example:"0.02"`
	Age          float64 `json:"age" minimum:"0" doc:"Since the last report, seconds; 0 if there was none." example:"0.8"`
}

func groupOf(s *rooms.GroupSnapshot) *MulticastGroup {
	if s == nil {
		return nil
	}
	st, c, a := &s.Stats.Stream, &s.Stats.Control, &s.Audience
	v := &MulticastGroup{
		Group: s.Group.String(), Port: s.Port, Source: addressText(s.Source), SSRC: int64(s.Stats.SSRC), SDPVersion: s.Description,
		Sending: s.Stats.Sending, Announced: s.Stats.Announced, Packets: st.Packets, Bytes: st.Octets,
		Failed: st.Failed + st.Busy + st.Unreachable + st.Oversize, Nacks: c.Nacks, Retransmissions: c.Unicast + c.Multicast,
		Reports: c.Taken, Dropped: c.Malformed + c.Forged + c.Foreign + c.Overrun, Rekeyed: s.Stats.Rekeyed,
		Audience: MulticastAudience{
			Listeners: a.Estimate, Reporting: a.Reporting, SIPListeners: s.Listeners,
			LossP50: a.Loss.P50, LossP90: a.Loss.P90, LossP99: a.Loss.P99,
			JitterP50: a.Jitter.P50, JitterP90: a.Jitter.P90, JitterP99: a.Jitter.P99,
		},
	}
	v.Video = groupVideoOf(s)
	if !a.Updated.IsZero() {
		v.Audience.Age = seconds(max(time.Since(a.Updated), 0))
	}
	return v
}

// Description is a session description.
type Description struct {
	ETag string `header:"ETag"`
	Type string `header:"Content-Type"`
	Body []byte
}

func (s *Server) addMulticast() {
	add(s, endpoint{method: "GET", path: "/v1/rooms/{room}/multicast.sdp", id: "get-multicast-sdp", tag: "rooms", scope: ScopeRead, perRoom: true,
		summary: "Read how to listen to a room's multicast group", text: "A session description (RFC 8866) that players take as it is. The key of an encrypted group is in it for a key of scope listen or above. Its ETag is the version, which room.multicast tells when it changes.",
		problems: []string{"not_found"}}, s.getDescription)
	s.doc.OpenAPI().Paths["/v1/rooms/{room}/multicast.sdp"].Get.Responses["200"].Content = map[string]*huma.MediaType{
		"application/sdp": {Schema: &huma.Schema{Type: huma.TypeString}},
	}
	add(s, endpoint{method: "POST", path: "/v1/rooms/{room}/multicast/rekey", id: "rekey-multicast", tag: "rooms", scope: ScopeControl, perRoom: true,
		summary: "Give a room's multicast group a new key", text: "It is described at once and in force two seconds later, or as many more as it takes to tell the phones that listen, 50 a second, at most 30 in all. Who was removed while it listened causes the same.",
		problems: []string{"not_found", "conflict"}}, s.rekey)
}

func (s *Server) getDescription(ctx context.Context, in *InRoom) (*Description, error) {
	g, err := s.config.Registry.Group(in.Room.name)
	if err != nil {
		return nil, err
	}
	sdp, version := g.Description(callerOf(ctx).scope.covers(ScopeListen))
	if sdp == nil {
		return nil, refuse(http.StatusNotFound, string(rooms.NotFound), "the multicast group of room %q has no interface to send on", in.Room.name)
	}
	return &Description{ETag: etag(version), Type: "application/sdp", Body: sdp}, nil
}

func (s *Server) rekey(_ context.Context, in *InRoom) (*RoomAnswer, error) {
	r, err := s.config.Registry.Rekey(in.Room.name)
	return roomAnswer(&r, err)
}
