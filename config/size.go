package config

import (
	"errors"
	"math"
	"regexp"
	"strconv"
)

// Size is a number of bytes.
type Size int64

var (
	errSize = errors.New(`is not a size: write a number with a unit, such as "256MiB" or "1GiB"`)
	sizes   = regexp.MustCompile(`^(\d{1,18})\s?(?i:(k|m|g|t)(i)?b|b)?$`)
)

// ParseSize reads a number of bytes, or of kB, MB, GB, TB (thousands) or KiB, MiB,
// GiB, TiB (of 1,024), in any letter case.
func ParseSize(text string) (Size, error) {
	part := sizes.FindStringSubmatch(text)
	if part == nil {
		return 0, errSize
	}
	n, err := strconv.ParseInt(part[1], 10, 64)
	if err != nil {
		return 0, errSize
	}
	base, power := int64(1000), map[string]int{"": 0, "k": 1, "K": 1, "m": 2, "M": 2, "g": 3, "G": 3, "t": 4, "T": 4}[part[2]]
	if part[3] != "" {
		base = 1024
	}
	for range power {
		if n > math.MaxInt64/base {
			return 0, errSize
		}
		n *= base
	}
	return Size(n), nil
}

// String is the size in the largest unit that leaves a whole number.
func (s Size) String() string {
	n, unit := int64(s), "B"
	for _, larger := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, larger
	}
	return strconv.FormatInt(n, 10) + unit
}
