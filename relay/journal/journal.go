package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Errors by which a caller decides.
var (
	// ErrConflict: the key's last sequence is not the expected one. Somebody was
	// faster; on a cluster it can be seen before the winner's record is visible.
	ErrConflict = errors.New("somebody was faster")
	// ErrUnknown: no answer in time. The record may or may not be written.
	ErrUnknown = errors.New("no answer from the journal: written or not is unknown")
	// ErrClosed: the journal was closed.
	ErrClosed = errors.New("the journal is closed")
	// ErrReplaced: the stream was deleted and made anew while this journal was
	// open; its positions mean nothing any more.
	ErrReplaced = errors.New("the journal was wiped or replaced while in use")
	// ErrAhead: the position is beyond the end of the journal, which therefore
	// is not the one it was taken from (a restored backup, for example).
	ErrAhead = errors.New("the position is beyond the end of the journal")
	// ErrDamaged: a record that was written is missing or unreadable.
	ErrDamaged = errors.New("the journal is damaged")
)

// Defaults and limits.
const (
	// DefaultMaxAge keeps records for 30 days: long enough to settle a dispute
	// about last week, short enough for personal data.
	DefaultMaxAge = 30 * 24 * time.Hour
	// DefaultMaxBytes is the size at which the oldest records go: 256 MiB,
	// several hundred thousand calls.
	DefaultMaxBytes = 256 << 20
	// MaxRecord is the most bytes that one record may have.
	MaxRecord = 64 << 10
)

// Options say where the journal is and how long it remembers. Either Dir or URL
// is required.
type Options struct {
	// Dir is the directory of the embedded store, used when URL is empty. It is
	// made with mode 0700; an existing one that others may enter is refused.
	Dir string
	// URL of an external NATS server or a comma-separated list of a cluster's
	// servers (nats://, tls://). May hold credentials: it is never logged. With
	// tls:// or wss://, or with CA or Certificate, the link is TLS or there is none.
	URL string
	// Credentials gives a NATS .creds file, or an nkey seed of a user; it is
	// called for each connection, so that what it reads can be renewed. nil: none.
	Credentials func() ([]byte, error)
	// CA is the certificates, as PEM, that alone are trusted to sign the servers'.
	// nil: the system's.
	CA []byte
	// Certificate gives the client certificate and its key, as PEM, for each
	// connection. nil: none.
	Certificate func() (cert, key []byte, err error)
	// Monitors are the monitoring addresses of the servers, http or https, which
	// are asked, without any secret, whether they sync before they acknowledge.
	// nil: that stays unknown.
	Monitors []string
	// Replicas of the stream on an external cluster, used when the stream is
	// created. 0 means 3 on a cluster and 1 on a single server.
	Replicas int
	// MaxAge is how long a record is kept; 0 means DefaultMaxAge.
	MaxAge time.Duration
	// MaxBytes is how large the stream may grow before the oldest records go;
	// 0 means DefaultMaxBytes. The embedded store takes up to 9 MiB and
	// a twentieth more on the disk: a file whose records are partly forgotten, and
	// the index.
	MaxBytes int64
	// NoSync acknowledges before the disk has the record. UNSAFE: it exists so
	// that a benchmark can show what the sync costs. Embedded only.
	NoSync bool
	// Logger receives what the store and the connection have to say; nil
	// discards it.
	Logger *slog.Logger
}

// A Cursor is a position in one journal.
type Cursor struct {
	// Epoch is the identity of the journal: Journal.Epoch.
	Epoch string
	// Seq is the sequence of the last record seen; 0 is before the first.
	Seq uint64
}

// A Record is one entry as it was appended.
type Record struct {
	// Seq is the record's place in the whole journal, from 1.
	Seq uint64
	// Key is the key that it was appended under.
	Key string
	// Data belongs to the receiver.
	Data []byte
	// At is the time of the append on the server's clock.
	At time.Time
	// Age is how long ago that was when the record was delivered, whatever any
	// clock says: it is known to a fraction of a second, even after the link or
	// the server stood still. Set by Follow.
	Age time.Duration
}

// A Journal is an open journal. Its methods may be called from any goroutine.
// The owner closes it.
type Journal struct {
	log      *slog.Logger
	nc       *nats.Conn
	stream   jetstream.Stream
	js       jetstream.JetStream
	store    *embedded // nil for an external server
	epoch    string
	clock    clock
	patience time.Duration           // the longest wait for one answer
	beat     time.Duration           // how often a follower hears that the link lives
	deny     context.CancelCauseFunc // ends the opening: the user lacks a permission

	// Cancelled with the reason when the journal ends.
	ctx context.Context
	end context.CancelCauseFunc
	// Cancelled, for good, when the embedded store writes nothing any more.
	writing context.Context
	stop    context.CancelCauseFunc

	// Under mu.
	mu      sync.Mutex
	closed  bool
	safety  safety
	fault   error          // why the last append or probe failed; nil is healthy
	running sync.WaitGroup // the probe and every Follow; Add only while !closed

	foreign atomic.Uint64
	acked   atomic.Uint64 // the highest sequence known to be written
}

// Open opens the journal, creating it if there is none, and returns when it can
// be written. Its failures are sentences for the person who starts the relay.
func Open(ctx context.Context, o Options) (*Journal, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	j := &Journal{log: o.Logger, patience: localPatience, beat: localBeat}
	j.ctx, j.end = context.WithCancelCause(context.WithoutCancel(ctx))
	j.writing, j.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	opening, deny := context.WithCancelCause(ctx)
	defer deny(nil)
	j.deny = deny
	if err := j.open(opening, o); err != nil {
		if why, ok := errors.AsType[denied](context.Cause(opening)); ok {
			err = why
		}
		return nil, errors.Join(fmt.Errorf("journal: %w", err), j.Close())
	}
	return j, nil
}

func (j *Journal) open(ctx context.Context, o Options) error {
	if err := j.connect(o); err != nil {
		return err
	}
	if err := j.openStream(ctx, o); err != nil {
		return err
	}
	return j.attend(ctx, o)
}

// attend does what the kind of store needs beyond the stream itself.
func (j *Journal) attend(ctx context.Context, o Options) error {
	j.running.Go(j.probe)
	if j.store == nil {
		return j.attendServers(ctx, o)
	}
	j.safety = safety{local: true, replicas: 1, sync: pace{known: true}}
	if o.NoSync {
		j.safety.sync.interval = forever
	}
	j.running.Go(j.watch)
	if err := j.checkEnd(ctx, o.Dir); err != nil || o.NoSync {
		return err // without sync a crash may lose records, so a mark would lie
	}
	j.acked.Store(j.stream.CachedInfo().State.LastSeq)
	j.running.Go(func() { j.keepMark(o.Dir) })
	return syncTree(o.Dir)
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" && o.URL == "" {
		return o, errors.New("neither a directory nor a server was given")
	}
	if o.MaxAge < 0 || o.MaxBytes < 0 || o.Replicas < 0 {
		return o, errors.New("age, size and replicas cannot be negative")
	}
	if o.MaxAge == 0 {
		o.MaxAge = DefaultMaxAge
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

func (j *Journal) connect(o Options) (err error) {
	if o.URL != "" {
		j.patience, j.beat = remotePatience, remoteBeat
		j.nc, err = j.dial(o)
	} else {
		if j.store, err = startEmbedded(o); err != nil {
			return err
		}
		j.nc, err = j.store.connect(j.linkOptions())
	}
	if err != nil {
		return err
	}
	j.js, err = jetstream.New(j.nc)
	return err
}

// Epoch is the identity of this journal: it survives restarts and changes when
// the journal is wiped.
func (j *Journal) Epoch() string { return j.epoch }

// Foreign counts the records that Follow left out because they are not ours:
// wrong key, or larger than MaxRecord.
func (j *Journal) Foreign() uint64 { return j.foreign.Load() }

// Healthy is nil as long as nothing is known that would make the next Append
// fail. It asks nobody and returns at once: the verdict is that of the last
// append, of the link, and with an external server of a question asked every
// second.
func (j *Journal) Healthy() error {
	if err := context.Cause(j.ctx); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if !j.nc.IsConnected() {
		return errors.New("journal: the link to the server is down")
	}
	if err := j.stopped(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.fault
}

// heard records the outcome of the latest exchange for Healthy.
func (j *Journal) heard(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fault = err
}

// begin registers something that Close must wait for.
func (j *Journal) begin() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return false
	}
	j.running.Add(1)
	return true
}

// Close ends every Follow with ErrClosed, waits for all that the journal
// started, and releases the directory. Closing twice is fine. It must not be
// called from within a function given to Follow.
func (j *Journal) Close() error {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.end(ErrClosed)
	j.running.Wait()
	j.stop(ErrClosed)
	if j.nc != nil {
		j.nc.Close()
	}
	if j.store == nil {
		return nil
	}
	return j.store.close()
}
