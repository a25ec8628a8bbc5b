package offeranswer

import (
	"slices"

	"github.com/confd/confd/media"
)

// leastImageSide is the least that an encoder is told to make of a picture's side.
const leastImageSide = 16

// levelH264 is a level of H.264 with what decides on picture sizes: macroblocks per second and
// per picture (ITU-T H.264 table A-1).
type levelH264 struct {
	level           uint8
	rate, frameSize int
}

var levelsH264 = []levelH264{
	{10, 1485, 99}, {11, 3000, 396}, {12, 6000, 396}, {13, 11880, 396}, {20, 11880, 396}, {21, 19800, 792}, {22, 20250, 1620},
	{30, 40500, 1620}, {31, 108000, 3600}, {32, 216000, 5120}, {40, 245760, 8192}, {42, 522240, 8704}, {50, 589824, 22080},
	{51, 983040, 36864}, {52, 2073600, 36864},
}

// Takes is the most that the peer says it takes of the line's format. What is inferred where
// nothing is written, such as level 1 of H.264, does not count: phones that leave it out take
// more.
func (v *Video) Takes() media.VideoLimit {
	var l media.VideoLimit
	o := optionOf(v.Can, v.Format)
	if o == nil {
		return l
	}
	if o.wire.told && !o.wire.clipped {
		l.Level = o.reach()
	}
	l.Width, l.Height = v.Image.largest()
	if c := v.Format.Codec; c == media.VP8 || c == media.VP9 {
		l.Level, l.FrameSize, l.FrameRate = 0, o.FrameSize, o.FrameRate
		if size := blocks(l.Width) * blocks(l.Height); size > 0 && (l.FrameSize == 0 || size < l.FrameSize) {
			l.FrameSize = size
		}
	}
	return l
}

// unclip has the options of an answer keep the levels that they had before where they say that
// of our offer: that is our limit and not theirs, and is to go when ours does.
func (v *videoSlot) unclip(answered []VideoOption) {
	for i := range answered {
		o := &answered[i]
		before, own := optionOf(v.can, o.Format), ownOption(o.Format)
		if o.Level == 0 || o.Level != v.told.limit(o.Format).Level {
			continue
		}
		switch {
		case before != nil && lowerLevel(o.Format, o.Level, before.Level):
			o.Level, o.wire.clipped = before.Level, before.wire.clipped
		case before == nil && lowerLevel(o.Format, o.Level, own.Level):
			o.Level, o.wire.clipped = own.Level, true
		}
	}
}

// reach is the level that an option comes to: some room systems name a low one of H.264 and
// with max-fs and max-mbps what they really take (RFC 6184 section 8.1).
func (o *VideoOption) reach() uint8 {
	level := o.Level
	at := slices.IndexFunc(levelsH264, func(l levelH264) bool { return l.level == max(level, 10) })
	if o.Format.Codec != media.H264 || at < 0 {
		return level
	}
	rate, size := max(o.Macroblocks, levelsH264[at].rate), max(o.FrameSize, levelsH264[at].frameSize)
	for _, l := range levelsH264[at+1:] {
		if l.rate <= rate && l.frameSize <= size {
			level = l.level
		}
	}
	return level
}

func blocks(side int) int { return (side + 15) / 16 }

// largest is the largest picture that the peer wants; of who does not say, the largest that it
// sends, as phones that know no more than a=framesize mean both. 0 is nothing said.
func (img *Image) largest() (width, height int) {
	if img == nil {
		return 0, 0
	}
	for _, s := range img.Recv {
		if s.MaxWidth*s.MaxHeight > width*height {
			width, height = s.MaxWidth, s.MaxHeight
		}
	}
	if width == 0 {
		return img.Width, img.Height
	}
	return width, height
}

// limit is what holds for a line: for one of slides, which have to be legible, none.
func (c *VideoCapabilities) limit(f media.VideoFormat, content string) media.VideoLimit {
	if content == "slides" {
		return media.VideoLimit{}
	}
	return c.Limits[f]
}

// under is what a line says of sizes: what our end is given, else what follows from the limit.
func (l *VideoLocal) under(limit media.VideoLimit) *Image {
	if l.Image != nil || limit.Width == 0 || limit.Height == 0 {
		return l.Image
	}
	within := ImageSize{min(leastImageSide, limit.Width), limit.Width, min(leastImageSide, limit.Height), limit.Height}
	return &Image{Recv: []ImageSize{within}, Width: limit.Width, Height: limit.Height}
}

// size has the line say img to a peer that said theirs, nil for nothing. a=framesize is for who
// knows it.
func (o *ownVideo) size(img, theirs *Image) {
	if img == nil {
		return
	}
	o.image = img.String()
	if theirs != nil && theirs.Width != 0 && img.Width != 0 {
		o.width, o.height = img.Width, img.Height
	}
}
