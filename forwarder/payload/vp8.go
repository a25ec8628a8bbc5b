package payload

// Bits of the VP8 payload descriptor (RFC 7741 section 4.2).
const (
	vp8Extended   = 0x80 // X
	vp8Unneeded   = 0x20 // N
	vp8Start      = 0x10 // S
	vp8Partition  = 0x07 // PID
	vp8HasPicture = 0x80 // I
	vp8HasTL0     = 0x40 // L
	vp8HasLayer   = 0x20 // T
	vp8HasKey     = 0x10 // K
	vp8LayerSync  = 0x20 // Y
	vp8KeyIndex   = 0x1f // KEYIDX
	longPicture   = 0x80 // M: the picture id has 15 bits; VP9 alike
)

// vp8Fields is where the descriptor's fields are; 0 is nowhere.
type vp8Fields struct {
	picture, tl0, layer int
	long, hasKey        bool
	size                int // of the descriptor
}

// findVP8 returns where the fields of a descriptor are.
func findVP8(b []byte) (f vp8Fields, err error) {
	f.size = 1
	if b[0]&vp8Extended == 0 {
		return f, nil
	}
	if len(b) < 2 {
		return f, ErrShort
	}
	x := b[1]
	f.size = 2
	f.hasKey = x&vp8HasKey != 0
	if x&vp8HasPicture != 0 {
		if len(b) < 3 {
			return f, ErrShort
		}
		f.picture, f.long = f.size, b[2]&longPicture != 0
		f.size++
		if f.long {
			f.size++
		}
	}
	if x&vp8HasTL0 != 0 {
		f.tl0 = f.size
		f.size++
	}
	if x&(vp8HasLayer|vp8HasKey) != 0 {
		f.layer = f.size
		f.size++
	}
	if len(b) < f.size {
		return f, ErrShort
	}
	return f, nil
}

func readVP8(b []byte, i *Info) error {
	f, err := findVP8(b)
	if err != nil {
		return err
	}
	i.Begin = b[0]&vp8Start != 0 && b[0]&vp8Partition == 0
	i.Discardable = b[0]&vp8Unneeded != 0
	if f.picture > 0 {
		readPictureID(b[f.picture:], i)
	}
	if f.tl0 > 0 {
		i.HasTL0, i.TL0 = true, b[f.tl0]
	}
	if f.layer > 0 && b[1]&vp8HasLayer != 0 {
		i.Temporal, i.Sync = b[f.layer]>>6, b[f.layer]&vp8LayerSync != 0
	}
	if f.hasKey {
		i.HasKeyIndex, i.KeyIndex = true, b[f.layer]&vp8KeyIndex
	}
	if len(b) == f.size {
		return ErrShort // a descriptor describes at least a byte
	}
	if i.Begin {
		readVP8Header(b[f.size:], i)
	}
	return nil
}

// readPictureID reads the form that VP8 and VP9 share. b is long enough.
func readPictureID(b []byte, i *Info) {
	i.HasPictureID, i.PictureIDBits, i.PictureID = true, 7, uint16(b[0]&^longPicture)
	if b[0]&longPicture != 0 {
		i.PictureIDBits, i.PictureID = 15, i.PictureID<<8|uint16(b[1])
	}
}

// readVP8Header reads the frame header (RFC 6386 section 9.1): three bytes, whose lowest
// bit is clear in a key frame, which a start code and the size follow.
func readVP8Header(b []byte, i *Info) {
	if b[0]&1 != 0 {
		return
	}
	i.Key = true
	if len(b) < 10 || b[3] != 0x9d || b[4] != 0x01 || b[5] != 0x2a {
		return
	}
	i.Width = (uint16(b[7])<<8 | uint16(b[6])) & 0x3fff // above are scaling hints
	i.Height = (uint16(b[9])<<8 | uint16(b[8])) & 0x3fff
}

func rewriteVP8(dst, b []byte, n *Numbers) ([]byte, int) {
	if len(b) == 0 {
		return dst, 0
	}
	f, err := findVP8(b)
	if err != nil || f.size <= 2 {
		return dst, 0
	}
	dst = append(dst, b[:2]...)
	if f.picture > 0 {
		dst = appendPictureID(dst, n.PictureID)
	}
	if f.tl0 > 0 {
		dst = append(dst, n.TL0)
	}
	if f.layer > 0 {
		layer := b[f.layer]
		if f.hasKey {
			layer = layer&^vp8KeyIndex | n.KeyIndex&vp8KeyIndex
		}
		dst = append(dst, layer)
	}
	return dst, f.size
}

// appendPictureID writes one of 15 bits.
func appendPictureID(dst []byte, id uint16) []byte {
	return append(dst, longPicture|byte(id>>8), byte(id))
}
