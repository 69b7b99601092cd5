package call

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestP07OnlyLettersDigitsAndDashesMakeACallID(t *testing.T) {
	for _, good := range []string{
		"a", "0", "Z", "a-", "-a", "--9--",
		"57dab8b1-894c-409a-b240-bd8beae78896", "57DAB8B1894C409AB240BD8BEAE78896",
		strings.Repeat("a", 64), strings.Repeat("-", 63) + "a",
	} {
		if id, err := ParseID(good); err != nil || string(id) != good {
			t.Errorf("ParseID(%q) = %q, %v; want it as it is", good, id, err)
		}
	}
	for _, bad := range []string{
		"", " ", "-", "--------", strings.Repeat("-", 64), strings.Repeat("a", 65), strings.Repeat("a", 10_000),
		"../../users/x/sendMail?", "a#", "a?", "..%2f", "%2e%2e", ".", "..", "a.b", "a/b", `a\b`, "a:b", "a@b", "a;b", "a=b", "a&b",
		"a b", " a", "a ", "a\t", "a\r\nHost: x", "a\n", "a\x00", "a\x1b[2J", "\x9b", "\u009b",
		"a_b", "a+b", "a*b", "a~b", "a'b", `a"b`, "a<b", "{a}", "$a", "a,b", "a|b", "a^b", "a`b", "a!", "(a)", "[a]",
		"ａ", "аbc", "é", "e\u0301", "１", "٣", "a\u200bb", "a\u202eb", "a\ufeff", "a\u00ad", "\u212a", "ſ", "a–b", "a\u2010b", "\xff", "a\xc3",
	} {
		if id, err := ParseID(bad); !errors.Is(err, ErrID) || id != "" {
			t.Errorf("ParseID(%q) = %q, %v; want it refused", bad, id, err)
		}
	}
}

func TestOneIdentifierWrittenTwoWaysIsOneCall(t *testing.T) {
	for id, want := range map[ID]string{
		"57dab8b1-894c-409a-b240-bd8beae78896": "57dab8b1894c409ab240bd8beae78896",
		"57DAB8B1894C409AB240BD8BEAE78896":     "57dab8b1894c409ab240bd8beae78896",
		"5-7DAB8B1894C409AB240BD8BEAE7889-6":   "57dab8b1894c409ab240bd8beae78896",
		"a":                                    "a",
		"-A-":                                  "a",
	} {
		if got := id.Key(); got != want {
			t.Errorf("%s: key %s, want %s", id, got, want)
		}
	}
	b := replay([]Event{{Kind: Rang, Call: "AB-cd", At: begin, Ring: 1}})
	if c, ok := b.Get("abCD"); !ok || c.ID != "AB-cd" {
		t.Errorf("not found, or not as Graph wrote it: %v", c)
	}
}

// FuzzCallID: what passes is safe in a URL's path and as a journal's key.
func FuzzCallID(f *testing.F) {
	for _, s := range []string{"57dab8b1-894c-409a-b240-bd8beae78896", "../x", "a%2f", "-", "\u212a", "\xff"} {
		f.Add(s)
	}
	shape := regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)
	key := regexp.MustCompile(`^[0-9a-z]{1,64}$`)
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if want := shape.MatchString(s) && strings.Trim(s, "-") != ""; (err == nil) != want {
			t.Fatalf("ParseID(%q): %v", s, err)
		}
		if err != nil {
			return
		}
		if string(id) != s || !key.MatchString(id.Key()) {
			t.Fatalf("ParseID(%q) = %q with key %q", s, id, id.Key())
		}
		if again, err := ParseID(id.Key()); err != nil || again.Key() != id.Key() {
			t.Fatalf("the key of %q is no id of the same call: %q, %v", s, again, err)
		}
	})
}

func TestReasonsAreReadInAnyCaseAndNothingElse(t *testing.T) {
	for s, want := range map[string]Reason{
		"busy": Busy, "Busy": Busy, "BUSY": Busy, "none": None, "None": None, "forbidden": Forbidden, "Forbidden": Forbidden,
	} {
		if got, err := ParseReason(s); err != nil || got != want {
			t.Errorf("ParseReason(%q) = %q, %v", s, got, err)
		}
	}
	// Microsoft's enum ends in unknownFutureValue, which no request may carry.
	for _, s := range []string{"", " busy", "busy ", "b", "reject", "unknownFutureValue", "0", "busy\n", "buſy", "ｂusy", `busy","x":"y`} {
		if got, err := ParseReason(s); !errors.Is(err, ErrReason) || got != "" {
			t.Errorf("ParseReason(%q) = %q, %v; want it refused", s, got, err)
		}
	}
}

func TestMillisRoundTowardsZero(t *testing.T) {
	for d, want := range map[time.Duration]Millis{
		0: 0, time.Millisecond - 1: 0, time.Millisecond: 1, -time.Millisecond + 1: 0, 14500 * time.Millisecond: 14500,
	} {
		if got := ToMillis(d); got != want {
			t.Errorf("%v is %d ms, want %d", d, got, want)
		}
	}
	if got := Millis(1500).Duration(); got != 1500*time.Millisecond {
		t.Errorf("1500 ms is %v", got)
	}
}
