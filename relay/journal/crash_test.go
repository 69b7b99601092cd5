package journal_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"callscreen/relay/journal"
)

// The test binary plays the process that dies.
const (
	roleVariable = "CALLSCREEN_JOURNAL_TEST_ROLE"
	dirVariable  = "CALLSCREEN_JOURNAL_TEST_DIR"
)

// child appends for ever and prints each sequence after its acknowledgement,
// until it is killed or an append fails.
func child(role string) int {
	if role == "full disk" {
		limitFileSize()
	}
	ctx := context.Background()
	j, err := journal.Open(ctx, journal.Options{Dir: os.Getenv(dirVariable)})
	if err != nil {
		fmt.Println("open:", err)
		return 1
	}
	for i := 0; ; i++ {
		seq, err := j.Append(ctx, fmt.Sprintf("p%dk%d", os.Getpid(), i), []byte(strings.Repeat("x", 500)), 0)
		if err != nil {
			fmt.Println("failed:", err, "| healthy:", j.Healthy() == nil, "| unknown:", errors.Is(err, journal.ErrUnknown))
			return 3
		}
		fmt.Println(seq)
	}
}

func startChild(t *testing.T, role, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, dirVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, bufio.NewScanner(out)
}

func TestS01WhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "journal")
	acked := uint64(0)
	for round := range 5 {
		cmd, lines := startChild(t, "append", dir)
		for range 20 + 37*round {
			if !lines.Scan() {
				t.Fatal("the child stopped by itself")
			}
			acked = number(t, lines.Text())
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // acknowledged before the signal arrived
			acked = number(t, lines.Text())
		}
		_ = cmd.Wait() // killed, as planned
	}
	j := mustOpen(t, journal.Options{Dir: dir})
	_, end, err := j.Head(t.Context())
	if err != nil || end < acked {
		t.Fatalf("%d records acknowledged, %d found (%v)", acked, end, err)
	}
	wantRun(t, take(t, j, 0, int(end)), 1)
	t.Logf("acknowledged %d, found %d", acked, end)
}

func number(t *testing.T, line string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(line, 10, 64)
	if err != nil {
		t.Fatalf("the child said %q", line)
	}
	return n
}

func TestS06ASecondProcessIsRefusedWithASentence(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "journal")
	j := mustOpen(t, journal.Options{Dir: dir})
	_, lines := startChild(t, "append", dir)
	if !lines.Scan() || !strings.Contains(lines.Text(), "is in use by another relay") {
		t.Errorf("the second process said %q", lines.Text())
	}
	if _, err := journal.Open(t.Context(), journal.Options{Dir: dir}); err == nil {
		t.Error("a second journal in the same process was opened")
	}
	mustAppend(t, j, "a", "still mine", 0)
	mustClose(t, j)
	mustOpen(t, journal.Options{Dir: dir}) // free again
}
