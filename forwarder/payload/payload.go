package payload

import (
	"errors"

	"github.com/confd/confd/media"
)

// What Read refuses a payload with. They are returned as they are, without detail, because a
// hostile sender may cause one per packet.
var (
	// ErrCodec: there is no reader for the codec.
	ErrCodec = errors.New("payload: not a video codec that can be read")
	// ErrShort: the payload ends within its own header, or within what the header announces.
	ErrShort = errors.New("payload: ends before what its header announces")
	// ErrMalformed: a value that the codec's RTP payload format forbids.
	ErrMalformed = errors.New("payload: holds what its RTP payload format forbids")
)

// Info is what one packet tells of the picture that it is part of.
//
// VP8 and VP9 tell in every packet's descriptor. H.264, H.265 and AV1 tell less: there Begin
// says only that the packet can be the first of a picture, and the RTP timestamp and marker
// decide.
type Info struct {
	// Begin is true in the first packet of a picture: VP8, and frame marking, for certain;
	// VP9 of each spatial layer's frame; H.264, H.265, AV1: the packet can be the first,
	// because it begins with a delimiter, parameter sets, SEI or a picture's first slice.
	Begin bool
	// End is true in the last packet of a VP9 layer's frame, and by frame marking. The others
	// tell only by the RTP marker.
	End bool
	// Key: a decoder can begin with this picture. A picture is key if one of its packets says
	// so. VP8, VP9: told by the first packet. H.264: by each with a slice of an IDR picture,
	// provided that the decoder has the parameter sets. H.265: by each with a slice of an
	// IRAP picture. AV1: by the first of a coded video sequence.
	Key bool
	// Leading: of a picture that comes after an IRAP picture and before it in what is shown, and
	// needs pictures from before that: who begins with the IRAP picture cannot decode it (H.265
	// RASL).
	Leading bool
	// Parameters: carries H.264 SPS or PPS, H.265 VPS, SPS or PPS, AV1's sequence header.
	Parameters bool
	// Temporal and Spatial are the layers, 0 to 7; 0 where nothing is told. AV1 tells in the
	// first packet of a frame, H.264 in the one with a prefix, unless there is frame marking.
	Temporal, Spatial uint8
	// Sync: from this picture on, its temporal layer can be added to what a receiver gets
	// (VP8 Y, VP9 U, H.265 TSA and STSA, frame marking B).
	Sync bool
	// Discardable: no other picture needs this one. For packets that cannot tell, false.
	Discardable bool

	HasPictureID, HasTL0, HasKeyIndex bool
	PictureID                         uint16 // VP8, VP9
	PictureIDBits                     uint8  // 7 or 15; 0 without
	TL0                               uint8  // TL0PICIDX: VP8, VP9, frame marking, PACSI, TSCI
	KeyIndex                          uint8  // VP8 KEYIDX, 0 to 31

	// Width and Height are in pixels, as shown (cropped); 0 where this packet does not tell.
	// VP9 with a scalability structure: those of its largest layer.
	Width, Height uint16
}

// Read writes to i what a payload tells; frameMarking is the content of the RTP header
// extension of RFC 9626, nil without. On an error (ErrCodec, ErrShort, ErrMalformed) i is not
// to be used. An empty payload is ErrShort.
func Read(c media.VideoCodec, payload, frameMarking []byte, i *Info) error {
	*i = Info{}
	if len(payload) == 0 {
		return ErrShort
	}
	switch c {
	case media.VP8:
		return readVP8(payload, i)
	case media.VP9:
		return readVP9(payload, i)
	case media.H264:
		return marked(readH264(payload, i), frameMarking, i)
	case media.H265:
		return marked(readH265(payload, i), frameMarking, i)
	case media.AV1:
		return readAV1(payload, i)
	}
	return ErrCodec
}

// Numbers are what a packet is to carry when it leaves.
type Numbers struct {
	PictureID uint16 // VP8, VP9: of 15 bits, higher ones are ignored
	TL0       uint8  // VP8, VP9 in non-flexible mode
	KeyIndex  uint8  // VP8: of 5 bits, higher ones are ignored
}

// Rewrite appends to dst the beginning of a payload with n in it, and tells how many bytes
// of the payload that replaces: head followed by payload[replaced:] is what leaves. Fields
// that the payload lacks are not added. A picture id of 7 bits becomes one of 15, so that
// sources of either kind share one space of numbers; head is then a byte longer than
// what it replaces. Without anything to rewrite, replaced is 0 and head is dst.
//
// The payload must be one that Read took. Rewrite allocates only if dst has no room for
// MaxHead bytes more.
func Rewrite(c media.VideoCodec, dst, payload []byte, n *Numbers) (head []byte, replaced int) {
	switch c {
	case media.VP8:
		return rewriteVP8(dst, payload, n)
	case media.VP9:
		return rewriteVP9(dst, payload, n)
	}
	return dst, 0
}

// MaxHead is how many bytes Rewrite appends at most.
const MaxHead = 8
