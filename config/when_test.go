package config_test

import (
	"testing"
	"time"

	"callscreen/config"
)

func TestADurationMayHaveWeeksAndDays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"15s": 15 * time.Second, "500ms": 500 * time.Millisecond, "8h": 8 * time.Hour, "2d": 48 * time.Hour,
		"1w": 168 * time.Hour, "1w2d": 216 * time.Hour, "1d12h": 36 * time.Hour, "0d": 0, "0s": 0, "-5s": -5 * time.Second,
	} {
		if got, err := config.ParseSpan(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "2", "d", "2d3", "2d-1h", "1d1w", "-2d", "2days", "2 d", "999999d9999999h", "99999w999999d", "1.5d"} {
		if got, err := config.ParseSpan(text); err == nil {
			t.Errorf("%q is %v, want an error", text, got)
		}
	}
}

func TestAMomentIsADurationADateOrATime(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("here", 2*3600)
	now := time.Date(2026, 3, 31, 14, 0, 0, 0, zone)
	for text, want := range map[string]time.Time{
		"8h":                        now.Add(-8 * time.Hour),
		"2d":                        now.Add(-48 * time.Hour),
		"2026-03-30":                time.Date(2026, 3, 30, 0, 0, 0, 0, zone),
		"2026-03-30T10:00:00Z":      time.Date(2026, 3, 30, 12, 0, 0, 0, zone),
		"2026-03-30T10:00:00+02:00": time.Date(2026, 3, 30, 10, 0, 0, 0, zone),
	} {
		if got, err := config.ParseAgo(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	if got, err := config.ParseAhead("30d", now); err != nil || !got.Equal(now.Add(720*time.Hour)) {
		t.Errorf("30d ahead is %v, %v", got, err)
	}
	for _, text := range []string{"", "yesterday", "-8h", "2026-02-30", "2026-3-1", "2026-03-30 10:00", "10:00"} {
		if got, err := config.ParseAgo(text, now); err == nil {
			t.Errorf("%q is %v, want an error", text, got)
		}
	}
}
