//go:build !windows

package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"callscreen/graph/simulator"
	"callscreen/relay/call"
	"callscreen/relay/client"
	"callscreen/relay/history"
	"callscreen/relay/operator"
)

// kills is how often the relay is killed in the loop; in full it is
// go test ./relay/e2e -run S01 -kills 1000 -timeout 90m.
var kills = flag.Int("kills", 6, "how often TestS01 kills the relay; in full 1000")

// judgeKills compares what Microsoft was told with what the journal and Microsoft
// have: every call that was answered 202 is there, once, and was rejected at most
// once.
func judgeKills(answered []string, rows []history.Row, rejected []string) (faults []string) {
	recorded, asked := map[string]int{}, map[string]int{}
	for _, r := range rows {
		recorded[r.Call.Key()]++
	}
	for _, id := range rejected {
		asked[call.ID(id).Key()]++
	}
	for _, id := range answered {
		key := call.ID(id).Key()
		if recorded[key] != 1 {
			faults = append(faults, fmt.Sprintf("%s was answered 202 and is %d times in the journal", id, recorded[key]))
		}
		if asked[key] > 1 {
			faults = append(faults, fmt.Sprintf("%s was rejected %d times", id, asked[key]))
		}
	}
	return faults
}

func TestTheJudgeOfKillsSeesLossAndDouble(t *testing.T) {
	rows := []history.Row{{Call: "A-1"}, {Call: "B"}, {Call: "B"}, {Call: "D"}}
	faults := judgeKills([]string{"a1", "B", "C", "D"}, rows, []string{"A-1", "D", "d"})
	if len(faults) != 3 || !strings.HasPrefix(faults[0], "B ") || !strings.HasPrefix(faults[1], "C ") || faults[2] != "D was rejected 2 times" {
		t.Errorf("found %q", faults)
	}
}

// proves S-01: the relay is killed 0 to 200 ms after a 202, with a decision under
// way every other time, and comes back on the same journal.
func TestS01NoCallIsLostAndNoneRejectedTwiceHoweverOftenTheRelayIsKilled(t *testing.T) {
	t.Parallel()
	dir, listen := t.TempDir(), freeAddress(t)
	ms := newMicrosoft(t, dir, listen)
	dice := rand.New(rand.NewPCG(1, 2))
	options := client.Options{
		URL:   "http://" + listen,
		Token: func() (string, error) { return operator.LocalToken(filepath.Join(dir, "data")) },
	}
	var answered []string
	var scripts sync.WaitGroup
	for round := range *kills {
		relay := ms.startRelay(t, dir, listen)
		for range 1 + dice.IntN(3) {
			id, err := ms.Place(t.Context(), simulator.CallSpec{Kind: "user", Name: fmt.Sprint("Caller of round ", round)})
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			answered = append(answered, id)
		}
		if id := answered[len(answered)-1]; round%2 == 0 {
			scripts.Go(func() {
				// Whatever it is answered: the relay may be dead by then.
				_, _ = client.Reject(context.WithoutCancel(t.Context()), options, call.ID(id), call.Busy, "")
			})
		}
		time.Sleep(time.Duration(dice.IntN(200)) * time.Millisecond) // the moment of the kill is what is tried
		relay.kill()
	}
	scripts.Wait()
	ms.startRelay(t, dir, listen)
	var rows []history.Row
	err := client.History(t.Context(), options, history.Query{}, func(r history.Row) error { rows = append(rows, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	var rejected []string
	for _, r := range ms.Rejections() {
		rejected = append(rejected, r.CallID)
	}
	for _, fault := range judgeKills(answered, rows, rejected) {
		t.Error(fault)
	}
	t.Logf("%d kills, %d calls answered 202, %d found, %d rejections", *kills, len(answered), len(rows), len(rejected))
}

var (
	synced    = regexp.MustCompile(`(fsync|fdatasync)(\(\d+\)| resumed>\))\s+= 0`)
	accepting = regexp.MustCompile(`write\(\d+, "HTTP/1\.1 202`)
)

// unsynced counts the answers 202 in a trace of system calls, and those that were
// written although no sync had returned since the one before.
func unsynced(trace string) (accepted, early int) {
	since := 0
	for line := range strings.Lines(trace) {
		switch {
		case synced.MatchString(line):
			since++
		case accepting.MatchString(line):
			accepted++
			if since == 0 {
				early++
			}
			since = 0
		}
	}
	return accepted, early
}

func TestTheTraceOfAnEarlyAnswerIsNoticed(t *testing.T) {
	trace := `7 fsync(9)                        = 0
8 write(12, "HTTP/1.1 202 Accepted\r\n"..., 120) = 120
7 fsync(9 <unfinished ...>
8 write(12, "HTTP/1.1 202 Accepted\r\n"..., 120) = 120
7 <... fsync resumed>)              = 0
7 fsync(9)                          = -1 EIO (Input/output error)
8 write(12, "HTTP/1.1 202 Accepted\r\n"..., 120) = 120
8 write(12, "HTTP/1.1 503 Service\r\n"..., 120) = 120
`
	if accepted, early := unsynced(trace); accepted != 3 || early != 1 {
		t.Errorf("%d answers, %d of them early", accepted, early)
	}
}

// proves S-01: the sync returns before the 202 is written, as the kernel saw it.
func TestS01TheSyncReturnsBeforeThe202IsWritten(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not here to look")
	}
	dir, listen, trace := t.TempDir(), freeAddress(t), filepath.Join(t.TempDir(), "trace")
	ms := newMicrosoft(t, dir, listen)
	secret := filepath.Join(dir, "client-secret")
	if err := os.WriteFile(secret, []byte(ms.ClientSecret()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := command(dir, append(ms.relayArgs(listen), "--client-secret-file", secret)...)
	cmd.Args = append([]string{strace, "-f", "-o", trace, "-e", "trace=fsync,fdatasync,write", binary}, cmd.Args[1:]...)
	cmd.Path = strace
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p := startCommand(t, cmd)
	end := func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // what is traced would outlive its tracer
	t.Cleanup(end)
	select {
	case <-p.done:
		t.Skipf("strace may not trace here: %s", p.stderr)
	case <-time.After(500 * time.Millisecond):
	}
	awaitReady(t, p, "http://"+listen)
	calls := 20
	if *kills >= 1000 {
		calls = 1000
	}
	for range calls {
		if _, err := ms.Place(t.Context(), simulator.CallSpec{Kind: "user", Name: "Alice"}); err != nil {
			t.Fatal(err)
		}
	}
	end()
	<-p.done
	raw, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	if accepted, early := unsynced(string(raw)); accepted != calls || early != 0 {
		t.Errorf("of %d answers %d are in the trace, %d of them early", calls, accepted, early)
	}
}
