package payload

// Bits of the first byte of frame marking (RFC 9626 section 3).
const (
	markStart       = 0x80 // S
	markEnd         = 0x40 // E
	markDiscardable = 0x10 // D
	markBase        = 0x08 // B: predicted from the base layer only
	markTemporal    = 0x07 // TID
)

// marked adds to what the payload told what its frame marking does: one byte in its short
// form, then a layer, then TL0PICIDX. It is for codecs whose payload tells less.
func marked(err error, m []byte, i *Info) error {
	if err != nil || len(m) == 0 {
		return err
	}
	i.Begin, i.End = m[0]&markStart != 0, m[0]&markEnd != 0
	i.Discardable = i.Discardable || m[0]&markDiscardable != 0
	if len(m) > 1 {
		i.Temporal, i.Sync = m[0]&markTemporal, i.Sync || m[0]&markBase != 0
	}
	if len(m) > 2 {
		i.HasTL0, i.TL0 = true, m[2]
	}
	return nil
}
