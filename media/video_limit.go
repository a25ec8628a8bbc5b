package media

// VideoLimit is the most that somebody takes of a [VideoFormat]. A zero field is not told.
type VideoLimit struct {
	// Level is level_idc for H.264, 9 for level 1b; level-id for H.265 (30 times the level);
	// level-idx for AV1.
	Level uint8
	// Width and Height are of the largest picture, pixels.
	Width, Height int
	FrameSize     int // macroblocks of 16x16 per picture, of VP8 and VP9
	FrameRate     int // pictures per second, of VP8 and VP9
}
