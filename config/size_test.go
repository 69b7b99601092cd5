package config_test

import (
	"strings"
	"testing"

	"callscreen/config"
)

func TestASizeHasAUnit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.Size{
		"0": 0, "17": 17, "17B": 17, "1kB": 1000, "1KiB": 1024, "256MiB": 256 << 20, "256 MiB": 256 << 20, "1gib": 1 << 30, "2TB": 2_000_000_000_000,
	} {
		got, err := config.ParseSize(text)
		if err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
		if again, err := config.ParseSize(got.String()); err != nil || again != got {
			t.Errorf("%q is written %q and read %d, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5GiB", "1 G", "1GiBs", "9999999TiB", "99999999999999999999", "0x10"} {
		if got, err := config.ParseSize(text); err == nil {
			t.Errorf("%q is %d, want an error", text, got)
		}
	}
	if got := config.Size(256 << 20).String(); got != "256MiB" {
		t.Errorf("256 MiB is written %s", got)
	}
}

func TestTheJournalsLimitsComeFromEverySourceAndAreJudged(t *testing.T) {
	t.Parallel()
	s := load(t, flags(t), home(t))
	if s.JournalMaxAge.Hours() != 720 || s.JournalMaxBytes != 256<<20 {
		t.Errorf("defaults %v, %v", s.JournalMaxAge, s.JournalMaxBytes)
	}
	path := file(t, "c.toml", "journal-max-age = \"90d\"\njournal-max-bytes = \"1GiB\"")
	for source, s := range map[string]config.Settings{
		"file":        load(t, flags(t, "--config", path), home(t)),
		"environment": load(t, flags(t), home(t, "CALLSCREEN_JOURNAL_MAX_AGE=90d", "CALLSCREEN_JOURNAL_MAX_BYTES=1GiB")),
		"flags":       load(t, flags(t, "--journal-max-age", "90d", "--journal-max-bytes", "1GiB"), home(t)),
	} {
		if s.JournalMaxAge.Hours() != 2160 || s.JournalMaxBytes != 1<<30 {
			t.Errorf("%s: %v, %v", source, s.JournalMaxAge, s.JournalMaxBytes)
		}
	}
	for _, wrong := range [][2]string{
		{"journal-max-age", "59m"}, {"journal-max-age", "3651d"}, {"journal-max-bytes", "15MiB"}, {"journal-max-bytes", "0"},
	} {
		err := load(t, flags(t, "--"+wrong[0], wrong[1]), home(t)).CheckRelay()
		if err == nil || !strings.Contains(err.Error(), wrong[0]+": ") {
			t.Errorf("%s %s: %v", wrong[0], wrong[1], err)
		}
	}
}
