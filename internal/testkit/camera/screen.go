package camera

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtcp"
)

// screen is an ffmpeg that decodes what it is sent.
type screen struct {
	cmd    *exec.Cmd
	out    io.ReadCloser
	errors lines
	dir    string
	rtp    net.Conn
	queue  chan []byte
	done   chan struct{} // closed when it is gone

	mu     sync.Mutex
	frames []Frame
}

// newScreen starts one. It drops nothing: what it cannot decode it says.
func (o *Options) newScreen() (*screen, error) {
	s := &screen{queue: make(chan []byte, 4096), done: make(chan struct{})}
	rtp, control, err := pair(o.Network, netip.IPv4Unspecified()) // as ffmpeg will
	if err != nil {
		return nil, err
	}
	port := uint16(rtp.LocalAddr().(*net.UDPAddr).Port)
	rtp.Close()
	control.Close()
	if s.dir, err = os.MkdirTemp("", "screen-"); err != nil {
		return nil, err
	}
	sdp := filepath.Join(s.dir, "screen.sdp")
	if err := os.WriteFile(sdp, []byte(o.Codec.session(port)), 0o600); err != nil {
		return nil, err
	}
	s.cmd = o.Command("ffmpeg", "-hide_banner", "-nostdin", "-v", "warning",
		"-protocol_whitelist", "file,udp,rtp", "-listen_timeout", "60", "-buffer_size", "1000000", "-fpsprobesize", "0", "-flags", "low_delay",
		"-err_detect", "explode", "-threads", "1", "-i", sdp,
		"-an", "-vsync", "passthrough", "-enc_time_base", "-1", "-vf", fmt.Sprintf("scale=%d:%d:flags=area", screenWidth, screenHeight),
		"-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1")
	s.cmd.Stderr = &s.errors
	if s.out, err = s.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if s.rtp, err = o.dial(port); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go s.watch()
	go s.feed(o, port+1)
	return s, nil
}

// session is the description for ffmpeg.
func (c Codec) session(port uint16) string {
	return "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" + c.media(port)
}

func (o *Options) dial(port uint16) (net.Conn, error) {
	return o.Network.DialContext(o.context(), "udp", netip.AddrPortFrom(loopback, port).String())
}

// watch takes down what is shown.
func (s *screen) watch() {
	defer close(s.done)
	b := make([]byte, frameSize)
	for {
		if _, err := io.ReadFull(s.out, b); err != nil {
			_ = s.cmd.Wait()
			return
		}
		f := look(b)
		s.mu.Lock()
		s.frames = append(s.frames, f)
		s.mu.Unlock()
	}
}

// feed hands ffmpeg what it is to decode, as soon as it listens on its RTCP port, which it
// opens last.
func (s *screen) feed(o *Options, control uint16) {
	c, err := o.dial(control)
	if err != nil {
		return
	}
	defer c.Close()
	probe, _ := (&rtcp.ReceiverReport{}).Marshal()
	for quiet := 0; quiet < 3; quiet++ { // a refusal is told with the packet after
		if _, err := c.Write(probe); err != nil {
			quiet = -1
		}
		time.Sleep(10 * time.Millisecond)
	}
	for n := 1; ; n++ {
		select {
		case <-s.done:
			return
		case b := <-s.queue:
			_, _ = s.rtp.Write(b)
		}
		if n%16 == 0 { // its socket's buffer has room for some tens of packets
			time.Sleep(time.Millisecond)
		}
	}
}

// put hands it the next packet.
func (s *screen) put(b []byte) {
	select {
	case s.queue <- b:
	case <-s.done:
	}
}

// manyFaults is how many complaints are told one by one.
const manyFaults = 5

// faults are what ffmpeg complained of.
func (s *screen) faults() (all []string) {
	for l := range strings.Lines(s.errors.all()) {
		if l = strings.TrimSpace(l); l != "" && !harmless(l) {
			all = append(all, l)
		}
	}
	if n := len(all); n > manyFaults {
		all = append(all[:manyFaults], fmt.Sprintf("and %d more", n-manyFaults))
	}
	return all
}

// harmless tells what ffmpeg says of every stream.
func harmless(line string) bool {
	for _, s := range []string{"deprecated pixel format", "-vsync is deprecated", "not enough frames to estimate rate", "support is still experimental"} {
		if strings.Contains(line, s) {
			return true
		}
	}
	return false
}

func (s *screen) close() {
	_ = s.cmd.Process.Kill()
	<-s.done
	s.rtp.Close()
	_ = os.RemoveAll(s.dir)
}
