package feedback

import "encoding/binary"

// AppendPLI writes a picture loss indication (RFC 4585 section 6.3.1): media's decoder has
// lost its picture, and a key frame would help.
func AppendPLI(dst []byte, sender, media uint32) []byte {
	return Append(dst, TypePayload, FormatPLI, sender, media, 0)
}

// Refresh is an entry of a full intra request (RFC 5104 section 4.3.1).
type Refresh struct {
	SSRC     uint32 // whose picture is asked for
	Sequence uint8  // of the command: one that is repeated keeps its number
}

const refreshSize = 8

// AppendFIR writes a full intra request for one source.
func AppendFIR(dst []byte, sender uint32, r Refresh) []byte {
	dst = Append(dst, TypePayload, FormatFIR, sender, 0, refreshSize/4)
	dst = binary.BigEndian.AppendUint32(dst, r.SSRC)
	return append(dst, r.Sequence, 0, 0, 0)
}

// Refreshes are the entries of a full intra request. The zero value is empty.
type Refreshes struct{ fci []byte }

// ReadFIR takes the control information of a full intra request; false if it is empty or not
// made of whole entries.
func ReadFIR(fci []byte) (Refreshes, bool) {
	if len(fci) == 0 || len(fci)%refreshSize != 0 {
		return Refreshes{}, false
	}
	return Refreshes{fci}, true
}

// Next returns the next entry.
func (r *Refreshes) Next() (Refresh, bool) {
	if len(r.fci) == 0 {
		return Refresh{}, false
	}
	e := Refresh{SSRC: binary.BigEndian.Uint32(r.fci), Sequence: r.fci[4]}
	r.fci = r.fci[refreshSize:]
	return e, true
}
