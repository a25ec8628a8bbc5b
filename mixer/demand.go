package mixer

// demand tells how many threads some work is worth that comes every period.
type demand struct {
	cost    int64 // thread time, ns, smoothed
	threads int   // 0 is 1
}

// threadWorth is how much work, ns, is left to one thread: less than lies between two slots,
// and so much that what it costs to wake another thread, and to wait for it at the end of each
// stage, does not count against it.
const threadWorth = int64(4e6)

// observe takes in what the work cost this time. With three quarters of the work that called
// for a thread it is let go again.
func (d *demand) observe(cost int64) {
	d.cost += (cost - d.cost) / 4
	n := 1 + int(d.cost/threadWorth)
	if n > d.threads || d.cost < int64(d.threads-1)*threadWorth*3/4 {
		d.threads = n
	}
}
