package config

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// set gives a raw value its type and puts it in its place. The error never
// repeats a secret.
func (s setting) set(to *Settings, raw any) error {
	var err error
	switch at := s.at(to).(type) {
	case *string:
		*at, err = asText(raw)
	case *Secret:
		var text string
		text, err = asText(raw)
		*at = Secret(text)
	case *bool:
		*at, err = asBool(raw)
	case *time.Duration:
		*at, err = asDuration(raw)
	case *int64:
		*at, err = asNumber(raw)
	case *Size:
		*at, err = asSize(raw)
	case *[]string:
		*at, err = asList(raw)
	case *slog.Level:
		*at, err = asLevel(raw)
	default:
		err = fmt.Errorf("no such kind of setting: %T", at)
	}
	return err
}

func asText(raw any) (string, error) {
	text, ok := raw.(string)
	if !ok {
		return "", errors.New("is not text: put it in quotes")
	}
	// A control character in an address, a path or a token is a slip or an attack.
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", errors.New("holds a control character or a line break")
	}
	return text, nil
}

func asBool(raw any) (bool, error) {
	switch v := raw.(type) {
	case bool:
		return v, nil
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			return b, nil
		}
	}
	return false, errors.New("is neither true nor false")
}

func asDuration(raw any) (time.Duration, error) {
	switch v := raw.(type) {
	case time.Duration:
		return v, nil
	case string:
		return ParseSpan(v)
	}
	return 0, errSpan
}

func asSize(raw any) (Size, error) {
	switch v := raw.(type) {
	case int64: // TOML without quotes
		return ParseSize(strconv.FormatInt(v, 10))
	case string:
		return ParseSize(v)
	}
	return 0, errSize
}

func asNumber(raw any) (int64, error) {
	switch v := raw.(type) {
	case int64:
		return v, nil
	case string:
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, errors.New("is not a whole number")
}

// asList takes an array, or text separated by commas.
func asList(raw any) ([]string, error) {
	var parts []string
	switch v := raw.(type) {
	case string:
		if strings.TrimSpace(v) == "" {
			return nil, nil
		}
		parts = strings.Split(v, ",")
	case []string:
		parts = v
	case []any:
		for _, item := range v {
			text, err := asText(item)
			if err != nil {
				return nil, errors.New("is not a list of texts")
			}
			parts = append(parts, text)
		}
	default:
		return nil, errors.New("is not a list of texts")
	}
	var list []string
	for _, part := range parts {
		if part = strings.TrimSpace(part); part == "" {
			return nil, errors.New("has an empty entry")
		}
		list = append(list, part)
	}
	return list, nil
}

func asLevel(raw any) (slog.Level, error) {
	switch raw {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, errors.New("must be debug, info, warn or error")
}
