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

func readVP8(b []byte, i *Info) error {
	at, err := readVP8Descriptor(b, i)
	if err == nil && i.Begin {
		readVP8Header(b[at:], i)
	}
	return err
}

// readVP8Descriptor reads the descriptor, and returns where the picture's data are.
func readVP8Descriptor(b []byte, i *Info) (at int, err error) {
	at = 1
	if b[0]&vp8Extended != 0 {
		if at, err = readVP8Extension(b, i); err != nil {
			return at, err
		}
	}
	if len(b) <= at {
		return at, ErrShort // a descriptor describes at least a byte
	}
	i.Begin = b[0]&vp8Start != 0 && b[0]&vp8Partition == 0
	i.Discardable = b[0]&vp8Unneeded != 0
	return at, nil
}

// readVP8Extension reads the optional fields, and returns where they end.
func readVP8Extension(b []byte, i *Info) (at int, err error) {
	if len(b) < 3 {
		return 0, ErrShort
	}
	x, at := b[1], 2
	if x&vp8HasPicture != 0 {
		if b[2]&longPicture != 0 && len(b) < 4 {
			return 0, ErrShort
		}
		at += readPictureID(b[2:], i)
	}
	if x&vp8HasTL0 != 0 {
		if len(b) <= at {
			return 0, ErrShort
		}
		i.HasTL0, i.TL0 = true, b[at]
		at++
	}
	if x&(vp8HasLayer|vp8HasKey) != 0 {
		if len(b) <= at {
			return 0, ErrShort
		}
		i.readVP8Layer(x, b[at])
		at++
	}
	return at, nil
}

// readVP8Layer reads the byte that holds the layer, the key index, or both.
func (i *Info) readVP8Layer(x, layer byte) {
	if x&vp8HasLayer != 0 {
		i.Temporal, i.Sync = layer>>6, layer&vp8LayerSync != 0
	}
	if x&vp8HasKey != 0 {
		i.HasKeyIndex, i.KeyIndex = true, layer&vp8KeyIndex
	}
}

// readPictureID reads the form that VP8 and VP9 share, and returns its length. b is long
// enough.
func readPictureID(b []byte, i *Info) int {
	i.HasPictureID, i.PictureIDBits, i.PictureID = true, 7, uint16(b[0])
	if b[0]&longPicture == 0 {
		return 1
	}
	i.PictureIDBits, i.PictureID = 15, uint16(b[0]&^longPicture)<<8|uint16(b[1])
	return 2
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
	if len(b) < 3 || b[0]&vp8Extended == 0 {
		return dst, 0
	}
	before, x, at := len(dst), b[1], 2
	dst = append(dst, b[0], x)
	if x&vp8HasPicture != 0 {
		dst = append(dst, longPicture|byte(n.PictureID>>8), byte(n.PictureID))
		at += pictureIDSize(b[2])
	}
	if x&vp8HasTL0 != 0 {
		dst = append(dst, n.TL0)
		at++
	}
	if x&(vp8HasLayer|vp8HasKey) != 0 && at < len(b) {
		layer := b[at]
		if x&vp8HasKey != 0 {
			layer = layer&^vp8KeyIndex | n.KeyIndex&vp8KeyIndex
		}
		dst = append(dst, layer)
		at++
	}
	if at == 2 || at >= len(b) {
		return dst[:before], 0
	}
	return dst, at
}

// pictureIDSize is the length of a picture id by its first byte.
func pictureIDSize(first byte) int { return 1 + int(first>>7) }
