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
	// Talked is the time that participants talked who were in it to the end of their calls.
	Talked time.Duration
}

// conferenceFigures add up while a conference lasts.
type conferenceFigures struct {
	joined, peak int
	talked       time.Duration
}

// recordCall tells the sink of p, whose participation is over. The room's goroutine calls it.
func (g *Registry) recordCall(r *room, p *Participant, why Reason, o Outcome, status int) {
	stats := p.Stats()
	r.record.talked += stats.TalkTime
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
	g.config.Records(Record{Conference: &ConferenceRecord{
		ID: r.conference, Room: r.name, Opened: r.opened, Ended: time.Now(), Reason: r.why,
		Joined: r.record.joined, Peak: r.record.peak, Talked: r.record.talked,
	}})
}
