package graph

import (
	"bytes"
	"crypto"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// This file makes the vectors of the signature itself: what is in its block, and what number it is.

// raw is the RSA private operation on a block of our choice.
func (s signer) raw(block []byte) []byte {
	n := new(big.Int).Exp(new(big.Int).SetBytes(block), s.key.D, s.key.N)
	return n.FillBytes(make([]byte, s.key.Size()))
}

// signed is a genuine token with another signature over it.
func (s signer) signed(signature func(digest [32]byte) []byte) string {
	text := b64([]byte(s.header())) + "." + b64([]byte(genuineClaims()))
	return text + "." + b64(signature(sha256.Sum256([]byte(text))))
}

// digestInfo is the DER of RFC 8017, 9.2, with the bytes after SEQUENCE's length as given.
func der(hexText string, tail ...[]byte) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(hexText, " ", ""))
	if err != nil {
		panic(err)
	}
	return append(b, slices.Concat(tail...)...)
}

const sha256Info = "3031 300d 0609 608648016503040201 0500 0420"

// padded puts a digest info into a PKCS #1 v1.5 block of 256 bytes.
func padded(info []byte) []byte {
	fill := bytes.Repeat([]byte{0xff}, 256-3-len(info))
	return slices.Concat([]byte{0, 1}, fill, []byte{0}, info)
}

// blocks are malformed encodings of a right digest, signed with the right key: whoever parses the block instead of
// comparing it with the only right one accepts some of them.
var blocks = []struct {
	name string
	make func(d []byte) []byte
}{
	{"NULL missing, lengths right", func(d []byte) []byte { return padded(der("302f 300b 0609 608648016503040201 0420", d)) }},
	{"NULL missing, lengths kept", func(d []byte) []byte { return padded(der("3031 300d 0609 608648016503040201 0420", d)) }},
	{"NULL with content", func(d []byte) []byte { return padded(der("3032 300e 0609 608648016503040201 050100 0420", d)) }},
	{"NULL in long form", func(d []byte) []byte { return padded(der("3032 300e 0609 608648016503040201 058100 0420", d)) }},
	{"an octet string for NULL", func(d []byte) []byte { return padded(der("3031 300d 0609 608648016503040201 0400 0420", d)) }},
	{"NULL twice", func(d []byte) []byte { return padded(der("3033 300f 0609 608648016503040201 05000500 0420", d)) }},
	{"garbage in the parameters", func(d []byte) []byte { return padded(der("3035 3011 0609 608648016503040201 0404deadbeef 0420", d)) }},
	{"outer length in long form", func(d []byte) []byte { return padded(der("308131 300d 0609 608648016503040201 0500 0420", d)) }},
	{"outer length in longer form", func(d []byte) []byte { return padded(der("30820031 300d 0609 608648016503040201 0500 0420", d)) }},
	{"inner length in long form", func(d []byte) []byte { return padded(der("3032 30810d 0609 608648016503040201 0500 0420", d)) }},
	{"digest length in long form", func(d []byte) []byte { return padded(der("3032 300d 0609 608648016503040201 0500 048120", d)) }},
	{"identifier length in long form", func(d []byte) []byte { return padded(der("3032 300e 068109 608648016503040201 0500 0420", d)) }},
	{"indefinite length", func(d []byte) []byte {
		return padded(der("3080 300d 0609 608648016503040201 0500 0420", d, []byte{0, 0}))
	}},
	{"a set for a sequence", func(d []byte) []byte { return padded(der("3131 300d 0609 608648016503040201 0500 0420", d)) }},
	{"a bit string for the digest", func(d []byte) []byte { return padded(der("3032 300d 0609 608648016503040201 0500 032100", d)) }},
	{"SHA-1's name", func(d []byte) []byte { return padded(der("302d 3009 0605 2b0e03021a 0500 0420", d)) }},
	{"SHA-224's name", func(d []byte) []byte { return padded(der("3031 300d 0609 608648016503040204 0500 0420", d)) }},
	{"SHA-384's name", func(d []byte) []byte { return padded(der("3031 300d 0609 608648016503040202 0500 0420", d)) }},
	{"SHA-512's name", func(d []byte) []byte { return padded(der("3031 300d 0609 608648016503040203 0500 0420", d)) }},
	{"SHA-512/256's name", func(d []byte) []byte { return padded(der("3031 300d 0609 608648016503040206 0500 0420", d)) }},
	{"SHA3-256's name", func(d []byte) []byte { return padded(der("3031 300d 0609 608648016503040208 0500 0420", d)) }},
	{"MD5's name", func(d []byte) []byte { return padded(der("3030 300c 0608 2a864886f70d0205 0500 0420", d)) }},
	{"no name", func(d []byte) []byte { return padded(der("3026 3002 0500 0420", d)) }},
	{"the digest alone", padded},
	{"the digest as an octet string", func(d []byte) []byte { return padded(der("0420", d)) }},
	{"a digest cut short", func(d []byte) []byte { return padded(der(sha256Info, d[:31])) }},
	{"a digest cut short, lengths right", func(d []byte) []byte { return padded(der("3030 300d 0609 608648016503040201 0500 041f", d[:31])) }},
	{"a digest too long", func(d []byte) []byte { return padded(der("3032 300d 0609 608648016503040201 0500 0421", d, []byte{0})) }},
	{"an empty digest", func([]byte) []byte { return padded(der("3011 300d 0609 608648016503040201 0500 0400")) }},
	{"a digest of zeros", func([]byte) []byte { return padded(der(sha256Info, make([]byte, 32))) }},
	{"a digest with one bit wrong", func(d []byte) []byte { d[31] ^= 1; return padded(der(sha256Info, d)) }},
	{"a byte after the digest info", func(d []byte) []byte { return padded(der(sha256Info, d, []byte{0})) }},
	{"garbage after the digest info", func(d []byte) []byte { return padded(der(sha256Info, d, bytes.Repeat([]byte{0xaa}, 16))) }},
	{"garbage inside the digest info", func(d []byte) []byte {
		return padded(der("3035 300d 0609 608648016503040201 0500 0420", d, []byte("tail")))
	}},
	{"short padding, garbage behind", func(d []byte) []byte {
		return filled(slices.Concat([]byte{0, 1}, bytes.Repeat([]byte{0xff}, 8), []byte{0}, der(sha256Info, d)))
	}},
	{"no padding, garbage behind", func(d []byte) []byte { return filled(slices.Concat([]byte{0, 1, 0}, der(sha256Info, d))) }},
	{"block type 0", func(d []byte) []byte { b := padded(der(sha256Info, d)); b[1] = 0; return b }},
	{"block type 2", func(d []byte) []byte { b := padded(der(sha256Info, d)); b[1] = 2; return b }},
	{"block type 255", func(d []byte) []byte { b := padded(der(sha256Info, d)); b[1] = 255; return b }},
	{"padding of zeros", func(d []byte) []byte {
		info := der(sha256Info, d)
		return slices.Concat([]byte{0, 1}, make([]byte, 254-len(info)), info)
	}},
	{"padding with one byte wrong", func(d []byte) []byte { b := padded(der(sha256Info, d)); b[9] = 0xfe; return b }},
	{"padding that ends early", func(d []byte) []byte { b := padded(der(sha256Info, d)); b[100] = 0; return b }},
	{"no zero behind the padding", func(d []byte) []byte { b := padded(der(sha256Info, d)); b[256-52] = 0xff; return b }},
	{"a one behind the padding", func(d []byte) []byte { b := padded(der(sha256Info, d)); b[256-52] = 1; return b }},
	{"a block of zeros", func([]byte) []byte { return make([]byte, 256) }},
	{"a block of one", func([]byte) []byte { return append(make([]byte, 255), 1) }},
}

// filled is a block brought to its length with garbage.
func filled(b []byte) []byte { return append(b, bytes.Repeat([]byte{0xaa}, 256-len(b))...) }

func encodingVectors(add func(class, name, token string)) {
	ms := microsoft()
	for _, b := range blocks {
		add("encoding", b.name, ms.signed(func(d [32]byte) []byte { return ms.raw(b.make(d[:])) }))
	}
	hash := func(h crypto.Hash, sum []byte) string {
		return ms.signed(func([32]byte) []byte {
			sig, err := ms.key.Sign(nil, sum, h)
			if err != nil {
				panic(err)
			}
			return sig
		})
	}
	text := []byte(b64([]byte(ms.header())) + "." + b64([]byte(genuineClaims())))
	m, s1, s384, s512 := md5.Sum(text), sha1.Sum(text), sha512.Sum384(text), sha512.Sum512(text)
	add("encoding", "really MD5", hash(crypto.MD5, m[:]))
	add("encoding", "really SHA-1", hash(crypto.SHA1, s1[:]))
	add("encoding", "really SHA-384", hash(crypto.SHA384, s384[:]))
	add("encoding", "really SHA-512", hash(crypto.SHA512, s512[:]))
	twice := sha256.Sum256(text)
	twice = sha256.Sum256(twice[:])
	add("encoding", "hashed twice", hash(crypto.SHA256, twice[:]))
	for _, method := range []*jwt.SigningMethodRSAPSS{jwt.SigningMethodPS256, jwt.SigningMethodPS384, jwt.SigningMethodPS512} {
		add("encoding", method.Alg()+" offered as RS256", mustSign(method, map[string]any{"alg": "RS256", "kid": "ms-1"}, ms.key))
	}
}

// signatureVectors alter a right signature as a number and as bytes.
func signatureVectors(add func(class, name, token string)) {
	ms := microsoft()
	good := ms.token(issuedAt, nil)
	at := strings.LastIndexByte(good, '.') + 1
	sig, err := base64.RawURLEncoding.DecodeString(good[at:])
	if err != nil {
		panic(err)
	}
	s, n := new(big.Int).SetBytes(sig), ms.key.N
	for name, value := range map[string]*big.Int{
		"0": big.NewInt(0), "1": big.NewInt(1), "n-1": new(big.Int).Sub(n, big.NewInt(1)), "n": n, "n+1": new(big.Int).Add(n, big.NewInt(1)),
		"n-s": new(big.Int).Sub(n, s), "s+1": new(big.Int).Add(s, big.NewInt(1)), "s-1": new(big.Int).Sub(s, big.NewInt(1)),
		"1/s": new(big.Int).ModInverse(s, n), "s squared": new(big.Int).Exp(s, big.NewInt(2), n),
		"2^2048-1": new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 2048), big.NewInt(1)),
	} {
		add("number", name, good[:at]+b64(value.FillBytes(make([]byte, 256))))
	}
	add("number", "s+n", good[:at]+b64(new(big.Int).Add(s, n).FillBytes(make([]byte, 257))))
	for name, b := range map[string][]byte{
		"a zero before": slices.Concat([]byte{0}, sig), "a zero behind": slices.Concat(sig, []byte{0}), "first byte gone": sig[1:], "last byte gone": sig[:255],
		"half": sig[:128], "one byte": sig[:1], "twice": slices.Concat(sig, sig), "reversed": reversed(sig), "bytes of zero": make([]byte, 256),
		"in hex": []byte(hex.EncodeToString(sig)), "in DER": der("04820100", sig),
	} {
		add("bytes", name, good[:at]+b64(b))
	}
}
