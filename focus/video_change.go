package focus

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/confd/confd/focus/offeranswer"
	"github.com/confd/confd/media"
	"github.com/confd/confd/rooms"
)

// SetVideo implements rooms.VideoCall: it offers the peer one format on all its video lines, or
// none on any. If the peer refuses, or does not answer, the session is as it was; if it accepts
// with what cannot be, it is offered everything anew.
func (d *dialog) SetVideo(ctx context.Context, format media.VideoFormat) error {
	if err := d.agent.offers.wait(ctx, rooms.DeliveryPace); err != nil {
		return err
	}
	err := d.setVideo(ctx, format)
	if !errors.As(err, new(*strayed)) {
		return err
	}
	if back := d.startOver(ctx); back != nil {
		d.end(rooms.Reason{Code: rooms.ReasonProtocolError, Text: "Answer to an offer of video: " + err.Error()}, hangUp)
		return errors.Join(err, back)
	}
	return err
}

func (d *dialog) setVideo(ctx context.Context, format media.VideoFormat) error {
	return d.negotiate(ctx, proposal{make: func(c *call) ([]byte, error) { return c.offerVideo(format) }})
}

// startOver offers everything as if the call were new.
func (d *dialog) startOver(ctx context.Context) error {
	return d.negotiate(ctx, proposal{make: func(c *call) ([]byte, error) {
		c.expectVideo(c.part.Room(), nil)
		return c.propose(offeranswer.Offer)
	}})
}

// offerVideo makes an offer of one format on all video lines; the zero format ends them.
func (c *call) offerVideo(format media.VideoFormat) ([]byte, error) {
	if c.state == nil {
		return nil, errors.New("nothing has been agreed on yet")
	}
	n := c.state.Negotiated()
	plan := c.part.VideoPlan()
	if len(plan.Formats) == 0 || plan.Formats[0] != format {
		plan.Limit = media.VideoLimit{}
	}
	plan.Enabled, plan.Formats, plan.Settled = format != media.VideoFormat{}, []media.VideoFormat{format}, true
	had := len(c.video.legs)
	c.planVideo(plan, max(1, len(n.Video)))
	if c.video.short && len(c.video.legs) == had && agreedOn(n.Video, format, plan.Limit) {
		return nil, nil // still no ports: there is nothing to say
	}
	return c.propose(offeranswer.OfferVideo)
}

// agreedOn tells whether all lines that there are have a format, and, but for slides, a limit.
func agreedOn(lines []offeranswer.Video, format media.VideoFormat, limit media.VideoLimit) bool {
	return !slices.ContainsFunc(lines, func(v offeranswer.Video) bool {
		return v.Accepted && (v.Format != format || v.Limit != limit && v.Content != "slides")
	})
}

// narrowTimeout is more than an INVITE takes that is not answered.
const narrowTimeout = 40 * time.Second

// narrowVideo follows an answer that leaves the choice among formats of our offer: what the
// peer sends is sure only if it is offered one. d.mu is held.
func (d *dialog) narrowVideo() {
	n := d.call.state.Negotiated()
	i := slices.IndexFunc(n.Video, func(v offeranswer.Video) bool { return v.Several })
	if i < 0 {
		return
	}
	can := formatsOf(&n.Video[i])
	for _, f := range d.call.caps.Video.Formats { // in the room's order
		if slices.Contains(can, f) {
			d.agent.spawn(func() { d.narrow(f) })
			return
		}
	}
}

func (d *dialog) narrow(format media.VideoFormat) {
	ctx, cancel := context.WithTimeout(d.agent.ctx, narrowTimeout)
	defer cancel()
	if err := d.setVideo(ctx, format); err != nil {
		d.log.Info("a peer keeps several video formats", "error", err)
	}
}
