package ingress

// SlotSize is the largest payload that a packet may have, in bytes.
const SlotSize = 1500

const (
	firstSlots  = 32
	historyTime = second // what is younger is kept for retransmission, as far as there is room
)

// slot is one place of the ring. A zero ext is none: extended numbers start above 65,535.
type slot struct {
	Packet
	ext     uint64
	arrival int64
	bad     bool // occupies its number, but cannot be read
	memory  *[SlotSize]byte
}

// ring holds the latest packets by extended sequence number. Its size is a power of two.
type ring struct {
	slots []slot
	mask  uint64
	bound int
}

// at returns the packet with an extended sequence number, nil if it never came or has been
// overwritten.
func (r *ring) at(ext uint64) *slot {
	if len(r.slots) == 0 {
		return nil
	}
	if s := &r.slots[ext&r.mask]; s.ext == ext {
		return s
	}
	return nil
}

// fit makes room for ext, where packets from base on are still needed. It tells whether the
// ring can hold both.
func (r *ring) fit(base, ext uint64, arrival int64) bool {
	for len(r.slots) < r.bound && r.tight(base, ext, arrival) {
		r.grow()
	}
	return ext-base < uint64(len(r.slots))
}

func (r *ring) tight(base, ext uint64, arrival int64) bool {
	if len(r.slots) == 0 || ext-base >= uint64(len(r.slots)) {
		return true
	}
	old := &r.slots[ext&r.mask]
	return old.ext != 0 && arrival-old.arrival < historyTime
}

// grow doubles the ring. Payloads stay where they are.
func (r *ring) grow() {
	size := len(r.slots)
	if size == 0 {
		r.slots = make([]slot, firstSlots)
		lend(r.slots)
		r.mask = firstSlots - 1
		return
	}
	slots := make([]slot, 2*size)
	for i, s := range r.slots {
		at := uint64(i)
		if s.ext != 0 {
			at = s.ext & uint64(2*size-1)
		}
		slots[at] = s
	}
	r.slots, r.mask = slots, uint64(2*size-1)
	lend(slots)
}

// lend gives payload memory to the slots that have none.
func lend(slots []slot) {
	n := 0
	for i := range slots {
		if slots[i].memory == nil {
			n++
		}
	}
	memory := make([][SlotSize]byte, n)
	for i := range slots {
		if slots[i].memory == nil {
			n--
			slots[i].memory = &memory[n]
		}
	}
}

// bytes returns how much memory the payloads have.
func (r *ring) bytes() int { return len(r.slots) * SlotSize }
