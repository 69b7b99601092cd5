package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Append writes data under key if the key's last sequence is still expectedLast
// (0: the key has no record), and returns the new record's sequence. The package
// comment says what "written" means. Key is 1 to 64 of [0-9a-z]; data has at most
// MaxRecord bytes and may be reused afterwards.
//
// Errors: ErrConflict if somebody was faster; ErrUnknown if no answer came
// before ctx ended or patience did (3 s embedded, 1 s external); anything else
// means that nothing was acknowledged and the caller must not say it was.
func (j *Journal) Append(ctx context.Context, key string, data []byte, expectedLast uint64) (uint64, error) {
	switch {
	case !validKey(key):
		return 0, fmt.Errorf("journal: append: %q is no key", shorten(key))
	case len(data) > MaxRecord:
		return 0, fmt.Errorf("journal: append: a record of %d bytes is over the limit of %d", len(data), MaxRecord)
	}
	seq, err := j.append(ctx, key, data, expectedLast)
	if err != nil {
		return 0, fmt.Errorf("journal: append to %s: %w", key, err)
	}
	return seq, nil
}

func (j *Journal) append(ctx context.Context, key string, data []byte, expectedLast uint64) (uint64, error) {
	if err := context.Cause(j.ctx); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err // nothing was sent, so this is not ErrUnknown
	}
	if err := j.stopped(); err != nil {
		return 0, err // it would not answer, and everybody would wait for that
	}
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	defer context.AfterFunc(j.writing, cancel)()
	msg := &nats.Msg{Subject: subjectPrefix + key, Data: data}
	ack, err := j.js.PublishMsg(ctx, msg,
		jetstream.WithExpectStream(StreamName),
		jetstream.WithExpectLastSequencePerSubject(expectedLast))
	err = classify(err)
	if err == nil || errors.Is(err, ErrConflict) {
		j.heard(nil) // a refusal is an answer: the store works
	} else {
		j.heard(fmt.Errorf("journal: the last append failed: %w", err))
	}
	if err != nil {
		return 0, err
	}
	j.acknowledged(ack.Sequence)
	return ack.Sequence, nil
}

// acknowledged keeps the highest sequence: acknowledgements of concurrent
// appends come in any order.
func (j *Journal) acknowledged(seq uint64) {
	for {
		old := j.acked.Load()
		if seq <= old || j.acked.CompareAndSwap(old, seq) {
			return
		}
	}
}

// certain are the failures after which nothing can have been written: the
// message was never sent, or nobody was there to take it.
var certain = []error{
	nats.ErrReconnectBufExceeded, nats.ErrConnectionClosed, nats.ErrMaxPayload,
	nats.ErrAuthorization, nats.ErrInvalidConnection, jetstream.ErrNoStreamResponse,
}

// conflicts are JetStream's two ways to say that the expected last sequence is
// not the last one. The second comes from a replicated stream while the winner's
// record is still on its way to the replicas.
var conflicts = []jetstream.ErrorCode{
	jetstream.JSErrCodeStreamWrongLastSequence,
	jetstream.JSErrCodeStreamWrongLastSequenceConstant,
}

// classify turns a publish error into one of ours. What is not known to be
// certain is unknown: a claim taken twice costs more than a claim asked twice.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*jetstream.APIError](err); ok {
		if slices.Contains(conflicts, refused.ErrorCode) {
			return ErrConflict
		}
		return fmt.Errorf("the store refused: %s (%d)", refused.Description, refused.ErrorCode)
	}
	if slices.ContainsFunc(certain, func(c error) bool { return errors.Is(err, c) }) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnknown, err)
}

// Last is the newest record of a key, as the stream's leader knows it; false if
// there is none. Decisions may rest on it; the proof is still the next Append.
func (j *Journal) Last(ctx context.Context, key string) (Record, bool, error) {
	if !validKey(key) {
		return Record{}, false, fmt.Errorf("journal: last: %q is no key", shorten(key))
	}
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	// With direct reads off (judge sees to that) this asks the leader.
	msg, err := j.stream.GetLastMsgForSubject(ctx, subjectPrefix+key)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Record{}, false, nil
	}
	if err != nil {
		return Record{}, false, fmt.Errorf("journal: last of %s: %w", key, j.cause(err))
	}
	return Record{Seq: msg.Sequence, Key: key, Data: msg.Data, At: msg.Time}, true, nil
}

// shorten keeps a wrong key from filling a log line; %q makes it harmless.
func shorten(s string) string {
	if len(s) > 80 {
		return s[:80]
	}
	return s
}
