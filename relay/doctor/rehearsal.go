package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/client"
)

// Stage is a callscreen for a rehearsal: a simulated Microsoft, a relay with the
// settings that are examined, and a console's link to it, joined by real sockets.
type Stage struct {
	Run   func(context.Context) error           // all parts, until the context ends
	Ready func() error                          // nil once calls can be screened
	Ring  func(context.Context) (string, error) // places a call; returns its id when the webhook has answered
	Link  *client.Client
}

// rehearse lets a simulated call go the whole way: signed and posted over HTTP to
// our own webhook, recorded, sent to a console, rejected from there, accepted by
// the simulated Graph, and reported as ended. Its journal lies in a directory
// that is removed.
func (x *examination) rehearse(ctx context.Context) []Finding {
	const mend = "this program has a fault of its own, or this machine lets no program talk to itself on 127.0.0.1: look for a firewall, then report it"
	if stop := x.prevented(rehearsal, settings); stop != nil {
		return stop
	}
	if x.o.Stage == nil {
		return notChecked("there is no stage for it")
	}
	dir, err := os.MkdirTemp("", "callscreen-doctor-")
	if err != nil {
		return found(Wrong, "make room in the directory for temporary files, or set TMPDIR", "%v", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	stage, err := x.o.Stage(ctx, dir)
	if err != nil {
		return x.unfit(rehearsal, err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- stage.Run(running) }()
	leave := linked(running, stage.Link)
	done, err := play(running, stage)
	leave()
	stop()
	if broken := <-ended; err == nil && broken != nil {
		err = fmt.Errorf("the end: %w", broken)
	}
	if err != nil {
		return found(Wrong, mend, "a simulated call did not come through: %v%s", err, after(done))
	}
	return good("a simulated call came through: %s", strings.Join(done, ", "))
}

func after(done []string) string {
	if len(done) == 0 {
		return ""
	}
	return " (until then: " + strings.Join(done, ", ") + ")"
}

// play plays the call and tells each step that succeeded, with its time.
func play(ctx context.Context, stage Stage) (done []string, err error) {
	began := time.Now()
	step := func(what string) {
		done = append(done, fmt.Sprintf("%s %s", what, brief(time.Since(began))))
		began = time.Now()
	}
	if err := awaitReady(ctx, stage.Ready); err != nil {
		return done, fmt.Errorf("the relay was not ready: %w", err)
	}
	show := &watcher{link: stage.Link, happened: map[happening]bool{}}
	if _, err := show.awaitLink(ctx); err != nil {
		return done, fmt.Errorf("no console link: %w", err)
	}
	step("ready after")
	id, err := stage.Ring(ctx)
	if err != nil {
		return done, fmt.Errorf("the webhook did not take it: %w", err)
	}
	step("notified and recorded in")
	if err := show.awaitEvent(ctx, call.ID(id), call.Rang); err != nil {
		return done, fmt.Errorf("it was not shown: %w", err)
	}
	step("shown after another")
	request, err := stage.Link.Reject(call.ID(id), call.Busy)
	if err != nil {
		return done, fmt.Errorf("it could not be rejected: %w", err)
	}
	if err := show.awaitAnswer(ctx, request); err != nil {
		return done, fmt.Errorf("it was not rejected: %w", err)
	}
	step("rejected in")
	if err := show.awaitEvent(ctx, call.ID(id), call.Ended); err != nil {
		return done, fmt.Errorf("its end was not told: %w", err)
	}
	step("ended after another")
	return done, nil
}

func brief(d time.Duration) string {
	if d < time.Millisecond {
		return "1 ms" // less is not told: it would be the clock's
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

func awaitReady(ctx context.Context, ready func() error) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// awaitEvent waits until something has happened to a call. The end may come before
// the answer to the rejection that caused it, so what is passed over is remembered.
func (w *watcher) awaitEvent(ctx context.Context, id call.ID, kind call.EventKind) error {
	for !w.happened[happening{id.Key(), kind}] {
		if _, err := w.nextOf(ctx); err != nil {
			return err
		}
	}
	return nil
}

// awaitAnswer waits for the answer to a decision, which must be that it was carried
// out.
func (w *watcher) awaitAnswer(ctx context.Context, request string) error {
	for {
		u, err := w.nextOf(ctx)
		switch {
		case err != nil:
			return err
		case u.Answer == nil || u.Answer.Request != request:
		case u.Answer.Verdict != call.WasRejected:
			return fmt.Errorf("%s: %s", u.Answer.Verdict, u.Answer.Words)
		default:
			return nil
		}
	}
}

// happening is one thing that happened to one call.
type happening struct {
	call string
	kind call.EventKind
}

// nextOf is next on a link that must not break.
func (w *watcher) nextOf(ctx context.Context) (call.Update, error) {
	u, err := w.next(ctx)
	if err == nil && u.Link != nil && u.Link.Err != "" {
		err = errors.New(u.Link.Err)
	}
	if err == nil && u.Event != nil {
		w.happened[happening{u.Event.Call.Key(), u.Event.Kind}] = true
	}
	return u, err
}
