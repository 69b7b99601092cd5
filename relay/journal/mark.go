package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A record torn by a crash and one that was damaged later look alike, and the
// store cuts the file off at either: a journal of ten thousand calls may open
// with five. The mark is a small file beside the store
// that remembers how far the journal had come. It is written about once a second
// and when the journal closes, always after the records it speaks of, and need
// not be synced: one that is a little old only notices a little less.
const (
	markName  = "head"
	markEvery = time.Second
)

// keepMark brings the mark up to date until the journal closes.
func (j *Journal) keepMark(dir string) {
	var written uint64
	update := func() {
		acked := j.acked.Load()
		if acked == written {
			return
		}
		if err := writeMark(dir, Cursor{Epoch: j.epoch, Seq: acked}); err != nil {
			j.log.Warn("journal mark not written", slog.String("error", err.Error()))
			return
		}
		written = acked
	}
	defer update()
	tick := time.NewTicker(markEvery)
	defer tick.Stop()
	for {
		select {
		case <-j.ctx.Done():
			return
		case <-tick.C:
			update()
		}
	}
}

// writeMark replaces the mark in one step, so that it is never half written.
func writeMark(dir string, c Cursor) error {
	path := filepath.Join(dir, markName)
	if err := os.WriteFile(path+".new", fmt.Appendf(nil, "%s %d\n", c.Epoch, c.Seq), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// readMark gives the zero cursor if there is no mark or none that can be read:
// it is a second opinion, and without it the first one counts.
func readMark(dir string) Cursor {
	b, err := os.ReadFile(filepath.Join(dir, markName)) //nolint:gosec // in the configured directory
	if errors.Is(err, fs.ErrNotExist) {
		return Cursor{}
	}
	var c Cursor
	if n, err := fmt.Sscanf(string(b), "%s %d\n", &c.Epoch, &c.Seq); err != nil || n != 2 {
		return Cursor{}
	}
	return c
}

// checkEnd refuses a journal whose newest records are missing or unreadable.
// Follow finds the same in the middle.
func (j *Journal) checkEnd(ctx context.Context, dir string) error {
	state := j.stream.CachedInfo().State
	if m := readMark(dir); m.Epoch == j.epoch && m.Seq > state.LastSeq {
		return fmt.Errorf("%w: it ends at record %d and had %d: restore %s from a copy, or remove the file %s to go on with what is left",
			ErrDamaged, state.LastSeq, m.Seq, dir, filepath.Join(dir, markName))
	}
	if state.LastSeq == 0 || state.FirstSeq > state.LastSeq {
		return nil // empty, or everything has expired
	}
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	_, err := j.stream.GetMsg(ctx, state.LastSeq)
	if _, refused := errors.AsType[*jetstream.APIError](err); refused || errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("%w: its last record %d cannot be read: restore %s from a copy, or move it away to start an empty journal",
			ErrDamaged, state.LastSeq, dir)
	}
	return err
}
