// Package journal is the durable, ordered record of everything that happened,
// kept by NATS JetStream: embedded in this process by default, a server or
// cluster of its own by URL, through the same code. It knows bytes, order and
// durability; what an event means, and who reads it, is not its business.
//
// # Order
//
// One stream, [StreamName], with one subject a key: callscreen.call.<key>.
// Every record has a sequence number of the whole stream, from 1, without
// reuse. [Journal.Append] states the last sequence of its key and is refused
// with [ErrConflict] if somebody was faster, in this process or on another
// relay: losing the append is losing the race. [Journal.Follow] delivers every
// record after a sequence in that order, each exactly once a call of Follow.
//
// A position is a [Cursor]: the sequence and the epoch. The epoch is the moment
// at which the stream was created; it survives restarts and changes when the
// journal is wiped, so that an old position is recognised and not mistaken for
// a caught-up one.
//
// # What "written" means
//
// When Append returns a sequence, then
//
//   - embedded: the record, its length and its checksum are in a file below
//     [Options].Dir, and fsync of that file has returned (nats-server 2.15
//     option SyncAlways on a stream with one replica: msgBlock.flushPendingMsgs
//     writes and syncs inside the store call, before the acknowledgement is
//     sent). A process killed at any moment after that loses nothing. Open also
//     syncs the directories that lead there;
//   - external: a majority of the stream's replicas has the record. Whether
//     they synced it is the servers' own setting (sync_interval, two minutes
//     unless told otherwise), which a client cannot see. Where their monitoring
//     addresses are given they are asked, and [Journal.Describe] tells; else it
//     says that nobody knows. Advised: three replicas and "sync_interval: always".
//
// When Append returns ErrUnknown, the record may or may not be written: read
// [Journal.Last] and compare. After any other error it is not acknowledged and
// must not be reported as accepted. A write that failed on the disk (full,
// input/output error) makes the embedded store refuse every later one until the
// process is started again: a file whose sync failed is not trusted twice.
//
// A record torn by a crash at the end of the file was never acknowledged; the
// store cuts it off at the next Open and goes on. Damage to what was written is
// not passed over in silence: Open refuses a journal whose end is missing or
// unreadable, Follow stops at a record that is, both with [ErrDamaged], the
// sequence, and what to do.
//
// # Retention
//
// The oldest records go when the stream is older than [Options].MaxAge or
// larger than [Options].MaxBytes; a new record is never refused for an old one.
// There is no way here to change or delete a single record.
//
// BUG(journal): the embedded store syncs a new block file (one every few MiB),
// but not the directory entry that names it. ext4, XFS, Btrfs, APFS and NTFS
// make the entry durable with the file's own sync; a file system that does not
// can lose the newest block in a power cut.
package journal
