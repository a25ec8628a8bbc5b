package forwarder

import "testing"

func TestBucket(t *testing.T) {
	b := newBucket(100)
	now := 1000 * second
	for i := range 51 {
		if got := b.take(now, 1); got != (i < 50) {
			t.Errorf("unit %d at once: %v", i, got)
		}
	}
	if b.take(now+9*ms, 1) || !b.take(now+10*ms, 1) {
		t.Error("want one more after 10 ms")
	}
	if got := 0; func() bool {
		for i := range int64(10_000) {
			if b.take(now+second+i*ms, 1) {
				got++
			}
		}
		return got != 50+999
	}() {
		t.Errorf("%d in ten seconds, want 1049", got)
	}
	if b.take(now-second, 1) {
		t.Error("time that runs backwards brings something")
	}
}

func TestBucketOwes(t *testing.T) {
	b := newBucket(100)
	now := 1000 * second
	if !b.spend(now, 50) || b.spend(now, 1) {
		t.Error("want 50 to be there, and no more")
	}
	if b.spend(now, 1_000_000) || b.spend(now+999*ms, 0) || !b.spend(now+second, 0) {
		t.Error("what is owed is a second at most")
	}
}
