package film

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Packet is an RTP packet as it arrived.
type Packet struct {
	At   time.Duration // since the recording began, whole milliseconds
	Data []byte        // from the RTP header on, at most 65527 bytes
}

const (
	dumpLine   = "#!rtpplay1.0 "
	dumpHeader = 16 // start, source and port
	itemHeader = 8
)

// WriteRTP writes a file in the format of rtpdump: a line, 16 bytes that say where the
// packets came from (here 0), then for each packet the length of all of its record, its own
// length, both of 16 bits, its time in milliseconds, of 32, and itself.
func WriteRTP(w io.Writer, packets []Packet) error {
	b := append([]byte(dumpLine+"127.0.0.1/0\n"), make([]byte, dumpHeader)...)
	for _, p := range packets {
		if len(p.Data) > 0xffff-itemHeader {
			return fmt.Errorf("a packet of %d bytes does not fit into an rtpdump file, at most %d do", len(p.Data), 0xffff-itemHeader)
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(p.Data)+itemHeader))
		b = binary.BigEndian.AppendUint16(b, uint16(len(p.Data)))
		b = binary.BigEndian.AppendUint32(b, uint32(p.At.Milliseconds()))
		b = append(b, p.Data...)
	}
	_, err := w.Write(b)
	return err
}

// ReadRTP reads what WriteRTP writes. RTCP, whose own length is written as 0, is left out.
func ReadRTP(from io.Reader) (packets []Packet, err error) {
	r := bufio.NewReader(from)
	line, err := r.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, dumpLine) {
		return nil, fmt.Errorf("not an rtpdump file: it begins with %.20q, want %q", line, dumpLine)
	}
	var header [dumpHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, fmt.Errorf("an rtpdump file that ends within its header: %w", err)
	}
	for {
		p, rtp, err := readItem(r)
		if errors.Is(err, io.EOF) {
			return packets, nil
		}
		if err != nil {
			return nil, fmt.Errorf("after %d packets of an rtpdump file: %w", len(packets), err)
		}
		if rtp {
			packets = append(packets, p)
		}
	}
}

// readItem reads a record. io.EOF means that there is none.
func readItem(r io.Reader) (p Packet, rtp bool, err error) {
	var header [itemHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return p, false, err
	}
	length := int(binary.BigEndian.Uint16(header[:]))
	if length < itemHeader {
		return p, false, fmt.Errorf("a record of %d bytes, want at least %d", length, itemHeader)
	}
	p.At = time.Duration(binary.BigEndian.Uint32(header[4:])) * time.Millisecond
	p.Data = make([]byte, length-itemHeader)
	if _, err := io.ReadFull(r, p.Data); err != nil {
		return p, false, fmt.Errorf("a record of %d bytes is cut off", length)
	}
	return p, binary.BigEndian.Uint16(header[2:]) != 0, nil
}
