package focus

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/clock"
)

// typeMediaControl is how old phones ask for key frames, and are asked (RFC 5168).
const typeMediaControl = "application/media_control+xml"

// What is read of media control, of which one primitive takes 200 bytes.
const (
	maxControl      = 8 << 10 // bytes
	maxControlDepth = 16      // elements within each other
	maxStreams      = 64      // that are named
)

// askPace is the least time between two INFOs that ask a peer for a key frame.
const askPace = time.Second

const keyFrameRequest = `<?xml version="1.0" encoding="utf-8"?>` + "\r\n" +
	"<media_control><vc_primitive><to_encoder><picture_fast_update></picture_fast_update></to_encoder></vc_primitive></media_control>\r\n"

// keyFrames is what a dialog knows of asking its peer for key frames by INFO.
type keyFrames struct {
	asked   atomic.Int64 // monotonic ns of the last time; 0 for never
	asking  atomic.Bool  // an INFO is under way
	refused atomic.Bool  // the peer does not understand it
}

// AskKeyFrame implements rooms.VideoCall. The INFO names no line: it is for all that the peer
// sends. There is at most one under way, and one a second.
func (d *dialog) AskKeyFrame(int) {
	k := &d.keyFrames
	if k.refused.Load() || !k.asking.CompareAndSwap(false, true) {
		return
	}
	now, last := clock.Now(), k.asked.Load()
	if last != 0 && now-last < int64(askPace) || !d.agent.spawn(d.askKeyFrame) {
		k.asking.Store(false)
		return
	}
	k.asked.Store(now)
}

// askKeyFrame sends the INFO. Who refuses it, or does not answer, is not asked again.
func (d *dialog) askKeyFrame() {
	defer d.keyFrames.asking.Store(false)
	d.mu.Lock()
	if d.state != stateConfirmed {
		d.mu.Unlock()
		return
	}
	req := d.request(sip.INFO)
	d.mu.Unlock()
	req.AppendHeader(sip.NewHeader("Content-Type", typeMediaControl))
	req.SetBody([]byte(keyFrameRequest))
	d.agent.count.keyFramesAsked.Add(1)
	if res, err := d.transact(req, nil); err != nil || !res.IsSuccess() {
		d.keyFrames.refused.Store(true)
		d.agent.count.keyFramesRefused.Add(1)
	}
}

// isMediaControl tells whether an INFO is about video.
func isMediaControl(req *sip.Request) bool {
	typ, _, err := mediaType(req)
	return err == nil && typ == typeMediaControl
}

// onMediaControl takes the peer's request for a key frame. d.mu is held.
func (d *dialog) onMediaControl(req *sip.Request, tx *sip.ServerTx) {
	update, streams, err := parseMediaControl(req.Body())
	if err != nil {
		d.refuse(req, tx, refusal(sip.StatusBadRequest, err.Error()))
		return
	}
	if update {
		d.agent.count.keyFramesWanted.Add(1)
		d.call.refreshVideo(streams)
	}
	d.respond(req, tx, sip.StatusOK)
}

// refreshVideo asks the room for key frames of what the peer sees on the lines that streams
// name by their labels (RFC 4574), or on all.
func (c *call) refreshVideo(streams []string) {
	if c.state == nil {
		return
	}
	n := c.state.Negotiated()
	named := false
	for i := range n.Video {
		if v := &n.Video[i]; v.Accepted && v.Label != "" && slices.Contains(streams, v.Label) {
			named = true
			c.part.KeyFrameWanted(v.Media)
		}
	}
	for i := range n.Video {
		if v := &n.Video[i]; v.Accepted && !named {
			c.part.KeyFrameWanted(v.Media)
		}
	}
}

// parseMediaControl tells whether a document asks for a new picture, and of which streams;
// none stands for all.
func parseMediaControl(body []byte) (update bool, streams []string, err error) {
	if len(body) > maxControl {
		return false, nil, fmt.Errorf("media control has %d bytes; %d are read", len(body), maxControl)
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // names are ASCII
	var path []string
	for {
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && len(path) == 0:
			return update, streams, nil
		case err != nil:
			return false, nil, fmt.Errorf("media control is no XML: %w", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			if len(path) > maxControlDepth {
				return false, nil, fmt.Errorf("media control has more than %d elements within each other", maxControlDepth)
			}
			update = update || t.Name.Local == "picture_fast_update" && slices.Contains(path, "to_encoder")
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if id := strings.TrimSpace(string(t)); id != "" && len(path) > 0 && path[len(path)-1] == "stream_id" && len(streams) < maxStreams {
				streams = append(streams, id)
			}
		}
	}
}
