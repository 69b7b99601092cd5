package simulator

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"
)

// dice is one stream of randomness. Every use in the package has a stream of its own, named by purpose
// and number, so that no draw moves another one: neither timing nor concurrency changes a call.
type dice struct{ *rand.Rand }

func newDice(seed uint64, purpose string, numbers ...uint64) dice {
	text := []byte(purpose)
	for _, n := range append([]uint64{seed}, numbers...) {
		text = binary.BigEndian.AppendUint64(text, n)
	}
	return dice{rand.New(rand.NewChaCha8(sha256.Sum256(text)))} //nolint:gosec // repeatable by design, guards nothing
}

func (d dice) chance(p float64) bool { return d.Float64() < p }

// between draws from [low, high]; an empty or reversed range gives low.
func (d dice) between(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(d.Int64N(int64(high-low)+1))
}

func (d dice) bytes(n int) []byte {
	var b []byte
	for len(b) < n {
		b = binary.BigEndian.AppendUint64(b, d.Uint64())
	}
	return b[:n]
}

// guid is a version 4 GUID in lower case with dashes, the form of ids in live traffic.
func (d dice) guid() string {
	b := d.bytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// opaque is n random bytes in the alphabet of tokens and encrypted ids.
func (d dice) opaque(n int) string { return base64.RawURLEncoding.EncodeToString(d.bytes(n)) }

func (d dice) digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789"[d.IntN(10)]
	}
	return string(b)
}

func pick[T any](d dice, list []T) T { return list[d.IntN(len(list))] }
