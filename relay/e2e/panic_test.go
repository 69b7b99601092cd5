package e2e

import (
	"context"
	"fmt"
	"os"
	"time"

	"callscreen/relay/call"
	"callscreen/tui"
)

// This test binary, started again with panicAt in its environment, is a screen
// that panics at a key. The screen is the real one; what panics is what it is
// given: a Link that Update asks to reject, a Log that View asks for its lines,
// and a Link in the goroutine in which the screen waits for news.
const (
	panicAt       = "E2E_PANIC_AT"
	panicInUpdate = "in Update"
	panicInView   = "in View"
	panicBeside   = "beside the event loop"
	boom          = "boom, as planted"
	exitPanicked  = 3 // tui.Run returned an error
	exitNoPanic   = 4
)

// showAndPanic is the second process.
func showAndPanic(at string) int {
	link := &bomb{at: at, lit: make(chan struct{})}
	o := tui.Options{Link: link, Log: func() []tui.LogLine { panic(boom) }}
	if err := tui.Run(context.Background(), o, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitPanicked
	}
	return exitNoPanic
}

// bomb is a Link with one call.
type bomb struct {
	at   string
	told bool
	lit  chan struct{} // closed when Next is to panic
}

func (b *bomb) Next(ctx context.Context) ([]call.Update, error) {
	if !b.told {
		b.told = true
		return []call.Update{
			{Link: &call.Link{Up: true, Bot: "reception", Operator: "ana"}},
			{Event: &call.Event{
				Seq: 1, At: time.Now(), Kind: call.Rang, Call: "1907c4a1", Ring: call.ToMillis(time.Minute), Margin: 500,
				Details: &call.Details{Caller: call.Party{Kind: call.User, Name: "Alice Meyer"}},
			}},
		}, nil
	}
	select {
	case <-b.lit:
		panic(boom)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (b *bomb) Reject(call.ID, call.Reason) (string, error) {
	if b.at == panicInUpdate {
		panic(boom)
	}
	close(b.lit)
	return "1", nil
}

func (b *bomb) Undo(call.ID, string) error { return nil }

func (b *bomb) Alive(int, call.ID) {}

func (b *bomb) Reconnect() {}
