package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

// An external server can be half dead, and a claim must be decided within three
// seconds: short waits, and a link that is known to be down within five.
const (
	remotePatience = time.Second
	remoteBeat     = time.Second
	dialPatience   = 3 * time.Second
	probeEvery     = time.Second
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
	_, err := j.info(ctx)
	if errors.Is(err, ErrReplaced) {
		j.end(ErrReplaced)
		return
	}
	if err != nil {
		err = fmt.Errorf("journal: %w", err)
	}
	if j.store == nil { // our own store is healthy or not by what it writes
		j.heard(err)
	}
}
