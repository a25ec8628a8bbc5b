package mixer

import (
	"sync/atomic"
	"time"

	"github.com/confd/confd/internal/inbox"
)

// ConferenceConfig is what a conference is made with.
type ConferenceConfig struct {
	// Events, if not nil, is told what happens, on the media thread: it must not block.
	Events func(Event)
	// Rate fixes the room's rate, samples per second; 0 lets it follow what its members
	// can supply and hear.
	Rate int
}

// Conference is the media half of a room: inputs, mixes and classes that share one rate
// and one tick. Everything in it belongs to the worker, or to the thread that runs its tick
// for it; others reach it through Apply.
//
// A tick goes through the stages of the package documentation in order; each is a method
// named after it.
type Conference struct {
	engine *Engine
	cfg    ConferenceConfig
	pace   int // ticks in 20 ms, 1 or 2: constants in ticks are meant for 20 ms

	queue  inbox.Inbox[batch]
	queued atomic.Bool // the worker knows of us

	todo   []batch // taken from the queue
	next   int64   // media time of the first period that is not mixed yet
	due    int64   // when that is due, monotonic ns
	sent   bool    // a tick is over, and the next has not begun
	failed bool    // a tick panicked: changes are still applied, media is not touched

	full    *Mix
	mixes   []*Mix
	inputs  []*Input
	classes []*class
	back    []*class // personal classes on their way back to a shared one

	rate    int
	pacing  rateChoice
	cursor  int // of the rotation among those that seem to be silent
	samples int // ticks since one of them was heard

	hand   *hand       // of the thread that ticks
	after  *Conference // what the same thread ticks next, nil if that is not known
	demand demand      // how many threads a tick is worth
	split  bool        // this tick is done by several, see spread
	old    int         // room's rate before this tick, 0 if it stayed
	made   []*Input    // of inputs, those with a sound this tick; while split
	sender *class      // whose packets are handed out now; while split

	parted bool // several threads are at a stage
	held   inbox.Inbox[Event]
	events []Event

	beat beat
	now  int64 // when this tick began, monotonic ns

	members atomic.Int32 // inputs and outputs
	live    atomic.Int64 // rate for readers
}

// NewConference makes a conference. It costs nothing until something is applied to it.
func (e *Engine) NewConference(cfg ConferenceConfig) *Conference {
	c := &Conference{engine: e, cfg: cfg, rate: cfg.Rate, pace: int(20 * time.Millisecond / e.cfg.Period)}
	if c.rate == 0 {
		c.rate = minRate
	}
	c.live.Store(int64(c.rate))
	c.hand, c.split = e.crew.hands[0], e.forced
	c.full = newMix(c, MixConfig{All: true})
	c.mixes = []*Mix{c.full}
	return c
}

// Full is the mix of all inputs. It exists as long as the conference.
func (c *Conference) Full() *Mix { return c.full }

// Rate returns the room's rate, samples per second. Any goroutine may call it.
func (c *Conference) Rate() int { return int(c.live.Load()) }

func (c *Conference) emit(e Event) {
	switch {
	case c.cfg.Events == nil:
	case c.parted:
		c.held.Add(e)
	default:
		c.cfg.Events(e)
	}
}

// busy updates what decides whether the conference needs ticks.
func (c *Conference) busy() {
	n := len(c.inputs)
	for _, m := range c.mixes {
		n += m.outputs
	}
	c.members.Store(int32(n))
}

// tick runs one period of the conference. due is when it should have begun, now when it did;
// both are monotonic ns.
func (c *Conference) tick(now, due, mediaTime int64, t *stageTimer) {
	c.now, c.next, c.due, c.sent = now, mediaTime, due, false
	c.apply()
	t.lap(stageApply)
	c.approach(0)
	c.drain()
	c.approach(1)
	t.lap(stageDrain)
	c.old = c.follow()
	c.beat = c.beatOf(mediaTime)
	c.look()
	t.lap(stageLook)
	for _, m := range c.mixes {
		m.choose()
	}
	c.nominate()
	t.lap(stageChoose)
	c.approach(2)
	c.render()
	t.lap(stageRender)
	c.approach(3)
	c.mix(c.old)
	c.rejoin()
	t.lap(stageMix)
	c.send()
	for _, m := range c.mixes {
		m.advance()
	}
	t.lap(stageSend)
	c.end(due, mediaTime)
}

// end makes the changes that waited until the packets of the period at mediaTime were sent.
func (c *Conference) end(due, mediaTime int64) {
	period := int64(c.engine.cfg.Period)
	c.next, c.due, c.sent = mediaTime+period, due+period, true
	c.proceed()
}

// beatOf describes the period at a media time, the next or one that is over.
func (c *Conference) beatOf(mediaTime int64) beat {
	period := int64(c.engine.cfg.Period)
	return beat{due: c.due - (c.next - mediaTime), time: mediaTime, period: period, rate: c.rate,
		samples: int(int64(c.rate) * period / int64(time.Second))}
}

// drainLimit bounds the packets of one leg in one tick: more than any phone sends, few
// enough that a flood does not hold up the others.
const drainLimit = 32

// drain takes what has arrived from every source.
func (c *Conference) drain() { c.spread(len(c.inputs), callChunk, (*Conference).drainSome) }

func (c *Conference) drainSome(_ *hand, from, to int) {
	c.poll(c.inputs[from:to])
}

// look lets loudness sink where nothing was heard, and reports who talks.
func (c *Conference) look() { c.spread(len(c.inputs), quickChunk, (*Conference).lookAtSome) }

func (c *Conference) lookAtSome(_ *hand, from, to int) {
	report := c.beat.time/c.beat.period%publishEvery == 0
	some := c.inputs[from:to]
	for i, in := range some {
		ahead(some, i)
		if report {
			in.publish()
		}
		in.listen()
		if in.digits.silencing {
			in.digits.watch(in, c.now)
		}
		if in.speaker.update(in.loud, c.pace) {
			kind := TalkStopped
			if in.speaker.on {
				kind = TalkStarted
			}
			in.emit(Event{Kind: kind})
		}
	}
}

// mix sums every mix that somebody hears.
func (c *Conference) mix(old int) {
	for _, m := range c.mixes {
		if m.outputs == 0 {
			continue
		}
		m.add(&c.beat)
		if old != 0 {
			m.addFormer(old * c.beat.samples / c.beat.rate)
		}
	}
}

// Tick runs one period of a conference by hand: for tests and benchmarks of an engine that
// was not started, whose clock is the caller's. now and due are monotonic ns; due is also
// the time on the media timeline and grows by the engine's period.
func (c *Conference) Tick(now, due int64) { c.tick(now, due, due, &c.hand.timer) }
