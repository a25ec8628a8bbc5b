package camera

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"time"
)

// encoder is an ffmpeg that films, and the sockets that it sends to.
type encoder struct {
	rtp, rtcp *net.UDPConn
	cmd       *exec.Cmd
	errors    lines
	done      chan struct{}
}

// encode starts one. Packets are handed on until stop; control may be nil.
func (o *Options) encode(interval int, timing []string, packet, control func([]byte)) (*encoder, error) {
	e := &encoder{done: make(chan struct{})}
	var err error
	if e.rtp, e.rtcp, err = pair(o.Network, loopback); err != nil {
		return nil, err
	}
	_ = e.rtp.SetReadBuffer(1 << 20)
	input, filter := o.Colour.scene()
	args := append([]string{"-hide_banner", "-nostdin", "-v", "error"}, timing...)
	args = append(args, "-f", "lavfi", "-i", input, "-vf", filter)
	args = append(args, o.Codec.encoding(interval)...)
	port := e.rtp.LocalAddr().(*net.UDPAddr).Port
	e.cmd = o.Command("ffmpeg", append(args, fmt.Sprintf("rtp://127.0.0.1:%d?rtcpport=%d&pkt_size=1000", port, port+1))...)
	e.cmd.Stderr = &e.errors
	if err := e.cmd.Start(); err != nil {
		e.rtp.Close()
		e.rtcp.Close()
		return nil, err
	}
	go func() {
		_ = e.cmd.Wait()
		close(e.done)
	}()
	go read(e.rtp, packet)
	go read(e.rtcp, control)
	return e, nil
}

// read hands on copies of what comes.
func read(c *net.UDPConn, to func([]byte)) {
	buf := make([]byte, 65536)
	for {
		n, err := c.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && to != nil {
			to(append([]byte(nil), buf[:n]...))
		}
	}
}

func (e *encoder) stop() {
	_ = e.cmd.Process.Kill()
	<-e.done
	e.rtp.Close()
	e.rtcp.Close()
}

// filmLength is how many pictures a film has before it begins again.
const filmLength = 8 * Rate

// film is what a camera plays that makes a key frame whenever one is wanted: it goes back to
// the film's first picture, the only one that is.
type film struct {
	pictures [][][]byte // packets of each
}

// record makes a film, in an eighth of the time that it takes to play it.
func (o *Options) record() (*film, error) {
	f := &film{}
	packets := make(chan []byte, 4096)
	timing := []string{"-readrate", "8", "-t", strconv.Itoa(filmLength/Rate + 1)}
	e, err := o.encode(10*filmLength, timing, func(b []byte) { packets <- b }, nil)
	if err != nil {
		return nil, err
	}
	defer e.stop()
	for at := uint16(0); len(f.pictures) <= filmLength; at++ {
		select {
		case b := <-packets:
			if sequence := binary.BigEndian.Uint16(b[2:]); len(f.pictures) > 0 && sequence != at {
				return nil, fmt.Errorf("packet %d of the film was lost on the way", at)
			} else {
				at = sequence
			}
			f.add(b)
		case <-time.After(10 * time.Second):
			return nil, fmt.Errorf("ffmpeg stopped after %d pictures of a film: %s", len(f.pictures), e.errors.all())
		}
	}
	f.pictures = f.pictures[:filmLength]
	return f, nil
}

func (f *film) add(b []byte) {
	last := len(f.pictures) - 1
	if last < 0 || timestamp(f.pictures[last][0]) != timestamp(b) {
		f.pictures = append(f.pictures, nil)
		last++
	}
	f.pictures[last] = append(f.pictures[last], b)
}

func timestamp(b []byte) uint32 { return binary.BigEndian.Uint32(b[4:]) }

// play hands on the film's packets, numbered without a gap, until done; from its beginning
// whenever key is asked.
func (f *film) play(packet func([]byte), key, done <-chan struct{}) {
	tick := time.NewTicker(time.Second / Rate)
	defer tick.Stop()
	first := f.pictures[0][0]
	sequence, ts := binary.BigEndian.Uint16(first[2:]), timestamp(first)
	for at := 0; ; at = (at + 1) % len(f.pictures) {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		select {
		case <-key:
			at = 0
		default:
		}
		for _, b := range f.pictures[at] {
			b = append([]byte(nil), b...)
			binary.BigEndian.PutUint16(b[2:], sequence)
			binary.BigEndian.PutUint32(b[4:], ts)
			packet(b)
			sequence++
		}
		ts += 90000 / Rate
	}
}
