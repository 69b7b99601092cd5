package tui

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/call/hostile"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
)

// dressed is a call all of whose texts are the same.
func dressed(name string) call.Details {
	p := call.Party{Kind: call.User, Name: name, ID: name, Tenant: name}
	return call.Details{
		Caller: p, To: []call.Party{p}, Subject: name, Media: []string{name, name}, OnBehalfOf: &p, Transferor: &p, Chain: name, Tenant: name,
		Via: []call.Via{{Kind: name, Original: &p, Final: &p}}, Group: true, Recording: true,
	}
}

// hostileHands is a screen whose every text of strangers is the same name, and
// with a decision on its way.
func hostileHands(name string) *hands {
	h := pick(rules{})
	d := dressed(name)
	now := time.Now()
	h.tell(call.Update{Link: &call.Link{Up: true, Operator: name, Bot: name, Graph: "down: " + name, Watching: 3}})
	for n := range 3 {
		h.tell(happened(n, now.Add(time.Duration(n)*time.Second), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
	}
	h.tell(happened(9, now, call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}), claimed(9, name, call.Reason(name), now),
		replied(9, call.Refused, call.Reply{Status: 403, Code: name, Words: name}, now), happened(9, now, call.Event{Kind: call.Ended}))
	h.pass(500 * time.Millisecond)
	h.key("b")
	return h
}

// plannedWidth checks that a frame has the lines and cells that it should, in
// the library's measure.
func plannedWidth(m *Model) error {
	lines := strings.Split(m.screen(), "\n")
	if len(lines) != m.height {
		return fmt.Errorf("%d lines of %d", len(lines), m.height)
	}
	for i, l := range lines {
		if w := ansi.StringWidth(l); w != m.width {
			return fmt.Errorf("line %d is %d cells of %d: %q", i+1, w, m.width, l)
		}
	}
	return nil
}

// proves T-07: whatever a caller is called, every row is exactly as wide as
// planned: in every layout, with the card and each page that shows names. No name
// has been cleaned: the screen must hold even if the relay forgot to.
func TestT07EveryRowIsAsWideAsPlannedForEveryName(t *testing.T) {
	t.Parallel()
	const shares = 4 // of the names, for as many processors
	for share := range shares {
		t.Run(strconv.Itoa(share), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { planned(t, share, shares) })
		})
	}
}

func planned(t *testing.T, share, shares int) {
	t.Helper()
	heights := map[layout]int{compact: 12, stacked: 18, wide: 24}
	pages := []pageKind{pageNone, pageDetails, pageRecent, pageStats}
	frames := map[layout]int{}
	for i, name := range hostile.Names() {
		if i%shares != share {
			continue
		}
		h := hostileHands(name)
		n := i / shares
		step := 1 + n%2*4 // every second name at every width, 214 of them; the others at each fifth
		for w := 20; w <= 200; w += step {
			// In three names each width has had each of its layouts, in twelve each page.
			h.m.page.kind = pages[(w+n/3)%len(pages)]
			h.do(tea.WindowSizeMsg{Width: w, Height: heights[compact+layout((w+n)%3)]})
			if err := plannedWidth(h.m); err != nil {
				t.Fatalf("%q at %d, page %d: %v", name, w, h.m.page.kind, err)
			}
			frames[h.m.geo.layout]++
		}
	}
	for l := tiny; l <= wide; l++ {
		if frames[l] < 500 {
			t.Errorf("%d frames in layout %d", frames[l], l)
		}
	}
}

// A row that is one cell too wide or too short, or that is missing, is found: the
// planted bug of the test above.
func TestT07ARowOfAnotherWidthIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hostileHands("Alice")
		h.m.cache.tails = map[string]tail{}
		c := h.m.queue.rows[0].call
		for _, w := range []int{80, 120} {
			h.do(tea.WindowSizeMsg{Width: w, Height: 24})
			if err := plannedWidth(h.m); err != nil {
				t.Fatal(err)
			}
			kept := h.m.cache.tails[c.ID.Key()]
			for _, bad := range []string{kept.text + "x", kept.text + "\u0335" + "山", strings.TrimSuffix(kept.text, " ")} {
				planted := kept
				planted.text = bad
				h.m.cache.tails[c.ID.Key()] = planted
				if plannedWidth(h.m) == nil {
					t.Errorf("a row that ends in %q is taken for %d cells", bad, w)
				}
			}
			h.m.cache.tails[c.ID.Key()] = kept
		}
	})
}

// own is every control sequence that the screen uses.
var own = regexp.MustCompile(`\x1b\[[0-9;:]*m`)

// proves T-01, T-02, T-04 and T-09: nothing of a name reaches the frame but
// printable characters; all that is left are our own colours, always the same.
func TestT01NoControlOfANameReachesTheFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sequences := func(name string) string {
			h := hostileHands(name)
			seen := map[string]bool{}
			for _, page := range []pageKind{pageNone, pageDetails, pageRecent} {
				h.m.page.kind = page
				frame := h.m.screen()
				for _, s := range own.FindAllString(frame, -1) {
					seen[s] = true
				}
				for _, r := range own.ReplaceAllString(frame, "") {
					if r < ' ' && r != '\n' || r == 0x7f || 0x80 <= r && r < 0xa0 || r == 0x202e || r == 0x200b || r == 0x200d {
						t.Errorf("%q: %U is on the frame", name, r)
						break
					}
				}
			}
			return fmt.Sprint(slices.Sorted(maps.Keys(seen)))
		}
		want := sequences("Alice")
		for _, name := range hostile.Names() {
			if got := sequences(name); got != want {
				t.Errorf("%q changes the sequences:\n%s\n%s", name, got, want)
			}
		}
	})
}

// proves T-03 and T-05: on a real program and an emulated terminal, a name
// changes only the rows it stands in, and no sequence beside them.
func TestT03AHostileNameChangesOnlyItsOwnRow(t *testing.T) {
	look := func(name string) (rows []string, kinds string) {
		perform(t, 80, 24, Options{Bot: "reception-bot"}, colorprofile.TrueColor, func(s *stage) {
			d := call.Details{Caller: phone("+44 20 79460123", name), To: reception}
			s.tell(live(), rang(0, 12*time.Second, time.Now()), rang(2, 14*time.Second, time.Now()))
			s.tell(happened(1, time.Now().Add(-time.Second), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
			s.rest(100 * time.Millisecond)
			s.key("2")
			s.rest(200 * time.Millisecond)
			rows = strings.Split(s.screen(), "\n")
			kinds = sequenceKinds(s.out.bytes.Bytes())
		})
		return rows, kinds
	}
	alice, kinds := look("Alice")
	for _, name := range hostile.Names() {
		rows, k := look(name)
		if k != kinds {
			t.Errorf("%q changes the kinds of sequences:\n%s\n%s", name, k, kinds)
		}
		for i := range alice {
			before, _, in := strings.Cut(alice[i], "Alice")
			switch {
			case !in && rows[i] != alice[i]:
				t.Errorf("%q changes row %d:\n%s\n%s", name, i+1, rows[i], alice[i])
			case in && !strings.HasPrefix(rows[i], strings.TrimRight(before, " ")):
				t.Errorf("%q changes what stands before it in row %d:\n%s", name, i+1, rows[i])
			}
		}
	}
}

// sequenceKinds is what kinds of sequences a program sent: the final byte of
// control sequences other than the ones for moving and erasing, which depend on
// how wide a text is, and every string.
func sequenceKinds(b []byte) string {
	seen := map[string]bool{}
	for len(b) > 0 {
		seq, _, n, _ := ansi.DecodeSequence(b, ansi.NormalState, nil)
		if len(seq) > 1 && seq[0] == 0x1b {
			kind := string(seq[:2]) + string(seq[len(seq)-1:])
			if seq[1] != '[' || !bytes.ContainsRune([]byte("ABCDEFGHIdfKJXPbr@LMST"), rune(seq[len(seq)-1])) {
				seen[kind] = true
			}
		} else if len(seq) == 1 && (seq[0] < ' ' || seq[0] >= 0x7f) && !bytes.Contains([]byte("\n\r\b\t"), seq) {
			seen[string(seq)] = true
		}
		b = b[max(n, 1):]
	}
	return fmt.Sprintf("%q", slices.Sorted(maps.Keys(seen)))
}

// proves T-08: what imitates us stands in the caller's column, plain, beside the
// number; nothing of it is in our columns or colours.
func TestT08TheCallersTextIsNeverColoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		d := dressed("QQQQ")
		h.tell(happened(0, time.Now(), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
		for _, size := range [][2]int{{120, 40}, {80, 24}, {40, 12}} {
			h.do(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			for _, page := range []pageKind{pageNone, pageDetails} {
				h.m.page.kind = page
				for line := range strings.SplitSeq(h.m.screen(), "\n") {
					before, _, ok := strings.Cut(line, "QQQQ")
					if !ok {
						continue
					}
					codes := own.FindAllString(before, -1)
					if len(codes) > 0 && codes[len(codes)-1] != "\x1b[m" {
						t.Errorf("at %v a caller's text is styled: %q", size, line)
					}
				}
			}
		}
	})
}

// proves T-06: names that differ only in what cannot be seen look the same.
func TestT06NamesThatLookTheSameAreDrawnTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		frame := func(name string) string {
			h := pick(rules{})
			d := call.Details{Caller: phone("+1 425 5550100", name)}
			h.tell(happened(0, time.Now(), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
			return h.m.screen()
		}
		want := frame("Alice Meyer")
		for _, name := range []string{"Alice\u200b Meyer", "\u202eAlice Meyer", "Alice\u00a0Meyer", "Al\u00adice Meyer", "Alice Meyer\ufe0f"} {
			if frame(name) != want {
				t.Errorf("%q is drawn in another way", name)
			}
		}
	})
}

// proves T-10: any size, any number of calls; never a panic, never a row too
// wide, and a count of whatever is hidden.
func FuzzView(f *testing.F) {
	f.Add(1, 1, 3, "Alice", uint8(0))
	f.Add(400, 200, 40, "\x1b[2J", uint8(1))
	f.Add(29, 6, 9, "山田太郎", uint8(2))
	f.Add(100, 24, 60, "नमस्ते", uint8(3))
	f.Add(60, 16, 12, "", uint8(4))
	f.Fuzz(func(t *testing.T, w, h, calls int, name string, state uint8) {
		w, h, calls = 1+abs(w)%400, 1+abs(h)%200, abs(calls)%120
		x := pick(rules{})
		x.m.glyph = newGlyphs(Charset(state & 1))
		d := call.Details{Caller: phone("+44 20 79460123", name), To: reception, Subject: name}
		for n := range calls {
			x.tell(happened(n, time.Now().Add(time.Duration(n)*time.Second), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
		}
		x.m.page.kind = pageKind(state >> 1 % 5)
		if state&16 != 0 {
			x.tell(call.Update{Link: &call.Link{Err: name, Final: state&32 != 0}})
		}
		x.do(tea.WindowSizeMsg{Width: w, Height: h})
		if state&64 != 0 {
			x.key("G")
		}
		if err := plannedWidth(x.m); err != nil {
			t.Fatalf("%dx%d, %d calls, %q, state %d: %v", w, h, calls, name, state, err)
		}
		g := x.m.geo
		if g.layout != tiny && g.shown < calls && !g.more {
			t.Fatalf("%dx%d: %d of %d calls are shown and nothing says so", w, h, g.shown, calls)
		}
	})
}

func abs(n int) int { return max(n, -(n + 1)) }

// proves T-10: a window that is dragged about does no harm.
func TestT10AResizeStormIsSurvived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.tell(fortyCalls(time.Now())...)
		for i := range 2000 {
			h.do(tea.WindowSizeMsg{Width: 1 + i*37%200, Height: 1 + i*13%60})
			if err := plannedWidth(h.m); err != nil {
				t.Fatalf("%dx%d: %v", h.m.width, h.m.height, err)
			}
		}
	})
}
