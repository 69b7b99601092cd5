package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	judgeEvery      = 30 * time.Second // how safe a record is changes when somebody changes a server
	monitorPatience = 2 * time.Second
	maxVarz         = 1 << 20
)

// safety is how safe an acknowledged record is.
type safety struct {
	local    bool
	replicas int
	sync     pace
}

// pace is how a server brings what it has acknowledged to its disk: when an
// interval is over, or, with none, before it acknowledges. Of several servers the
// slowest counts.
type pace struct {
	known    bool
	interval time.Duration
}

// String is a line for the log and the relay's start (N-01).
func (s safety) String() string {
	if s.local && s.sync.interval > 0 {
		return "embedded, NOT synced: a power cut or crash loses records (measurements only)"
	}
	where := "external"
	if s.local {
		where = "embedded"
	}
	line := fmt.Sprintf("%s, %s, %s", where, count(s.replicas), s.sync)
	switch single, lax := s.single(), s.lax(); {
	case single && lax:
		line += ": advised are 3 replicas and sync_interval: always"
	case single:
		line += ": advised are 3 replicas"
	case lax:
		line += ": advised is sync_interval: always"
	}
	return line
}

// single tells that the record dies with one server's disk. Of the embedded store
// nothing else is expected.
func (s safety) single() bool { return !s.local && s.replicas < 3 }

// lax tells that a record may be acknowledged and not on a disk.
func (s safety) lax() bool { return s.sync != pace{known: true} }

// notice is what every console shows of it; "" where nothing better is advised.
func (s safety) notice() string {
	var weak []string
	if s.single() {
		weak = append(weak, count(s.replicas))
	}
	if s.lax() {
		weak = append(weak, s.sync.String())
	}
	if len(weak) == 0 {
		return ""
	}
	return "journal: " + strings.Join(weak, ", ")
}

func (p pace) String() string {
	switch {
	case !p.known:
		return "sync unknown"
	case p.interval == 0:
		return "synced before acknowledged"
	case p.interval == forever:
		return "not synced"
	default:
		return "synced every " + rounded(p.interval)
	}
}

// rounded writes 2m and not 2m0s.
func rounded(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func count(replicas int) string {
	if replicas == 1 {
		return "1 replica"
	}
	return fmt.Sprintf("%d replicas", replicas)
}

// Describe says in one line how safe a written record is: embedded or external,
// replicas, and whether it is synced.
func (j *Journal) Describe() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.safety.String()
}

// Notice is what operators should know about that, in a few words; "" where all
// is as advised. It changes when the servers do.
func (j *Journal) Notice() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.safety.notice()
}

// judgeSafety asks an external journal's servers anew as long as it is open.
func (j *Journal) judgeSafety(monitors []string, client *http.Client) {
	for {
		pause(j.ctx, judgeEvery)
		if j.ctx.Err() != nil {
			return
		}
		if info, err := j.whole(j.ctx); err == nil {
			j.judgeOnce(info, monitors, client)
		}
	}
}

// whole is what the stream's leader tells once it names all servers that keep the
// stream, which it does a moment after that was made; or what it tells after all,
// when patience is over.
func (j *Journal) whole(ctx context.Context) (*jetstream.StreamInfo, error) {
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	for {
		info, err := j.info(ctx)
		if err != nil || len(keepers(info, "")) >= info.Config.Replicas {
			return info, err
		}
		if pause(ctx, followRetry); ctx.Err() != nil {
			return info, nil
		}
	}
}

func (j *Journal) judgeOnce(info *jetstream.StreamInfo, monitors []string, client *http.Client) {
	now := safety{replicas: info.Config.Replicas}
	if names := keepers(info, j.nc.ConnectedServerName()); len(names) >= now.replicas {
		now.sync = slowest(names, j.paces(monitors, client))
	}
	j.mu.Lock()
	was := j.safety
	j.safety = now
	j.mu.Unlock()
	if now != was {
		j.log.Info("journal", slog.String("safety", now.String()))
	}
}

// keepers are the servers that keep the stream, by their names; one that is no
// cluster's does not name itself.
func keepers(info *jetstream.StreamInfo, connected string) (names []string) {
	if info.Cluster == nil || info.Cluster.Leader == "" {
		return []string{connected}
	}
	names = append(names, info.Cluster.Leader)
	for _, r := range info.Cluster.Replicas {
		names = append(names, r.Name)
	}
	return names
}

// slowest is known only if that of every keeper is.
func slowest(keepers []string, paces map[string]pace) (worst pace) {
	for _, name := range keepers {
		p, ok := paces[name]
		if !ok || !p.known {
			return pace{}
		}
		worst = pace{known: true, interval: max(worst.interval, p.interval)}
	}
	return worst
}

// paces asks the monitoring addresses, all at once.
func (j *Journal) paces(monitors []string, client *http.Client) map[string]pace {
	ctx, cancel := context.WithTimeout(j.ctx, monitorPatience)
	defer cancel()
	var all sync.WaitGroup
	var mu sync.Mutex
	paces := map[string]pace{}
	for _, m := range monitors {
		all.Go(func() {
			name, p, err := paceOf(ctx, client, m)
			if err != nil {
				j.log.Warn("NATS monitoring", slog.String("address", m), slog.String("error", err.Error()))
				return
			}
			mu.Lock()
			defer mu.Unlock()
			paces[name] = p
		})
	}
	all.Wait()
	return paces
}

// monitorClient carries no secret, follows nobody elsewhere and uses no proxy.
func monitorClient(o Options) (*http.Client, error) {
	security, err := Options{CA: o.CA, URL: "tls://"}.security()
	if err != nil {
		return nil, err
	}
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: security, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// paceOf asks one server (nats-server, server/monitor.go: Varz).
func paceOf(ctx context.Context, client *http.Client, monitor string) (server string, p pace, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(monitor, "/")+"/varz", http.NoBody)
	if err != nil {
		return "", pace{}, err
	}
	answer, err := client.Do(r)
	if err != nil {
		return "", pace{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return "", pace{}, fmt.Errorf("/varz answered %d", answer.StatusCode)
	}
	var v struct {
		Name      string `json:"server_name"`
		JetStream struct {
			Config *struct {
				Interval time.Duration `json:"sync_interval"`
				Always   bool          `json:"sync_always"`
			} `json:"config"`
		} `json:"jetstream"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxVarz)).Decode(&v); err != nil {
		return "", pace{}, fmt.Errorf("/varz: %w", err)
	}
	c := v.JetStream.Config
	if v.Name == "" || c == nil {
		return "", pace{}, errors.New("/varz tells of no server with JetStream")
	}
	if c.Always {
		return v.Name, pace{known: true}, nil
	}
	return v.Name, pace{known: c.Interval > 0, interval: c.Interval}, nil
}
