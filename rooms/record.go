package rooms

import "time"

// Record is something that is over: exactly one of the two is set.
type Record struct {
	Call       *CallRecord
	Conference *ConferenceRecord
}

// CallRecord is one participation, from the call to its end, answered or not.
type CallRecord struct {
	ID         string // the participant's: tells when it Started, see [IDTime]
	Conference string // the last that it was in; "" if there was none
	Room       Name   // the last
	Rooms      []Name // all, in order
	Info       Info
	Name       string // to show
	Outcome    Outcome
	Status     int // of SIP, if a dial-out failed
	Started    time.Time
	Answered   time.Time // zero if it was not
	Ended      time.Time
	Reason     Reason
	Stats      ParticipantStats
}

// ConferenceRecord is one conference, from its first participant to its last.
type ConferenceRecord struct {
	ID     string // tells when it Opened
	Room   Name
	Opened time.Time
	Ended  time.Time
	Reason Reason
	Joined int // participations that connected
	Peak   int // participants at a time
	// What follows is of participants who were in it to the end of their calls, as their
	// figures were then.
	Talked   time.Duration // all in all
	Loss     float64       // share of what they sent that nobody heard, 0 to 1
	MOS      float64       // mean of those who sent something, 1 to 4.5; 0 if nobody did
	WorstMOS float64       // of them
}

// conferenceFigures add up while a conference lasts.
type conferenceFigures struct {
	joined, peak  int
	talked        time.Duration
	sent, unheard uint64  // packets
	rated         int     // participants with a MOS
	mos, worst    float64 // their sum, and the least of them
}

// add takes in the figures of who leaves.
func (c *conferenceFigures) add(s *ParticipantStats) {
	c.talked += s.TalkTime
	sent, unheard := s.packets()
	c.sent += sent
	c.unheard += unheard
	if s.MOS == 0 {
		return
	}
	if c.rated == 0 || s.MOS < c.worst {
		c.worst = s.MOS
	}
	c.rated++
	c.mos += s.MOS
}

// recordCall tells the sink of p, whose participation is over. The room's goroutine calls it.
func (g *Registry) recordCall(r *room, p *Participant, why Reason, o Outcome, status int) {
	stats := p.Stats()
	r.record.add(&stats)
	if g.config.Records == nil {
		return
	}
	s := p.snapshot()
	g.config.Records(Record{Call: &CallRecord{
		ID: p.id, Conference: r.conference, Room: r.name, Rooms: append([]Name(nil), p.rooms...),
		Info: p.info, Name: s.Name(), Outcome: o, Status: status,
		Started: p.created, Answered: p.joined, Ended: time.Now(), Reason: why, Stats: stats,
	}})
}

// recordConference tells the sink of a conference that ends now.
func (g *Registry) recordConference(r *room) {
	if g.config.Records == nil {
		return
	}
	f := &r.record
	g.config.Records(Record{Conference: &ConferenceRecord{
		ID: r.conference, Room: r.name, Opened: r.opened, Ended: time.Now(), Reason: r.why,
		Joined: f.joined, Peak: f.peak, Talked: f.talked,
		Loss: float64(f.unheard) / float64(max(f.sent, 1)), MOS: f.mos / float64(max(f.rated, 1)), WorstMOS: f.worst,
	}})
}
