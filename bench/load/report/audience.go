package report

import "fmt"

// Audience is what the listeners of a multicast group heard.
type Audience struct {
	Listeners        int              `json:"listeners"`
	Heard            int              `json:"heard"`     // to whom the group came
	Unheard          int              `json:"unheard"`   // to whom nothing came
	Different        int              `json:"different"` // who played something else than the others
	Keyless          int              `json:"keyless"`   // to whom packets came at the end under a key that they did not have
	Seconds          float64          `json:"seconds"`
	Sounded          bool             `json:"sounded"`  // the sound of the one that was decoded was no silence
	LevelDB          float64          `json:"level_db"` // of it, dBov, silence left out
	LossPercent      Quantiles        `json:"loss_percent"`
	LossAfterPercent Quantiles        `json:"loss_after_repair_percent"`
	JitterMS         Quantiles        `json:"jitter_ms"`
	Members          []AudienceMember `json:"members"`
}

// AudienceMember is one of them. Counts are of packets.
type AudienceMember struct {
	Number           int     `json:"number"` // from 1
	Received         uint64  `json:"received"`
	Lost             uint64  `json:"lost"`
	LostAfter        uint64  `json:"lost_after_repair"`
	ByRedundancy     uint64  `json:"repaired_by_redundancy"`
	ByRetransmission uint64  `json:"repaired_by_retransmission"`
	Foreign          uint64  `json:"foreign"` // dropped
	AwaitingKey      int     `json:"awaiting_key"`
	Requests         uint64  `json:"requests"`  // sent
	Reports          uint64  `json:"reports"`   // sent
	Compared         uint64  `json:"compared"`  // with what others played
	Different        uint64  `json:"different"` // of those
	LossPercent      float64 `json:"loss_percent"`
	LossAfterPercent float64 `json:"loss_after_repair_percent"`
	JitterMS         float64 `json:"jitter_ms"`
	ConcealedPercent float64 `json:"concealed_percent"`
}

// Add counts a member.
func (a *Audience) Add(m *AudienceMember) {
	a.Members = append(a.Members, *m)
	switch {
	case m.Received == 0:
		a.Unheard++
	default:
		a.Heard++
	}
	if m.Different > 0 {
		a.Different++
	}
	if m.AwaitingKey > 0 {
		a.Keyless++
	}
}

// Names of what can break for an audience.
const (
	BoundAudience  = "audience"  // the group comes to every listener
	BoundDifferent = "different" // and is the same for all
	BoundKey       = "key"       // all have its key
)

// Judge adds to a verdict what of the audience is not as it should be.
func (a *Audience) Judge(v *Verdict) {
	if a.Unheard > 0 {
		v.add(BoundAudience, "the group did not come to %d of %s", a.Unheard, count(a.Listeners, "listener"))
	}
	if a.Different > 0 {
		v.add(BoundDifferent, "%s played something else than the others", count(a.Different, "listener"))
	}
	if a.Keyless > 0 {
		v.add(BoundKey, "the group went on under a key that %s did not have; --multicast-sdp with a URL follows it", count(a.Keyless, "listener"))
	}
	v.Passed = len(v.Broken) == 0
}

// audience tells what listeners of a group heard, if there were any.
func (t *texter) audience(a *Audience) {
	if a == nil {
		return
	}
	t.line("group", "%s, of whom %s heard it and %s not; %s played something else than the others", count(a.Listeners, "listener"),
		thousands(a.Heard), thousands(a.Unheard), thousands(a.Different))
	t.line("", "%% lost: p50 %s   p99 %s   max %s; after repair p50 %s   p99 %s   max %s", short(a.LossPercent.P50), short(a.LossPercent.P99), short(a.LossPercent.Max),
		short(a.LossAfterPercent.P50), short(a.LossAfterPercent.P99), short(a.LossAfterPercent.Max))
	sound := "silence"
	if a.Sounded {
		sound = fmt.Sprintf("%s dBov", short(a.LevelDB))
	}
	t.line("", "jitter p50 %s ms   p99 %s ms   max %s ms; the sound of one, decoded: %s", short(a.JitterMS.P50), short(a.JitterMS.P99), short(a.JitterMS.Max), sound)
}
