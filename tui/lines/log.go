package lines

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
)

// LogAttr makes what is logged fit for a terminal, in either of slog's formats:
// it is a ReplaceAttr of [slog.HandlerOptions]. The handlers keep one event on one
// line, since they escape line breaks; here goes what they let pass and a terminal
// or an eye would fall for: C1 controls in JSON, letters that are not seen, a
// hundred marks on one letter.
func LogAttr(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(clean(v.String()))
	case slog.KindAny:
		if s, ok := worded(v.Any()); ok {
			a.Value = slog.StringValue(clean(s))
		}
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64, slog.KindGroup, slog.KindLogValuer:
	}
	return a
}

// worded is the words of a value that is logged as words.
func worded(v any) (string, bool) {
	switch v := v.(type) {
	case error:
		return v.Error(), true
	case fmt.Stringer:
		return v.String(), true
	default:
		return fmt.Sprint(v), reflect.TypeOf(v) != nil && reflect.TypeOf(v).Kind() == reflect.String
	}
}

// Trouble is an error as it is told on a terminal at the end of a command. What
// an error says beyond its first line is indented, so that no text of a stranger
// begins a line of its own.
func Trouble(err error) string {
	return "callscreen: " + strings.ReplaceAll(clean(err.Error()), "\n", "\n  ")
}

// clean cleans what stands between line breaks and tabs. What is printable ASCII
// is left whole, however long it is: errors explain themselves at their end.
func clean(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r > '~' || r < ' ' && r != '\n' && r != '\t' }) {
		return s
	}
	var b strings.Builder
	for s != "" {
		end := strings.IndexAny(s, "\n\t")
		if end < 0 {
			end = len(s)
		}
		b.WriteString(text(s[:end]))
		if s = s[end:]; s != "" {
			b.WriteByte(s[0])
			s = s[1:]
		}
	}
	return b.String()
}
