package tui

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"callscreen/relay/call"
)

// logKeeps is how many lines the log page has.
const logKeeps = 200

// Log keeps the last lines of the program's log for the log page: nothing else
// may write to a terminal while the screen is up. The zero value is ready; any
// goroutine may use it.
type Log struct {
	mu    sync.Mutex
	lines []LogLine // in a circle once there are logKeeps
	next  int
}

// LogLine is one line of a log. It is cleaned when it is drawn.
type LogLine struct {
	At   time.Time
	Text string
}

// Tee is a logger that writes to l whatever has the level or a higher one, and
// to log as before.
func (l *Log) Tee(log *slog.Logger, level slog.Leveler) *slog.Logger {
	bare := func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey && a.Value.String() == slog.LevelInfo.String()) {
			return slog.Attr{} // the page has a time of its own, and most lines are of this level
		}
		return a
	}
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: bare}
	return slog.New(slog.NewMultiHandler(log.Handler(), slog.NewTextHandler(l, o)))
}

// Write takes one line, as handlers of slog do. It never fails.
func (l *Log) Write(p []byte) (int, error) {
	l.add(time.Now(), strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

func (l *Log) add(at time.Time, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) < logKeeps {
		l.lines = append(l.lines, LogLine{at, text})
		return
	}
	l.lines[l.next] = LogLine{at, text}
	l.next = (l.next + 1) % logKeeps
}

// Lines is what is kept, the newest first.
func (l *Log) Lines() []LogLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := make([]LogLine, 0, len(l.lines))
	for i := range l.lines {
		lines = append(lines, l.lines[(l.next+len(l.lines)-1-i)%len(l.lines)])
	}
	return lines
}

// logPage is the log and the messages, the newest line first and each in full.
func (m *Model) logPage() []string {
	all := m.said.Lines()
	if m.opt.Log != nil {
		all = append(all, m.opt.Log()...)
	}
	slices.SortStableFunc(all, func(x, y LogLine) int { return y.At.Compare(x.At) })
	var lines []string
	for _, l := range all[:min(len(all), logKeeps)] {
		text, _ := call.Clean(l.Text, wordsCells)
		lines = append(lines, m.wrapped(m.paint.dim, l.At.Format("15:04:05 "), text, m.width)...)
	}
	if len(lines) == 0 {
		lines = m.wrapped(style{}, "", "Nothing was logged.", m.width)
	}
	return lines
}
