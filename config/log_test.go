package config_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestLogLinesGoToTheirFileInTheirFormat(t *testing.T) {
	t.Parallel()
	s := ready(t)
	s.LogFile, s.LogFormat, s.LogLevel = filepath.Join(t.TempDir(), "log"), "json", slog.LevelWarn
	var fallback bytes.Buffer
	for range 2 { // the second time after the first
		log, done, err := s.Logger(&fallback, nil)
		if err != nil {
			t.Fatal(err)
		}
		log.Info("too quiet")
		log.Warn("heard")
		done()
	}
	got, err := os.ReadFile(s.LogFile)
	if err != nil || strings.Count(string(got), `"msg":"heard"`) != 2 || strings.Contains(string(got), "quiet") || fallback.Len() > 0 {
		t.Errorf("%q %v, and %q elsewhere", got, err, &fallback)
	}
	if info, err := os.Stat(s.LogFile); runtime.GOOS != "windows" && (err != nil || info.Mode() != 0o600) {
		t.Errorf("mode %v (%v)", info.Mode(), err)
	}
}

func TestLogLinesWithoutAFileGoToTheFallback(t *testing.T) {
	t.Parallel()
	var fallback bytes.Buffer
	log, done, err := ready(t).Logger(&fallback, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	log.Info("heard")
	if !strings.Contains(fallback.String(), "msg=heard") {
		t.Errorf("got %q", &fallback)
	}
}

func TestALogFileThatCannotBeOpenedIsToldByItsSetting(t *testing.T) {
	t.Parallel()
	s := ready(t)
	s.LogFile = filepath.Join(t.TempDir(), "nowhere", "log")
	_, _, err := s.Logger(os.Stderr, nil)
	wantAll(t, err, "log-file: ", s.LogFile)
}
