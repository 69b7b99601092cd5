package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// The embedded server is in this process: what takes longer than this is a disk
// that hangs, not a network.
const (
	localPatience = 3 * time.Second
	localBeat     = 5 * time.Second
	startPatience = 20 * time.Second // reading a full journal after a crash
	// storeSlack is room in the server's budget beside the stream's own limit,
	// so that a budget worked out from the free disk space can never keep an
	// existing journal from opening.
	storeSlack = 64 << 20
)

// embedded is a NATS server inside this process: no port, no signal handler, no
// monitoring, a file store below one locked directory.
type embedded struct {
	srv    *server.Server
	unlock func() error
	once   sync.Once
	err    error
}

func startEmbedded(o Options) (*embedded, error) {
	if err := prepareDir(o.Dir); err != nil {
		return nil, err
	}
	unlock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	e := &embedded{unlock: unlock}
	if err := survey(o.Dir, readMark(o.Dir)); err != nil {
		return nil, errors.Join(err, e.close())
	}
	if err := e.start(o); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

func (e *embedded) start(o Options) error {
	srv, err := server.NewServer(&server.Options{
		ServerName:             "callscreen",
		DontListen:             true,
		NoSigs:                 true,
		NoLog:                  true, // the bridge below is installed by hand
		DisableJetStreamBanner: true,
		JetStream:              true,
		StoreDir:               o.Dir,
		SyncAlways:             !o.NoSync,
		// Only this package's consumers are kept in memory, and they are small.
		JetStreamMaxMemory: 16 << 20,
		JetStreamMaxStore:  o.MaxBytes + storeSlack,
		MaxPayload:         4 * MaxRecord,
		MaxClosedClients:   1,
	})
	if err != nil {
		return fmt.Errorf("embedded server: %w", err)
	}
	e.srv = srv
	bridge := &logBridge{log: o.Logger.With(slog.String("part", "nats-server"))}
	srv.SetLoggerV2(bridge, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(startPatience) || !srv.JetStreamEnabled() {
		return bridge.explain(fmt.Errorf("the store in %s did not start", o.Dir))
	}
	return nil
}

// connect dials the server through memory.
func (e *embedded) connect(options []nats.Option) (*nats.Conn, error) {
	return nats.Connect("", append(options, nats.InProcessServer(e.srv))...)
}

func (e *embedded) close() error {
	e.once.Do(func() {
		if e.srv != nil {
			e.srv.Shutdown()
			e.srv.WaitForShutdown()
		}
		// Last: as long as the lock is held nobody else may touch the files.
		e.err = e.unlock()
	})
	return e.err
}
