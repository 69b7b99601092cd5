package tui

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// proof is what shows that a key works: what comes before it, and what is
// different after it.
type proof struct {
	binding key.Binding
	before  func(h *hands)
	after   func(h *hands, cmd tea.Cmd) bool
}

func proofs(k *keyMap) []proof {
	selected := func(n int) func(*hands, tea.Cmd) bool {
		return func(h *hands, _ tea.Cmd) bool { return h.m.queue.selected == id(n).Key() }
	}
	open := func(p pageKind) func(*hands, tea.Cmd) bool {
		return func(h *hands, _ tea.Cmd) bool { return h.m.page.kind == p }
	}
	rejected := func(r call.Reason) func(*hands, tea.Cmd) bool {
		return func(h *hands, _ tea.Cmd) bool { return len(h.decided()) == 1 && h.decided()[0].reason == r }
	}
	at := func(n int) func(*hands) { return func(h *hands) { h.m.take(n, true) } }
	typing := func(h *hands) { h.key("/", "a") }
	copied := func(want string) func(*hands, tea.Cmd) bool {
		return func(_ *hands, cmd tea.Cmd) bool { return strings.Contains(messages(cmd), want) }
	}
	return []proof{
		{k.busy, nil, rejected(call.Busy)},
		{k.none, nil, rejected(call.None)},
		{k.forbidden, nil, rejected(call.Forbidden)},
		{k.up, at(2), selected(1)},
		{k.down, at(1), selected(2)},
		{k.choose, at(1), func(h *hands, _ tea.Cmd) bool { return h.m.queue.selected != id(1).Key() }},
		{k.jump, at(9), func(h *hands, _ tea.Cmd) bool { return h.m.guard.armed && h.m.queue.at < 9 }},
		{k.first, at(2), selected(0)},
		{k.last, nil, selected(9)},
		{k.urgent, func(h *hands) { h.tell(claimed(0, "ben", call.Busy, time.Now())); h.m.take(2, true) }, selected(1)},
		{k.pane, nil, func(h *hands, _ tea.Cmd) bool { return h.m.below.open }},
		{k.details, nil, open(pageDetails)},
		{k.recent, nil, open(pageRecent)},
		{k.stats, nil, open(pageStats)},
		{k.help, nil, open(pageHelp)},
		{k.log, nil, open(pageLog)},
		{k.back, func(h *hands) { h.key("?") }, open(pageNone)},
		{k.filter, nil, func(h *hands, _ tea.Cmd) bool { return h.m.typing }},
		{k.pageDown, scrollable, func(h *hands, _ tea.Cmd) bool { return h.m.page.top > 0 }},
		{k.pageUp, func(h *hands) { scrollable(h); h.key("G") }, func(h *hands, _ tea.Cmd) bool { return h.m.page.top < h.m.page.most }},
		{k.copyNumber, nil, copied("+49 151 2345678")},
		{k.copyID, nil, copied(string(id(0)))},
		{k.reconnect, func(h *hands) { h.tell(call.Update{Link: &call.Link{Try: 2}}) }, func(h *hands, _ tea.Cmd) bool { return h.link.redials == 1 }},
		{k.mute, nil, func(h *hands, _ tea.Cmd) bool { return h.m.alert.muted }},
		{k.theme, nil, func(h *hands, _ tea.Cmd) bool { return h.m.theme == "dark" }},
		{k.redraw, nil, func(_ *hands, cmd tea.Cmd) bool { return strings.Contains(messages(cmd), "clearScreenMsg") }},
		{k.suspend, nil, func(_ *hands, cmd tea.Cmd) bool { return strings.Contains(messages(cmd), "SuspendMsg") }},
		{k.quit, nil, func(h *hands, _ tea.Cmd) bool { return h.m.asking }},
		{k.interrupt, func(h *hands) { h.key("ctrl+c"); h.pass(time.Second) }, func(_ *hands, cmd tea.Cmd) bool { return quits(cmd) }},
		{k.all, nil, func(h *hands, _ tea.Cmd) bool { return h.m.all != nil }},
		{
			k.undo, func(h *hands) { h.claims(4, me, "q", 5*time.Second) },
			func(h *hands, _ tea.Cmd) bool { return len(h.link.takenBack()) == 1 },
		},
		{k.sure, func(h *hands) { h.key("A", "f"); h.pass(time.Second) }, func(h *hands, _ tea.Cmd) bool { return len(h.decided()) == 10 }},
		{k.yes, func(h *hands) { h.key("q") }, func(_ *hands, cmd tea.Cmd) bool { return quits(cmd) }},
		{k.filterEnter, typing, func(h *hands, _ tea.Cmd) bool { return !h.m.typing && h.m.queue.filter == "a" }},
		{k.filterDrop, typing, func(h *hands, _ tea.Cmd) bool { return !h.m.typing && h.m.queue.filter == "" }},
		{k.filterUp, typing, func(h *hands, _ tea.Cmd) bool { return h.m.typing && h.m.queue.filter == "" }},
	}
}

// scrollable is a help page too long for its window.
func scrollable(h *hands) {
	h.do(tea.WindowSizeMsg{Width: 40, Height: 12})
	h.key("?")
	h.m.screen()
}

// messages runs a command and writes down what came of it.
func messages(cmd tea.Cmd) string {
	if cmd == nil {
		return ""
	}
	msg := cmd()
	s := fmt.Sprintf("%T %v ", msg, msg)
	if batch, ok := msg.(tea.BatchMsg); ok {
		for _, c := range batch {
			s += messages(c)
		}
	}
	return s
}

func TestEveryKeyOfTheKeyMapWorksInEveryWayItIsBound(t *testing.T) {
	keys := newKeyMap("↑↓")
	proven := map[string]bool{}
	for _, p := range proofs(&keys) {
		proven[p.binding.Help().Key+p.binding.Help().Desc] = true
		for _, name := range p.binding.Keys() {
			synctest.Test(t, func(t *testing.T) {
				h := pick(rules{})
				h.ring(10, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 10.7, 10.8, 10.9)
				h.pass(time.Second)
				if p.before != nil {
					p.before(h)
				}
				if p.after(h, nil) {
					t.Fatalf("%s: what it should do was so before", name)
				}
				cmd := h.do(press(name))
				if !p.after(h, cmd) {
					t.Errorf("%s does not %s", name, p.binding.Help().Desc)
				}
			})
		}
	}
	for _, g := range keys.groups() {
		for _, b := range g.keys {
			if !proven[b.Help().Key+b.Help().Desc] {
				t.Errorf("%s (%s) is in the help, and nothing shows that it works", b.Help().Key, b.Help().Desc)
			}
		}
	}
}

func TestEveryKeyThatWorksIsInTheHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, size := range [][2]int{{120, 40}, {80, 24}, {40, 60}} {
			h := pick(rules{})
			h.do(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			h.key("?")
			help := own.ReplaceAllString(h.m.screen(), "")
			for _, p := range proofs(&h.m.keys) {
				if want := p.binding.Help().Key + " " + p.binding.Help().Desc; !strings.Contains(help, want) {
					t.Errorf("at %v the help lacks %q", size, want)
				}
			}
			left, right := h.m.keys.brief()
			for _, b := range append(left, right...) {
				if b.Help().Key == "" {
					t.Error("a key of the help line has no help")
				}
			}
		}
	})
}

func TestALetterCountsByWhatIsPrintedOnItAndOnlyOtherScriptsByTheirPlace(t *testing.T) {
	for _, c := range []struct {
		key  tea.Key
		want string
	}{
		{tea.Key{Code: 'b', Text: "b"}, "b"},
		{tea.Key{Code: 'b', Text: "B", Mod: tea.ModShift, ShiftedCode: 'B'}, "B"},
		{tea.Key{Code: 'b', Text: "B", Mod: tea.ModCapsLock}, "B"},
		{tea.Key{Code: 'z', Text: "z", BaseCode: 'y'}, "z"}, // QWERTZ: the letter, not the place
		{tea.Key{Code: 'y', Text: "y", BaseCode: 'z'}, "y"},
		{tea.Key{Code: 'и', Text: "и", BaseCode: 'b'}, "b"}, // ЙЦУКЕН
		{tea.Key{Code: 'т', Text: "Т", BaseCode: 'n', Mod: tea.ModShift}, "N"},
		{tea.Key{Code: 'и', Text: "и"}, "b"}, // the terminal does not tell the place
		{tea.Key{Code: 'ж', Text: "ж"}, "ж"}, // no letter is there
		{tea.Key{Code: 'и', Text: "ии"}, "ии"},
		{tea.Key{Code: 'φ', Text: "φ", BaseCode: 'f'}, "f"},
		{tea.Key{Code: '/', Text: "/", BaseCode: '7'}, "/"},
		{tea.Key{Code: 'b', Mod: tea.ModAlt}, "alt+b"},
		{tea.Key{Code: 'b', Mod: tea.ModCtrl}, "ctrl+b"},
	} {
		if got := keyName(c.key, ""); got != c.want {
			t.Errorf("%+v is %q, want %q", c.key, got, c.want)
		}
	}
	for _, k := range []tea.KeyPressMsg{{Code: 'b', Mod: tea.ModAlt}, {Code: 'b', Mod: tea.ModCtrl}, {Code: tea.KeyLeftShift}} {
		synctest.Test(t, func(t *testing.T) {
			h := pick(rules{})
			h.ring(12)
			h.pass(time.Second)
			h.do(k)
			if wrong := onlyDecided(h); wrong != "" {
				t.Errorf("%+v: %s", k, wrong)
			}
		})
	}
}

func TestQuittingAsksOnlyWhileCallsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		if !quits(h.do(press("q"))) {
			t.Error("q does not quit an empty screen")
		}
		h.ring(14)
		h.pass(time.Second)
		for _, answer := range []string{"n", "b", "esc", "enter", "q"} {
			h.key("q")
			if got, _ := said(h); got != "Quit? 1 call waits and rings on. y quits, any other key stays." {
				t.Errorf("question %q", got)
			}
			h.pass(100 * time.Millisecond)
			if quits(h.do(press(answer))) || len(h.decided()) != 0 {
				t.Errorf("%s quits or decides", answer)
			}
			h.pass(100 * time.Millisecond)
		}
		if quits(h.do(press("ctrl+c"))) {
			t.Error("one ctrl+c quits")
		}
		h.pass(3 * time.Second)
		if quits(h.do(press("ctrl+c"))) {
			t.Error("a ctrl+c after three seconds counts as the second")
		}
	})
}

func TestT09OnlyNumbersAndValidIdsAreCopied(t *testing.T) {
	for _, number := range []string{"+1; reboot", "$(reboot)", "\x1b]52;c;AAAA\a", "", "+", "12\n34", strings.Repeat("1", 60)} {
		synctest.Test(t, func(t *testing.T) {
			h := pick(rules{})
			d := call.Details{Caller: phone(number, "Mallory")}
			h.tell(happened(0, time.Now(), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
			if cmd := h.do(press("y")); strings.Contains(messages(cmd), "setClipboard") {
				t.Errorf("%q is copied", number)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.tell(call.Update{Event: &call.Event{Kind: call.Rang, Call: "../../etc", At: time.Now(), Ring: 15000, Details: &cast[0]}})
		if cmd := h.do(press("Y")); strings.Contains(messages(cmd), "setClipboard") {
			t.Error("an id that is none is copied")
		}
	})
}
