// Package camera is a video line of a test kit phone: a camera, and a screen that tells what
// it showed. Both are ffmpeg, so that the pictures are a real encoder's, and are judged by a
// real decoder.
//
// What a camera films has one colour, which tells whose picture it is, and a row of cells
// that count pictures. Between ffmpeg and the peer it keeps what it sent, to answer NACKs,
// asks again for what it misses, and hands the screen all packets in their order.
//
//	c, err := camera.New(camera.Options{Codec: camera.VP8, Colour: camera.Red})
//	defer c.Close()
//	p, err := phone.Dial(ctx, phone.Options{URI: uri, Lines: []phone.Line{c}})
//	for _, f := range c.Frames() {...}
package camera
