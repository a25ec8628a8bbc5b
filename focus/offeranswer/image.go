package offeranswer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Image is what one side says about picture sizes: the sets of a=imageattr (RFC 6236), best
// first, each side at most maxImageSets, and a=framesize (RFC 6064).
type Image struct {
	Send, Recv []ImageSize // nil is nothing said
	Width      int         // of a=framesize: the largest that is sent, pixels; 0 is nothing said
	Height     int
}

// ImageSize is one set of sizes in pixels. Where Min and Max are equal it is that size alone.
type ImageSize struct {
	MinWidth, MaxWidth   int // 1 to 999999
	MinHeight, MaxHeight int
}

const (
	maxImageSets = 4
	maxImageSide = 999999 // RFC 6236 section 3.1.1
)

// image reads what the peer says about pt; nil if that is nothing.
func (m *section) image(pt uint8) *Image {
	var img Image
	for _, a := range m.attrs {
		word, rest, _ := strings.Cut(a.value, " ")
		number, _, ok := cutNumber(word)
		if word != "*" && (!ok || number != pt) {
			continue
		}
		switch {
		case strings.EqualFold(a.name, "imageattr"):
			img.read(rest)
		case strings.EqualFold(a.name, "framesize") && img.Width == 0:
			img.readFrameSize(rest)
		}
	}
	if img.Send == nil && img.Recv == nil && img.Width == 0 {
		return nil
	}
	return &img
}

func (img *Image) readFrameSize(s string) {
	w, h, _ := strings.Cut(strings.TrimSpace(s), "-")
	width, ok1 := parseSide(w)
	height, ok2 := parseSide(h)
	if ok1 && ok2 {
		img.Width, img.Height = width, height
	}
}

// read reads "send [x=800,y=640] [x=480,y=320] recv [x=330,y=250]". A lone * and what is
// broken is as good as not said.
func (img *Image) read(s string) {
	var to *[]ImageSize
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if s[0] != '[' {
			var word string
			word, s, _ = strings.Cut(s, " ")
			switch strings.ToLower(word) {
			case "send":
				to = &img.Send
			case "recv":
				to = &img.Recv
			}
			continue
		}
		set, rest, ok := cutSet(s)
		if !ok {
			return
		}
		if size, ok := parseImageSize(set); ok && to != nil && len(*to) < maxImageSets {
			*to = append(*to, size)
		}
		s = rest
	}
}

// cutSet cuts off what stands in the brackets that s begins with. There may be brackets in it.
func cutSet(s string) (set, rest string, ok bool) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return s[1:i], s[i+1:], true
			}
		}
	}
	return "", "", false
}

// parseImageSize reads "x=800,y=[480:16:640],q=0.6".
func parseImageSize(set string) (size ImageSize, ok bool) {
	width, ok1 := setParam(set, "x")
	height, ok2 := setParam(set, "y")
	size.MinWidth, size.MaxWidth, ok = parseSides(width)
	low, high, fine := parseSides(height)
	size.MinHeight, size.MaxHeight = low, high
	return size, ok1 && ok2 && ok && fine
}

// setParam finds a parameter's value; commas within brackets do not end it.
func setParam(set, name string) (string, bool) {
	for set != "" {
		end, depth := len(set), 0
	find:
		for i := range len(set) {
			switch {
			case set[i] == '[':
				depth++
			case set[i] == ']':
				depth--
			case set[i] == ',' && depth == 0:
				end = i
				break find
			}
		}
		key, value, _ := strings.Cut(set[:end], "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value), true
		}
		set = strings.TrimPrefix(set[end:], ",")
	}
	return "", false
}

// parseSides reads 800, [480,800] or [480:16:800]: the least and the most.
func parseSides(s string) (low, high int, ok bool) {
	inner, list := strings.CutPrefix(s, "[")
	if !list {
		n, ok := parseSide(s)
		return n, n, ok
	}
	words := strings.FieldsFunc(strings.TrimSuffix(inner, "]"), func(r rune) bool { return r == ',' || r == ':' })
	if strings.Contains(inner, ":") && len(words) == 3 {
		words = slices.Delete(words, 1, 2) // the step
	}
	for _, w := range words {
		n, fine := parseSide(w)
		if !fine {
			return 0, 0, false
		}
		if !ok {
			low = n
		}
		low, high, ok = min(low, n), max(high, n), true
	}
	return low, high, ok
}

func parseSide(s string) (int, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31)
	return int(n), err == nil && n > 0 && n <= maxImageSide
}

// String returns what stands behind the payload type in a=imageattr; "" if nothing is said.
func (img *Image) String() string {
	var parts []string
	for _, way := range []struct {
		word string
		sets []ImageSize
	}{{"send", img.Send}, {"recv", img.Recv}} {
		for i, s := range way.sets {
			if i == 0 {
				parts = append(parts, way.word)
			}
			parts = append(parts, fmt.Sprintf("[x=%s,y=%s]", sides(s.MinWidth, s.MaxWidth), sides(s.MinHeight, s.MaxHeight)))
		}
	}
	return strings.Join(parts, " ")
}

func sides(low, high int) string {
	if low == high {
		return strconv.Itoa(low)
	}
	return fmt.Sprintf("[%d:%d]", low, high)
}
