package call

import "strings"

// sample is a text that a caller could choose, and how it is to be drawn.
type sample struct {
	name string
	in   string
	want string // at 64 cells
	kept bool   // nothing in it could deceive: not marked as altered
}

// hostile is T-01, T-04, T-05, T-06 and T-07: what every caller's name may be.
var hostile = []sample{
	// Sequences that a terminal obeys: introducers are replaced, the rest is text.
	{name: "CSI clear screen", in: "\x1b[2JAlice", want: "�[2JAlice"},
	{name: "CSI colour", in: "\x1b[31mAlice\x1b[0m", want: "�[31mAlice�[0m"},
	{name: "CSI cursor report", in: "\x1b[6n", want: "�[6n"},
	{name: "CSI unterminated", in: "Alice\x1b[", want: "Alice�["},
	{name: "CSI alternate screen", in: "\x1b[?1049h", want: "�[?1049h"},
	{name: "CSI bracketed paste off", in: "\x1b[?2004l", want: "�[?2004l"},
	{name: "CSI mouse on", in: "\x1b[?1003h", want: "�[?1003h"},
	{name: "CSI scroll region", in: "\x1b[1;2r", want: "�[1;2r"},
	{name: "OSC 0 title, BEL", in: "\x1b]0;pwned\a", want: "�]0;pwned�"},
	{name: "OSC 2 title, ST", in: "\x1b]2;pwned\x1b\\", want: "�]2;pwned�\\"},
	{name: "OSC 8 link", in: "\x1b]8;;http://evil\x1b\\Alice\x1b]8;;\x1b\\", want: "�]8;;http://evil�\\Alice�]8;;�\\"},
	{name: "OSC 9 notice", in: "\x1b]9;hi\a", want: "�]9;hi�"},
	{name: "OSC 52 clipboard", in: "\x1b]52;c;cm0gLXJm\a", want: "�]52;c;cm0gLXJm�"},
	{name: "OSC 1337 file", in: "\x1b]1337;File=inline=1:AAAA\a", want: "�]1337;File=inline=1:AAAA�"},
	{name: "OSC 777 notice", in: "\x1b]777;notify;a;b\a", want: "�]777;notify;a;b�"},
	{name: "OSC unterminated", in: "Alice\x1b]0;x", want: "Alice�]0;x"},
	{name: "DCS", in: "\x1bP+q544e\x1b\\", want: "�P+q544e�\\"},
	{name: "DCS tmux passthrough", in: "\x1bPtmux;\x1b\x1b]0;x\a\x1b\\", want: "�Ptmux;��]0;x��\\"},
	{name: "DCS sixel", in: "\x1bPq#0;2;0;0;0\x1b\\", want: "�Pq#0;2;0;0;0�\\"},
	{name: "DCS unterminated", in: "\x1bPabc", want: "�Pabc"},
	{name: "APC", in: "\x1b_Gi=1;AAAA\x1b\\", want: "�_Gi=1;AAAA�\\"},
	{name: "PM", in: "\x1b^x\x1b\\", want: "�^x�\\"},
	{name: "SOS", in: "\x1bXx\x1b\\", want: "�Xx�\\"},
	{name: "screen title", in: "\x1bkx\x1b\\", want: "�kx�\\"},
	{name: "RIS reset", in: "\x1bc", want: "�c"},
	{name: "charset", in: "\x1b(0lqqk", want: "�(0lqqk"},
	{name: "DECALN", in: "\x1b#8", want: "�#8"},
	{name: "ESC alone", in: "\x1b", want: "�"},
	{name: "C1 CSI as code point", in: "\u009b2JAlice", want: "�2JAlice"},
	{name: "C1 CSI as byte", in: "\x9b2JAlice", want: "�2JAlice"},
	{name: "C1 OSC as code point", in: "\u009d0;x\u009c", want: "�0;x�"},
	{name: "C1 OSC as byte", in: "\x9d0;x\x9c", want: "�0;x�"},
	{name: "C1 DCS, APC, PM, SOS", in: "\u0090\u009f\u009e\u0098x", want: "����x"},
	{name: "C1 NEL and IND", in: "a\u0085b\u0084c", want: "a�b�c"},

	// Controls.
	{name: "BS overwrites", in: "Mallory\b\b\b\b\b\b\bAlice", want: "Mallory�������Alice"},
	{name: "CR overwrites", in: "Mallory\rAlice", want: "Mallory�Alice"},
	{name: "LF makes a row", in: "Alice\n✓ busy", want: "Alice�✓ busy"},
	{name: "TAB, VT, FF", in: "a\tb\vc\fd", want: "a�b�c�d"},
	{name: "SO and SI", in: "a\x0eb\x0fc", want: "a�b�c"},
	{name: "BEL", in: "\a\a\a", want: "���"},
	{name: "NUL", in: "Ali\x00ce", want: "Ali�ce"},
	{name: "DEL", in: "Ali\x7fce", want: "Ali�ce"},
	{name: "line and paragraph separator", in: "a\u2028b\u2029c", want: "a�b�c"},
	{name: "XON and XOFF", in: "a\x11\x13b", want: "a��b"},
	{name: "bytes that are no UTF-8", in: "a\xff\xfe\xc3b", want: "a���b"},
	{name: "surrogate in bytes", in: "a\xed\xa0\x80b", want: "a���b"},
	{name: "overlong slash", in: "\xc0\xaf", want: "��"},
	{name: "beyond Unicode", in: "\xf4\x90\x80\x80", want: "����"},
	{name: "private use icon", in: "\ue0b0Alice", want: "�Alice"},
	{name: "not a character", in: "a\uffffb\U0010ffffc", want: "a�b�c"},
	{name: "not assigned", in: "a\u0378b", want: "a�b"},
	{name: "replacement character as sent", in: "Al�ce", want: "Al�ce", kept: true},

	// Reading direction.
	{name: "override", in: "\u202eecilA\u202c", want: "ecilA"},
	{name: "embedding", in: "\u202a\u202bAlice\u202c", want: "Alice"},
	{name: "isolates", in: "\u2066a\u2067b\u2068c\u2069", want: "abc"},
	{name: "marks", in: "a\u200eb\u200fc\u061cd", want: "abcd"},
	{name: "Hebrew", in: "שלום עולם", want: "שלום עולם", kept: true},
	{name: "Arabic", in: "محمد علي", want: "محمد علي", kept: true},
	{name: "Arabic vowels", in: "مُحَمَّد", want: "مُحَمَّد", kept: true},

	// What is not seen.
	{name: "zero width space, joiners", in: "A\u200bl\u200ci\u200dc\u2060e", want: "Alice"},
	{name: "byte order mark", in: "\ufeffAlice", want: "Alice"},
	{name: "soft hyphen", in: "Al\u00adice", want: "Alice"},
	{name: "tags", in: "Alice\U000e0041\U000e0042\U000e007f", want: "Alice"},
	{name: "Hangul fillers", in: "\u115fA\u1160\u3164l\uffa0ice", want: "Alice"},
	{name: "braille blank", in: "Al\u2800ice", want: "Alice"},
	{name: "variation selectors", in: "A\ufe0fl\ufe00ice\U000e0100\u180b", want: "Alice"},
	{name: "grapheme joiner, Khmer vowels", in: "A\u034flice\u17b4\u17b5", want: "Alice"},
	{name: "invisible operators", in: "A\u2061\u2062\u2063\u2064lice", want: "Alice"},
	{name: "annotations, object", in: "\ufff9A\ufffalice\ufffb\ufffc", want: "Alice"},
	{name: "shorthand and music controls", in: "\U0001bca0Al\U0001d173ice\U0001d159", want: "Alice"},
	{name: "blank hieroglyphs, fillers", in: "A\U00013441l\U00013442ice\U00016fe4\U0001107f", want: "Alice"},
	{name: "reserved ignorable", in: "A\u2065\ufff0\U000e0fffl", want: "Al"},
	{name: "nothing else", in: "\u200b\u2060\u3164\u2800", want: ""},
	{name: "deprecated formats", in: "A\u206a\u206flice\u180e", want: "Alice"},
	{name: "Arabic signs that frame what follows", in: "\u0600\u06ddA", want: "A"},

	// Spaces.
	{name: "spaces of many kinds", in: "\u00a0A\u2003\u3000\u1680 l\u2009ice \u202f", want: "A l ice", kept: true},
	{name: "only spaces", in: " \u00a0\u3000 ", want: "", kept: true},
	{name: "space and nothing", in: "A \u200b B", want: "A B"},
	{name: "padding to another column", in: "A" + strings.Repeat(" ", 200) + "B", want: "A B", kept: true},

	// Marks.
	{name: "300 combining marks", in: "A" + strings.Repeat("\u0301", 300) + "lice", want: "A\u0301\u0301\u0301lice"},
	{name: "a mark on nothing", in: "\u0301Alice", want: "Alice"},
	{name: "a mark on a space", in: "A \u0334B", want: "A B"},
	{name: "marks on a replaced control", in: "\x1b\u0301\u0301\u0301\u0301", want: "�\u0301\u0301\u0301"},
	{name: "marks parted by nothing", in: "A\u0301\u200b\u0301\u200b\u0301\u200b\u0301", want: "A\u0301\u0301\u0301"},
	{name: "enclosing marks", in: "1\u20e3\u20dd\u20de\u20e0", want: "1\u20e3\u20dd\u20de"},
	{name: "precomposed and not", in: "é e\u0301", want: "é e\u0301", kept: true},
	{name: "Vietnamese", in: "Nguyê\u0303n", want: "Nguyê\u0303n", kept: true},

	// Wide, joined and coloured.
	{name: "family", in: "\U0001f468\u200d\U0001f469\u200d\U0001f467", want: "\U0001f468\U0001f469\U0001f467"},
	{name: "skin tone", in: "\U0001f44b\U0001f3fd Alice", want: "\U0001f44b Alice", kept: true},
	{name: "flag", in: "\U0001f1e9\U0001f1ea Alice", want: "DE Alice", kept: true},
	{name: "flag by tags", in: "\U0001f3f4\U000e0067\U000e0062\U000e007f", want: "\U0001f3f4"},
	{name: "heart as emoji", in: "❤\ufe0f", want: "❤"},
	{name: "Han", in: "山田太郎 株式会社", want: "山田太郎 株式会社", kept: true},
	{name: "Hangul", in: "김민수", want: "김민수", kept: true},
	{name: "Hangul in parts", in: "\u1100\u1161\u11a8", want: "\u1100\u1161\u11a8", kept: true},
	{name: "Devanagari", in: "नमस्ते", want: "नमस्ते", kept: true},
	{name: "Tamil", in: "தமிழ்", want: "தமிழ்", kept: true},
	{name: "Malayalam with a leading repha", in: "ൎക", want: "ൎക", kept: true},
	{name: "Thai", in: "สวัสดี น้ำ", want: "สวัสดี น้ำ", kept: true},
	{name: "Greek, Cyrillic", in: "Αλίκη Алиса", want: "Αλίκη Алиса", kept: true},
	{name: "Amharic, Georgian, Armenian", in: "አሊስ ალისა Ալիս", want: "አሊስ ალისა Ալիս", kept: true},
	{name: "long ligature", in: "﷽", want: "﷽", kept: true},
	{name: "half width", in: "ｱﾘｽ", want: "ｱﾘｽ", kept: true},

	// Too long.
	{name: "64 letters", in: strings.Repeat("x", 64), want: strings.Repeat("x", 64), kept: true},
	{name: "65 letters", in: strings.Repeat("x", 65), want: strings.Repeat("x", 63) + "…", kept: true},
	{name: "10 kB", in: strings.Repeat("Alice ", 1700), want: strings.Repeat("Alice ", 10) + "Ali…", kept: true},
	{name: "10 kB of three bytes each", in: strings.Repeat("山", 3400), want: strings.Repeat("山", 31) + "…", kept: true},
	{name: "wide at the edge", in: strings.Repeat("x", 62) + "山山", want: strings.Repeat("x", 62) + "…", kept: true},
	{name: "accent at the edge", in: strings.Repeat("x", 62) + "e\u0301yz", want: strings.Repeat("x", 62) + "e\u0301…", kept: true},
	{name: "spacing vowel at the edge", in: strings.Repeat("x", 63) + "क\u093eyz", want: strings.Repeat("x", 63) + "…", kept: true},
	{name: "one grapheme of a thousand consonants", in: "A" + strings.Repeat("\u1100", 1000), want: "A…", kept: true},
	{name: "one grapheme of a thousand vowels", in: "A" + strings.Repeat("\u1161", 1000), want: "A…", kept: true},
	{name: "one conjunct of a thousand", in: "A" + strings.Repeat("क\u094d", 1000), want: "A…", kept: true},
	{name: "one grapheme of prefixes", in: "A" + strings.Repeat("ൎ", 300), want: "A…", kept: true},
	{name: "much that is not seen, then a name", in: strings.Repeat("\u200b", 3000) + "Alice", want: ""},
	{name: "a name, much that is not seen, more", in: "Alice" + strings.Repeat("\u200b", 3000) + "Meyer", want: "Alice…"},
	{name: "many spaces, then a name", in: strings.Repeat(" ", 5000) + "Alice", want: ""},
}
