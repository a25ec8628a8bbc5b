package transport

import (
	"crypto/aes"
	"crypto/cipher"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/confd/confd/internal/clock"
)

// BenchmarkSendVideo times a frame of five packets to each of five hundred legs, beside the same
// frame written by a bare sendmsg with UDP_SEGMENT on connected sockets, from one buffer that
// has it ready, or where it is AES-GCM sealed there by nothing but the cipher. Rounds of the
// two alternate, as in BenchmarkTick. AES-CM is beside the plain frame: most of its cost is the
// hash.
func BenchmarkSendVideo(b *testing.B) {
	for _, c := range []struct {
		name   string
		change func(*VideoParams)
	}{
		{"plain", nil},
		{"plain_numbered", func(p *VideoParams) { p.TransportCCID = 3 }},
		{"AEAD_AES_128_GCM", func(p *VideoParams) { p.SRTP = testKeys(AEADAES128GCM) }},
		{"AES_CM_128_HMAC_SHA1_80", func(p *VideoParams) { p.SRTP = testKeys(AES128CMHMACSHA180) }},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkSendVideo(b, c.change) })
	}
}

const (
	videoLegs    = 500
	framePackets = 5
	framePayload = 1188 // 1,200 with the header
)

// bareRun is a frame ready to be cut.
type bareRun struct {
	hdr     unix.Msghdr
	iov     unix.Iovec
	control [32]byte
	size    int // of a packet
	gcm     cipher.AEAD
	nonce   [12]byte
	data    [framePackets * (headerSize + framePayload + gcmTag)]byte
}

const gcmTag = 16

func newBareRun(k *SRTP) *bareRun {
	r := &bareRun{size: headerSize + framePayload}
	if k != nil && k.Suite == AEADAES128GCM {
		block, _ := aes.NewCipher(k.LocalKey)
		r.gcm, _ = cipher.NewGCM(block)
		r.size += gcmTag
	}
	r.iov.Base = &r.data[0]
	r.iov.SetLen(framePackets * r.size)
	r.hdr.Iov = &r.iov
	r.hdr.SetIovlen(1)
	h := (*unix.Cmsghdr)(unsafe.Pointer(&r.control[0]))
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	*(*uint16)(unsafe.Pointer(&r.control[unix.CmsgLen(0)])) = uint16(r.size)
	r.hdr.Control = &r.control[0]
	r.hdr.SetControllen(unix.CmsgSpace(2))
	return r
}

func (r *bareRun) send(fd int) {
	for i := 0; r.gcm != nil && i < framePackets; i++ {
		b := r.data[i*r.size:][:headerSize+framePayload]
		r.gcm.Seal(b[headerSize:headerSize], r.nonce[:], b[headerSize:], b[:headerSize])
		r.nonce[11]++
	}
	_, _, _ = unix.RawSyscall6(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.hdr)), unix.MSG_DONTWAIT, 0, 0, 0)
}

// sink is a socket that is never read: what does not fit is dropped by the kernel, for both
// alike.
func sink(b *testing.B) socket {
	s := openBare(b)
	_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1)
	return s
}

func benchmarkSendVideo(b *testing.B, change func(*VideoParams)) {
	legs, bare := make([]*VideoLeg, videoLegs), make([]socket, videoLegs)
	for i := range legs {
		far, other := sink(b), sink(b)
		legs[i], _ = show(b, func(p *VideoParams) {
			p.RemoteRTP = addrOf(&far)
			if change != nil {
				change(p)
			}
		})
		bare[i] = openBare(b)
		join(b, &bare[i], addrOf(&other))
	}
	frame := make([]byte, framePackets*framePayload)
	out := make([]VideoOut, framePackets)
	for i := range out {
		p := frame[i*framePayload:][:framePayload]
		out[i] = VideoOut{Head: p[:4], Body: p[4:], Marker: i == framePackets-1}
	}
	run := newBareRun(legs[0].setup.params.SRTP)
	var legTime, bareTime time.Duration
	rounds := max(b.N/videoLegs, 20)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ReportAllocs()
	b.ResetTimer()
	for round := range rounds {
		for i := range out {
			out[i].Sequence, out[i].Timestamp = uint16(round*framePackets+i), uint32(round*3000)
		}
		now := clock.Now()
		start := threadTime()
		for i, v := range legs {
			legs[(i+2)%len(legs)].Near()
			legs[(i+1)%len(legs)].NearSetup()
			v.SendVideo(now, out)
		}
		middle := threadTime()
		for i := range bare {
			run.send(bare[i].fd)
		}
		bareTime += threadTime() - middle
		legTime += middle - start
	}
	b.StopTimer()
	n := float64(rounds * videoLegs * framePackets)
	b.ReportMetric(float64(legTime)/n, "ns/packet")
	b.ReportMetric(float64(bareTime)/n, "ns/bare")
	b.ReportMetric(float64(legTime)/float64(bareTime), "ratio")
	for _, v := range legs {
		if s := v.Stats(); s.PacketsSent != uint64(rounds*framePackets) || s.Uncut != 0 {
			b.Fatalf("%+v", s)
		}
	}
}
