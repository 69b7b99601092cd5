package relay

import (
	"log/slog"
	"sync"
	"time"
)

// hush keeps a log readable, and the disk under the journal from filling up,
// when the same thing goes wrong again and again: of each kind the first is
// logged at once, then one line a second that counts the ones it stands for.
// Kinds are fixed words of this package, so there are few.
type hush struct {
	log *slog.Logger

	mu   sync.Mutex
	last map[string]time.Time
	held map[string]int
}

func newHush(log *slog.Logger) *hush {
	return &hush{log: log, last: map[string]time.Time{}, held: map[string]int{}}
}

// warn logs, or counts for the next line of this kind.
func (h *hush) warn(kind, message string, args ...any) {
	now := time.Now()
	h.mu.Lock()
	if now.Sub(h.last[kind]) < time.Second {
		h.held[kind]++
		h.mu.Unlock()
		return
	}
	held := h.held[kind]
	h.last[kind], h.held[kind] = now, 0
	h.mu.Unlock()
	if held > 0 {
		args = append(args, "unlogged_before", held)
	}
	h.log.Warn(message, args...)
}
