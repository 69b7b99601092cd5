package tui

import (
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
)

func TestTheLogKeepsTheLastTwoHundredLines(t *testing.T) {
	var l Log
	log := l.Tee(slog.New(slog.DiscardHandler), slog.LevelInfo)
	for n := range 3*logKeeps + 7 {
		log.Info("line", "n", n)
	}
	lines := l.Lines()
	if len(lines) != logKeeps {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		if want := "msg=line n=" + strconv.Itoa(3*logKeeps+6-i); line.Text != want {
			t.Fatalf("line %d is %q, want %q", i, line.Text, want)
		}
	}
}

func TestTheLogTakesNothingFromTheLogBesideIt(t *testing.T) {
	var l Log
	var file strings.Builder
	log := l.Tee(slog.New(slog.NewTextHandler(&file, &slog.HandlerOptions{Level: slog.LevelDebug})), slog.LevelWarn)
	log.Debug("detail")
	log.With("relay", "a").Warn("down", "try", 2)
	if lines := l.Lines(); len(lines) != 1 || lines[0].Text != "level=WARN msg=down relay=a try=2" {
		t.Errorf("the page has %+v", lines)
	}
	if got := file.String(); !strings.Contains(got, "msg=detail") || !strings.Contains(got, "msg=down relay=a try=2") {
		t.Errorf("the file has %q", got)
	}
}

func TestTheLogPageHasTheLogAndTheMessagesOfStrangersHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		var l Log
		h.m.opt.Log = l.Lines
		h.do(tea.WindowSizeMsg{Width: 80, Height: 24})
		h.ring(14)
		h.pass(time.Second)
		h.key("b")
		h.pass(time.Second)
		l.Tee(slog.New(slog.DiscardHandler), slog.LevelInfo).Error("relay link down", "err", "\x1b[2J\u202ethe cable is out")
		h.pass(time.Second)
		h.key("L")
		_, frame := said(h)
		lines := strings.Split(frame, "\n")
		if !strings.Contains(lines[2], `00:00:02 level=ERROR msg="relay link down" err="\x1b[2J\u202ethe cable is out"`) {
			t.Errorf("the newest line is %q", lines[2])
		}
		if !strings.Contains(lines[3], "00:00:01 → busy sent Unknown caller") {
			t.Errorf("the line before is %q", lines[3])
		}
		if strings.ContainsAny(strings.Join(lines, ""), "\x1b\u202e") {
			t.Errorf("the page carries a sequence: %q", frame)
		}
	})
}
