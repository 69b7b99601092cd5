package tui

import (
	"maps"
	"unicode"
)

// A layout tells which Latin letter stands on the same key as a letter of
// another script: the lower-case letters from q to p, a to l and z to m, in the
// order of a US keyboard; a blank where a key has no letter.
const latinKeys = "qwertyuiop asdfghjkl zxcvbnm"

// layouts are what operators write their own language with. A terminal that
// speaks the kitty protocol tells the place of a key itself, and then nothing
// is guessed from these.
var layouts = []string{
	"йцукенгшщз фывапролд ячсмить", // Cyrillic, ЙЦУКЕН
	" ςερτυθιοπ ασδφγηξκλ ζχψωβνμ", // Greek
	"  קראטוןםפ שדגכעיחלך זסבהנמצ", // Hebrew, SI-1452
}

// others have letters elsewhere, by the language of the locale.
var others = map[string]map[rune]rune{
	"be": {'і': 'b', 'ў': 'o'},
	"":   {'і': 's'}, // Ukrainian, also where the locale does not say so
}

// phonetic are the languages whose usual Cyrillic layouts follow the sound or an
// order of their own. There т or и stand on other keys than in ЙЦУКЕН, and a
// letter taken by its place would decide without anybody's having meant it.
var phonetic = map[string]bool{"bg": true, "mk": true, "sr": true, "bs": true, "cnr": true}

// placed is the Latin letter on the key of a letter of another script.
func placed(r rune, language string) (rune, bool) {
	low := unicode.ToLower(r)
	if phonetic[language] && unicode.Is(unicode.Cyrillic, low) {
		return 0, false
	}
	latin, ok := others[language][low]
	if !ok {
		latin, ok = known[low]
	}
	if ok && low != r {
		latin = unicode.ToUpper(latin)
	}
	return latin, ok
}

// known is all of the layouts in one.
var known = func() map[rune]rune {
	all := maps.Clone(others[""])
	for _, layout := range layouts {
		for i, r := range []rune(layout) {
			if r != ' ' {
				all[r] = rune(latinKeys[i])
			}
		}
	}
	return all
}()
