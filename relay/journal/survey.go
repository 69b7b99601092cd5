package journal

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The embedded store opens a damaged file by cutting it off at the damage, and
// one with a damaged sequence number by filling memory with the records that it
// thinks are missing. So the frames of its files are walked before it sees them:
// what is refused here is refused with nothing changed on the disk.
//
// The layout is that of nats-server 2.15 (server/filestore.go,
// rebuildStateFromBufLocked), little endian: 4 bytes record length with the top
// bit for "has a header", 8 bytes sequence with the top two bits for erased and
// tombstone, 8 bytes time, 2 bytes subject length, the rest, 8 bytes checksum.
// Checksums are the store's to verify; Follow finds what fails there.
const (
	frameHead     = 22
	frameChecksum = 8
	frameMax      = 2*MaxRecord + 4<<10
	headerBit     = uint32(1) << 31
	tombstoneBit  = uint64(1) << 62
	erasedBit     = uint64(1) << 63
	// A jump in the sequence beyond this is no retention but a broken number.
	jumpMax = 1 << 20
)

// survey walks the store's files below dir. A faulty end is a torn record if the
// mark says that nothing was written after it.
func survey(dir string, mark Cursor) error {
	blocks, err := blockFiles(dir)
	if err != nil {
		return err
	}
	last := uint64(0)
	for i, path := range blocks {
		buf, err := os.ReadFile(path) //nolint:gosec // below the configured directory
		if err != nil {
			return err
		}
		fault := ""
		at := 0
		if at, last, fault = walkFrames(buf, last); fault == "" {
			continue
		}
		if i == len(blocks)-1 && last >= mark.Seq && at+frameMax > len(buf) {
			return nil // torn by a crash and never acknowledged: the store cuts it off
		}
		return fmt.Errorf("%w: %s at byte %d of %s, after record %d: restore %s from a copy, or move it away to start an empty journal",
			ErrDamaged, fault, at, path, last, dir)
	}
	return nil
}

// walkFrames goes from record to record and stops at the first that cannot be
// one. It returns where that is, the last good sequence, and what is wrong.
func walkFrames(buf []byte, last uint64) (at int, lastSeq uint64, fault string) {
	le := binary.LittleEndian
	for at < len(buf) {
		rest := buf[at:]
		if len(rest) < frameHead {
			return at, last, "a record is cut short"
		}
		length := le.Uint32(rest)
		need := uint32(frameHead+frameChecksum) + uint32(le.Uint16(rest[20:]))
		if length&headerBit != 0 {
			length &^= headerBit
			need += 4
		}
		if length < need || length > frameMax {
			return at, last, "a record has an impossible length"
		}
		if int(length) > len(rest) {
			return at, last, "a record is cut short"
		}
		if le.Uint32(rest)&headerBit != 0 && !wholeHeader(rest[frameHead+int(le.Uint16(rest[20:])):int(length)-frameChecksum]) {
			return at, last, "a record has an impossible header"
		}
		seq := le.Uint64(rest[4:])
		if seq&tombstoneBit == 0 {
			seq &^= erasedBit
			if last != 0 && max(seq, last)-min(seq, last) > jumpMax {
				return at, last, "a record has an impossible sequence"
			}
			last = max(last, seq)
		}
		at += int(length)
	}
	return at, last, ""
}

// wholeHeader looks at the 4 bytes of a header's length and what follows: the
// store's checksum leaves these 4 bytes out, and a wrong one moves the border
// between header and data.
func wholeHeader(b []byte) bool {
	n := binary.LittleEndian.Uint32(b)
	return int64(n) <= int64(len(b))-4 && bytes.HasSuffix(b[4:4+n], []byte("\r\n\r\n"))
}

// blockFiles are the store's record files, oldest first.
func blockFiles(dir string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(escapeGlob(dir), "jetstream", "*", "streams", StreamName, "msgs", "*.blk"))
	if err != nil {
		return nil, err
	}
	number := func(path string) int {
		n, _ := strconv.Atoi(strings.TrimSuffix(filepath.Base(path), ".blk"))
		return n
	}
	slices.SortFunc(paths, func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	return paths, nil
}

// escapeGlob keeps a directory's own name from being read as a pattern.
func escapeGlob(dir string) string {
	if os.PathSeparator == '\\' { // Windows allows none of these in a name and has no escape
		return dir
	}
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(dir)
}
