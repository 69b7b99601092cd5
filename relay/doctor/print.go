package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// Screen is where findings go.
type Screen struct {
	Out   io.Writer
	JSON  bool // one object at the end instead of a line as soon as something is found
	Width int  // of lines for people, in cells
	// Progress, if not nil, is a terminal that is told what is being done. What it
	// is told is wiped out before anything is found.
	Progress io.Writer
}

// Show makes all checks and shows what they find. It returns how many are wrong;
// the error is one of writing.
func Show(ctx context.Context, o Options, s Screen) (wrong int, err error) {
	var faults []error
	began := time.Now()
	all := Examine(ctx, o, func(about string) {
		if s.Progress != nil {
			_, _ = fmt.Fprintf(s.Progress, "looking at %s ...", about) // nobody is told more than he can read
		}
	}, func(found []Finding) {
		if s.Progress != nil {
			_, _ = io.WriteString(s.Progress, "\r\x1b[K")
		}
		for _, f := range found {
			if !s.JSON {
				faults = append(faults, Write(s.Out, f, s.Width))
			}
		}
	})
	took := time.Since(began)
	if s.JSON {
		faults = append(faults, WriteJSON(s.Out, all, took))
	} else {
		faults = append(faults, WriteSum(s.Out, all, took, s.Width))
	}
	_, wrong = Sum(all)
	return wrong, errors.Join(faults...)
}

const (
	stateColumn = 13 // as wide as the longest state, and two more
	nameColumn  = 16
)

// Write writes a finding for people, at most width cells wide: the state, the
// name, what is so and below it what to do. It has words for everything and needs
// neither colour nor any character beyond ASCII of its own.
func Write(w io.Writer, f Finding, width int) error {
	const indent = stateColumn + nameColumn
	next := "\n" + strings.Repeat(" ", indent)
	text := fmt.Sprintf("%-*s%-*s", stateColumn, f.State, nameColumn, f.Name)
	text += strings.Join(wrapped(strings.TrimPrefix(f.Detail, "not checked, "), width-indent), next)
	if f.Mend != "" {
		text += next + strings.Join(wrapped("-> "+f.Mend, width-indent), next+"   ")
	}
	_, err := io.WriteString(w, text+"\n")
	return err
}

// wrapped breaks a text at its blanks and nowhere else: an identifier, a path or a
// command must stay whole to be copied.
func wrapped(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && ansi.StringWidth(line)+1+ansi.StringWidth(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// WriteSum writes the last lines: how it stands, and where to begin.
func WriteSum(w io.Writer, found []Finding, took time.Duration, width int) error {
	count := map[State]int{}
	first := ""
	for _, f := range found {
		count[f.State]++
		if f.State == Wrong && first == "" {
			first = f.Name
		}
	}
	warnings := "warnings"
	if count[Warning] == 1 {
		warnings = "warning"
	}
	text := fmt.Sprintf("%d ok, %d %s, %d wrong, %d not checked, in %.1f s.", count[OK], count[Warning], warnings, count[Wrong], count[NotChecked], took.Seconds())
	switch {
	case count[Wrong] > 1:
		text += fmt.Sprintf(" Begin with the first that is wrong, %q: it may explain the others.", first)
	case count[Wrong] == 0 && count[Warning] > 0:
		text += " Nothing keeps calls from being screened; read what the warnings say."
	case count[Wrong] == 0 && count[NotChecked] == 0:
		text += " All is well."
	}
	_, err := fmt.Fprintf(w, "\n%s\n", strings.Join(wrapped(text, width), "\n"))
	return err
}

// WriteJSON writes all findings as one object.
func WriteJSON(w io.Writer, found []Finding, took time.Duration) error {
	type row struct {
		Name   string `json:"name"`
		State  State  `json:"state"`
		Detail string `json:"detail"`
		Mend   string `json:"mend,omitempty"`
		TookMS int64  `json:"took_ms"`
	}
	worst, _ := Sum(found)
	all := struct {
		State  State `json:"state"` // the worst of them
		TookMS int64 `json:"took_ms"`
		Checks []row `json:"checks"`
	}{State: worst, TookMS: took.Milliseconds(), Checks: []row{}}
	for _, f := range found {
		all.Checks = append(all.Checks, row{f.Name, f.State, f.Detail, f.Mend, f.Took.Milliseconds()})
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(all)
}
