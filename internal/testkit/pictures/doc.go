// Package pictures makes RTP streams as a camera and its encoder would send them, without
// either, and checks what became of them on their way through a server: VP8, VP9, H.264,
// H.265 and AV1, with temporal and spatial layers, simulcast, and frame marking.
//
// Headers and descriptors are as the payload formats lay them down. Behind them is no coded
// picture but a Tag that says which picture it is, of whom, and which others it needs, and
// filling that can be verified. A Checker knows from the tags whether a decoder could have
// shown all that came.
//
// It shares no code with the server, so that a mistake cannot cancel itself out.
package pictures
