package journal

import "testing"

func FuzzJournalOpen(f *testing.F) {
	frame := []byte{
		34, 0, 0, 128, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // length 34 with header, sequence 1
		0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8,
	}
	f.Add(frame)
	f.Add(append([]byte(nil), frame[:30]...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		at, _, fault := walkFrames(b, 0)
		if at < 0 || at > len(b) {
			t.Fatalf("stopped at %d of %d", at, len(b))
		}
		if (fault == "") != (at == len(b)) {
			t.Fatalf("stopped at %d of %d with fault %q", at, len(b), fault)
		}
	})
}
