// Package store keeps what must survive a restart, in one file: room definitions, keys,
// webhook subscriptions with their deliveries, and the records of calls and conferences. It
// knows none of these types: it keeps JSON documents of whatever type its user gives, in
// two shapes.
//
//   - [Collection]: documents by key. Put and Delete are on the disk when they return.
//   - [Log]: documents by time, read newest first in pages. Append never waits: a record is
//     queued, and one that finds the queue full is refused and counted.
//
// # Design
//
// The engine is go.etcd.io/bbolt: a copy-on-write tree in one file, whose transactions are
// whole or not there, whenever the process or the machine stops.
//
// One goroutine writes. What waits while it commits goes into the next transaction
// together, so a thousand writers share one fsync. A failed transaction is told to those who
// wait for it; records are kept and tried again each second, within the bounds of their
// queue. Requests do not fail because of records: they are tried once more without them.
//
// After a failed fsync nobody knows what the disk holds, and asking again would lie. The
// store then refuses everything ([ErrBroken]) until the process starts anew. A full disk
// ([ErrNoSpace]) is not of that kind: nothing has changed, and later writes may work.
//
// No code of a caller (filters, migrations, JSON methods, writers of a backup) runs inside
// a transaction, so none can block the writer or wait for itself.
//
// A document is stored with its version and a checksum over its key, version and content. A
// damaged document in a collection is an error that names it; in a log it is skipped and
// counted, since one bad record must not hide the others. A file is checked page by page
// before it is opened (store/pages), and what is not whole is an error: nothing is ever
// repaired or created anew in its place. A new file appears under its name only once it
// is complete. A page that the disk cannot give back later is an error, not the end of the
// process.
//
// Versions: the file has a layout version and each space (a collection or a
// log) a version of its documents. What a newer confd has written is refused with
// [ErrNewer]. Older documents are migrated as they are read ([Schema].Migrate) and stay as
// they are on the disk until they are written again, so opening is quick and a backup of
// the day before remains of use.
//
// With an empty path the same engine works on anonymous memory; nothing but the fsync is
// different.
//
//	file      buckets                          key                      value
//	meta      layout; version per space        name                     decimal number
//	documents "collection:NAME"                the key                  document
//	          "log:NAME"                       time (8 bytes), id       document
//
// The sequence number of a bucket of documents is the count of its keys.
package store
