package store

import "go.etcd.io/bbolt"

// put and remove keep the number of keys in the bucket's sequence number, so that it is
// known without counting and exact after a crash.
func put(b *bbolt.Bucket, key, value []byte) error {
	if b.Get(key) == nil {
		if err := b.SetSequence(b.Sequence() + 1); err != nil {
			return err
		}
	}
	return b.Put(key, value)
}

func remove(b *bbolt.Bucket, key []byte) error {
	if b.Get(key) == nil {
		return nil
	}
	if err := b.SetSequence(b.Sequence() - 1); err != nil {
		return err
	}
	return b.Delete(key)
}

func count(b *bbolt.Bucket) int { return int(b.Sequence()) }

// raw is a document as it was found, outside its transaction.
type raw struct{ key, envelope []byte }

func copied(key, envelope []byte) raw {
	both := make([]byte, len(key)+len(envelope))
	n := copy(both, key)
	copy(both[n:], envelope)
	return raw{both[:n:n], both[n:]}
}
