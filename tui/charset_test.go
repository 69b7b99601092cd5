package tui

import "testing"

func TestTheCharsetIsTheOneAskedForOrTheOneThatTheTerminalSpeaks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ascii  *bool
		utf8   bool
		want   Charset
		hinted bool
	}{
		{nil, true, Unicode, false},
		{nil, false, ASCIIOnly, true},
		{new(true), true, ASCIIFrame, false},
		{new(true), false, ASCIIOnly, false},
		{new(false), true, Unicode, false},
		{new(false), false, Unicode, false},
	} {
		if got, hint := ChooseCharset(c.ascii, c.utf8); got != c.want || (hint != "") != c.hinted {
			t.Errorf("%v, UTF-8 %v: %v with %q", c.ascii, c.utf8, got, hint)
		}
	}
}
