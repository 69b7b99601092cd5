package tui

import (
	"strings"
	"unicode"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// keyMap is every key that works. Matching and help are made from it, so the
// help cannot lie.
type keyMap struct {
	busy, none, forbidden, undo       key.Binding
	up, down, jump, first, last       key.Binding
	urgent, pane                      key.Binding
	details, filter, back, recent     key.Binding
	stats, all, sure                  key.Binding
	copyNumber, copyID, reconnect     key.Binding
	pageUp, pageDown                  key.Binding
	log, help, redraw, suspend, quit  key.Binding
	mute, theme                       key.Binding
	interrupt, choose                 key.Binding
	filterEnter, filterDrop, filterUp key.Binding
	yes                               key.Binding
}

func newKeyMap(arrows string) keyMap {
	bind := func(shown, does string, keys ...string) key.Binding {
		return key.NewBinding(key.WithKeys(keys...), key.WithHelp(shown, does))
	}
	k := keyMap{
		busy:       bind("b", "busy", "b", "B"),
		none:       bind("n", "none", "n", "N"),
		forbidden:  bind("f", "forbidden", "f", "F"),
		undo:       bind("z", "take back", "z", "Z"),
		up:         bind("k", "up", "up", "k"),
		down:       bind("j", "down", "down", "j"),
		jump:       bind("1-9", "jump", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
		first:      bind("g", "first", "g", "home"),
		last:       bind("G", "last", "G", "end"),
		urgent:     bind("u", "most urgent", "u"),
		pane:       bind("tab", "other pane", "tab"),
		details:    bind("enter", "details", "enter"),
		filter:     bind("/", "filter", "/"),
		back:       bind("esc", "back", "esc"),
		recent:     bind("R", "recent", "R"),
		stats:      bind("s", "statistics", "s"),
		all:        bind("A", "reject all shown", "A"),
		copyNumber: bind("y", "copy number", "y"),
		copyID:     bind("Y", "copy call id", "Y"),
		reconnect:  bind("r", "reconnect", "r"),
		mute:       bind("m", "mute", "m"),
		theme:      bind("t", "theme", "t"),
		pageUp:     bind("pgup", "page up", "pgup"),
		pageDown:   bind("pgdn", "page down", "pgdown"),
		log:        bind("L", "log", "L"),
		help:       bind("?", "help", "?"),
		redraw:     bind("ctrl+l", "redraw", "ctrl+l"),
		suspend:    bind("ctrl+z", "suspend", "ctrl+z"),
		quit:       bind("q", "quit", "q"),
		interrupt:  bind("ctrl+c", "twice: quit", "ctrl+c"),

		filterEnter: bind("enter", "keep the filter", "enter"),
		filterDrop:  bind("esc", "drop the filter", "esc"),
		filterUp:    bind("ctrl+u", "empty it", "ctrl+u"),
		yes:         bind("y", "yes, quit", "y", "Y"),
		sure:        bind("y", "yes, reject all", "y", "Y"),
	}
	k.choose = bind(arrows, "choose", append(k.up.Keys(), k.down.Keys()...)...)
	return k
}

// group is one line of the full help.
type group struct {
	title string
	keys  []key.Binding
}

// groups is the full help.
func (k *keyMap) groups() []group {
	return []group{
		{"Decide", []key.Binding{k.busy, k.none, k.forbidden, k.all, k.undo}},
		{"Move", []key.Binding{k.choose, k.up, k.down, k.jump, k.first, k.last, k.urgent, k.pane}},
		{"Look", []key.Binding{k.details, k.filter, k.back, k.recent, k.stats, k.log, k.help, k.pageUp, k.pageDown}},
		{"Tools", []key.Binding{k.copyNumber, k.copyID, k.mute, k.theme, k.reconnect}},
		{"Program", []key.Binding{k.redraw, k.suspend, k.quit, k.interrupt}},
		{"In the filter", []key.Binding{k.filterEnter, k.filterDrop, k.filterUp}},
		{"When asked", []key.Binding{k.yes, k.sure}},
	}
}

// brief is the help line: what to do first, and at the right end how to get
// further; of those the first is left out where there is less room, and in the
// compact layout the last as well.
func (k *keyMap) brief() (left, right []key.Binding) {
	return []key.Binding{k.busy, k.none, k.forbidden, k.choose, k.jump, k.details, k.filter, k.recent},
		[]key.Binding{k.mute, k.help, k.quit}
}

// keyName is what a key is matched by. Its text comes first: on a keyboard of
// another Latin layout the letter printed on the key counts. Only where the text
// is of another script does the key's place on a US keyboard decide: as the
// terminal tells it, else as the usual layout of that script has it.
func keyName(k tea.Key, language string) string {
	if k.Text == "" || k.Mod&^(tea.ModShift|tea.ModCapsLock) != 0 {
		return k.String()
	}
	letter, n := rune(0), 0
	for _, r := range k.Text {
		if !unicode.IsLetter(r) || unicode.Is(unicode.Latin, r) {
			return k.String()
		}
		letter = r
		n++
	}
	if k.BaseCode <= ' ' || k.BaseCode > '~' {
		if latin, ok := placed(letter, language); ok && n == 1 {
			return string(latin)
		}
		return k.String()
	}
	name := string(k.BaseCode)
	if k.Mod&tea.ModShift != 0 {
		name = strings.ToUpper(name)
	}
	return name
}

// named makes a key's name fit key.Matches.
type named string

func (n named) String() string { return string(n) }

func (n named) is(b key.Binding) bool { return key.Matches(n, b) }

// onlyModifier reports a key such as shift alone, which says nothing.
func onlyModifier(k tea.Key) bool {
	return tea.KeyLeftShift <= k.Code && k.Code <= tea.KeyIsoLevel5Shift
}
