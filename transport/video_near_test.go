package transport

import (
	"testing"
	"unsafe"

	"github.com/confd/confd/internal/cache"
)

// TestVideoNear: what is fetched is where it is said to be, at any time of a leg's life.
func TestVideoNear(t *testing.T) {
	if size := unsafe.Sizeof(wire{}); size > cache.Line {
		t.Errorf("what every packet asks has %d bytes, want one line", size)
	}
	fresh := listenVideo(t)
	secure, _ := show(t, func(p *VideoParams) { p.SRTP = testKeys(AEADAES128GCM) })
	plain, _ := show(t, nil)
	for _, v := range []*VideoLeg{fresh, secure, plain} {
		v.Near()
		v.NearSetup()
		_ = v.Close()
		v.Near()
		v.NearSetup()
	}
	if secure.wire.gcm != secure.leg.crypto.gcm || secure.wire.cipher != secure.leg.crypto.gcm.tables || secure.wire.keys != secure.leg.crypto.cryptoKeys {
		t.Error("other keys are fetched than are used")
	}
}
