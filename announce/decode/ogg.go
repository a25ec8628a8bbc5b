package decode

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// Flags of a page (RFC 3533 section 6).
const (
	pageContinued = 1 << iota // its first packet began on an earlier page
	pageFirst
	pageLast
)

// noGranule is the position of a page on which no packet ends.
const noGranule = -1

// page is one Ogg page. It is overwritten by the next.
type page struct {
	offset  int64 // in the file
	flags   byte
	granule int64
	serial  uint32
	number  uint32
	lacing  []byte
	body    []byte
}

// pages reads an Ogg file page by page. The reader of the pion stack does not tell where in
// a page its packets end; this one does.
type pages struct {
	r     *bufio.Reader
	at    int64
	room  [27 + 255 + 255*255]byte
	table *[256]uint32
}

func newPages(r io.ReaderAt, size, at int64) *pages {
	return &pages{r: bufio.NewReaderSize(io.NewSectionReader(r, at, size-at), 16<<10), at: at, table: &oggTable}
}

// next reads a page; io.EOF is the end of the file behind a whole page.
func (s *pages) next(p *page) error {
	head := s.room[:27]
	if n, err := io.ReadFull(s.r, head); err != nil {
		if n == 0 && err == io.EOF {
			return io.EOF
		}
		return s.cut(err)
	}
	if string(head[:4]) != "OggS" || head[4] != 0 {
		return malformed(s.at, "%q, want an Ogg page of version 0 (\"OggS\\x00\")", head[:5])
	}
	lacing := s.room[27 : 27+int(head[26])]
	if _, err := io.ReadFull(s.r, lacing); err != nil {
		return s.cut(err)
	}
	n := 0
	for _, l := range lacing {
		n += int(l)
	}
	whole := s.room[:27+len(lacing)+n]
	body := whole[27+len(lacing):]
	if _, err := io.ReadFull(s.r, body); err != nil {
		return s.cut(err)
	}
	le := binary.LittleEndian
	want := le.Uint32(head[22:])
	clear(head[22:26])
	if sum := s.checksum(whole); sum != want {
		return malformed(s.at, "checksum of the Ogg page is %08x, want %08x", sum, want)
	}
	*p = page{offset: s.at, flags: head[5], granule: int64(le.Uint64(head[6:])), serial: le.Uint32(head[14:]),
		number: le.Uint32(head[18:]), lacing: lacing, body: body}
	s.at += int64(len(whole))
	return nil
}

// cut is the error of a page that is not whole.
func (s *pages) cut(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed(s.at, "the file ends in the middle of an Ogg page: was it cut off?")
	}
	return err
}

// checksum is the CRC of RFC 3533 section 6: not the one of hash/crc32, which is reflected.
func (s *pages) checksum(b []byte) (sum uint32) {
	for _, v := range b {
		sum = sum<<8 ^ s.table[byte(sum>>24)^v]
	}
	return sum
}

var oggTable = func() (t [256]uint32) {
	for i := range t {
		r := uint32(i) << 24
		for range 8 {
			r = r<<1 ^ (r>>31)*0x04c11db7
		}
		t[i] = r
	}
	return t
}()
