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
	have := p.video.have()
	if _, is := p.call.(VideoCall); !is || p.video.asking {
		return
	}
	if _, anything := have.wants(r.video.format); anything {
		p.video.asking = true
		p.setVideoSoon()
	}
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
		call, format, err := p.videoOrder()
		if err != nil || call == nil {
			return
		}
		refused := call.SetVideo(ctx, format)
		if refused != nil {
			p.room.Load().log.Info("a peer keeps its video format", "participant", p.id, "wanted", format.String(), "error", refused)
		}
		_ = tellOf(p, func(r *room) error { r.videoAnswered(p, format, refused); return nil })
	}
}

// videoOrder returns what the peer is to be asked for. Without a call there is nothing to ask.
func (p *Participant) videoOrder() (call VideoCall, format media.VideoFormat, err error) {
	err = tellOf(p, func(r *room) error {
		if p.video == nil {
			return nil
		}
		p.video.asking = false
		have := p.video.have()
		var anything bool
		if format, anything = have.wants(r.video.format); anything {
			call, p.video.asking = p.call.(VideoCall), true
		}
		return nil
	})
	return call, format, err
}

// videoAnswered notes what a peer made of a format. One that agreed and is without it all the
// same is not asked again either.
func (r *room) videoAnswered(p *Participant, format media.VideoFormat, refused error) {
	if p.video == nil {
		return
	}
	have := p.video.have()
	_, again := have.wants(format)
	if refused == nil && !again {
		return
	}
	why := "the peer does not change to " + format.String()
	if refused != nil {
		why += ": " + refused.Error()
	}
	p.video.refused[format] = why
	r.video.changed, r.video.voted = true, true
}
