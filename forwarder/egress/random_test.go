package egress

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
)

// script is what a test does at random: bytes that run out.
type script []byte

func (s *script) draw() int {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return int(b)
}

// world is a bench with sources that are replaced, losses on the way in, and a receiver that
// asks for what it likes. receiver checks that whatever leaves is decodable and continuous.
type world struct {
	*bench
	script
	codec    media.VideoCodec
	flexible bool // all sources alike, and
	layers   bool // all with layers or none, as the checker wants it
	sources  uint32
	losing   int
}

func newWorld(t testing.TB, s script) *world {
	codecs := []media.VideoCodec{media.VP8, media.VP9, media.H264, media.H265, media.AV1}
	w := &world{script: s}
	w.codec = codecs[w.draw()%len(codecs)]
	w.flexible, w.layers = w.draw()%2 == 0, w.draw()%4 > 0
	w.bench = newBench(t, Config{Codec: w.codec, Sequence: uint16(65500 + w.draw()), Timestamp: -uint32(w.draw())})
	w.to.checker.MaxStep = 1 << 31
	w.rewriter.numbers.PictureID, w.rewriter.numbers.TL0 = 0x7ff0, 250
	w.drop = func(*pictures.Packet) bool { w.losing--; return w.losing >= 0 }
	for range 3 {
		w.newcomer()
	}
	return w
}

// newcomer adds a source of random shape, with counters that soon wrap.
func (w *world) newcomer() {
	w.sources++
	c := pictures.Config{Codec: w.codec, Source: w.sources, PictureIDBits: 15, Temporal: 1, Spatial: 1, Flexible: w.flexible, Marking: true,
		Bytes: 300 + 10*w.draw(), Payload: 400, Sequence: uint16(65530 + w.draw()), Timestamp: -uint32(100 * w.draw()), PictureID: uint16(0x7ff8 + w.draw()), TL0: uint8(w.draw())}
	c.KeyBytes = c.Bytes * (1 + w.draw()%16)
	if w.layers {
		c.Temporal = 2 + w.draw()%2
	}
	if w.layers && (w.codec == media.VP9 || w.codec == media.AV1) {
		c.Spatial = 1 + w.draw()%3
	}
	if w.codec == media.VP8 {
		c.PictureIDBits = 7 + 8*(w.draw()%2)
	}
	w.source(1+w.draw()%2, c)
}

func (w *world) any() *sender { return w.all[w.draw()%len(w.all)] }

// step does one thing.
func (w *world) step() {
	switch w.draw() % 16 {
	case 0:
		w.Show(w.any().streams, w.now)
	case 1:
		w.Show(nil, w.now)
	case 2:
		w.losing = 1 + w.draw()%5
	case 3:
		w.SetLow(w.draw()%2 == 0, w.now)
	case 4:
		w.SetEstimate(uint64(w.draw()) * uint64(w.draw()) * 50)
	case 5:
		w.request()
	case 6:
		s := w.any()
		s.keys[w.draw()%len(s.keys)] = true
	case 7:
		w.replace()
	case 8:
		w.to.room = w.draw() // for as long as the ring lasts
		w.runAndAnswer(1 + w.draw()%8)
		w.to.room = 1 << 40
		w.SetRoundTrip(time.Duration(w.draw()) * time.Millisecond)
	case 9:
		w.pause(w.draw() % 64)
	case 10, 11, 12:
		w.run(1 + w.draw()%8)
	default:
		w.runAndAnswer(1 + w.draw()%8)
	}
	waiting := 0
	for n := w.history.head; n < w.history.tail; n++ {
		waiting += int(w.history.at(n).count)
	}
	if w.waiting() > mostWaiting || w.pacer.packets != waiting {
		w.t.Errorf("%d pictures wait, %d packets, which are taken for %d", w.waiting(), waiting, w.pacer.packets)
	}
}

// pause lets the time of so many pictures pass.
func (w *world) pause(count int) {
	for _, s := range w.all {
		for _, c := range s.cameras {
			c.Skip(count)
		}
	}
	w.pass(int64(count) * frame)
}

// request asks for packets that left, and others.
func (w *world) request() {
	if n := len(w.to.out); n > 0 {
		number := w.to.out[n-1-w.draw()%min(n, 200)].Sequence
		w.NACK(lost(w.t, number, number+1, number+uint16(w.draw())), w.now, w.to)
	}
}

// replace has a source go and another come, and none of its ring be touched again.
func (w *world) replace() {
	i := w.draw() % len(w.all)
	gone := w.all[i]
	w.to.room += 1000    // what has begun is sent to its end
	if w.draw()%2 == 0 { // something of it waits
		gone.keys[0] = true
		w.shoot(gone)
		w.shoot(gone)
	}
	w.all = append(w.all[:i], w.all[i+1:]...)
	for _, s := range gone.streams {
		w.Forget(s, w.now, w.to)
	}
	w.newcomer()
}

// finish checks the whole.
func (w *world) finish() {
	w.pass(paceMost + millisecond)
	if err := w.to.checker.Complete(); err != nil {
		w.t.Error(err)
	}
	st := w.Stats(w.now)
	if seen := uint64(len(w.to.checker.Pictures)); st.Pictures != seen || st.Waiting != 0 || st.Dropped.Overwritten > 0 {
		w.t.Errorf("saw %d pictures: %+v", seen, st)
	}
	if st.Packets != uint64(len(w.to.out)+len(w.to.repairs)) || st.Repaired != uint64(len(w.to.repairs)) {
		w.t.Errorf("%d packets, %d repairs: %+v", len(w.to.out), len(w.to.repairs), st)
	}
}

func TestWhateverHappensItCanBeDecoded(t *testing.T) {
	happened := map[string]uint64{}
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := make(script, 800)
		for i := range s {
			s[i] = byte(random.Uint32())
		}
		w := newWorld(t, s)
		for len(w.script) > 0 && !t.Failed() {
			w.step()
		}
		w.finish()
		if t.Failed() {
			t.Fatalf("seed %d (%v)", seed, w.codec)
		}
		st := w.Stats(w.now)
		for what, n := range map[string]uint64{
			"switches": st.Switches, "switches of encodings": st.EncodingSwitches, "filtered": st.Filtered, "repaired": st.Repaired, "full": st.Full,
			"slow": st.Dropped.Slow, "low": st.Dropped.Low, "broken": st.Dropped.Broken, "forgotten": st.Dropped.Forgotten, "freezes": st.Freezes,
		} {
			happened[what] += n
		}
	}
	for what, n := range happened {
		if n == 0 {
			t.Errorf("%s: it never happened", what)
		}
	}
}

func FuzzOperations(f *testing.F) {
	f.Add([]byte{0, 200, 1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		w := newWorld(t, b[:min(len(b), 600)])
		for len(w.script) > 0 {
			w.step()
		}
		w.finish()
	})
}
