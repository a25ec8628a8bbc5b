//go:build linux

package forwarding

import (
	"fmt"
	"time"
)

// Case is who sends what to how many.
type Case struct {
	Senders   int  `json:"senders"`   // 1 to 50
	Receivers int  `json:"receivers"` // of each sender, 1 to 2,000
	Bitrate   int  `json:"bitrate"`   // of each sender, bits/s of payload, 50,000 to 10,000,000
	Secure    bool `json:"secure"`    // SRTP by AEAD_AES_128_GCM, both ways
}

// Pictures per second, and how many bytes of payload a packet has at most.
const (
	PictureRate = 30
	PacketSize  = 1188 // 1,200 with the header of RTP
)

// interval is the time from picture to picture.
const interval = time.Second / PictureRate

// Check says what is out of range.
func (c Case) Check() error {
	switch {
	case c.Senders < 1 || c.Senders > 50:
		return fmt.Errorf("%d senders: right is 1 to 50", c.Senders)
	case c.Receivers < 1 || c.Receivers > 2000:
		return fmt.Errorf("%d receivers: right is 1 to 2000", c.Receivers)
	case c.Lines() > 4000:
		return fmt.Errorf("%d senders to %d receivers each are %d streams: right is 4000 at most", c.Senders, c.Receivers, c.Lines())
	case c.Bitrate < 50_000 || c.Bitrate > 10_000_000:
		return fmt.Errorf("%d bit/s: right is 50000 to 10000000", c.Bitrate)
	}
	return nil
}

// Lines returns how many streams leave the server.
func (c Case) Lines() int { return c.Senders * c.Receivers }

// String tells the case in a few words.
func (c Case) String() string {
	way := "plain"
	if c.Secure {
		way = "GCM"
	}
	return fmt.Sprintf("%d to %d each, %.1f Mbit/s, %s", c.Senders, c.Receivers, float64(c.Bitrate)/1e6, way)
}
