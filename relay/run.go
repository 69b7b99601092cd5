package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"callscreen/relay/wire"
)

const (
	// finishWithin bounds the way down: requests and decisions under way.
	finishWithin = 8 * time.Second
	// goodbyeWithin bounds what comes after: the last outcomes on their way to
	// the consoles, and the consoles' goodbye.
	goodbyeWithin = time.Second
)

// Run serves on a listener until the context ends, then goes down in order:
// no more webhooks and decisions, those under way to their end, their outcomes
// recorded, consoles told to come back. It returns when everything it started
// has ended.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	first, head, err := s.opts.Journal.Head(ctx)
	if err != nil {
		_ = ln.Close()
		return fmt.Errorf("relay: %w", err)
	}
	if first > head {
		head = 0 // empty, or emptied by age: there is nothing to wait for
	}
	group, inner := errgroup.WithContext(inner)
	group.Go(func() error { return s.opts.Journal.Follow(inner, 0, s.desk.take) })
	group.Go(func() error {
		if err := s.desk.await(inner, head); err != nil {
			return err
		}
		s.desk.open()
		if s.opts.Unattended != "" && s.opts.Unattended != LetRing {
			group.Go(func() error { return s.attend(inner) })
		}
		return s.sweep(inner)
	})
	group.Go(func() error { return s.keepTelling(inner) })
	if s.opts.Gossip != nil {
		group.Go(func() error { return s.keepListening(inner) })
	}

	srv := s.httpServer(s.Handler())
	if s.opts.Certificate != nil {
		srv.TLSConfig = s.opts.Certificate.TLS()
	}
	group.Go(func() error { return serve(srv, ln) })
	group.Go(func() error {
		select {
		case <-ctx.Done():
		case <-inner.Done():
		}
		s.goDown(srv)
		cancel()
		return nil
	})
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("relay: %w", err)
	}
	return nil
}

// serve is over TLS if the server has a certificate.
func serve(srv *http.Server, ln net.Listener) error {
	var err error
	if srv.TLSConfig != nil {
		err = srv.ServeTLS(ln, "", "")
	} else {
		err = srv.Serve(ln)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// begin lets something start that going down waits for, unless it is too late
// for that. Whoever got true owes the group a Done.
func (s *Server) begin(group *sync.WaitGroup) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	group.Add(1)
	return true
}

func (s *Server) goingDown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

func (s *Server) goDown(srv *http.Server) {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	close(s.leaving) // decisions that wait to be taken back are carried out
	ctx, cancel := context.WithTimeout(context.Background(), finishWithin)
	defer cancel()
	_ = srv.Shutdown(ctx) // the consoles' sockets are not its business
	if !within(ctx, &s.work) {
		s.log.Warn("going down with decisions under way; they will be shown as unknown")
	}
	bye, cancelBye := context.WithTimeout(context.Background(), goodbyeWithin)
	defer cancelBye()
	// What was recorded last is still on its way to the board: the consoles hear
	// every outcome before the goodbye.
	if _, last, err := s.opts.Journal.Head(bye); err == nil {
		_ = s.desk.await(bye, last)
	}
	s.desk.dismiss(wire.Shutdown, "come back")
	if !within(bye, &s.consoles) {
		s.desk.cutOff()
		s.consoles.Wait()
	}
	_ = srv.Close()
}

// within waits for a group, and reports whether it was done in time.
func within(ctx context.Context, group *sync.WaitGroup) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		group.Wait()
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// keepTelling keeps the consoles' headers true and their operators valid: it
// tells when calls cannot be screened, and when they can again, how many are
// watching, and hangs up on whoever was revoked or has another role. It looks
// more often while there is trouble: nobody should read of trouble that is over,
// least of all in the first second. Operators are judged each second all the same:
// each is a look at the list and a digest of a token.
func (s *Server) keepTelling(ctx context.Context) error {
	var judged time.Time
	for {
		trouble := s.trouble()
		s.desk.tell(trouble)
		if s.opts.Gossip != nil {
			s.gossip()
		}
		if now := time.Now(); now.Sub(judged) >= time.Second {
			judged = now
			s.judgeSeats()
		}
		pause := time.Second
		if trouble != "" {
			pause = 50 * time.Millisecond
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}
