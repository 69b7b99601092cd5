package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"
)

// Show writes every setting, its value and where that comes from, as a "table",
// as "json" (one object a line, with name, value and origin) or as "toml", which
// is a settings file that gives the same values again. Of a secret only whether
// it is set is told; in the settings file its line is a comment.
func (s Settings) Show(w io.Writer, format string) error {
	show := map[string]func(Settings, io.Writer) error{
		"table": Settings.showTable, "json": Settings.showJSON, "toml": Settings.showTOML,
	}[format]
	if show == nil {
		return oneOf(format, "table", "json", "toml")
	}
	return show(s, w)
}

func (s Settings) showTable(w io.Writer) error {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "SETTING\tVALUE\tFROM")
	for _, row := range table {
		value := row.shown(&s)
		switch v := value.(type) {
		case nil:
			value = "(faulty)"
		case []string:
			value = strings.Join(v, ",")
		}
		fmt.Fprintf(columns, "%s\t%s\t%s\n", row.name, cmp.Or(fmt.Sprint(value), "-"), s.origins[row.name])
	}
	return columns.Flush()
}

func (s Settings) showJSON(w io.Writer) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	for _, row := range table {
		if err := lines.Encode(struct {
			Name   string `json:"name"`
			Value  any    `json:"value"`
			Origin string `json:"origin"`
		}{row.name, row.shown(&s), s.origins[row.name]}); err != nil {
			return err
		}
	}
	return nil
}

func (s Settings) showTOML(w io.Writer) error {
	for _, row := range table {
		value := row.shown(&s)
		line := row.name + " = " + tomlValue(value)
		unset := row.empty(&s) && s.origins[row.name] == "default" // one that was emptied on purpose is not
		if value == nil || unset || row.masked() {
			line = "# " + line
		}
		if _, err := fmt.Fprintf(w, "%s  # %s\n", line, strings.ReplaceAll(s.origins[row.name], "\n", " ")); err != nil {
			return err
		}
	}
	return nil
}

// shown is a setting's value as it may be seen: text, a number, a truth value or a
// list of texts, of a secret the placeholder, and nil if the value was refused.
func (s setting) shown(in *Settings) any {
	if in.faulty[s.name] {
		return nil
	}
	switch at := s.at(in).(type) {
	case *Secret:
		return at.String()
	case *time.Duration:
		return at.String()
	case *Size:
		return at.String()
	case *slog.Level:
		return strings.ToLower(at.String())
	case *[]string:
		return append([]string{}, *at...) // never null
	case *bool:
		return *at
	case *int64:
		return *at
	case *string:
		return *at
	default:
		panic(fmt.Sprintf("config: %s is a setting of no known kind: %T", s.name, at))
	}
}

// masked tells whether shown hides the value.
func (s setting) masked() bool {
	_, ok := s.at(new(Settings)).(*Secret)
	return ok
}

func tomlValue(v any) string {
	switch v := v.(type) {
	case []string:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = tomlText(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case string:
		return tomlText(v)
	case nil:
		return `""`
	default:
		return fmt.Sprint(v)
	}
}
