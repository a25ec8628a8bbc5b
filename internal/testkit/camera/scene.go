package camera

import (
	"fmt"
	"strings"
)

// Colour is what a camera films.
type Colour struct {
	Name    string
	R, G, B uint8
}

// The colours lie far apart, so that none is taken for another after coding.
var (
	Red   = Colour{"red", 255, 0, 0}
	Green = Colour{"green", 0, 128, 0}
	Blue  = Colour{"blue", 0, 0, 255}
)

// Of what is filmed and shown.
const (
	width, height = 320, 240
	cells         = 10 // that count, at the bottom; the first has the lowest bit
	cellSide      = width / cells
	Rate          = 15 // pictures a second
	scale         = 5  // a screen is looked at in so many times less detail
	screenWidth   = width / scale
	screenHeight  = height / scale
	frameSize     = screenWidth * screenHeight * 3
)

// Numbers is after how many pictures their numbers begin again.
const Numbers = 1 << cells

// scene describes the picture to ffmpeg. The noise is for pictures of several packets.
func (c Colour) scene() (input, filter string) {
	input = fmt.Sprintf("color=c=0x%02x%02x%02x:s=%dx%d:r=%d", c.R, c.G, c.B, width, height, Rate)
	parts := []string{"noise=alls=6:allf=t", box(0, width, "black")}
	for i := range cells {
		parts = append(parts, fmt.Sprintf("%s:enable='mod(floor(n/%d),2)'", box(i*cellSide, cellSide, "white"), 1<<i))
	}
	return input, strings.Join(append(parts, "format=yuv420p"), ",")
}

func box(x, w int, colour string) string {
	return fmt.Sprintf("drawbox=x=%d:y=%d:w=%d:h=%d:color=%s:t=fill", x, height-cellSide, w, cellSide, colour)
}

// Frame is a picture that a screen showed.
type Frame struct {
	Colour Colour // the zero one if it is not of one colour, or of none that there is
	Number int    // what its cells say, below Numbers; -1 if they say nothing
	Sample string // a few of its pixels, for people
}

// look reads a picture of the screen's size in RGB.
func look(b []byte) Frame {
	f := Frame{Number: number(b), Sample: fmt.Sprintf("% x", []byte{b[0], b[1], b[2], b[frameSize/2], b[frameSize/2+1], b[frameSize/2+2]})}
	for _, c := range []Colour{Red, Green, Blue} {
		if c.fills(b) {
			f.Colour = c
		}
	}
	return f
}

// fills tells whether all above the cells has the colour.
func (c Colour) fills(b []byte) bool {
	above := (height - cellSide) / scale // the row that has something of both is not looked at
	for i := 0; i < above*screenWidth*3; i += 3 {
		if !c.Is([3]byte(b[i:])) {
			return false
		}
	}
	return true
}

// Is tells whether a pixel, red, green and blue, is of the colour, as far as coding has left it as
// it was.
func (c Colour) Is(p [3]byte) bool { return near(c.R, p[0]) && near(c.G, p[1]) && near(c.B, p[2]) }

func near(a, b uint8) bool { return max(a, b)-min(a, b) < 60 }

func number(b []byte) (n int) {
	for i := range cells {
		x, y := (i*cellSide+cellSide/2)/scale, (height-cellSide/2)/scale
		switch green := b[(y*screenWidth+x)*3+1]; {
		case green > 180:
			n |= 1 << i
		case green > 75:
			return -1
		}
	}
	return n
}
