package graph

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
)

// The checkers of this file each have one of the faults that the vectors are made for. If none of them fell for a
// class of vectors, that class would prove nothing.

// block is what a careless checker finds in a vector's signature: the padded block, and the digest it should hold.
func block(v vector, e int64) (em, digest []byte) {
	text, sig := v.token[:strings.LastIndexByte(v.token, '.')], v.token[strings.LastIndexByte(v.token, '.')+1:]
	raw, err := base64.RawURLEncoding.DecodeString(sig)
	if err != nil {
		return nil, nil
	}
	sum := sha256.Sum256([]byte(text))
	s := new(big.Int).Exp(new(big.Int).SetBytes(raw), big.NewInt(e), microsoft().key.N) // also of numbers beyond n
	return s.FillBytes(make([]byte, 256)), sum[:]
}

// info cuts a padding of any length off a block.
func info(em []byte) []byte {
	if len(em) < 2 || em[0] != 0 || em[1] != 1 {
		return nil
	}
	_, rest, _ := bytes.Cut(bytes.TrimLeft(em[2:], "\xff"), []byte{0})
	return rest
}

var careless = []struct {
	fault, class string
	accepts      func(v vector) bool
}{
	{"looks at the beginning of the block", "encoding", func(v vector) bool {
		em, d := block(v, 65537)
		return bytes.HasPrefix(info(em), der(sha256Info, d))
	}},
	{"looks at the end of the block", "encoding", func(v vector) bool {
		em, d := block(v, 65537)
		return em != nil && bytes.HasSuffix(em, d)
	}},
	{"parses the digest info and takes what the parser takes", "encoding", func(v vector) bool {
		em, d := block(v, 65537)
		var di struct {
			Algorithm struct {
				OID        asn1.ObjectIdentifier
				Parameters asn1.RawValue `asn1:"optional"`
			}
			Digest []byte
		}
		_, err := asn1.Unmarshal(info(em), &di)
		return err == nil && bytes.Equal(di.Digest, d)
	}},
	{"does not compare the signature with the modulus", "number", func(v vector) bool {
		em, d := block(v, 65537)
		return em != nil && bytes.Equal(em, padded(der(sha256Info, d)))
	}},
	{"takes a signature of any length", "bytes", func(v vector) bool {
		em, d := block(v, 65537)
		return em != nil && bytes.Equal(em, padded(der(sha256Info, d)))
	}},
	{"checks no signature", "content", func(v vector) bool {
		_, err := heldRules.judge(strings.Split(v.token, ".")[1], atIssue())
		return err == nil
	}},
	{"reads base64 as it comes", "framing", func(v vector) bool {
		if parts := strings.Split(v.token, "."); len(parts) == 3 {
			raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[2], "= "))
			good := microsoft().token(issuedAt, nil)
			want, err2 := base64.RawURLEncoding.DecodeString(good[strings.LastIndexByte(good, '.')+1:])
			return err == nil && err2 == nil && bytes.Equal(raw, want)
		}
		return false
	}},
	{"takes the last of two members of a header", "JSON header", func(v vector) bool {
		var h struct{ Alg, Kid string }
		return decodedPart(v, 0, &h) && h.Alg == "RS256" && h.Kid == "ms-1"
	}},
	{"takes the last of two claims", "JSON claims", func(v vector) bool {
		var c struct {
			Aud, Iss, Tid string
			Exp, Nbf      int64
		}
		return decodedPart(v, 1, &c) && c.Aud == testApp && c.Iss == issuerBot && c.Tid == testTenant && c.Exp >= issuedAt.Unix()
	}},
	{"takes a key for what it was not made", "key", func(v vector) bool {
		var set struct {
			Keys []struct{ Kid, N string }
		}
		return json.Unmarshal([]byte(v.keys), &set) == nil && set.Keys[0].Kid == "ms-1" && set.Keys[0].N == b64(microsoft().key.N.Bytes())
	}},
	{"takes the exponent 1", "key", func(v vector) bool {
		em, d := block(v, 1)
		return em != nil && bytes.Equal(em, padded(der(sha256Info, d)))
	}},
	{"takes the exponent 3 and looks at the beginning of the block", "key", func(v vector) bool {
		em, d := block(v, 3)
		return bytes.HasPrefix(info(em), der(sha256Info, d))
	}},
}

var heldRules = claimRules{issuers: []string{issuerBot}, audiences: []string{testApp}}

func decodedPart(v vector, i int, into any) bool {
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(v.token, ".")[i])
	return err == nil && json.NewDecoder(bytes.NewReader(text)).Decode(into) == nil // trailing data goes unnoticed
}

func TestW01EachClassOfVectorsCatchesACheckerWithItsFault(t *testing.T) {
	vectors, caught := allVectors(), map[string]bool{}
	for _, c := range careless {
		fooled := 0
		for _, v := range vectors {
			if !v.valid && v.class == c.class && c.accepts(v) {
				fooled++
			}
		}
		if fooled == 0 {
			t.Errorf("a checker that %s sees nothing wrong with its own class, %s", c.fault, c.class)
		}
		caught[c.class] = true
		t.Logf("%-62s falls for %d of %s", c.fault, fooled, c.class)
	}
	for _, v := range vectors {
		if !v.valid && !caught[v.class] {
			t.Fatalf("no checker has the fault of class %s", v.class)
		}
	}
}
