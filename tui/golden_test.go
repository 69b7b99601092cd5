package tui

import (
	"fmt"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/exp/golden"
)

var sizes = [][2]int{{120, 40}, {80, 24}, {40, 12}, {26, 5}}

// The screens that the documentation promises, each at each size.
func TestScreens(t *testing.T) {
	for _, b := range boards {
		for _, size := range sizes {
			t.Run(fmt.Sprintf("%s-%dx%d", b.name, size[0], size[1]), func(t *testing.T) {
				perform(t, size[0], size[1], Options{Bot: "reception-bot"}, colorprofile.TrueColor, func(s *stage) {
					s.show(b)
					golden.RequireEqual(s.t, s.screen())
				})
			})
		}
	}
}

func TestAFrozenTerminalSaysSoOnTheScreen(t *testing.T) {
	for _, size := range sizes {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			perform(t, size[0], size[1], Options{}, colorprofile.TrueColor, func(s *stage) {
				s.show(board{tell: fortyCalls, wait: time.Second})
				s.p.Send(frozen{6200 * time.Millisecond})
				for range 10 {
					s.p.Send(press("b"))
				}
				s.rest(100 * time.Millisecond)
				if sent := s.link.decided(); len(sent) != 0 {
					s.t.Errorf("stale keys decided: %v", sent)
				}
				golden.RequireEqual(s.t, s.screen())
			})
		})
	}
}

func TestScreensWithoutColourAndInASCII(t *testing.T) {
	for _, b := range boards {
		if b.name != "five" && b.name != "forty" && b.name != "endings" {
			continue
		}
		for _, size := range sizes[:3] {
			name := fmt.Sprintf("%s-%dx%d", b.name, size[0], size[1])
			t.Run("no-color-"+name, func(t *testing.T) {
				perform(t, size[0], size[1], Options{}, colorprofile.ASCII, func(s *stage) {
					s.show(b)
					golden.RequireEqual(s.t, s.screen())
				})
			})
			t.Run("ascii-"+name, func(t *testing.T) {
				perform(t, size[0], size[1], Options{ASCII: true}, colorprofile.ASCII, func(s *stage) {
					s.show(b)
					golden.RequireEqual(s.t, s.screen())
				})
			})
		}
	}
}
