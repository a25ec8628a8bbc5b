package signal

// recording is the sound of late.
type recording struct {
	ring [recorded + window]int16 // its begin once more at its end
	end  int64                    // samples so far
	lost int64                    // samples before it may be missing
}

const recorded = columns * hop

func (r *recording) append(pcm []int16) {
	for _, x := range pcm {
		i := r.end % recorded
		r.ring[i] = x
		if i < window {
			r.ring[i+recorded] = x
		}
		r.end++
	}
}

// lose says that of what comes next, n samples are missing.
func (r *recording) lose(n int64) { r.lost = r.end + n }

// window returns the sound from a position on.
func (r *recording) window(at int64) *[window]int16 {
	i := at % recorded
	return (*[window]int16)(r.ring[i : i+window])
}
