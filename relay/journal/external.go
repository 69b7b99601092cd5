package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// An external server can be half dead, and a claim must be decided within three
// seconds: short waits, and a link that is known to be down within five.
const (
	remotePatience = time.Second
	remoteBeat     = time.Second
	dialPatience   = 3 * time.Second
	probeEvery     = time.Second
	// silentAfter is when a replica counts as out of its leader's reach: five
	// heartbeats.
	silentAfter = 5 * time.Second
)

// attendServers judges what servers of their own promise, and what they permit.
func (j *Journal) attendServers(ctx context.Context, o Options) error {
	client, err := monitorClient(o)
	if err != nil {
		return err
	}
	info, err := j.whole(ctx)
	if err != nil {
		info = j.stream.CachedInfo() // the rehearsal tells what is wrong
	}
	j.judgeOnce(info, o.Monitors, client)
	j.running.Go(func() { j.judgeSafety(o.Monitors, client) })
	return j.rehearse(ctx)
}

// rehearse does once what the journal will do, without a trace: a user who may
// not is told at the start what is missing, and not at the first call. Whatever
// else goes wrong, such as a leader that is being chosen, Healthy will tell.
func (j *Journal) rehearse(ctx context.Context) error {
	if err := j.tryAll(ctx); err != nil {
		j.log.Debug("journal rehearsal", slog.String("error", err.Error()))
	}
	return context.Cause(ctx)
}

func (j *Journal) tryAll(ctx context.Context) error {
	const key = "rehearsal"
	if _, _, err := j.Last(ctx, key); err != nil {
		return err
	}
	// No key has so many records, so the leader refuses this one.
	if _, err := j.append(ctx, key, nil, math.MaxInt64); !errors.Is(err, ErrConflict) {
		return err
	}
	f := follower{j: j, last: j.stream.CachedInfo().State.LastSeq}
	consumer, err := f.consumer(ctx)
	if err != nil {
		return err
	}
	bounded, cancel := j.bounded(ctx)
	defer cancel()
	if err := j.tryGossip(bounded, key); err != nil {
		return err
	}
	name := consumer.CachedInfo().Name
	if _, err = j.nc.RequestWithContext(bounded, "$JS.API.CONSUMER.MSG.NEXT."+StreamName+"."+name, []byte(`{"batch":1,"no_wait":true}`)); err != nil {
		return err
	}
	return j.js.DeleteConsumer(bounded, StreamName, name)
}

// tryGossip says something where no journal listens, and waits to hear it.
func (j *Journal) tryGossip(ctx context.Context, topic string) error {
	sub, err := j.nc.SubscribeSync(gossipPrefix + topic)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := j.nc.Publish(gossipPrefix+topic, nil); err != nil {
		return err
	}
	_, err = sub.NextMsgWithContext(ctx)
	return err
}

// probe asks the stream's leader every second where the stream ends: the clock
// needs that, and a relay on the minority side of a partition knows it before a
// call comes in.
func (j *Journal) probe() {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-j.ctx.Done():
			return
		case <-tick.C:
			j.probeOnce()
		}
	}
}

func (j *Journal) probeOnce() {
	ctx, cancel := context.WithTimeout(j.ctx, j.patience)
	defer cancel()
	info, err := j.info(ctx)
	if errors.Is(err, ErrReplaced) {
		j.end(ErrReplaced)
		return
	}
	if err == nil {
		_, err = quorum(info.Cluster)
	}
	if err != nil {
		err = fmt.Errorf("journal: %w", err)
	}
	if j.store == nil { // our own store is healthy or not by what it writes
		j.heard(err)
	}
}

// quorum tells how long ago the stream's leader last heard of a majority, and
// reports one that cannot write any more. A leader that was cut off from the
// majority goes on answering questions for a minute or more as if nothing had
// happened; but it tells how long it has not heard of each replica.
func quorum(c *jetstream.ClusterInfo) (heard time.Duration, err error) {
	if c == nil || len(c.Replicas) == 0 {
		return 0, nil
	}
	silent := make([]time.Duration, 0, len(c.Replicas)+1)
	silent = append(silent, 0) // the leader itself
	for _, r := range c.Replicas {
		if r == nil || r.Offline {
			silent = append(silent, forever)
		} else {
			silent = append(silent, r.Active)
		}
	}
	slices.Sort(silent)
	heard = silent[len(silent)/2]
	if heard < silentAfter {
		return heard, nil
	}
	reached := slices.IndexFunc(silent, func(d time.Duration) bool { return d >= silentAfter })
	return heard, fmt.Errorf("the journal's leader %s reaches %d of %d replicas: it is cut off from the majority", c.Leader, reached, len(silent))
}

const forever = time.Duration(math.MaxInt64)
