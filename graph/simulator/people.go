package simulator

import "strings"

// Everybody here is invented. The numbers come from ranges that the regulators of their countries set
// aside for films and examples (NANPA 555-01xx, Ofcom 020 7946 0xxx, Bundesnetzagentur 030 23125 xxx,
// Arcep 01 99 00 xx xx, ACMA 5550 xxxx, PTS 08-465 004 xx): nobody's telephone rings by accident.

var latinNames = []string{
	"Alice Meyer", "Bob Stone", "Carl Roth", "Kay Tan", "Emil Voss", "Ingrid Solberg", "Tomás Herrera",
	"Priya Raman", "Zoë van den Berg", "Seán Ó Briain", "Łucja Wiśniewska", "Nguyễn Thị Mai", "Amara Okafor",
	"José da Conceição", "Björk Ásgeirsdóttir", "Mehmet Yıldız", "Chloé Lefèvre", "Radu Ionescu",
	"Wanjiru Kamau", "Giulia D'Angelo", "Li Wei", "Anke Müller-Lüdenscheidt",
}

var scriptNames = []string{
	"山田太郎", "佐藤 花子", "محمد عبد الله الفارسي", "ליאור כהן", "अनिता शर्मा", "Иван Петров", "Ольга Щербакова",
	"Ελένη Παπαδοπούλου", "김민준", "สมชาย ใจดี", "李小龍 (財務部)", "தமிழ் செல்வி", "ქეთევან ბერიძე", "Արամ Սարգսյան",
	"አበበ በቀለ", "😀 Kim 🎉", "👩\u200d👩\u200d👧\u200d👦 Family desk", "🇳🇱 Anna de Wit", "Ｗｉｄｅ Ｎａｍｅ", "مرحبا Alice שלום",
}

// hostileNames are what a caller might call himself to harm a terminal or whoever reads it. A screen must
// show each of them without any effect outside its own row.
var hostileNames = []string{
	"\x1b[2J\x1b[HAlice Meyer",                            // clear the screen, go home
	"\x1b]0;owned\x07Title",                               // window title
	"\x1b]52;c;cm0gLXJmIH4=\x07Clipboard",                 // clipboard
	"\x1b]8;;https://attacker.example\x1b\\click\x1b]8;;", // link
	"Unterminated \x1b]0;the rest of the screen",          // swallows what follows
	"\x1bPq#0;2;0;0;0\x1b\\Sixel",                         // device control string
	"\u009b31mC1 \u009d0;title\u009c",                     // 8-bit controls
	"Alice\r\nBob\nCarl\tDora\vEve\f",                     // more rows than one
	"\b\b\b\b\b\b\b\bOverwritten\a\a\x00\x7f",             // backspace, bell, NUL, DEL
	"\u202egnp.ecilA\u202c \u2066isolated\u2069",          // bidi override and isolate
	"A\u200bl\u200ci\u200dc\u2060e\ufeff M\u00adeyer",     // zero width, soft hyphen
	"\u3164\u2800\u115f",                                  // looks empty
	"\U000e0041\U000e0042tags\U000e007f",                  // invisible tags
	"Z" + strings.Repeat("\u0301\u0327\u0336", 100) + "algo",
	strings.Repeat("Very Long Name ", 700),
	strings.Repeat("👩\u200d👩\u200d👧\u200d👦", 200),
	"✔ internal call, verified by Microsoft",
	"Rejected busy 212 ms",
	"$(reboot) `id` %s%n {{.}} <script>alert(1)</script>",
	"',\"}]}\\ \u2028\u2029 null",
}

// number is a telephone number that belongs to nobody, in E.164 form.
func (d dice) number() string {
	switch d.IntN(6) {
	case 0:
		return "+44207946" + "0" + d.digits(3)
	case 1:
		return "+493023125" + d.digits(3)
	case 2:
		return "+3319900" + d.digits(4)
	case 3:
		return "+6125550" + d.digits(4)
	case 4:
		return "+468465004" + d.digits(2)
	default:
		return "+1" + pick(d, []string{"425", "206", "212", "303"}) + "55501" + d.digits(2)
	}
}
