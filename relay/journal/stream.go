package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// StreamName is the stream's name on the server.
const StreamName = "CALLSCREEN"

const (
	subjectPrefix = "callscreen.call."
	subjects      = subjectPrefix + "*"
	// headerRoom is added to MaxRecord for the header that carries the expected
	// sequence.
	headerRoom = 1 << 10
	// openPatience covers a cluster that is choosing a leader.
	openPatience = 10 * time.Second
)

// openStream finds or creates the stream and judges it.
func (j *Journal) openStream(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	want := j.wanted(o)
	stream, err := j.findOrCreate(ctx, want)
	if err != nil {
		return fmt.Errorf("stream %s: %w", StreamName, err)
	}
	info := stream.CachedInfo()
	if err := judge(info.Config); err != nil {
		return fmt.Errorf("stream %s: %w", StreamName, err)
	}
	// The embedded stream is ours alone, so our limits are the truth. On a
	// server of its own, limits belong to whoever runs it.
	if j.store != nil && (info.Config.MaxAge != want.MaxAge || info.Config.MaxBytes != want.MaxBytes) {
		if stream, err = j.js.UpdateStream(ctx, want); err != nil {
			return fmt.Errorf("stream %s: new limits: %w", StreamName, err)
		}
	}
	j.stream = stream
	j.epoch = epochOf(info)
	return nil
}

// wanted is the stream as we create it.
func (j *Journal) wanted(o Options) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        StreamName,
		Description: "callscreen: what happened to each call, in order",
		Subjects:    []string{subjects},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		Storage:     jetstream.FileStorage,
		Replicas:    j.replicas(o),
		MaxAge:      o.MaxAge,
		MaxBytes:    o.MaxBytes,
		MaxMsgSize:  MaxRecord + headerRoom,
		// Purging (expiry, privacy) stays possible; taking one record out of the
		// middle does not.
		DenyDelete: true,
	}
}

func (j *Journal) replicas(o Options) int {
	switch {
	case j.store != nil:
		return 1
	case o.Replicas > 0:
		return o.Replicas
	case j.nc.ConnectedClusterName() != "":
		return 3
	default:
		return 1
	}
}

// findOrCreate copes with several relays that start at once on one cluster. A
// question about a stream that is just being made, or has no leader yet, is never
// answered: it is asked again, as long as ctx allows.
func (j *Journal) findOrCreate(ctx context.Context, want jetstream.StreamConfig) (jetstream.Stream, error) {
	for {
		stream, err := j.findOrCreateOnce(ctx, want)
		again := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse)
		if !again || ctx.Err() != nil {
			return stream, err
		}
	}
}

func (j *Journal) findOrCreateOnce(ctx context.Context, want jetstream.StreamConfig) (jetstream.Stream, error) {
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	stream, err := j.js.Stream(ctx, StreamName)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return stream, err
	}
	return j.js.CreateStream(ctx, want)
}

// judge refuses a stream that somebody else made in a way that breaks what this
// package promises, and says what to change.
func judge(c jetstream.StreamConfig) error {
	var faults []error
	need := func(ok bool, sentence string) {
		if !ok {
			faults = append(faults, errors.New(sentence))
		}
	}
	need(slices.Contains(c.Subjects, subjects), "must have the subject "+subjects)
	need(c.Storage == jetstream.FileStorage, "must keep its records in files, not in memory")
	need(c.Retention == jetstream.LimitsPolicy, "must have the retention policy limits")
	need(c.PersistMode == jetstream.DefaultPersistMode, "must not have the persist mode async: it acknowledges before writing")
	need(!c.NoAck, "must acknowledge what is published (no_ack is set)")
	need(!c.AllowDirect, "must not allow direct reads: they may be stale (allow_direct is set)")
	need(c.Mirror == nil && len(c.Sources) == 0, "must not be a mirror or have sources")
	need(c.MaxMsgsPerSubject <= 0, "must not limit the records of one call (max_msgs_per_subject is set)")
	need(c.SubjectTransform == nil && c.RePublish == nil, "must not transform or republish subjects")
	need(c.MaxMsgSize < 0 || c.MaxMsgSize >= MaxRecord+headerRoom,
		"must accept records of "+strconv.Itoa(MaxRecord+headerRoom)+" bytes (max_msg_size)")
	return errors.Join(faults...)
}

// epochOf is the moment of creation in nanoseconds, which the server keeps with
// the stream and which no second stream of that name can share.
func epochOf(info *jetstream.StreamInfo) string {
	return strconv.FormatInt(info.Created.UnixNano(), 36)
}

// info asks the stream's leader and refuses the answer of another stream of the
// same name.
func (j *Journal) info(ctx context.Context, opts ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	asked := time.Now()
	info, err := j.stream.Info(ctx, opts...)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, ErrReplaced
	}
	if err != nil {
		return nil, err
	}
	if epochOf(info) != j.epoch {
		return nil, ErrReplaced
	}
	if before, err := quorum(info.Cluster); err == nil {
		j.clock.heard(asked, time.Now(), before, info)
	}
	return info, nil
}

// Head tells the sequences of the oldest record still kept and of the newest
// one, as the leader knows them. An empty journal has first = last + 1.
func (j *Journal) Head(ctx context.Context) (first, last uint64, err error) {
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	info, err := j.info(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("journal: head: %w", j.cause(err))
	}
	return max(info.State.FirstSeq, 1), info.State.LastSeq, nil
}

// bounded ends with the caller's context, with the journal, or when patience is
// over.
func (j *Journal) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, j.patience)
	stop := context.AfterFunc(j.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// cause prefers the reason why the journal ended to the symptom.
func (j *Journal) cause(err error) error {
	if why := context.Cause(j.ctx); why != nil {
		return why
	}
	return err
}

// keyOf is the key of a subject, or false if it is not one of ours.
func keyOf(subject string) (string, bool) {
	key, ok := strings.CutPrefix(subject, subjectPrefix)
	return key, ok && validKey(key)
}

// validKey tells whether a key is 1 to 64 of [0-9a-z]: nothing that means
// anything in a NATS subject.
func validKey(key string) bool {
	if len(key) < 1 || len(key) > 64 {
		return false
	}
	for _, c := range []byte(key) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
