package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/client"
)

// storm is people who do all that the API can do, at random and as fast as they can, to the
// rooms that others call and leave meanwhile.
type storm struct {
	t     *testing.T
	d     desk
	rooms []string

	mu   sync.Mutex
	done map[string]int // how often what was done, or refused with which code
}

// TestStorm: a hundred calls come and go, and twenty stay, while their rooms are patched,
// deleted and made, and they are muted, moved, removed. Afterwards what was told is what
// there is, nothing is stuck, and nothing is left.
func TestStorm(t *testing.T) {
	// Not parallel: it takes all the processors that it can get.
	need(t, "sipp")
	c := startConfd(t, host(), serverOptions{})
	x := &storm{t: t, d: c.desk(t, ""), rooms: []string{"storm0", "storm1", "storm2"}, done: map[string]int{}}
	s := x.d.watch(client.Follow{})
	x.callers(c, 2, 2) // whatever the program makes once
	c.awaitMetric(t, 0, "confd_rtp_port_pairs_in_use")
	base := c.holdings(t)

	for _, r := range x.rooms {
		x.d.room(r)
	}
	stay := startSipp(t, c.place, sippRun{scenario: "stay.xml", target: c.sip, room: x.rooms[0], transport: "u1", calls: 20, rate: 40, freq: 860})
	c.awaitMetric(t, 20, "confd_calls")
	calm := x.begin(16)
	x.callers(c, 36, 5)
	calm()

	s.agrees(x.d)
	s.whole()
	for _, r := range x.d.rooms() {
		x.d.delete(r.ID, "the storm is over")
	}
	if err := sippDone(stay, 20, 20*time.Second); err != nil {
		t.Error(err)
	}
	s.agrees(x.d)
	s.whole()
	eventually(t, 60*time.Second, "what calls need to be given back", func() error { return c.holdings(t).beyond(base) })
	if n := c.metric(t, "confd_sip_faults_total"); n != 0 {
		t.Errorf("confd itself failed in %v SIP requests", n)
	}
	t.Logf("%v", x.done)
}

// callers has so many call each room, so many a second, and waits until all are gone.
func (x *storm) callers(c *confd, calls, rate int) {
	x.t.Helper()
	var running []*process
	for _, room := range x.rooms {
		running = append(running, startSipp(x.t, c.place, sippRun{
			scenario: "churn.xml", target: c.sip, room: room, transport: "u1", calls: calls, rate: rate,
		}))
	}
	for _, p := range running {
		if err := sippDone(p, calls, 60*time.Second); err != nil {
			x.t.Error(err)
		}
	}
}

// begin lets n people loose, and returns what calms them.
func (x *storm) begin(n int) (calm func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 7))
			for ctx.Err() == nil {
				x.act(random)
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

// mayHappen are problems that are nobody's fault when others act at the same time. Dial-outs
// have a limit, too, which is overloaded.
var mayHappen = map[string]bool{"": true, "not_found": true, "conflict": true, "exists": true, "full": true}

// act does one thing at random.
func (x *storm) act(random *rand.Rand) {
	ctx, room := x.t.Context(), x.rooms[random.IntN(len(x.rooms))]
	var who client.Participant
	if list, err := x.d.ListParticipantsWithResponse(ctx, room, nil); err == nil && list.JSON200 != nil && len(list.JSON200.Participants) > 0 {
		who = list.JSON200.Participants[random.IntN(len(list.JSON200.Participants))]
	}
	what, a, err := "", client.Answer(nil), error(nil)
	switch n := random.IntN(100); {
	case n < 1:
		what = "delete room"
		a, err = x.d.DeleteRoomWithResponse(ctx, x.rooms[2], nil)
	case n < 3:
		what = "create room"
		a, err = x.d.CreateRoomWithResponse(ctx, nil, client.RoomCreate{ID: client.Set(x.rooms[2])})
	case n < 10:
		what = "patch room"
		a, err = x.d.PatchRoomWithResponse(ctx, room, nil, roomFields(random))
	case n < 12:
		what = "dial"
		a, err = x.d.DialParticipantWithResponse(ctx, room, nil, client.Dial{To: "sip:nobody@127.0.0.1:9;transport=tcp"})
	case who.ID == "":
		return
	case n < 14:
		what = "remove"
		if random.IntN(8) > 0 && who.Direction == client.ParticipantDirectionInbound {
			return // some must be left
		}
		a, err = x.d.RemoveParticipantWithResponse(ctx, room, who.ID, nil)
	case n < 34:
		what = "move"
		a, err = x.d.MoveParticipantWithResponse(ctx, room, who.ID, client.Move{Room: x.rooms[random.IntN(len(x.rooms))]})
	default:
		what = "patch"
		a, err = x.d.PatchParticipantWithResponse(ctx, room, who.ID, nil, participantFields(random, who.ID))
	}
	x.note(what, client.Check(a, err))
}

func (x *storm) note(what string, err error) {
	code := client.CodeOf(err)
	x.mu.Lock()
	defer x.mu.Unlock()
	kind := strings.TrimSpace(what + " " + code)
	if x.done[kind]++; (err != nil && code == "" || !mayHappen[code] && kind != "dial overloaded") && x.done[kind] == 1 {
		x.t.Errorf("%s: %v", kind, err)
	}
}

func roomFields(random *rand.Rand) (f client.RoomFields) {
	switch random.IntN(5) {
	case 0:
		f.Locked = client.Set(random.IntN(4) == 0)
	case 1:
		f.Talkers = client.Set(int64(random.IntN(9)))
	case 2:
		f.MutedOnEntry = client.Set(random.IntN(2) == 0)
	case 3:
		f.SampleRate = client.Set([]client.RoomFieldsSampleRate{0, 8000, 16000, 48000}[random.IntN(4)])
	default:
		f.Name = client.Set(fmt.Sprint("storm ", random.IntN(100)))
	}
	return f
}

func participantFields(random *rand.Rand, id string) (f client.ParticipantFields) {
	switch random.IntN(7) {
	case 0:
		f.Muted = client.Set(random.IntN(2) == 0)
	case 1:
		f.Deaf = client.Set(random.IntN(2) == 0)
	case 2:
		f.Held = client.Set(random.IntN(2) == 0)
	case 3:
		f.InputGain, f.OutputGain = client.Set(float64(random.IntN(80)-60)), client.Set(float64(random.IntN(80)-60))
	case 4:
		f.Groups, f.Pinned = client.Set([]string{fmt.Sprint("g", random.IntN(3))}), client.Set(random.IntN(4) == 0)
	case 5:
		f.Hears = client.Set([]string{fmt.Sprint("group:g", random.IntN(3)), id})
	default:
		f.Hears, f.HeardBy = client.Null[[]string](), client.Null[[]string]()
	}
	return f
}
