package lines

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"callscreen/relay/call"
	"callscreen/relay/call/hostile"
)

// logged is what a handler makes of one event that carries a text in every way.
func logged(format, s string, o *slog.HandlerOptions) string {
	var out bytes.Buffer
	var h slog.Handler = slog.NewTextHandler(&out, o)
	if format == "json" {
		h = slog.NewJSONHandler(&out, o)
	}
	slog.New(h).Warn("call: "+s, "name", s, "err", fmt.Errorf("claims: %w", errors.New(s)), "call", call.ID(s),
		"kind", call.PartyKind(s), slog.Group("reply", "words", s), "n", 3)
	return out.String()
}

func TestT12AnEventIsOneLineOfTextWhateverItCarries(t *testing.T) {
	noticed := map[string]int{}
	for _, format := range []string{"text", "json"} {
		for _, x := range hostile.Texts() {
			got := logged(format, x.In, &slog.HandlerOptions{ReplaceAttr: LogAttr})
			line, ok := strings.CutSuffix(got, "\n")
			if !ok || strings.Contains(line, "\n") {
				t.Errorf("%s: %d lines: %q", x, strings.Count(got, "\n"), got)
			}
			if err := hostile.Fault(line); err != nil {
				t.Errorf("%s: %q: %v", x, line, err)
			}
			if format == "json" && !json.Valid([]byte(line)) {
				t.Errorf("%s: no JSON: %s", x, line)
			}
			// The planted bug: the handler without it.
			if hostile.Fault(strings.TrimSuffix(logged(format, x.In, nil), "\n")) != nil {
				noticed[format]++
			}
		}
	}
	if noticed["text"] < 10 || noticed["json"] < 40 {
		t.Errorf("without the cleaner the check notices %v", noticed)
	}
	t.Logf("without the cleaner the handlers let something pass in %v of %d texts", noticed, len(hostile.Texts()))
}

func TestT12AnErrorOfSeveralLinesBeginsOneLineOnly(t *testing.T) {
	for _, x := range hostile.Texts() {
		got := Trouble(fmt.Errorf("relay: %w\nsee: callscreen --help", errors.New(x.In)))
		for i, line := range strings.Split(got, "\n") {
			if i > 0 && !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: line %d begins at the margin: %q", x, i+1, got)
			}
			if err := hostile.Fault(strings.ReplaceAll(line, "\t", " ")); err != nil {
				t.Errorf("%s: %q: %v", x, got, err)
			}
		}
	}
	long := strings.Repeat("why ", 500) + "at last"
	if got := Trouble(errors.New(long)); got != "callscreen: "+long {
		t.Error("a long error has lost its end")
	}
}

func TestAStackIsLoggedWhole(t *testing.T) {
	stack := "goroutine 1 [running]:\nmain.main()\n\t/src/main.go:12 +0x1d\n"
	got := logged("text", stack+"\x1b", &slog.HandlerOptions{ReplaceAttr: LogAttr})
	if !strings.Contains(got, `main.main()\n\t/src/main.go:12 +0x1d\n`) {
		t.Errorf("%s", got)
	}
}
