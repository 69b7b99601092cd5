package hostile

import (
	"strings"
	"testing"
)

func TestT01ThereAreEnoughTextsOfEveryClass(t *testing.T) {
	count := map[string]int{}
	for _, x := range Texts() {
		count[x.Class]++
	}
	hostile := 0
	for _, class := range Obeyed {
		hostile += count[class]
		if count[class] < 5 {
			t.Errorf("%d texts of class %s", count[class], class)
		}
	}
	if naughty := len(Texts()) - hostile; hostile < 150 || naughty < 150 || len(count)-len(Obeyed) < 15 {
		t.Errorf("%d texts that are obeyed, %d others in %d classes", hostile, naughty, len(count)-len(Obeyed))
	}
	t.Logf("%d texts: %d that are obeyed, %d others", len(Texts()), hostile, len(Texts())-hostile)
}

func TestWhatIsToBeDrawnIsItselfHarmless(t *testing.T) {
	for _, x := range Texts() {
		if err := Fault(x.Want); err != nil {
			t.Errorf("%s: %+q: %v", x, x.Want, err)
		}
	}
}

func TestAFaultIsFoundWhereverItStands(t *testing.T) {
	for _, bad := range []string{
		"\x1b", "\a", "\x7f", "\u009b", "\x9b", "\u202e", "\u2069", "\u200b", "\u00ad", "\ufeff", "\U000e0041", "\u3164", "\u2800", "\ufe0f",
		"\ue0b0", "\uffff", "\u2028", "\u00a0", "\u0378", "\U0001f3fd", "\U0001f1e9", "\u0301\u0301\u0301\u0301", "\xed\xa0\x80",
	} {
		for _, s := range []string{bad, "Alice" + bad, bad + "Alice", "Al" + bad + "ice"} {
			if Fault(s) == nil {
				t.Errorf("%+q is taken for harmless", s)
			}
		}
	}
	for _, good := range []string{"", "Alice Meyer", "山田太郎", "नमस्ते", "e\u0301\u0301\u0301e\u0301", "שלום", "�"} {
		if err := Fault(good); err != nil {
			t.Errorf("%+q: %v", good, err)
		}
	}
}

func TestALineThatIsNotUnderstoodIsNamed(t *testing.T) {
	for line, want := range map[string]string{
		`no text`:                 "no name and colon",
		`: "x" ==`:                "an empty name",
		`name: "x`:                "no quoted text",
		`name: "x"`:               "what is to be drawn?",
		`name: "x" -> "y"`:        "what is to be drawn?",
		`name: "x"*y ==`:          "how often?",
		`name: "x" =>`:            "no quoted text",
		`name: "x" => "y" "z"`:    "left over",
		"a: \"x\" ==\na: \"\" ==": "there twice",
	} {
		if _, err := parse("[class]\n" + line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	list, err := parse("# comment\n\n[a]\nb: \"x\" + \"yz\"*2 + \"\\n\" ~> \"xyz\"*2\n[c]\nd: \"q\" ==\n")
	if err != nil || len(list) != 2 || list[0] != (Text{"a", "b", "xyzyz\n", "xyzxyz", false}) || list[1] != (Text{"c", "d", "q", "q", false}) {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestEveryForeignSequenceIsToldFromOurs(t *testing.T) {
	ours := "\x1b[?1049h\x1b]2;callscreen\a\x1b[2;5H\x1b[31mAlice\x1b[m\r\n\x1b[K\x1b[3b\x1b[1;5r\x1b[6n"
	want := strings.Join(Sequences(ours), " ")
	for _, theirs := range []string{
		"\x1b]0;t\a", "\x1b]52;c;AA\a", "\x1b]8;;u\x1b\\", "\x1b]9;x\a", "\a", "\x1b[?1049l", "\x1b[c", "\x1bc", "\x1bPq\x1b\\", "\x1b_G\x1b\\", "\x1b^x\x1b\\",
		"\x1bXx\x1b\\", "\x1b[32m", "\x9b2J", "\u009b", "\x0e", "\x00", "\x7f", "\u202e", "\u200b", "\x1b(0", "\x1b]0;no end", "\xff", "\x1b[>4;2m", "\x1b",
	} {
		if got := strings.Join(Sequences(ours+theirs), " "); got == want {
			t.Errorf("%q brings nothing new", theirs)
		}
	}
	for _, same := range []string{"Bob", "山田太郎", "नमस्ते", "\x1b[7;9Hx\x1b[2K", "\b\t", "\x1b]2;(2) callscreen\a"} {
		if got := strings.Join(Sequences([]byte(ours+same)), " "); got != want {
			t.Errorf("%q changes the sequences to %s", same, got)
		}
	}
}
