package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// followAhead is how many records may wait between server and reader while
	// old ones are replayed.
	followAhead = 256
	// followForget is how long the server keeps a reader that went silent.
	followForget = 30 * time.Second
	followRetry  = 100 * time.Millisecond
)

// stopped is an error that ends Follow, as opposed to one that makes it connect
// again.
type stopped struct{ error }

func (s stopped) Unwrap() error { return s.error }

// Follow calls fn with every record after that sequence: first those that are
// already there, then each new one as soon as it is written. They come in order,
// none twice, none left out, one at a time, on the calling goroutine. It
// survives lost links by taking up where fn left off.
//
// A record on the stream that is not ours, by its subject or its size, comes as
// its Seq alone, with an empty Key: whoever waits for a position reaches it.
//
// Records that retention removed before they were read are gone: Follow(0)
// begins with the oldest that is left. It returns fn's error if fn returns one,
// the context's cause when ctx ends, ErrClosed, ErrAhead, ErrReplaced or
// ErrDamaged.
func (j *Journal) Follow(ctx context.Context, after uint64, fn func(Record) error) error {
	if !j.begin() {
		return fmt.Errorf("journal: follow: %w", ErrClosed)
	}
	defer j.running.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(j.ctx, func() { cancel(context.Cause(j.ctx)) })()

	f := follower{j: j, last: after, fn: fn}
	for {
		err := f.run(ctx)
		if why := context.Cause(ctx); why != nil {
			return fmt.Errorf("journal: follow: %w", why)
		}
		if final, ok := errors.AsType[stopped](err); ok {
			return fmt.Errorf("journal: follow: %w", final.error)
		}
		j.log.Debug("journal follower connects again", slog.Uint64("after", f.last), slog.String("error", err.Error()))
		pause(ctx, followRetry/2+rand.N(followRetry)) //nolint:gosec // jitter, not a secret
	}
}

// Before tells the sequence of the last record that was written before a moment on
// the server's clock: Follow after it begins with the first one written then or
// later.
func (j *Journal) Before(ctx context.Context, t time.Time) (uint64, error) {
	if t.Unix() <= 0 {
		return 0, nil // the server counts nanoseconds from there, and no record is older
	}
	if far := time.Now().AddDate(1, 0, 0); t.After(far) {
		t = far
	}
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	// The server finds the place for a reader that begins at a time; no record of
	// it is ever fetched.
	consumer, err := j.js.CreateConsumer(ctx, StreamName, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartTimePolicy,
		OptStartTime:      &t,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: followForget,
	})
	if err != nil {
		return 0, fmt.Errorf("journal: before %s: %w", t.UTC().Format(time.RFC3339), j.cause(err))
	}
	j.forget(consumer)
	return consumer.CachedInfo().Delivered.Stream, nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// A follower is the reading side of one Follow.
type follower struct {
	j    *Journal
	last uint64 // the sequence that fn has seen, or that nobody can see any more
	fn   func(Record) error
}

// run reads through one consumer on the server until that one fails. It always
// returns an error.
func (f *follower) run(ctx context.Context) error {
	if err := f.place(ctx); err != nil {
		return err
	}
	consumer, err := f.consumer(ctx)
	if err != nil {
		return err
	}
	defer f.j.forget(consumer)
	messages, err := consumer.Messages(
		jetstream.PullMaxMessages(followAhead),
		jetstream.PullHeartbeat(f.j.beat),
		jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return err
	}
	defer messages.Stop()
	return f.read(ctx, messages)
}

// consumer is the server's side of the reading.
func (f *follower) consumer(ctx context.Context) (jetstream.Consumer, error) {
	return f.j.js.CreateConsumer(ctx, StreamName, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       f.last + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: followForget,
	})
}

// place checks that the position belongs to this journal and moves it past what
// retention has removed.
func (f *follower) place(ctx context.Context) error {
	bounded, cancel := f.j.bounded(ctx)
	defer cancel()
	info, err := f.j.info(bounded)
	switch {
	case errors.Is(err, ErrReplaced):
		return stopped{err}
	case err != nil:
		return err
	case f.last > info.State.LastSeq:
		return stopped{fmt.Errorf("%w: %d of %d", ErrAhead, f.last, info.State.LastSeq)}
	}
	f.last = max(f.last, max(info.State.FirstSeq, 1)-1)
	return nil
}

func (f *follower) read(ctx context.Context, messages jetstream.MessagesContext) error {
	for n := uint64(1); ; n++ {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		// The server numbers what it sends to this consumer: a hole in that is a
		// lost message, to be fetched again through a new consumer.
		if meta.Sequence.Consumer != n {
			return fmt.Errorf("delivery %d came as number %d", n, meta.Sequence.Consumer)
		}
		if err := f.take(ctx, msg, meta); err != nil {
			return err
		}
	}
}

func (f *follower) take(ctx context.Context, msg jetstream.Msg, meta *jetstream.MsgMetadata) error {
	seq := meta.Sequence.Stream
	if seq != f.last+1 {
		if err := f.explainGap(ctx, seq); err != nil {
			return err
		}
	}
	key, ours := keyOf(msg.Subject())
	if !ours || len(msg.Data()) > MaxRecord {
		f.j.foreign.Add(1)
		f.j.log.Warn("journal holds a record that is not ours", slog.Uint64("seq", seq), slog.Int("bytes", len(msg.Data())))
		key = ""
	}
	r := Record{Seq: seq, At: meta.Timestamp, Age: f.j.clock.age(seq, meta.Timestamp, time.Now())}
	if key != "" {
		r.Key, r.Data = key, msg.Data()
	}
	if err := f.fn(r); err != nil {
		return stopped{err}
	}
	f.last = seq
	return nil
}

// explainGap decides what a hole between f.last and seq is: records that
// retention or a purge removed, or damage.
func (f *follower) explainGap(ctx context.Context, seq uint64) error {
	bounded, cancel := f.j.bounded(ctx)
	defer cancel()
	info, err := f.j.info(bounded, jetstream.WithDeletedDetails(true))
	if err != nil {
		return err
	}
	if seq <= f.last {
		return stopped{fmt.Errorf("%w: record %d came after record %d", ErrDamaged, seq, f.last)}
	}
	removed := make(map[uint64]bool, len(info.State.Deleted))
	for _, d := range info.State.Deleted {
		removed[d] = true
	}
	for missing := max(f.last+1, info.State.FirstSeq); missing < seq; missing++ {
		if !removed[missing] {
			return stopped{fmt.Errorf("%w: record %d is missing or unreadable (next is %d): restore the directory from a copy, or move it away to start an empty journal",
				ErrDamaged, missing, seq)}
		}
	}
	f.j.log.Warn("journal: records were removed before they were read", slog.Uint64("after", f.last), slog.Uint64("next", seq))
	return nil
}

// forget removes the consumer from the server instead of leaving it to the
// server's own clearing.
func (j *Journal) forget(c jetstream.Consumer) {
	if !j.nc.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(j.ctx), j.patience)
	defer cancel()
	if err := j.js.DeleteConsumer(ctx, StreamName, c.CachedInfo().Name); err != nil {
		j.log.Debug("journal follower not removed", slog.String("error", err.Error()))
	}
}
