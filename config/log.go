package config

import (
	"fmt"
	"io"
	"log/slog"
	"os"
)

// Logger writes log lines to LogFile or, if none is set, to the fallback; clean
// is what makes their texts fit for a terminal, which a file is read on as well.
// The caller owes done, which closes the file. A new file is private: log lines
// name operators and calls.
func (s Settings) Logger(fallback io.Writer, clean func([]string, slog.Attr) slog.Attr) (log *slog.Logger, done func(), err error) {
	w, done := fallback, func() {}
	if s.LogFile != "" {
		f, err := os.OpenFile(s.LogFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, nil, fmt.Errorf("log-file: %w", err)
		}
		w, done = f, func() { _ = f.Close() }
	}
	o := &slog.HandlerOptions{Level: s.LogLevel, ReplaceAttr: clean}
	if s.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o)), done, nil
	}
	return slog.New(slog.NewTextHandler(w, o)), done, nil
}
