package mixer

// demand tells how many threads some work is worth that comes every period.
type demand struct {
	cost    int64 // thread time, ns, smoothed
	threads int   // 0 is 1
}

// observe takes in what the work cost this time, of which worth is left to one thread. With
// three quarters of the work that called for a thread it is let go again.
func (d *demand) observe(cost, worth int64) {
	d.cost += (cost - d.cost) / 4
	n := 1 + int(d.cost/worth)
	if n > d.threads || d.cost < int64(d.threads-1)*worth*3/4 {
		d.threads = n
	}
}
