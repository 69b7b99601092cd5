//go:build unix

package oncall

import (
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

func TestWhatACommandStartedIsKilledWithIt(t *testing.T) {
	t.Parallel()
	c, out, _ := command(t, "hang")
	c.Decide(t.Context(), ringing(3*time.Second))
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); alive(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the child %d is still there", pid)
		}
	}
}

// alive tells whether a process runs; one that nobody has reaped yet does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return !os.IsNotExist(err) || !exists("/proc/self/stat")
	}
	for i := len(stat) - 1; i > 1; i-- {
		if stat[i] == ')' {
			return i+2 < len(stat) && stat[i+2] != 'Z'
		}
	}
	return true
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
