package api

import (
	"context"
	"time"
)

// Stats are figures of the server, as JSON.
type Stats struct {
	Version         string    `json:"version" doc:"Which confd this is." example:"1.2.3"`
	Started         time.Time `json:"started" doc:"When the server began." example:"2026-03-01T06:00:00Z"`
	Uptime          float64   `json:"uptime" minimum:"0" doc:"How long it runs, seconds." example:"86400"`
	Draining        bool      `json:"draining" doc:"Nobody may join any more." example:"false"`
	Rooms           int       `json:"rooms" minimum:"0" doc:"Rooms that there are." example:"12"`
	Conferences     int       `json:"conferences" minimum:"0" doc:"Rooms with somebody in them." example:"3"`
	Participants    int       `json:"participants" minimum:"0" doc:"In all rooms, those being called among them." example:"17"`
	Watchers        int       `json:"watchers" minimum:"0" doc:"Who follows events, over HTTP and inside the server." example:"2"`
	RoomsOpened     uint64    `json:"conferences_total" doc:"Conferences since the start." example:"250"`
	Joined          uint64    `json:"joined_total" doc:"Participants who joined since the start." example:"1800"`
	Refused         uint64    `json:"refused_total" doc:"Calls that were not let in since the start." example:"4"`
	DialsRefused    uint64    `json:"dials_refused_total" doc:"Dial-outs that ended in an error before they began, since the start." example:"0"`
	WatchersCut     uint64    `json:"watchers_cut_total" doc:"Watchers cut off because they did not keep up, since the start." example:"0"`
	Events          uint64    `json:"events_total" doc:"Events since the start." example:"9000"`
	Load            float64   `json:"load" minimum:"0" maximum:"1" doc:"Share of its time that the busiest mixing thread is at work, 0 to 1." example:"0.12"`
	TickLate        float64   `json:"tick_lateness" minimum:"0" doc:"By how much ticks begin late now, smoothed, seconds." example:"0.0001"`
	PacketsReceived uint64    `json:"packets_received_total" doc:"RTP packets that reached the mixer since the start." example:"5000000"`
	PacketsSent     uint64    `json:"packets_sent_total" doc:"RTP packets sent since the start." example:"5000000"`
	PacketsLost     uint64    `json:"packets_lost_total" doc:"RTP packets that never came, but later ones did, since the start." example:"120"`
}

// StatsAnswer is the server's figures.
type StatsAnswer struct{ Body Stats }

func (s *Server) addStats() {
	add(s, endpoint{method: "GET", path: "/v1/stats", id: "get-stats", tag: "server", scope: ScopeRead,
		summary: "Read figures of the server", text: "What /metrics has, in short."}, s.getStats)
}

func (s *Server) getStats(context.Context, *struct{}) (*StatsAnswer, error) {
	n, load, media := s.config.Registry.Counts(), s.config.Engine.Load(), s.config.Registry.MediaTotals()
	v := Stats{
		Version: orUnknown(s.config.Version), Started: s.started.UTC(), Uptime: seconds(time.Since(s.started)), Draining: n.Draining,
		Rooms: n.Rooms, Conferences: n.Conferences, Participants: n.Participants, Watchers: n.Subscribers,
		RoomsOpened: n.RoomsOpened, Joined: n.Joined, Refused: n.Refused, DialsRefused: n.DialsRefused, WatchersCut: n.SubscribersCut,
		Load: load.Used, TickLate: max(seconds(load.Late), 0),
		PacketsReceived: media.Received, PacketsSent: media.Sent, PacketsLost: media.Lost,
	}
	for _, count := range n.Events {
		v.Events += count
	}
	return &StatsAnswer{v}, nil
}
