package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
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

// linkOptions are common to both kinds of link.
func linkOptions(log *slog.Logger) []nats.Option {
	return []nats.Option{
		nats.Name("callscreen relay"),
		nats.PingInterval(2 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		// Nothing is kept back while the link is down: an append that was
		// reported as failed must not be sent after all when it comes back.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil is our own Close
				log.Warn("journal link lost", slog.String("error", err.Error()))
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("journal link is back", slog.String("server", nc.ConnectedUrlRedacted()))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Warn("journal link", slog.String("error", err.Error()))
		}),
	}
}

// dial connects to an external server. The error never holds the URL, which may
// carry a password.
func dial(o Options, log *slog.Logger) (*nats.Conn, error) {
	nc, err := nats.Connect(o.URL, append(linkOptions(log), nats.Timeout(dialPatience))...)
	if errors.Is(err, nats.ErrNoServers) {
		return nil, fmt.Errorf("no NATS server answers at the configured address: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("NATS server: %w", err)
	}
	return nc, nil
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
