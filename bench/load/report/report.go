package report

import "time"

// Schema is the version of the JSON.
const Schema = 1

// Report is all that a load found.
type Report struct {
	Schema      int       `json:"schema"` // the constant
	Program     string    `json:"program"`
	Began       time.Time `json:"began"`
	TookSeconds float64   `json:"took_seconds"` // all of it; Options.ForSeconds is the window that counts
	Options     Options   `json:"options"`
	Machine     Machine   `json:"machine"`
	Calls       Calls     `json:"calls"`
	Total       Quality   `json:"total"` // over all rooms
	// Delays are those behind Total.DelayMS.
	Delays   *Histogram `json:"delays,omitempty"`
	Rooms    []Room     `json:"rooms"`    // in order of their numbers
	Troubled []Caller   `json:"troubled"` // with whom something was wrong, in order of their numbers
	Timeline []Moment   `json:"timeline"` // in order of time
	Ramp     *Ramp      `json:"ramp,omitempty"`
	Server   *Server    `json:"server,omitempty"` // if the load could look at it
	Video    *Video     `json:"video,omitempty"`  // over all rooms, if callers had it
	// Multicast are listeners of a group, if there were any; not in the page.
	Multicast *Audience `json:"multicast,omitempty"`
	Load      Self      `json:"load"`
	Verdict   Verdict   `json:"verdict"`
	Notes     []string  `json:"notes,omitempty"` // what makes figures doubtful, or happened besides
}

// Options are what was asked for, defaults filled in.
type Options struct {
	To             string       `json:"to"`
	Transport      string       `json:"transport"` // of SIP: udp or tcp
	Callers        int          `json:"callers"`
	Rooms          int          `json:"rooms"`
	Talkers        int          `json:"talkers"` // in each room
	Mixed          int          `json:"mixed"`   // how many at once the server is held to mix
	Codec          string       `json:"codec"`   // pcmu, pcma, g722, opus or l16
	PacketTimeMS   float64      `json:"packet_time_ms"`
	RatePerSecond  float64      `json:"rate_per_second"` // of calls placed
	ForSeconds     float64      `json:"for_seconds"`
	Continuous     bool         `json:"continuous"`       // talk without pauses
	CallersPerPort int          `json:"callers_per_port"` // that share the port of their media
	Impairments    *Impairments `json:"impairments,omitempty"`
	Bounds         Bounds       `json:"bounds"`

	Video *VideoOptions `json:"video,omitempty"` // if callers have it
}

// Impairments are what the callers do to what they send.
type Impairments struct {
	LossPercent    float64 `json:"loss_percent"`
	BurstPackets   float64 `json:"burst_packets"` // mean of those lost in a row, 1 or more
	JitterMS       float64 `json:"jitter_ms"`
	ReorderPercent float64 `json:"reorder_percent"`
	DriftPPM       float64 `json:"drift_ppm"` // callers are spread over plus and minus so much
	DTX            bool    `json:"dtx"`
}

// Machine is where the load ran.
type Machine struct {
	Name         string  `json:"name"`       // processors, kernel, Go
	Scheduling   string  `json:"scheduling"` // of the load
	StealPercent float64 `json:"steal_percent"`
}

// Calls are what became of them.
type Calls struct {
	Tried    int            `json:"tried"`
	Answered int            `json:"answered"`
	Running  int            `json:"running"`  // at the end
	Failed   map[string]int `json:"failed"`   // by cause, dead media and calls dropped later among them
	Statuses map[string]int `json:"statuses"` // final SIP responses, by code
	SetupMS  Quantiles      `json:"setup_ms"` // from INVITE to 200
	Setups   *Histogram     `json:"setups,omitempty"`
}

// FailedInAll is how many calls failed, for whatever cause.
func (c *Calls) FailedInAll() (n int) {
	for _, each := range c.Failed {
		n += each
	}
	return n
}

// Room is one of them.
type Room struct {
	Name    string `json:"name"`
	Callers int    `json:"callers"`
	Talkers int    `json:"talkers"`
	Quality
	Video *Video `json:"video,omitempty"`
}

// Quality is what callers met, in the window that counts.
type Quality struct {
	Media    Media     `json:"media"`
	DelayMS  Quantiles `json:"delay_ms"` // mouth to ear
	Heard    Heard     `json:"heard"`
	Verified Verified  `json:"verified"`
	Sound    Sound     `json:"sound"`
	MOS      *MOS      `json:"mos,omitempty"` // nil if nobody could be rated
}

// Media are packets, all callers' together.
type Media struct {
	Sent         int     `json:"sent"`
	Withheld     int     `json:"withheld"` // not sent, because loss was asked for
	Received     int     `json:"received"`
	Lost         int     `json:"lost"` // that the server sent, by their numbers
	Reordered    int     `json:"reordered"`
	Duplicated   int     `json:"duplicated"`
	LossPercent  float64 `json:"loss_percent"` // lost of received and lost
	BurstRatio   float64 `json:"burst_ratio"`  // 1 if lost at random, more in bursts; 0 if it is not known
	JitterMeanMS float64 `json:"jitter_mean_ms"`
	JitterMaxMS  float64 `json:"jitter_max_ms"` // of the caller who has most (RFC 3550)
}

// Heard counts whom listeners heard, in talk spurts and in callers.
type Heard struct {
	Expected   int `json:"expected"` // spurts that had to be heard, by each listener that decoded
	Heard      int `json:"heard"`
	Missed     int `json:"missed"`
	Crowded    int `json:"crowded"` // spurts when more spoke than are mixed, of which
	CrowdHeard int `json:"crowd_heard"`
	Unexpected int `json:"unexpected"` // times that somebody else's sound was heard
	Own        int `json:"own"`        // times that somebody heard himself
	// PlacesDue is for how long somebody had to be heard, all places in the mix together;
	// PlacesHeard for how much of that somebody was.
	PlacesDueSeconds   float64 `json:"places_due_seconds"`
	PlacesHeardSeconds float64 `json:"places_heard_seconds"`

	UnheardCallers    int `json:"unheard_callers"`    // who spoke and were never heard
	DeafCallers       int `json:"deaf_callers"`       // to whom no media came
	OwnCallers        int `json:"own_callers"`        // who heard themselves
	UnexpectedCallers int `json:"unexpected_callers"` // who heard somebody of elsewhere, or out of turn
}

// Verified counts callers by how it is known what they heard.
type Verified struct {
	BySound   int `json:"by_sound"`   // decoded and listened to
	ByPayload int `json:"by_payload"` // received byte for byte what one of the others did
	Not       int `json:"not"`
}

// Sound is what was wrong with the sound of those who listened to it.
type Sound struct {
	Gaps     int `json:"gaps"`      // within talk
	Clicks   int `json:"clicks"`    //
	Jumps    int `json:"jumps"`     // sound repeated or left out
	Clipped  int `json:"clipped"`   // beginnings of talk that were missing
	OffLevel int `json:"off_level"` // spurts too loud or too low
	// Level is by how much talkers were heard louder than they spoke.
	Level Level `json:"level"`
}

// Level are levels of N spurts.
type Level struct {
	N      int     `json:"n"`
	MinDB  float64 `json:"min_db"`
	MeanDB float64 `json:"mean_db"`
	MaxDB  float64 `json:"max_db"`
}

// MOS are estimated scores of callers, 1 to 4.5.
type MOS struct {
	Min    float64 `json:"min"`
	P10    float64 `json:"p10"` // a tenth of the callers is not better off
	Median float64 `json:"median"`
}

// Caller is one with whom something was wrong.
type Caller struct {
	Number  int      `json:"number"` // from 0
	Room    string   `json:"room"`
	Seat    int      `json:"seat"` // in the room, from 0
	Talker  bool     `json:"talker"`
	Trouble []string `json:"trouble"` // constants below, or the cause for which its call failed
}

// What can be wrong with a caller whose call did not fail.
const (
	Unheard    = "unheard"    // nobody ever heard it
	Deaf       = "deaf"       // no media came to it
	OwnVoice   = "own-voice"  // it heard itself
	Unexpected = "unexpected" // it heard somebody whom it should not
	Unverified = "unverified" // nobody listened for it
)

// Moment is one look at the load while it ran, of the time since the one before. What is 0
// was not measured, but for the callers, the loss and the lateness.
type Moment struct {
	AtSeconds        float64 `json:"at_seconds"` // since it began
	Callers          int     `json:"callers"`    // connected
	LossPercent      float64 `json:"loss_percent"`
	DelayP50MS       float64 `json:"delay_p50_ms,omitempty"`
	DelayP99MS       float64 `json:"delay_p99_ms,omitempty"`
	MOS              float64 `json:"mos,omitempty"` // of the middle caller
	ServerCPUPercent float64 `json:"server_cpu_percent,omitempty"`
	ServerRSSBytes   int64   `json:"server_rss_bytes,omitempty"`
	LateP99MS        float64 `json:"late_p99_ms"` // of the load itself

	VideoSentBPS     float64 `json:"video_sent_bps,omitempty"` // of payload, by all cameras
	VideoReceivedBPS float64 `json:"video_received_bps,omitempty"`
}

// Ramp is how many callers the server bore.
type Ramp struct {
	Steps    []Step `json:"steps"`    // in order of callers
	Capacity int    `json:"capacity"` // callers of the last step that was within all bounds; 0 if none was
	// Bound names the bound that broke at the step after; empty if all that were asked for
	// were borne, so that the capacity is more than that.
	Bound string `json:"bound"`
}

// Step is one number of callers, held for a while.
type Step struct {
	Callers          int      `json:"callers"`
	HeldSeconds      float64  `json:"held_seconds"`
	LossPercent      float64  `json:"loss_percent"`
	DelayP50MS       float64  `json:"delay_p50_ms"`
	DelayP99MS       float64  `json:"delay_p99_ms"`
	MinMOS           float64  `json:"min_mos"`
	ServerCPUPercent float64  `json:"server_cpu_percent,omitempty"`
	ServerRSSBytes   int64    `json:"server_rss_bytes,omitempty"`
	LateP99MS        float64  `json:"late_p99_ms"`
	Broken           []string `json:"broken,omitempty"` // names of bounds
}

// Server is what it spent. Percent are of one core.
type Server struct {
	Source              string  `json:"source"` // how that is known
	CPUPercent          float64 `json:"cpu_percent"`
	CPUPercentPerCaller float64 `json:"cpu_percent_per_caller"`
	RSSBytes            int64   `json:"rss_bytes"`            // at the end
	RSSBytesPerCaller   int64   `json:"rss_bytes_per_caller"` // what it grew by since before the first call
	Threads             int     `json:"threads,omitempty"`
}

// Self is what the load itself spent, and how late it was: what it says of delay is no
// better than that.
type Self struct {
	CPUPercent float64 `json:"cpu_percent"` // of one core
	LateP99MS  float64 `json:"late_p99_ms"`
	Threads    int     `json:"threads"`
}
