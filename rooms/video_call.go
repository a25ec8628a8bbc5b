package rooms

import (
	"context"

	"github.com/confd/confd/media"
)

// videoTimeout is how long signalling may take to have a peer change its video: as long as for
// a listener who moves to a group.
const videoTimeout = deliveryTimeout

// ask has signalling bring a peer to the room's format, unless it has it or is asked already.
// The room's goroutine calls it.
func (r *room) ask(p *Participant) {
	if _, is := p.call.(VideoCall); !is || p.video.asking {
		return
	}
	if _, anything := r.order(p); anything {
		p.video.asking = true
		p.setVideoSoon()
	}
}

// videoOrder is what a peer is asked for.
type videoOrder struct {
	format media.VideoFormat
	due    bounds // what it is told to send at most
	beside bool   // it has the format, or lacks ports for it alone
}

// order returns what a peer is to be asked for, and whether there is anything to ask.
func (r *room) order(p *Participant) (o videoOrder, anything bool) {
	have := p.video.have()
	o.format, anything = have.wants(r.video.format)
	if o.format == (media.VideoFormat{}) {
		return o, anything
	}
	o.due = r.due(p, o.format)
	o.beside = !anything
	waited := p.video.patient && (p.video.lacks(o.format) || p.video.mayMore(o.due))
	return o, anything || waited || p.video.exceeds(o.due)
}

// setVideoSoon has signalling bring a peer to the format that its room has. Its goroutine ends
// with the timeout.
func (p *Participant) setVideoSoon() {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), videoTimeout)
		defer cancel()
		p.setVideo(ctx)
	}()
}

// setVideo asks the peer until there is nothing more to ask.
func (p *Participant) setVideo(ctx context.Context) {
	for {
		call, order, err := p.nextOrder()
		if err != nil || call == nil {
			return
		}
		refused := call.SetVideo(ctx, order.format)
		if refused != nil {
			p.room.Load().log.Info("a peer keeps its video as it is", "participant", p.id, "wanted", order.format.String(), "limit", order.due.limit(), "error", refused)
		}
		_ = tellOf(p, func(r *room) error { r.videoAnswered(p, order, refused); return nil })
	}
}

// nextOrder returns what the peer is to be asked for. Without a call there is nothing to ask.
func (p *Participant) nextOrder() (call VideoCall, order videoOrder, err error) {
	err = tellOf(p, func(r *room) error {
		if p.video == nil {
			return nil
		}
		p.video.asking = false
		var anything bool
		if order, anything = r.order(p); anything {
			call, p.video.asking = p.call.(VideoCall), true
		}
		p.video.patient = false
		return nil
	})
	return call, order, err
}

// videoAnswered notes what a peer made of a format. One that agreed and is without it all the
// same is not asked again either; a limit is not told twice, whatever came of it.
func (r *room) videoAnswered(p *Participant, o videoOrder, refused error) {
	if p.video == nil {
		return
	}
	if p.video.told = p.video.told.least(o.due); refused != nil {
		p.video.told = o.due
	}
	have, format := p.video.have(), o.format
	_, again := have.wants(format)
	switch {
	case o.beside && refused != nil:
		p.video.giveUp("the peer takes no further line: " + refused.Error())
		r.video.changed = true
		return
	case o.beside, refused == nil && !again:
		return
	}
	why := "the peer does not change to " + format.String()
	if refused != nil {
		why += ": " + refused.Error()
	}
	p.video.refused[format] = why
	r.video.changed, r.video.voted = true, true
}
