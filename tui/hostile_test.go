package tui

import (
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

// proves T-07: what is longer than a line is on the details page with all of its
// text, up to 256 cells, and with all of the fact before it.
func TestT07TheDetailsHaveAllOfALongText(t *testing.T) {
	m := New(Options{Link: newScript()})
	unspaced := func(s string) string { return strings.ReplaceAll(s, " ", "") }
	texts := append(hostile.Names(), strings.Repeat("नमस्ते ", 40), strings.Repeat("e\u0301", 300), strings.Repeat("山 👩👩👧", 30))
	for _, text := range texts {
		for _, w := range []int{30, 40, 80, 120} {
			for _, fact := range []string{"", "(user)", "(resource account)"} {
				m.width = w
				want, _ := call.Clean(text, call.TextCells)
				got := ""
				for _, line := range m.fieldLines(field{"Label", fact, text}) {
					line = strings.TrimLeft(own.ReplaceAllString(line, ""), " ")
					got += strings.TrimPrefix(line, "Label")
				}
				if unspaced(got) != unspaced(fact+want) {
					t.Errorf("%q at %d cells after %q:\n%q\n%q", text, w, fact, got, want)
				}
			}
		}
	}
}

// own is every control sequence that the screen uses.
var own = regexp.MustCompile(`\x1b\[[0-9;:]*m`)

// harm says what on a frame could do any: everything but our own colours is to
// be text, in so many lines.
func harm(frame string, lines int) error {
	if n := strings.Count(frame, "\n") + 1; n != lines {
		return fmt.Errorf("%d lines of %d", n, lines)
	}
	for line := range strings.SplitSeq(own.ReplaceAllString(frame, ""), "\n") {
		if err := hostile.Fault(line); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
	}
	return nil
}

// proves T-01, T-02, T-04, T-06 and T-09: nothing of a name reaches the frame but
// text; all that is left are our own colours, always the same.
func TestT01NoControlOfANameReachesTheFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sequences := func(name string) string {
			h := hostileHands(name)
			seen := map[string]bool{}
			for _, page := range []pageKind{pageNone, pageDetails, pageRecent, pageStats} {
				h.m.page.kind = page
				frame := h.m.screen()
				for _, s := range own.FindAllString(frame, -1) {
					seen[s] = true
				}
				if err := harm(frame, h.m.height); err != nil {
					t.Errorf("%q: %v", name, err)
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

// The planted bug: a screen that draws the name as it came.
func TestT01ANameDrawnAsItCameIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, found := hostileHands("QQQQ"), 0
		frame := h.m.screen()
		if err := harm(frame, h.m.height); err != nil {
			t.Fatal(err)
		}
		for _, x := range hostile.Texts() {
			if own.ReplaceAllString(x.In, "") != x.In || hostile.Fault(" "+x.In) == nil {
				continue // a colour, or nothing that could harm beside other text
			}
			found++
			if harm(strings.ReplaceAll(frame, "QQQQ", x.In), h.m.height) == nil {
				t.Errorf("%s as it came is taken for harmless", x)
			}
		}
		if found < 150 {
			t.Errorf("%d names", found)
		}
	})
}

// proves T-03 and T-05: on a real program and an emulated terminal, a name
// changes only the rows it stands in, and no sequence beside them.
func TestT03AHostileNameChangesOnlyItsOwnRow(t *testing.T) {
	look := func(name string) (rows []string, sequences string) {
		perform(t, 80, 24, Options{Bot: "reception-bot"}, colorprofile.TrueColor, func(s *stage) {
			d := call.Details{Caller: phone("+44 20 79460123", name), To: reception}
			s.tell(live(), rang(0, 12*time.Second, time.Now()), rang(2, 14*time.Second, time.Now()))
			s.tell(happened(1, time.Now().Add(-time.Second), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
			s.rest(100 * time.Millisecond)
			s.key("2")
			s.rest(200 * time.Millisecond)
			rows = strings.Split(s.screen(), "\n")
			sequences = strings.Join(hostile.Sequences(s.out.bytes.Bytes()), " ")
		})
		return rows, sequences
	}
	alice, sequences := look("Alice")
	for _, name := range hostile.Names() {
		rows, got := look(name)
		if got != sequences {
			t.Errorf("%q changes the sequences:\n%s\n%s", name, got, sequences)
		}
		if err := changedBy(rows, alice); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// changedBy says what a name changed beside its own place, given the screen on
// which the caller is called Alice.
func changedBy(rows, alice []string) error {
	if len(rows) != len(alice) {
		return fmt.Errorf("%d rows of %d", len(rows), len(alice))
	}
	for i := range alice {
		before, _, in := strings.Cut(alice[i], "Alice")
		switch {
		case !in && rows[i] != alice[i]:
			return fmt.Errorf("row %d is changed:\n%s\n%s", i+1, rows[i], alice[i])
		case in && !strings.HasPrefix(rows[i], strings.TrimRight(before, " ")):
			return fmt.Errorf("what stands before the name in row %d is changed:\n%s", i+1, rows[i])
		}
	}
	return nil
}

// The planted bugs: another row, another row's end, the columns before the name,
// a row more. Those of the sequences are beside [hostile.Sequences].
func TestT03AChangeBesideTheNameIsNoticed(t *testing.T) {
	alice := []string{" head", " >2 !  6.9s  +44 20 79460123   Alice", "  3    9.9s  +44 20 79460124   Bob"}
	for _, rows := range [][]string{
		{" head", "", "  3    9.9s  +44 20 79460124   Bob"},
		{" head", " >2 !  6.9s  +44 20 79460123   x", "  3    9.9s  +44 20 79460124   Bob x"},
		{" head", " >2 !  0.0s  +44 20 79460123   x", "  3    9.9s  +44 20 79460124   Bob"},
		{" head", " >2 !  6.9s  +44 20 79460123   x", "x", "  3    9.9s  +44 20 79460124   Bob"},
	} {
		if changedBy(rows, alice) == nil {
			t.Errorf("%q is taken for harmless", rows)
		}
	}
}

// rowsOf is a program's list of the ten calls of [named10], and what of each row
// stands before the name.
func rowsOf(t *testing.T, names []string, w, h int) (rows []string, before []string) {
	t.Helper()
	numberAt := regexp.MustCompile(`\+1 425 55501\d\d +`)
	perform(t, w, h, Options{Bot: "reception-bot"}, colorprofile.TrueColor, func(s *stage) {
		s.show(board{tell: named10(names), wait: 500 * time.Millisecond})
		for row := range strings.SplitSeq(s.screen(), "\n") {
			if i := strings.LastIndex(row, "│"); w >= 100 && i >= 0 {
				row = row[:i] // the card stands beside the list
			}
			if at := numberAt.FindStringIndex(row); at != nil && strings.Contains(row[:at[0]], "s ") {
				rows, before = append(rows, strings.TrimRight(row, " ")), append(before, row[:at[1]])
			}
		}
	})
	return rows, before
}

// proves T-05 and T-08: names in ten scripts and names that imitate us stand last
// in their row, whole, and everything before them is as it is with a plain name.
func TestT05NamesInTenScriptsAndT08ImitatorsLeaveTheColumnsAsTheyAre(t *testing.T) {
	for _, size := range [][2]int{{120, 40}, {80, 24}} {
		_, plain := rowsOf(t, slices.Repeat([]string{"Alice"}, 10), size[0], size[1])
		if len(plain) != 10 {
			t.Fatalf("%d rows of ten calls", len(plain))
		}
		for _, names := range [][]string{scripts, imitators} {
			rows, before := rowsOf(t, names, size[0], size[1])
			if !slices.Equal(before, plain) {
				t.Errorf("at %v the columns are\n%s\nand not\n%s", size, strings.Join(before, "\n"), strings.Join(plain, "\n"))
				continue
			}
			for i, name := range names {
				want, _ := call.Clean(name, call.NameCells)
				if got := rows[i][len(before[i]):]; got != want && got != "(name in the card)" && !strings.HasSuffix(got, "…") {
					t.Errorf("at %v %q is drawn as %q", size, want, got)
				}
			}
		}
	}
}

// proves T-08: beside every name stand a number or the end of an identifier, and
// what kind of caller it is.
func TestT08KindAndIdentityStandBesideEveryName(t *testing.T) {
	kinds := []call.PartyKind{
		call.User, call.Guest, call.Phone, call.Application, call.ApplicationInstance, call.Encrypted, call.OnPremises, call.AzureUser, call.UnknownParty, "robot",
	}
	synctest.Test(t, func(t *testing.T) {
		for _, kind := range kinds {
			h := pick(rules{})
			d := call.Details{Caller: call.Party{Kind: kind, Name: "ben (user) …0007", ID: "9d1c2b3a-0000-4000-8000-00000000c4a1"}}
			fact := "c4a1"
			if kind == call.Phone {
				d.Caller.ID, fact = "+44 20 79460123", "+44 20 79460123"
			}
			h.tell(happened(0, time.Now(), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
			for _, size := range [][2]int{{120, 40}, {80, 24}, {60, 16}, {40, 12}} {
				h.do(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
				frame := strings.ReplaceAll(own.ReplaceAllString(h.m.screen(), ""), d.Caller.Name, "")
				if !strings.Contains(frame, kind.Words()) || !strings.Contains(frame, fact) {
					t.Errorf("%s at %v: not on the screen: kind or %s\n%s", kind, size, fact, frame)
				}
			}
		}
	})
}

// proves T-08: nothing of a caller's text is in our colours.
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
