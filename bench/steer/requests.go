//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
)

// deck deals requests: what is in it is shuffled, and again when all has been dealt, so
// that shares are exact and no request keeps in step with the ticks. It belongs to one
// goroutine.
type deck struct {
	room     string
	people   []string
	random   *rand.Rand
	cards    []func() request
	next     int
	made     chan string // rooms that are there to be deleted
	numbered int
}

func newDeck(room string, people []string, seed uint64) *deck {
	d := &deck{room: "/v1/rooms/" + room, people: people, random: rand.New(rand.NewPCG(seed, 3)), made: make(chan string, 4096)}
	for _, c := range []struct {
		deal  func() request
		times int
	}{
		{d.listParticipants, 20}, {d.getParticipant, 50}, {d.patchParticipant, 40},
		{d.getRoom, 40}, {d.patchRoom, 10}, {d.createRoom, 10}, {d.deleteRoom, 10},
		{get("list rooms", "/v1/rooms"), 9}, {get("get stats", "/v1/stats"), 10}, {get("get metrics", "/metrics"), 1},
	} {
		for range c.times {
			d.cards = append(d.cards, c.deal)
		}
	}
	return d
}

// deal returns the next request.
func (d *deck) deal() request {
	if d.next == 0 {
		d.random.Shuffle(len(d.cards), func(i, j int) { d.cards[i], d.cards[j] = d.cards[j], d.cards[i] })
	}
	card := d.cards[d.next]
	d.next = (d.next + 1) % len(d.cards)
	return card()
}

func get(kind, path string) func() request {
	return func() request { return request{kind: kind, method: "GET", path: path} }
}

func (d *deck) getRoom() request { return get("get room", d.room)() }

// listParticipants asks for all of 200 at once.
func (d *deck) listParticipants() request {
	return get("list participants", d.room+"/participants?limit=200")()
}

func (d *deck) participant() string {
	return d.room + "/participants/" + d.people[d.random.IntN(len(d.people))]
}

func (d *deck) getParticipant() request { return get("get participant", d.participant())() }

// patchParticipant mutes one in eight, or changes a gain.
func (d *deck) patchParticipant() request {
	body := fmt.Sprintf(`{"muted":%v}`, d.random.IntN(8) == 0)
	if d.random.IntN(2) == 0 {
		body = fmt.Sprintf(`{"input_gain":%d}`, d.random.IntN(13)-6)
	}
	return request{kind: "patch participant", method: "PATCH", path: d.participant(), body: body}
}

func (d *deck) patchRoom() request {
	d.numbered++
	return request{kind: "patch room", method: "PATCH", path: d.room, body: fmt.Sprintf(`{"name":"Meeting %d"}`, d.numbered)}
}

func (d *deck) createRoom() request {
	d.numbered++
	id := fmt.Sprintf("steer-%d", d.numbered)
	return request{kind: "create room", method: "POST", path: "/v1/rooms",
		body: fmt.Sprintf(`{"id":%q,"name":"For a moment"}`, id), answered: func() { d.made <- id }}
}

// deleteRoom deletes one that createRoom made, or makes one if there is none.
func (d *deck) deleteRoom() request {
	select {
	case id := <-d.made:
		return request{kind: "delete room", method: "DELETE", path: "/v1/rooms/" + id}
	default:
		return d.createRoom()
	}
}
