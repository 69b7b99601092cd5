package simulator

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestACourseIsFollowedUntilItIsToldToEnd(t *testing.T) {
	script := &Scenario{Calls: []ScriptedCall{{At: time.Second}, {At: 2 * time.Second}}}
	for name, c := range map[string]struct {
		course Course
		calls  func(int) bool
	}{
		"nothing":         {Course{}, func(n int) bool { return n == 0 }},
		"traffic":         {Course{PerMinute: 60}, func(n int) bool { return n > 20 }},
		"a script":        {Course{Script: script}, func(n int) bool { return n == 2 }},
		"no traffic then": {Course{Script: script, PerMinute: 60}, func(n int) bool { return n == 2 }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := newWorld(t, Options{})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				if err := s.Follow(ctx, c.course); err != nil || time.Since(start) != time.Minute {
					t.Errorf("ended after %v: %v", time.Since(start), err)
				}
				if got := len(s.Calls()); !c.calls(got) {
					t.Errorf("%d calls", got)
				}
			})
		})
	}
}
