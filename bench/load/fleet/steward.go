//go:build linux

package fleet

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/confd/confd/internal/clock"
)

const (
	stewardEvery = 500 * time.Millisecond
	// turnOf is how long an ear listens to one caller if others wait, ns: ten seconds of sound
	// are judged by then.
	turnOf = int64(18 * time.Second)
	// unlike is the share of a caller's packets that may differ from the reference's.
	unlike = 10 // one in so many
	// slack is how far a talker's cycle may drift from its room's, ns, before it begins anew.
	slack = int64(200 * time.Millisecond)
)

// wake makes the steward look now.
func (f *Fleet) wake() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

// steward decides who has an ear, and when talkers begin anew.
func (f *Fleet) steward(ctx context.Context) {
	t := time.NewTicker(stewardEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			f.rouse()
			f.share()
		case <-f.kick:
		}
		f.refer()
	}
}

// rouse lets talkers speak again who rested, and rest who are out of step.
func (f *Fleet) rouse() {
	f.mu.Lock()
	defer f.mu.Unlock()
	waiting := f.resting
	f.resting = nil
	for _, c := range waiting {
		if c.isLive() && !c.announced {
			f.note(f.speak(c))
		}
	}
	if f.config.Impair.Drift == 0 {
		return
	}
	for _, c := range f.callers[:min(len(f.callers), f.config.Rooms*f.config.Talkers)] {
		off := int64(c.talking.Drift * float64(c.thread.now()-c.talking.From) / 1e6)
		if c.announced && (off > slack || off < -slack) {
			c.rejoin(int64(f.config.Codec.Format.PacketTime))
			f.silence(c)
			f.note(f.speak(c))
		}
	}
}

// rejoin makes a talker rest, to be in step with its room afterwards.
func (c *caller) rejoin(packet int64) {
	c.thread.mu.Lock()
	defer c.thread.mu.Unlock()
	c.spoke = c.thread.now()
	c.index = floorDiv(c.due-c.room.epoch-c.phase, packet)
	c.talking = c.talk(packet)
}

func (c *caller) isLive() bool {
	c.thread.mu.Lock()
	defer c.thread.mu.Unlock()
	return c.live
}

// refer gives each room its reference.
func (f *Fleet) refer() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rooms[:f.config.References] {
		leader := r.leader.Load()
		if leader != nobody && !f.Talker(int(leader)) {
			continue
		}
		best := f.best(r)
		if best == nil || int64(best.number) == leader {
			continue
		}
		for _, e := range slices.Clone(r.ears) {
			if e.lasting = e.caller == best; !e.lasting && f.config.Ears == NoEars {
				f.unhear(e)
			}
		}
		var err error
		if f.earOf(best) == nil {
			err = f.hear(best, true)
		}
		if err != nil {
			f.note(err)
			continue
		}
		if best.track == nil {
			r.guide.Store(&guide{})
		}
		r.leader.Store(int64(best.number))
	}
}

// best returns who should be a room's reference: its first silent caller, or its first talker.
func (f *Fleet) best(r *room) *caller {
	silent := min(f.config.Talkers, len(r.seats))
	for _, seats := range [][]*caller{r.seats[silent:], r.seats[:silent]} {
		for _, c := range seats {
			if c.isLive() {
				return c
			}
		}
	}
	return nil
}

func (f *Fleet) earOf(c *caller) *ear {
	for _, e := range c.room.ears {
		if e.caller == c {
			return e
		}
	}
	return nil
}

// share gives the ears that are not references to callers who need one, by turns.
func (f *Fleet) share() {
	if f.config.Ears == NoEars {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	wishes := f.wishes()
	shared := f.shared()
	free := f.config.Ears - len(shared)
	now := clock.Now()
	for _, e := range shared { // the longest first
		if free >= len(wishes) || now-e.since < turnOf {
			break
		}
		f.unhear(e)
		free++
	}
	for _, w := range wishes[:max(0, min(free, len(wishes)))] {
		w.turns++
		f.note(f.hear(w, false))
	}
}

// shared returns the ears that are no references', by how long they have listened.
func (f *Fleet) shared() (all []*ear) {
	for _, r := range f.rooms {
		for _, e := range r.ears {
			if !e.lasting {
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, func(a, b *ear) int { return cmp.Compare(a.since, b.since) })
	return all
}

// wishes returns callers that are not verified by payload and have no ear: who had the fewest
// turns first, and talkers before others.
func (f *Fleet) wishes() (all []*caller) {
	for _, c := range f.callers {
		if c.needsEar(f.began) {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b *caller) int {
		return cmp.Or(cmp.Compare(a.turns, b.turns), cmp.Compare(a.rank, b.rank))
	})
	return all
}

// settleTime is how long, ns, it takes until payloads can have been compared.
const settleTime = int64(6e9)

func (c *caller) needsEar(began int64) bool {
	c.thread.mu.Lock()
	defer c.thread.mu.Unlock()
	if !c.live || c.tap != nil {
		return false
	}
	return c.track != nil || clock.Now()-max(c.connected, began) > settleTime && !c.counts.alike()
}

// alike tells whether a caller is verified by its payloads.
func (c *Counts) alike() bool { return c.Matched > 0 && c.Differing*unlike <= c.Matched }
