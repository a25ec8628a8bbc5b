package focus

// vacancy tells those who wait for it that nothing is left of something. It belongs to who
// holds the lock of that.
type vacancy struct{ awaited chan struct{} } // closed and made nil when nothing is left

// await returns what is closed once nothing is left, of which so much is now.
func (v *vacancy) await(left int) <-chan struct{} {
	if left == 0 {
		c := make(chan struct{})
		close(c)
		return c
	}
	if v.awaited == nil {
		v.awaited = make(chan struct{})
	}
	return v.awaited
}

// tell is called when so much is left.
func (v *vacancy) tell(left int) {
	if left == 0 && v.awaited != nil {
		close(v.awaited)
		v.awaited = nil
	}
}
