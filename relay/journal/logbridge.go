package journal

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
)

// logBridge hands the embedded server's words to slog, one level quieter than
// the server means them where they are only about its own life.
type logBridge struct {
	log *slog.Logger

	mu   sync.Mutex
	last string // the latest error, which Open quotes if the server does not start
}

func (b *logBridge) say(level slog.Level, format string, v []any) {
	ctx := context.Background()
	if b.log.Enabled(ctx, level) {
		b.log.LogAttrs(ctx, level, fmt.Sprintf(format, v...))
	}
}

func (b *logBridge) keep(format string, v []any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = fmt.Sprintf(format, v...)
}

// explain adds what the server said last to an error that has no reason of its
// own.
func (b *logBridge) explain(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, b.last)
}

// Noticef is part of the server's logger interface.
func (b *logBridge) Noticef(format string, v ...any) { b.say(slog.LevelDebug, format, v) }

// Warnf is part of the server's logger interface.
func (b *logBridge) Warnf(format string, v ...any) { b.say(slog.LevelWarn, format, v) }

// Errorf is part of the server's logger interface.
func (b *logBridge) Errorf(format string, v ...any) {
	b.keep(format, v)
	b.say(slog.LevelError, format, v)
}

// Fatalf is part of the server's logger interface. It does not end the process:
// Open reports the failure.
func (b *logBridge) Fatalf(format string, v ...any) {
	b.keep(format, v)
	b.say(slog.LevelError, format, v)
}

// Debugf is part of the server's logger interface; nobody here reads it.
func (b *logBridge) Debugf(string, ...any) {}

// Tracef is part of the server's logger interface; nobody here reads it.
func (b *logBridge) Tracef(string, ...any) {}
