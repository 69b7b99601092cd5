package graph

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
)

// This file makes tokens that must be refused, and some that must not, after the classes of Wycheproof's vectors for
// JWS, RSA PKCS #1 v1.5 and JSON in cryptography. All are made with our own keys.

// vector is one token before a key set.
type vector struct {
	class, name string
	token       string
	keys        string // a key set; "": Microsoft's
	valid       bool
}

func reversed(b []byte) []byte {
	c := slices.Clone(b)
	slices.Reverse(c)
	return c
}

// contentVectors carry a right signature of something else.
func contentVectors(add func(class, name, token string)) {
	ms := microsoft()
	parts := strings.Split(ms.token(issuedAt, nil), ".")
	other := strings.Split(ms.token(issuedAt, map[string]any{"tid": otherGUID}), ".")
	sign := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return b64(ms.raw(padded(der(sha256Info, sum[:]))))
	}
	head, claims, sig := parts[0], parts[1], parts[2]
	for name, token := range map[string]string{
		"another token's claims":        head + "." + other[1] + "." + sig,
		"another token's signature":     head + "." + claims + "." + other[2],
		"claims for a header":           claims + "." + head + "." + sig,
		"header spelt with a blank":     b64([]byte(" "+ms.header())) + "." + claims + "." + sig,
		"claims spelt with a blank":     head + "." + b64([]byte(genuineClaims()+" ")) + "." + sig,
		"signed without the dot":        head + "." + claims + "." + sign(head+claims),
		"signed with a dot behind":      head + "." + claims + "." + sign(head+"."+claims+"."),
		"signed in the other order":     head + "." + claims + "." + sign(claims+"."+head),
		"signed claims only":            head + "." + claims + "." + sign(claims),
		"signed header only":            head + "." + claims + "." + sign(head),
		"signed nothing":                head + "." + claims + "." + sign(""),
		"signed what is encoded":        head + "." + claims + "." + sign(ms.header()+"."+genuineClaims()),
		"signed with an empty header":   head + "." + claims + "." + sign("."+claims),
		"signed with padding":           head + "." + claims + "." + sign(head+"=."+claims+"="),
		"signed in upper case":          head + "." + claims + "." + sign(strings.ToUpper(head+"."+claims)),
		"signed with a line feed":       head + "." + claims + "." + sign(head+"."+claims+"\n"),
		"the forger's signature":        forger().token(issuedAt, nil),
		"the next key's signature":      rolled().sign(ms.header(), genuineClaims()),
		"the signature for a signature": head + "." + claims + "." + sign(sig),
	} {
		add("content", name, token)
	}
}

// framingVectors spell a right token wrongly.
func framingVectors(add func(class, name, token string)) {
	good := microsoft().token(issuedAt, nil)
	parts := strings.Split(good, ".")
	std := strings.NewReplacer("-", "+", "_", "/").Replace(parts[2])
	for name, token := range map[string]string{
		"padding": good + "=", "two paddings": good + "==", "padding on all": parts[0] + "==." + parts[1] + "=." + parts[2] + "==",
		"the standard alphabet": parts[0] + "." + parts[1] + "." + std + "+", "a stray bit at the end": parts[0] + "." + parts[1] + "." + strayBit(parts[2]),
		"a line feed inside": parts[0] + "." + parts[1] + "." + parts[2][:9] + "\n" + parts[2][9:], "a blank inside": parts[0] + "." + parts[1] + "." + parts[2][:9] + " " + parts[2][9:],
		"a carriage return": good + "\r", "a NUL": good + "\x00", "an escape": good[:9] + "%41" + good[10:], "a zero-width space": good + "\u200b", "wide letters": good + "Ａ",
		"no signature": parts[0] + "." + parts[1] + ".", "no dot either": parts[0] + "." + parts[1], "no header": "." + parts[1] + "." + parts[2], "no claims": parts[0] + ".." + parts[2],
		"a dot before": "." + good, "a dot behind": good + ".", "four parts": good + ".AA", "five parts": good + ".AA.AA", "two tokens": good + good, "quoted": `"` + good + `"`,
		"a JSON serialisation": `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`,
		"base64 of the token":  b64([]byte(good)), "a part of one letter": parts[0] + "." + parts[1] + ".A", "cut in the middle": good[:len(good)/2],
		"cut by one letter": good[:len(good)-1], "cut by four letters": good[:len(good)-4], "dots": "..", "nothing": "",
	} {
		add("framing", name, token)
	}
}

// strayBit sets a bit that base64 of 256 bytes does not use: lenient decoders see the same signature.
func strayBit(part string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, part[len(part)-1])
	return part[:len(part)-1] + string(alphabet[last^1])
}

// jsonVectors are signed rightly and written so that two readers may read two things.
func jsonVectors(add func(class, name, token string)) {
	ms := microsoft()
	head, claims := strings.TrimSuffix(ms.header(), "}"), strings.TrimSuffix(genuineClaims(), "}")
	with := func(old, fresh string) string { return strings.Replace(genuineClaims(), old, fresh, 1) }
	exp := fmt.Sprint(issuedAt.Unix() + 300)
	for name, h := range map[string]string{
		"alg twice": head + `,"alg":"RS256"}`, "alg twice by escape": head + `,"\u0061lg":"none"}`, "alg twice by case": head + `,"ALG":"RS256"}`, "kid twice": head + `,"kid":"ms-1"}`,
		"something twice": head + `,"x":1,"x":1}`, "trailing data": head + `}{}`, "trailing comma": head + `,}`, "a comment": head + `/**/}`, "not closed": head,
		"no quotes": `{alg:"RS256",kid:"ms-1"}`, "single quotes": `{'alg':'RS256','kid':'ms-1'}`, "a list": `[` + head + `}]`, "a string": `"RS256"`, "null": `null`, "empty": `{}`,
		"alg a list": `{"alg":["RS256"],"kid":"ms-1"}`, "alg an object": `{"alg":{"RS256":1},"kid":"ms-1"}`, "alg with a NUL": `{"alg":"RS256\u0000","kid":"ms-1"}`, "alg in lower case": `{"alg":"rs256","kid":"ms-1"}`,
		"kid a number": `{"alg":"RS256","kid":1}`, "kid a list": `{"alg":"RS256","kid":["ms-1"]}`, "kid null": `{"alg":"RS256","kid":null}`, "no kid": `{"alg":"RS256"}`, "kid with a NUL": `{"alg":"RS256","kid":"ms-1\u0000"}`,
		"kid is a path": `{"alg":"RS256","kid":"../../dev/null"}`, "kid is SQL": `{"alg":"RS256","kid":"x' OR '1'='1"}`, "bad UTF-8": head + ",\"x\":\"\xff\"}", "UTF-16": "{\x00\"\x00a\x00",
		"crit": head + `,"crit":["exp"]}`, "unencoded": head + `,"b64":false,"crit":["b64"]}`, "zip": head + `,"zip":"DEF"}`, "nested deeply": head + `,"x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`,
		"two marks": "\xef\xbb\xbf\xef\xbb\xbf" + ms.header(),
	} {
		add("JSON header", name, ms.sign(h, genuineClaims()))
	}
	for name, c := range map[string]string{
		"aud twice": claims + `,"aud":"` + testApp + `"}`, "exp twice": claims + `,"exp":` + exp + `}`, "exp twice by escape": claims + `,"e\u0078p":1}`, "exp twice by case": claims + `,"Exp":1}`,
		"iss twice by long s": claims + `,"iſs":"x"}`, "tid twice": claims + `,"tid":"` + testTenant + `"}`, "something twice": claims + `,"x":1,"x":1}`,
		"trailing data": claims + `}{}`, "a second object": genuineClaims() + genuineClaims(), "trailing comma": claims + `,}`, "a comment": claims + `/**/}`, "not closed": claims, "a list": `[` + genuineClaims() + `]`,
		"a string": `"x"`, "null": `null`, "empty": `{}`, "nothing but a blank": ` `, "a number": `7`, "base64 again": b64([]byte(genuineClaims())),
		"exp a string": with(`"exp":`+exp, `"exp":"`+exp+`"`), "exp with a plus": with(`"exp":`+exp, `"exp":+`+exp), "exp with a zero before": with(`"exp":`+exp, `"exp":0`+exp), "exp in hex": with(`"exp":`+exp, `"exp":0x7fffffff`),
		"exp infinite": with(`"exp":`+exp, `"exp":Infinity`), "exp not a number": with(`"exp":`+exp, `"exp":NaN`), "exp too large": with(`"exp":`+exp, `"exp":1e400`), "exp a list": with(`"exp":`+exp, `"exp":[`+exp+`]`), "exp true": with(`"exp":`+exp, `"exp":true`),
		"aud a number": with(`"aud":"`+testApp+`"`, `"aud":7`), "aud an object": with(`"aud":"`+testApp+`"`, `"aud":{"`+testApp+`":1}`), "aud with a NUL": with(testApp, testApp+`\u0000`), "aud null": with(`"aud":"`+testApp+`"`, `"aud":null`),
		"tid with a NUL": with(testTenant, testTenant+`\u0000`), "iss with a line feed": with(issuerBot, issuerBot+`\n`), "iss escaped otherwise": with(issuerBot, issuerBot+`\u002f\u002f`), "a lone surrogate in iss": with(issuerBot, issuerBot+`\ud800`),
		"bad UTF-8": claims + ",\"x\":\"\xc3\x28\"}", "a control character": claims + ",\"x\":\"\x01\"}", "a bad escape": claims + `,"x":"\x41"}`,
	} {
		add("JSON claims", name, ms.sign(ms.header(), c))
	}
}

// keyVectors come with keys that must not be used, whatever they sign.
func keyVectors(add func(class, name, token, keys string)) {
	ms := microsoft()
	good := ms.token(issuedAt, nil)
	member := func(old, fresh string) string { return `{"keys":[` + strings.Replace(ms.jwk(), old, fresh, 1) + `]}` }
	for name, keys := range map[string]string{
		"for encryption": member(`"use":"sig"`, `"use":"enc"`), "for signing only": member(`"use":"sig"`, `"key_ops":["sign"]`), "for nothing": member(`"use":"sig"`, `"key_ops":[]`),
		"for RS512": member(`"use":"sig"`, `"alg":"RS512"`), "for PS256": member(`"use":"sig"`, `"alg":"PS256"`), "for ES256": member(`"use":"sig"`, `"alg":"ES256"`), "for HS256": member(`"use":"sig"`, `"alg":"HS256"`),
		"for none": member(`"use":"sig"`, `"alg":"none"`), "for RSA-OAEP": member(`"use":"sig"`, `"alg":"RSA-OAEP-256"`), "for RSA1_5": member(`"use":"sig"`, `"alg":"RSA1_5"`),
		"kind EC": member(`"kty":"RSA"`, `"kty":"EC"`), "kind oct": member(`"kty":"RSA"`, `"kty":"oct"`), "kind in lower case": member(`"kty":"RSA"`, `"kty":"rsa"`), "no kind": member(`"kty":"RSA",`, ``),
		"another kid": member(`"kid":"ms-1"`, `"kid":"MS-1"`), "no kid": member(`"kid":"ms-1",`, ``), "kid twice": member(`"kid":"ms-1"`, `"kid":"ms-1","KID":"ms-1"`), "n twice": member(`"use":"sig"`, `"N":"AQAB"`),
		"n with padding": member(`","e"`, `==","e"`), "e is empty": member(`"AQAB"`, `""`), "e is 1": member(`"AQAB"`, `"AQ"`), "e is 0": member(`"AQAB"`, `"AA"`), "e is even": member(`"AQAB"`, `"AQAA"`), "e has five bytes": member(`"AQAB"`, `"AQAAAAE"`),
		"e above 2^31": member(`"AQAB"`, `"gAAAAQ"`), "e missing": member(`,"e":"AQAB"`, ``), "e a number": member(`"AQAB"`, `65537`),
		"n is even": keyOf(new(big.Int).Sub(ms.key.N, big.NewInt(1)), 65537), "n too small": keyOf(new(big.Int).Rsh(ms.key.N, 1), 65537), "n beyond 8192 bits": keyOf(new(big.Int).Add(new(big.Int).Lsh(ms.key.N, 8192), big.NewInt(1)), 65537),
		"n is 1": keyOf(big.NewInt(1), 65537), "n is 0": keyOf(big.NewInt(0), 65537),
	} {
		add("key", name, good, keys)
	}
	add("key", "1024 bits", weak().token(issuedAt, nil), jwks(weak()))
	add("key", "2040 bits", short().token(issuedAt, nil), jwks(short()))
	// With the exponent 1 the signature is the block itself: nobody needs a key.
	add("key", "e is 1, block as signature", ms.signed(func(d [32]byte) []byte { return padded(der(sha256Info, d[:])) }), keyOf(ms.key.N, 1))
	// Bleichenbacher 2006: with the exponent 3 a cube root makes a block that begins well, without any key.
	add("key", "e is 3, cube root", ms.signed(func(d [32]byte) []byte { return cubeRoot(d[:]) }), keyOf(ms.key.N, 3))
}

func keyOf(n *big.Int, e int64) string {
	return fmt.Sprintf(`{"keys":[{"kty":"RSA","use":"sig","kid":"ms-1","n":%q,"e":%q}]}`, b64(n.Bytes()), b64(big.NewInt(e).Bytes()))
}

// cubeRoot is a number whose cube begins like a padded block with the digest.
func cubeRoot(d []byte) []byte {
	block := slices.Concat([]byte{0, 1}, bytes.Repeat([]byte{0xff}, 8), []byte{0}, der(sha256Info, d))
	block = append(block, make([]byte, 256-len(block))...)
	target := new(big.Int).SetBytes(block)
	low, high := big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), 700)
	for low.Cmp(high) < 0 { // the least number whose cube is not below
		mid := new(big.Int).Rsh(new(big.Int).Add(low, high), 1)
		if new(big.Int).Exp(mid, big.NewInt(3), nil).Cmp(target) < 0 {
			low = mid.Add(mid, big.NewInt(1))
		} else {
			high = mid
		}
	}
	return low.FillBytes(make([]byte, 256))
}

// cubic is a key with the exponent 3, which crypto/rsa does not make.
var cubic = sync.OnceValue(func() signer {
	prime := func() *big.Int {
		for {
			p, err := rand.Prime(rand.Reader, 1024)
			if err != nil {
				panic(err)
			}
			if new(big.Int).Mod(p, big.NewInt(3)).Int64() == 2 { // else 3 has no inverse
				return p
			}
		}
	}
	p, q, one := prime(), prime(), big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 3}, D: new(big.Int).ModInverse(big.NewInt(3), phi), Primes: []*big.Int{p, q},
	}
	key.Precompute()
	return signer{"ms-1", key}
})

var (
	short = sync.OnceValue(func() signer { return newSigner("ms-1", 2040) })
	large = sync.OnceValue(func() signer { return newSigner("ms-1", 3072) })
)

// validVectors must be accepted: a check that refuses everything would pass all of the above.
func validVectors(add func(name, token, keys string)) {
	ms := microsoft()
	head, claims := strings.TrimSuffix(ms.header(), "}"), strings.TrimSuffix(genuineClaims(), "}")
	good := ms.token(issuedAt, nil)
	for name, token := range map[string]string{
		"plain": good, "blanks in the header": ms.sign(" { \"alg\" : \"RS256\",\r\n\t\"kid\":\"ms-1\"}\n", genuineClaims()), "blanks in the claims": ms.sign(ms.header(), "\t"+claims+" } "),
		"escaped names": ms.sign(`{"\u0061lg":"RS256","k\u0069d":"ms-1"}`, strings.Replace(genuineClaims(), `"exp"`, `"\u0065xp"`, 1)), "escaped values": ms.sign(`{"alg":"RS25\u0036","kid":"ms\u002d1"}`, genuineClaims()),
		"escaped slashes": ms.sign(ms.header(), strings.ReplaceAll(genuineClaims(), "/", `\/`)), "unknown members": ms.sign(head+`,"x5u":"https://x.example","foo":{"alg":"none"}}`, claims+`,"nested":{"exp":1,"aud":["x"]}}`),
		"least header": ms.sign(`{"alg":"RS256","kid":"ms-1"}`, genuineClaims()), "another typ": ms.sign(`{"alg":"RS256","kid":"ms-1","typ":"at+jwt"}`, genuineClaims()),
		"fractions": ms.sign(ms.header(), strings.Replace(genuineClaims(), `"exp":`, `"iat":1.5,"exp":`, 1)), "exp with an exponent": ms.sign(ms.header(), strings.Replace(genuineClaims(), fmt.Sprint(issuedAt.Unix()+300), "1.9000003e9", 1)),
		"letters beyond ASCII": ms.sign(ms.header(), claims+`,"name":"山田\ud83d\ude00 é"}`), "aud a list": ms.sign(ms.header(), strings.Replace(genuineClaims(), `"`+testApp+`"`, `["x","`+testApp+`"]`, 1)),
	} {
		add(name, token, "")
	}
	add("two keys of a kid, ours first", good, jwks(ms, forger()))
	add("two keys of a kid, ours last", good, jwks(forger(), ms))
	add("a key with a zero before n", good, `{"keys":[`+strings.Replace(ms.jwk(), b64(ms.key.N.Bytes()), b64(append([]byte{0}, ms.key.N.Bytes()...)), 1)+`]}`)
	add("a key for verifying", good, `{"keys":[`+strings.Replace(ms.jwk(), `"use":"sig"`, `"use":"sig","key_ops":["sign","verify"],"alg":"RS256"`, 1)+`]}`)
	add("a key whose algorithm is misspelt", good, `{"keys":[`+strings.Replace(ms.jwk(), `"use":"sig"`, `"alg":"RSA256"`, 1)+`]}`)
	add("a key of 3072 bits", large().token(issuedAt, nil), jwks(large()))
	e3 := cubic()
	add("a key with the exponent 3", e3.token(issuedAt, nil), jwks(e3))
}

var allVectors = sync.OnceValue(func() (all []vector) {
	invalid := func(class, name, token string) { all = append(all, vector{class, name, token, "", false}) }
	encodingVectors(invalid)
	signatureVectors(invalid)
	contentVectors(invalid)
	framingVectors(invalid)
	jsonVectors(invalid)
	keyVectors(func(class, name, token, keys string) { all = append(all, vector{class, name, token, keys, false}) })
	validVectors(func(name, token, keys string) { all = append(all, vector{"valid", name, token, keys, true}) })
	return all
})

// judged runs a vector through a real authenticator that holds its keys; a set without a usable key leaves none.
func judged(t *testing.T, v vector) error {
	t.Helper()
	a := heldAuthenticator(t, atIssue, microsoft())
	if v.keys != "" {
		keys, err := parseKeySet([]byte(v.keys))
		if err != nil {
			return err
		}
		a.ring.held.Store(&keySet{keys, atIssue()})
	}
	_, err := a.Authenticate(t.Context(), withToken(v.token))
	return err
}

func TestW01EveryInvalidVectorIsRefusedAndEveryValidOneAccepted(t *testing.T) {
	invalid, valid := 0, 0
	for _, v := range allVectors() {
		switch err := judged(t, v); {
		case !v.valid:
			if invalid++; err == nil {
				t.Errorf("%s, %s: accepted", v.class, v.name)
			}
		default:
			if valid++; err != nil {
				t.Errorf("%s: %v", v.name, err)
			}
		}
	}
	t.Logf("%d invalid, %d valid", invalid, valid)
	if invalid < 200 || valid < 20 {
		t.Errorf("%d invalid and %d valid vectors, want at least 200 and 20", invalid, valid)
	}
}
