package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/rooms"
)

// storm is a server on a socket and what is let loose on it.
type storm struct {
	*bench
	url    string
	client *http.Transport
	asked  atomic.Int64
}

// call asks over the wire. What another was quicker to do is no fault, and told as documented.
func (s *storm) call(method, path, body string, to any) int {
	r, _ := http.NewRequest(method, s.url+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	res, err := s.client.RoundTrip(r)
	if err != nil {
		s.t.Errorf("%s %s: %v", method, path, err)
		return 0
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	s.asked.Add(1)
	s.documented(r, res.StatusCode, text)
	switch {
	case err != nil || !slices.Contains([]int{200, 201, 204, 404, 409, 412}, res.StatusCode):
		s.t.Errorf("%s %s %s: %d %s %v", method, path, body, res.StatusCode, text, err)
	case to != nil && res.StatusCode < 300:
		if err := json.NewDecoder(bytes.NewReader(text)).Decode(to); err != nil {
			s.t.Errorf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return res.StatusCode
}

func aRoom(rng *rand.Rand) string { return fmt.Sprintf("room-%d", rng.IntN(5)) }

// steer does a bit of everything that applications do.
func (s *storm) steer(rng *rand.Rand, rounds int) {
	var mine []Participant
	for range rounds {
		room := "/v1/rooms/" + aRoom(rng)
		switch rng.IntN(8) {
		case 0:
			s.call("POST", "/v1/rooms", fmt.Sprintf(`{"id":%q,"empty_timeout":60}`, aRoom(rng)), nil)
		case 1:
			s.call("PATCH", room, fmt.Sprintf(`{"muted_on_entry":%v,"talkers":%d,"metadata":{"n":%d}}`, rng.IntN(2) == 0, rng.IntN(9), rng.Int()), nil)
		case 2:
			if rng.IntN(4) == 0 {
				s.call("DELETE", room+"?reason=storm", "", nil)
			}
		case 3, 4:
			var p Participant
			if s.call("POST", room+"/participants", `{"to":"sip:x@example.com","hears":["group:g1"],"role":"guest"}`, &p) == 201 {
				mine = append(mine, p)
			}
		default:
			var page struct{ Participants []Participant }
			if s.call("GET", room+"/participants?limit=3", "", &page) == 200 {
				mine = append(mine, page.Participants...) // other people's, too
			}
		}
		if len(mine) > 0 {
			i := rng.IntN(len(mine))
			if s.act(rng, &mine[i]) {
				mine = slices.Delete(mine, i, i+1)
			}
		}
	}
}

// act does something to a participant that may have moved or left, and tells whether it is
// to be forgotten.
func (s *storm) act(rng *rand.Rand, p *Participant) (over bool) {
	path := "/v1/rooms/" + p.Room + "/participants/" + p.ID
	switch rng.IntN(5) {
	case 0, 1:
		body := fmt.Sprintf(`{"muted":%v,"held":%v,"groups":["g%d"],"hears":%s}`, rng.IntN(2) == 0, rng.IntN(5) == 0, rng.IntN(3),
			[]string{"null", `["group:g1"]`, `[]`}[rng.IntN(3)])
		return s.call("PATCH", path, body, p) != 200
	case 2, 3:
		return s.call("POST", path+"/move", fmt.Sprintf(`{"room":%q}`, aRoom(rng)), p) == 404
	}
	return s.call("DELETE", path, "", nil) != 0
}

// phones come by themselves, press keys and go.
func (s *storm) phones(rng *rand.Rand, rounds int) {
	ctx := context.Background()
	var mine []*rooms.Participant
	for range rounds {
		p, err := s.registry.Join(ctx, rooms.JoinRequest{Room: rooms.Name(aRoom(rng)), Trusted: true, Media: phone()})
		if err == nil {
			mine = append(mine, p)
		} else if code := rooms.CodeOf(err); code != rooms.Full {
			s.t.Error(err)
		}
		if len(mine) == 0 {
			continue
		}
		i := rng.IntN(len(mine))
		mine[i].Digit(5, time.Second)
		mine[i].SetLost(rng.IntN(2) == 0)
		if rng.IntN(2) == 0 {
			if err := mine[i].Leave(ctx, rooms.Reason{Code: rooms.ReasonLeft}); err != nil {
				s.t.Error(err)
			}
			mine = slices.Delete(mine, i, i+1)
		}
	}
}

// farEnds answer, refuse, or let it ring for ever, until ctx ends.
func (s *storm) farEnds(ctx context.Context, rng *rand.Rand) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-s.dialer.calls:
			switch rng.IntN(4) {
			case 0:
				c.Failed(rooms.DialFailure{Outcome: rooms.OutcomeBusy, Status: 486, Text: "Busy Here"})
			case 1:
				c.Ringing(false)
			case 2:
				c.Ringing(true)
				_, _ = c.Answered(rooms.Info{URI: "sip:x@example.com"}, phone(), nil)
			}
		}
	}
}

// Joins, patches, moves, leaves, dial-outs that are answered, refused or cancelled, and rooms
// that are deleted, all at once over HTTP: each of 50 watchers gets each event once and in
// order, those among them, too, that go and come back, and knows at the end what GET says.
// Who never reads is cut off and holds nobody up. Drained, nothing is left.
func TestStorm(t *testing.T) {
	leak.Check(t)
	b := newBench(t, func(_ *Config, rc *rooms.Config) { rc.MaxPerRoom, rc.History = 200, 1<<18 })
	b.writeTime = time.Second
	s := &storm{bench: b, url: b.listen(), client: &http.Transport{MaxIdleConnsPerHost: 16}}
	t.Cleanup(s.client.CloseIdleConnections)
	deaf := deafWatcher(t, s.url)
	watchers, replicas := s.watchers(50)

	ctx, hangUp := context.WithCancel(context.Background())
	var busy, far sync.WaitGroup
	for i := range 4 {
		far.Go(func() { s.farEnds(ctx, rand.New(rand.NewPCG(uint64(i), 1))) })
	}
	for i := range 10 {
		busy.Go(func() { s.steer(rand.New(rand.NewPCG(uint64(i), 2)), 40) })
		busy.Go(func() { s.phones(rand.New(rand.NewPCG(uint64(i), 3)), 20) })
	}
	busy.Wait()
	hangUp()
	far.Wait()

	s.call("POST", "/v1/rooms", `{"id":"room-1"}`, nil)
	s.call("PATCH", "/v1/rooms/room-1", `{"name":"the storm is over"}`, nil)
	watchers.Wait()
	s.compare(replicas)
	wantEnd(t, deaf)
	s.drained()
	t.Logf("%d requests", s.asked.Load())
}

// watchers begin to follow: everything, or one room; some steadily, some in pieces.
func (s *storm) watchers(n int) (done *sync.WaitGroup, all []*replica) {
	done = new(sync.WaitGroup)
	var back atomic.Int64
	for i := range n {
		m, url := &replica{}, s.url+"/v1/events"
		if i%3 == 1 {
			m.only, url = "room-1", s.url+"/v1/rooms/room-1/events"
		}
		all = append(all, m)
		rng := rand.New(rand.NewPCG(uint64(i), 4))
		restless := func() bool { return i%2 == 0 && rng.IntN(100) == 0 }
		done.Go(func() {
			n, err := m.follow(s.client, url, restless, func(e *Event) bool { return e.RoomInfo != nil && e.RoomInfo.Name == "the storm is over" })
			if err != nil {
				s.t.Errorf("watcher %d: %v", i, err)
			}
			back.Add(int64(n))
		})
	}
	s.t.Cleanup(func() {
		if back.Load() < int64(n) {
			s.t.Errorf("watchers came back %d times: the test shows little", back.Load())
		}
	})
	return done, all
}

// compare holds all replicas against what GET says.
func (s *storm) compare(all []*replica) {
	var list struct{ Rooms []Room }
	s.call("GET", "/v1/rooms?limit=500", "", &list)
	people := make(map[string][]Participant)
	for _, r := range list.Rooms {
		var page struct{ Participants []Participant }
		s.call("GET", "/v1/rooms/"+r.ID+"/participants?limit=500", "", &page)
		people[r.ID] = page.Participants
	}
	for i, m := range all {
		want := 1
		if m.only == "" {
			want = len(list.Rooms)
		}
		if len(m.rooms) != want {
			s.t.Errorf("watcher %d knows %d rooms, and there are %d", i, len(m.rooms), want)
		}
		for _, r := range list.Rooms {
			if known := m.rooms[r.ID]; known == nil {
				if m.only == "" {
					s.t.Errorf("watcher %d does not know %s", i, r.ID)
				}
			} else if err := known.same(r, people[r.ID]); err != nil {
				s.t.Errorf("watcher %d: %v", i, err)
			}
		}
	}
}

// drained ends everything, and looks whether anything is left but rooms that the API made.
func (s *storm) drained() {
	s.call("POST", "/v1/drain", `{"timeout":0,"reason":"enough"}`, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.registry.HangUp(ctx, rooms.Reason{Code: rooms.ReasonDraining}); err != nil {
		s.t.Error(err)
	}
	var list struct{ Rooms []Room }
	s.call("GET", "/v1/rooms?limit=500", "", &list)
	for _, r := range list.Rooms {
		if status := s.call("DELETE", "/v1/rooms/"+r.ID, "", nil); !r.Persistent || r.ParticipantCount != 0 || status != 204 {
			s.t.Errorf("left: %+v, deleted: %d", r, status)
		}
	}
	var left Stats
	s.call("GET", "/v1/stats", "", &left)
	if left.Rooms != 0 || left.Participants != 0 || left.Conferences != 0 || !left.Draining {
		s.t.Errorf("left: %+v", left)
	}
}
