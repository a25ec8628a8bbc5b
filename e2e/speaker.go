package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/client"
)

// enter has a baresip call a room, and returns it as it joined.
func (c *confd) enter(t *testing.T, s *story, b *baresip, room string) *client.Participant {
	t.Helper()
	from := s.last()
	b.dial(t, c.uri(room))
	return s.joined(room, "baresip", from)
}

// speaker is a SIPp that calls a room and plays a tone there until it is hung up on. Any
// other request in its call, as a re-INVITE, is a failure.
type speaker struct {
	*process
	*client.Participant        // as it joined
	log                 string // file of why it was hung up on
}

// speak has one call a room, and waits until it is heard: SIPp, too, is ready for a BYE then.
func (c *confd) speak(t *testing.T, s *story, room string, freq, level float64) *speaker {
	t.Helper()
	k := &speaker{log: filepath.Join(t.TempDir(), "told")}
	from := s.last()
	k.process = startSipp(t, c.place, sippRun{
		scenario: "stay.xml", target: c.sip, room: room, transport: "u1", calls: 1, rate: 1, freq: freq, level: level, log: k.log,
	})
	k.Participant = s.joined(room, "sipp", from)
	s.of("talking.started", k.ID)
	return k
}

// told waits for the BYE, which must say why.
func (k *speaker) told(t *testing.T, why string) {
	t.Helper()
	if err := sippDone(k.process, 1, 10*time.Second); err != nil {
		t.Error(err)
	}
	if log, err := os.ReadFile(k.log); err != nil || !strings.Contains(string(log), `text="`+why+`"`) {
		t.Errorf("SIPp was told %q (%v), want %s", log, err, why)
	}
}
