package tui

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/call/hostile"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
)

// ear hears what is written past the screen, in virtual time.
type ear struct {
	*hands
	heard []string
}

// listen gives a screen whose operator looks elsewhere, in a kitty.
func listen(off alertRules) *ear {
	h := pick(rules{})
	h.m.alert.off = off
	h.m.alert.voice = voice{notice: osc99, bar: true}
	e := &ear{hands: h}
	e.do(tea.BlurMsg{})
	return e
}

func (e *ear) do(msg tea.Msg) { e.collect(e.hands.do(msg)) }

func (e *ear) tell(u ...call.Update) { e.do(news{updates: u}) }

// collect runs what writes at once; a tick would wait.
func (e *ear) collect(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	done := make(chan tea.Msg, 1)
	go func() { done <- cmd() }()
	synctest.Wait()
	select {
	case msg := <-done:
		switch msg := msg.(type) {
		case tea.BatchMsg:
			for _, c := range msg {
				e.collect(c)
			}
		case tea.RawMsg:
			e.heard = append(e.heard, fmt.Sprint(msg.Msg))
		}
	default:
	}
}

func (e *ear) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		step := min(100*time.Millisecond, time.Until(end))
		time.Sleep(step)
		e.do(tickMsg{e.m.tickNumber})
	}
}

func (e *ear) rings() int {
	return strings.Count(oscs.ReplaceAllString(strings.Join(e.heard, ""), ""), "\a")
}

// oscs is every notice, with its own end.
var oscs = regexp.MustCompile(`\x1b\][^\a]*\a`)

// end lets what waits for news end, and timers run out.
func (e *ear) end() {
	e.link.closed = context.Canceled
	close(e.link.news)
	time.Sleep(20 * time.Second)
}

// hears checks that something holds with every rule on, and that the check
// notices when the rule is off.
func hears(t *testing.T, without alertRules, check func(e *ear) (wrong string)) {
	t.Helper()
	bubble := func(off alertRules, judge func(wrong string)) {
		synctest.Test(t, func(*testing.T) {
			e := listen(off)
			judge(check(e))
			e.end()
		})
	}
	bubble(alertRules{}, func(wrong string) {
		if wrong != "" {
			t.Errorf("with the rule: %s", wrong)
		}
	})
	if without != (alertRules{}) {
		bubble(without, func(wrong string) {
			if wrong == "" {
				t.Error("without the rule the check notices nothing")
			}
		})
	}
}

func TestACallThatRingsIsToldOnceToAnOperatorWhoLooksElsewhere(t *testing.T) {
	hears(t, alertRules{whenFocused: true}, func(e *ear) string {
		e.tell(rang(1, 12*time.Second, time.Now()))
		e.pass(3 * time.Second)
		want := "\a\x1b]99;i=callscreen:d=0:p=title;callscreen\a\x1b]99;i=callscreen:d=1:p=body;1 call rings, 12 s: +44 20 79460123 Alice Meyer\a"
		if len(e.heard) != 1 || e.heard[0] != want {
			return fmt.Sprintf("heard %q", e.heard)
		}
		e.do(tea.FocusMsg{})
		e.heard = nil
		e.tell(rang(2, 12*time.Second, time.Now()))
		e.pass(time.Second)
		if len(e.heard) != 0 || e.m.View().WindowTitle != windowTitle || e.m.View().ProgressBar != nil {
			return fmt.Sprintf("one who looks hears %q and sees %q", e.heard, e.m.View().WindowTitle)
		}
		return ""
	})
}

func TestT04TheBellRingsAtMostEveryTwoSeconds(t *testing.T) {
	hears(t, alertRules{noPause: true}, func(e *ear) string {
		for n := range 40 {
			e.tell(rang(n, 14*time.Second, time.Now()))
			e.pass(100 * time.Millisecond)
		}
		if n := e.rings(); n < 2 || n > 3 {
			return fmt.Sprintf("%d rings in four seconds: %q", n, e.heard)
		}
		if last := e.heard[len(e.heard)-1]; !strings.Contains(last, "20 calls ring, ") {
			return fmt.Sprintf("the calls of two seconds are told as %q", last)
		}
		return ""
	})
}

func TestNoticesStopTheMomentAnybodyDecides(t *testing.T) {
	hears(t, alertRules{noStop: true}, func(e *ear) string {
		e.tell(rang(0, 14*time.Second, time.Now()))
		e.pass(500 * time.Millisecond)
		e.tell(rang(1, 14*time.Second, time.Now())) // to be told when the bell may ring again
		e.heard = nil
		e.tell(claimed(0, "ben", call.Busy, time.Now()), claimed(1, "ben", call.Busy, time.Now()))
		if len(e.heard) != 1 || e.heard[0] != "\x1b]99;i=callscreen:p=close;\a" {
			return fmt.Sprintf("heard %q when ben decided", e.heard)
		}
		if v := e.m.View(); v.WindowTitle != windowTitle || v.ProgressBar != nil {
			return "title " + v.WindowTitle
		}
		e.heard = nil
		e.pass(4 * time.Second)
		if len(e.heard) != 0 {
			return fmt.Sprintf("heard %q after ben decided", e.heard)
		}
		return ""
	})
}

func TestMutedThereIsNeitherBellNorNoticeButTheTitleStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := listen(alertRules{})
		e.do(press("m"))
		e.tell(rang(0, 14*time.Second, time.Now()))
		e.pass(3 * time.Second)
		if len(e.heard) != 0 {
			t.Errorf("heard %q", e.heard)
		}
		if title := e.m.View().WindowTitle; title != "(1) 11s callscreen" && title != "(1) 10s callscreen" {
			t.Errorf("title %q", title)
		}
		if _, frame := said(e.hands); !strings.Contains(frame, "muted") {
			t.Error("the header does not say that it is muted")
		}
		e.do(press("m"))
		e.tell(rang(1, 14*time.Second, time.Now()))
		if e.rings() != 1 {
			t.Errorf("not muted any more, heard %q", e.heard)
		}
		e.end()
	})
	synctest.Test(t, func(t *testing.T) {
		if m := New(Options{Mute: true}); !m.alert.muted {
			t.Error("the setting does not mute")
		}
	})
}

func TestTitleAndProgressBarTellOfTheMostUrgentCallOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := listen(alertRules{})
		e.tell(rang(0, 6*time.Second, time.Now()), rang(1, 13*time.Second, time.Now()), rang(2, 14*time.Second, time.Now()))
		titles, changed := []string{}, time.Time{}
		for range 75 {
			v := e.m.View()
			if len(titles) == 0 || titles[len(titles)-1] != v.WindowTitle {
				if gap := time.Since(changed); gap < signsEvery {
					t.Errorf("%q comes %v after the one before", v.WindowTitle, gap)
				}
				titles, changed = append(titles, v.WindowTitle), time.Now()
				least := e.m.usable(e.m.board.Live()[0])
				if least <= 0 {
					least = e.m.usable(e.m.board.Live()[1])
				}
				want := tea.ProgressBarDefault
				if least < nowUnder {
					want = tea.ProgressBarError
				}
				if v.ProgressBar == nil || v.ProgressBar.State != want || v.ProgressBar.Value != int(least*100/(15*time.Second)) {
					t.Errorf("at %q with %v left the bar is %+v", v.WindowTitle, least, v.ProgressBar)
				}
			}
			e.pass(100 * time.Millisecond)
		}
		want := "(3) 5s callscreen|(3) 4s callscreen|(3) 3s callscreen|(3) 2s callscreen|(3) 1s callscreen|(3) 0s callscreen|(3) 6s callscreen|(3) 5s callscreen"
		if got := strings.Join(titles, "|"); got != want {
			t.Errorf("titles %s\nwant   %s", got, want)
		}
		e.end()
	})
}

func TestWhereFocusIsNeverReportedOnlyOneWhoPressedNothingLatelyIsCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := listen(alertRules{})
		e.m.alert.focus = focusUnknown
		e.pass(29 * time.Second)
		e.tell(rang(0, 14*time.Second, time.Now()))
		if e.rings() != 0 {
			t.Error("called after 29 s")
		}
		e.pass(2 * time.Second)
		e.tell(rang(1, 14*time.Second, time.Now()))
		if e.rings() != 1 {
			t.Error("not called after 31 s")
		}
		e.do(press("j"))
		e.pass(3 * time.Second)
		e.tell(rang(2, 14*time.Second, time.Now()))
		if e.rings() != 1 || e.m.View().WindowTitle != windowTitle {
			t.Error("called though a key was pressed")
		}
		e.end()
	})
}

func TestACallThatWasKnownBeforeTheLinkBrokeIsNotToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := listen(alertRules{})
		board := func(n int) *call.Board {
			b := call.NewBoard()
			for i := range n {
				b.Apply(*rang(i, 14*time.Second, time.Now()).Event)
			}
			return b
		}
		e.tell(call.Update{Board: board(1)})
		e.pass(3 * time.Second)
		e.tell(call.Update{Board: board(2)})
		if e.rings() != 2 || !strings.Contains(e.heard[len(e.heard)-1], "1 call rings") {
			t.Errorf("heard %q", e.heard)
		}
		e.end()
	})
}

// proves T-09 for notices: whatever a caller is called, the notice has our
// sequences and no others, is short, and splits into no more fields.
func TestT09ACallersNameIsOnlyTextInANotice(t *testing.T) {
	names := append([]string{"a;b;c", "<a href=x>y</a>", "&amp;", "\x1b\\\x1b]0;t", "\a\a\a", "4;1;50"}, hostile.Names()...)
	for _, v := range []voice{{notice: osc9}, {notice: osc777}, {notice: osc99}, {notice: osc777, tmux: true}, {}} {
		hears(t, alertRules{rawText: v.notice != bellOnly}, func(e *ear) string {
			e.m.alert.voice = v
			shape := ""
			for i, name := range append([]string{"Alice"}, names...) {
				e.heard, e.m.alert.rung = nil, time.Time{}
				d := call.Details{Caller: call.Party{Kind: call.Phone, ID: "+44 20 79460123", Name: name}}
				e.tell(happened(i, time.Now(), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
				got := strings.Join(e.heard, "")
				if len(got) > 400 {
					return fmt.Sprintf("%q: %d bytes", name, len(got))
				}
				controls := strings.Map(func(r rune) rune {
					if r < ' ' || 0x7f <= r && r < 0xa0 || r == ';' || r == '<' || r == '>' || r == '&' {
						return r
					}
					return -1
				}, got)
				if i == 0 {
					shape = controls
				} else if controls != shape {
					return fmt.Sprintf("%q is told as %q", name, got)
				}
				e.tell(happened(i, time.Now(), call.Event{Kind: call.Ended}))
			}
			return ""
		})
	}
}

func TestEachTerminalIsCalledInItsOwnWay(t *testing.T) {
	for name, want := range map[string]voice{
		"":                   {},
		"linux":              {},
		"screen-256color":    {},
		"Apple_Terminal":     {},
		"Windows Terminal":   {bar: true},
		"iTerm.app":          {notice: osc9},
		"iTerm2 3.5.0":       {notice: osc9},
		"xterm-kitty":        {notice: osc99},
		"kitty(0.35.2)":      {notice: osc99},
		"ghostty 1.2.0":      {notice: osc777, bar: true},
		"VTE(7802)":          {notice: osc777, bar: true},
		"xterm-256color":     {notice: osc777},
		"WezTerm 20240203":   {notice: osc777},
		"tmux 3.4":           {notice: osc777, tmux: true},
		"rxvt-unicode-256co": {notice: osc777},
	} {
		if got := voiceOf(name, false); got != want {
			t.Errorf("%q: %+v, want %+v", name, got, want)
		}
	}
	if got := voiceOf("ghostty", true); !got.tmux || got.bar {
		t.Errorf("behind tmux: %+v", got)
	}
	if got, want := (voice{notice: osc777, tmux: true}).say("x"), "\a\x1bPtmux;\x1b\x1b]777;notify;callscreen;x\a\x1b\\"; got != want {
		t.Errorf("through tmux: %q, want %q", got, want)
	}
	if got, want := (voice{notice: osc9}).say("x"), "\a\x1b]9;callscreen: x\a"; got != want {
		t.Errorf("iTerm2: %q, want %q", got, want)
	}
	if got := (voice{}).say("x"); got != "\a" {
		t.Errorf("bell only: %q", got)
	}
}

// unknown is what the library makes of a sequence that it does not know.
type unknown string

func (u unknown) String() string { return fmt.Sprintf("%q", string(u)) }

func TestATerminalThatAnswersIsTakenAtItsWord(t *testing.T) {
	m := New(Options{Term: Terminal{Name: "xterm-256color"}})
	if !m.alert.voice.canBeAsked() || m.alert.voice.asks() != "\x1b]99;i=callscreen:p=?;\a" {
		t.Errorf("asks %q", m.alert.voice.asks())
	}
	m.Update(unknown("\x1b]99;i=other:p=?;p=title,body\x1b\\"))
	m.Update(unknown("\x1b]11;rgb:0/0/0\a"))
	if m.alert.voice.notice != osc777 {
		t.Error("an answer to somebody else counts")
	}
	m.Update(unknown("\x1b]99;i=callscreen:p=?;p=title,body,close\x1b\\"))
	if m.alert.voice.notice != osc99 {
		t.Error("the answer counts for nothing")
	}
	m.Update(tea.TerminalVersionMsg{Name: "iTerm2 3.5.0"})
	if m.alert.voice.notice != osc9 {
		t.Error("the name counts for nothing")
	}
}

// A whole program: what really goes to the terminal.
func TestTheTerminalIsRungAndGetsNoByteMoreWhileNothingWaits(t *testing.T) {
	perform(t, 80, 24, Options{Term: Terminal{Name: "xterm-kitty"}}, colorprofile.TrueColor, func(s *stage) {
		s.tell(live())
		s.p.Send(tea.BlurMsg{})
		s.rest(52 * time.Second)
		before := s.out.written()
		s.rest(5 * time.Second)
		if n := s.out.written() - before; n != 0 {
			s.t.Errorf("%d bytes in five idle seconds", n)
		}
		s.tell(rang(1, 12*time.Second, time.Now()))
		s.rest(200 * time.Millisecond)
		wrote := s.out.bytes.String()[before:]
		for _, want := range []string{"\a\x1b]99;", "Alice Meyer\a", "\x1b]2;(1) 11s callscreen\a"} {
			if !strings.Contains(wrote, want) {
				s.t.Errorf("no %q in %q", want, wrote)
			}
		}
		before = s.out.written()
		s.tell(claimed(1, "ben", call.Busy, time.Now()))
		s.rest(100 * time.Millisecond)
		wrote = s.out.bytes.String()[before:]
		for _, want := range []string{"\x1b]99;i=callscreen:p=close;\a", "\x1b]2;callscreen\a"} {
			if !strings.Contains(wrote, want) {
				s.t.Errorf("no %q in %q", want, wrote)
			}
		}
	})
}

func TestTheScreenIsDrawnAnewWhenTheOperatorComesBackToIt(t *testing.T) {
	perform(t, 80, 24, Options{}, colorprofile.TrueColor, func(s *stage) {
		s.show(boards[2])
		for what, again := range map[string]func(){
			"focus":                func() { s.p.Send(tea.FocusMsg{}) },
			"ctrl+l":               func() { s.key("ctrl+l") },
			"ctrl+l in the filter": func() { s.key("/"); s.key("ctrl+l") },
		} {
			clean := s.screen()
			s.out.mu.Lock()
			_, _ = s.out.em.Write([]byte("\x1b[10;1Hgarbage of another program"))
			s.out.mu.Unlock()
			s.rest(10 * time.Millisecond)
			again()
			s.rest(300 * time.Millisecond)
			if got := s.screen(); strings.Contains(got, "garbage") || strings.Count(got, "\n") != strings.Count(clean, "\n") {
				s.t.Errorf("after %s:\n%s", what, got)
			}
		}
	})
}
