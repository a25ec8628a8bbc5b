package mixer

import "sync/atomic"

// maxFreeVoices bounds what is kept beyond use.
const maxFreeVoices = 64

// voicePool keeps voices for reuse. Any thread may use it, none waits for another.
type voicePool struct {
	free [maxFreeVoices]atomic.Pointer[voice]
}

func (p *voicePool) get() *voice {
	for i := range p.free {
		if p.free[i].Load() == nil {
			continue
		}
		if v := p.free[i].Swap(nil); v != nil {
			return v
		}
	}
	return newVoice()
}

func (p *voicePool) put(v *voice) {
	v.current, v.last, v.quiet = nil, 0, false
	for i := range p.free {
		if p.free[i].CompareAndSwap(nil, v) {
			return
		}
	}
}

// release takes an input's voice back.
func (p *voicePool) release(in *Input) {
	if in.voice != nil {
		p.put(in.voice)
		in.voice = nil
	}
}
