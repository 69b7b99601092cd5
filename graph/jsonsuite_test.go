package graph

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// Texts after the classes of JSONTestSuite (RFC 8259): what a parser must refuse, and what it must read. The texts are
// our own.

// each builds one text for each piece.
func each(form string, pieces ...string) []string {
	texts := make([]string, 0, len(pieces))
	for _, p := range pieces {
		texts = append(texts, strings.ReplaceAll(form, "@", p))
	}
	return texts
}

func badTexts() map[string][]string {
	bad := map[string][]string{
		"structure": {
			" ", "\n", "[", "]", "{", "}", ",", ":", `"`, "[,]", "[,1]", "[1,]", "[1,,2]", "[1,,]", "[,", "[1", "[1,", "[[1]", "[1]]", "[1}", "{]", "[}", "[:]", "[1:2]", `["a":1]`, "[1 2]", `["a" "b"]`, "[1]2", "[1],",
			"[1]x", "[][]", "{}{}", "{}[]", "{},", "{}}", "{,}", "{:}", "{1:1}", "{null:1}", "{true:1}", "{[]:1}", "{{}:1}", `{"a"}`, `{"a",}`, `{"a":}`, `{"a":,}`, `{"a" 1}`, `{"a"::1}`, `{"a":1,}`, `{"a":1,,"b":2}`, `{"a":1 "b":2}`, `{"a":1:2}`,
			`{,"a":1}`, `{"a":1`, `{"a":`, `{"a"`, `{"a`, `{"a":"b}`, `{"a":1]`, `{a:1}`, `{'a':1}`, `{"a":'b'}`, `{"a":b}`, "(1)", "<a>", "[1;2]", `{"a"=1}`, `{"a"=>1}`, "[...]", "undefined", "[undefined]", "1,2", `"a","b"`, `"a":1`,
			"/*x*/[]", "[]/*x*/", "[/*x*/]", "//x\n[]", "[]//x", "#x\n[]", "[1]#", "<!--[]-->", "`a`", "[`a`]", "$", "@", "%", "^", "&", "*", "a", "é", "☃", "-", "[-]", "\\u005b1]", "[\\n]",
		},
		"blanks":   each("[@1]", "\v", "\f", "\x00", "\x1f", "\x7f", "\u00a0", "\u2028", "\u200b", "\u3000", "\ufeff", "\u0085", "\u2060"),
		"literals": each("[@]", "nul", "nulll", "Null", "NULL", "tru", "truee", "True", "TRUE", "fals", "falsee", "False", "nil", "none", "yes", "NaN", "nan", "-NaN", "Infinity", "-Infinity", "+Infinity", "inf", "-inf", "n\\u0075ll"),
		"numbers": each("[@]", "+1", "++1", "--1", "-", "-a", "-01", "01", "00", "-00", "1.", "-1.", ".1", "-.1", "1.e1", ".e1", "1e", "1E", "1e+", "1e-", "1e1.5", "1e1e1", "1.2.3", "1..2", "1 000", "1_000", "1'000", "1,5.0,", "0x1", "0X1F", "0b1", "0o7",
			"1f", "1d", "1L", "1n", "1a", "١", "１", "½", "1e٣", "0e", "0e+", "0.e1", "-0.", "1+2", "1-2", "2.e+3", "1eE2", "1 e2", "- 1", "−1"),
		"strings": each(`["@"]`, `\`, `\x41`, `\a`, `\v`, `\0`, `\'`, `\ `, `\U0041`, `\u`, `\u0`, `\u00`, `\u004`, `\u00g1`, `\u 041`, `\u-041`, `\u+041`, `\uD8`, `\ud800\u`, `\ud800\u1`, `\ud800\x`, `\é`, "\\\n", `\u{41}`, `a"b`, `""a`),
		"quotes":  {`["a]`, `[a"]`, `["a\"]`, `'a'`, `["a'`, `["a", 'b']`, "[“a”]", "[«a»]", `["""a"""]`, `["a"+"b"]`, `"a`, `a"`, `["a` + "\n" + `b"]`, `["a` + "\r" + `b"]`, `["a` + "\t" + `b"]`},
		"UTF-8": each("[\"@\"]", "\xff", "\xfe", "\x80", "\xbf", "\xc0\x80", "\xc0\xaf", "\xc1\xbf", "\xc3", "\xc3\x28", "\xe2\x28\xa1", "\xe2\x82", "\xe0\x80\xaf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xed\xa0\x80\xed\xb0\x80", "\xf0\x28\x8c\x28", "\xf0\x82\x82\xac",
			"\xf0\x9f\x98", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80", "a\xe9b"),
		"encodings": {"\xff\xfe[\x00]\x00", "\xfe\xff\x00[\x00]", "[\x00]\x00", "\x00[\x00]", "\xff\xfe\x00\x00[\x00\x00\x00", "\xef\xbb", "\xef\xbb\xbf", "\xef\xbb\xbf\xef\xbb\xbf[]", "\xef\xbb[]", "+AFsAXQ-", "[\xef\xbb\xbf]", "[]\xef\xbb\xbf", "[]\x00", "[1]\x1a"},
		"depth":     {strings.Repeat("[", 65) + strings.Repeat("]", 65), strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), strings.Repeat("[", 100_000), strings.Repeat(`[{"":`, 50_000), strings.Repeat("]", 1000), strings.Repeat(`{"a":[`, 40)},
	}
	for c := range 0x20 { // as they are, inside a string
		bad["controls"] = append(bad["controls"], fmt.Sprintf("[\"a%cb\"]", c))
	}
	whole := `{"a":[1,-2.5e3,"\u0041",true,null],"b":{"c":""}}`
	for i := 1; i < len(whole); i++ {
		bad["cut"] = append(bad["cut"], whole[:i])
	}
	return bad
}

func goodTexts() map[string][]string {
	good := map[string][]string{
		"structure": {
			"[]", "{}", "[[]]", "[{}]", `{"a":[]}`, `{"a":{}}`, "[[],[]]", `{"":0}`, `{"a":1}`, `{"a":1,"b":2}`, `{"a":1,"a":1}`, `{"a":1,"a":2}`, `{"a":1,"A":2}`, `{"a\u0000b":1}`, `{"\"":1}`, `{"a b":1}`, `{"\u0061":1,"b":[null]}`, "[[[[[[[1]]]]]]]",
			"[1,[2,[3,{}]]]", `[1,null,true,false,"a",{},[]]`, "[null,null]", `{"x":[{"id":"x"}],"id":"y"}`, strings.Repeat("[", 64) + strings.Repeat("]", 64), "[" + strings.Repeat("1,", 1000) + "1]",
		},
		"alone":    {"null", "true", "false", "0", "-0", "1", "-1", "1.5", `""`, `"a"`, `" "`, `"\u0000"`, "1e5"},
		"literals": each("[@]", "null", "true", "false"),
		"numbers":  each("[@]", "0", "-0", "1", "-1", "12", "123456789", "0.0", "-0.0", "0.1", "1.10", "-1.5", "1e1", "1E1", "1e+1", "1e-1", "1E+05", "0e0", "0e+1", "-0e-1", "1.5e10", "1.5E-10", "123e65", "-123.456e-78", "1e400", "-1e400", "1e-400", "100000000000000000000", "0.00000000000000000001", "20e1"),
		"strings": each(`["@"]`, "", "a", " ", "a b", `\"`, `\\`, `\/`, "/", `\b`, `\f`, `\n`, `\r`, `\t`, `\u0000`, `\u0041`, `\u00e9`, `\u00E9`, `\uFFFF`, `\uD83D\uDE00`, `\ud800`, `\udc00`, `\ud800a`, `\ud800\u0041`, `\udc00\ud800`, `\\u0041`, `\\\\`, `\"\\\/`,
			"é", "山", "\u00a0", "\u2028", "\u2029", "\u200b", "\ufeff", "\U0001f600", "\U0010ffff", "\ue000", "\x7f", "\u0080", "<script>", "'", "`", "{}[]:,", "//", "/*x*/", "#"),
		"blanks": {" []", "[] ", "\t[]", "\n[]\n", "\r\n[]\r\n", "[ ]", "[\t]", "[ 1 , 2 ]", "{ }", `{ "a" : 1 }`, "{\n\t\"a\"\r\n:\n1\n}", "   \r\n\t 1 \t\r\n  ", "\xef\xbb\xbf[]", "\xef\xbb\xbf {} "},
	}
	return good
}

func TestP05TextsThatAreNotJSONAreRefusedAndOddOnesAreRead(t *testing.T) {
	refused, read := 0, 0
	for class, texts := range badTexts() {
		for _, text := range texts {
			refused++
			if v, err := parseJSON([]byte(text)); err == nil {
				t.Errorf("%s: %.80q read as %.80q", class, text, v)
			}
			for _, body := range []string{text, `{"value":[` + text + `]}`, batchOf(created("/app/calls/a", `{"state":"incoming","x":`+text+`}`))} {
				b, err := Decode([]byte(body))
				if err == nil && !json.Valid([]byte(body)) { // a few, such as "1,2", are JSON again inside a list
					t.Errorf("%s: the body %.80q gave %+v", class, body, b)
				}
			}
		}
	}
	for class, texts := range goodTexts() {
		for _, text := range texts {
			read++
			if _, err := parseJSON([]byte(text)); err != nil {
				t.Errorf("%s: %.80q: %v", class, text, err)
			}
			if strings.HasPrefix(text, "\xef") || strings.HasPrefix(text, "[[[[[[[[[[") {
				continue // a mark belongs at the very beginning; and one level more is one too many
			}
			body := batchOf(created("/app/calls/a", `{"state":"incoming","x":`+text+`}`))
			if b, err := Decode([]byte(body)); err != nil || len(b.Notifications) != 1 || b.Notifications[0].Call.State != "incoming" {
				t.Errorf("%s: %.80q inside a call: %+v, %v", class, text, b, err)
			}
		}
	}
	t.Logf("%d refused, %d read", refused, read)
	if refused < 188 || read < 95 {
		t.Errorf("%d texts to refuse and %d to read, want at least 188 and 95", refused, read)
	}
}

// TestP05TheTextsCatchAParserThatLacksACheck is the planted bug: each of the judge's three parts, left out, lets some
// of the texts through.
func TestP05TheTextsCatchAParserThatLacksACheck(t *testing.T) {
	lacking := map[string]func(text []byte) bool{
		"UTF-8":  func(text []byte) bool { return !tooDeep(text) && json.Valid(text) },
		"depth":  func(text []byte) bool { return utf8.Valid(text) && json.Valid(text) },
		"syntax": func(text []byte) bool { return utf8.Valid(text) && !tooDeep(text) },
	}
	for check, accepts := range lacking {
		through := 0
		for _, texts := range badTexts() {
			for _, text := range texts {
				if accepts([]byte(text)) {
					through++
				}
			}
		}
		if through == 0 {
			t.Errorf("without the check of %s the same texts are refused", check)
		}
	}
}
