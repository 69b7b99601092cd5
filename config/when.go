package config

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

var (
	errSpan = errors.New(`is not a duration: write a number with a unit, such as "15s", "8h" or "30d"`)
	errWhen = errors.New(`is neither a duration (8h, 2d), nor a date (2026-03-31), nor a time (2026-03-31T14:00:00+02:00)`)
)

// days are what Go's own durations lack: their longest unit is the hour.
var days = regexp.MustCompile(`^(?:(\d{1,5})w)?(?:(\d{1,6})d)?(.*)$`)

// ParseSpan reads a duration: as Go writes them, and before that weeks and days
// of 24 hours, such as 1w, 30d and 1d12h.
func ParseSpan(text string) (time.Duration, error) {
	part := days.FindStringSubmatch(text)
	if part == nil || part[1] == "" && part[2] == "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, errSpan
		}
		return d, nil
	}
	var rest time.Duration
	if part[3] != "" {
		var err error
		if rest, err = time.ParseDuration(part[3]); err != nil || rest < 0 {
			return 0, errSpan
		}
	}
	weeks, _ := strconv.Atoi(part[1]) // digits or nothing
	more, _ := strconv.Atoi(part[2])
	whole := float64(weeks)*float64(week) + float64(more)*float64(day) + float64(rest)
	if whole > math.MaxInt64/2 {
		return 0, errSpan
	}
	return time.Duration(weeks)*week + time.Duration(more)*day + rest, nil
}

// ParseAgo reads a moment in the past: a duration before now, a date, which
// begins at midnight where this runs, or a time as RFC 3339 writes it.
func ParseAgo(text string, now time.Time) (time.Time, error) { return parseWhen(text, now, -1) }

// ParseAhead reads a moment in the future, likewise.
func ParseAhead(text string, now time.Time) (time.Time, error) { return parseWhen(text, now, 1) }

func parseWhen(text string, now time.Time, sign time.Duration) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return t, nil
	}
	span, err := ParseSpan(text)
	if err != nil || span < 0 {
		return time.Time{}, errWhen
	}
	return now.Add(sign * span), nil
}
