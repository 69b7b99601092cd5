package oncall

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"callscreen/relay/call"
)

// act is what this program does when it is run as the command of a test.
const act = "ON_CALL_ACT"

func TestMain(m *testing.M) {
	if name := os.Getenv(act); name != "" {
		os.Exit(perform(name))
	}
	os.Exit(m.Run())
}

func perform(name string) int {
	switch name {
	case "say":
		fmt.Print(os.Args[1])
	case "fail":
		fmt.Print("busy")
		return 3
	case "tell": // what it got
		told, _ := io.ReadAll(os.Stdin)
		raw, _ := json.Marshal(map[string]any{"stdin": string(told), "env": os.Environ(), "args": os.Args[1:]})
		_ = os.WriteFile(os.Getenv("OUT"), raw, 0o600)
	case "complain":
		fmt.Fprint(os.Stderr, "one\n\x1b[31mtwo\u202e\nthree")
		fmt.Fprint(os.Stderr, strings.Repeat("\nline", 100))
	case "hang":
		fmt.Print("busy\n")
		child := exec.Command(os.Args[0]) // has our output, and stays
		child.Env, child.Stdout = []string{act + "=sleep"}, os.Stdout
		_ = child.Start()
		_ = os.WriteFile(os.Getenv("OUT"), fmt.Append(nil, child.Process.Pid), 0o600)
		time.Sleep(time.Minute)
	case "sleep":
		time.Sleep(time.Minute)
	case "crowd": // as many as run at one time
		dir := os.Getenv("OUT")
		mine, _ := os.CreateTemp(dir, "run-")
		for range 20 {
			running, _ := filepath.Glob(filepath.Join(dir, "run-*"))
			if len(running) > atOnce {
				return 4
			}
			time.Sleep(5 * time.Millisecond)
		}
		_ = os.Remove(mine.Name())
		fmt.Print("none")
	}
	return 0
}

// command is this program, acting, and what is logged of it.
func command(t *testing.T, name string, args ...string) (c *Command, out string, log *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log, out = &bytes.Buffer{}, filepath.Join(t.TempDir(), "out")
	c, err = New(append([]string{self}, args...), []string{act + "=" + name, "OUT=" + out}, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return c, out, log
}

// ringing is a call with so much left until decisions end.
func ringing(usable time.Duration) call.Call {
	return call.Call{
		ID: "A-1", State: call.Ringing, RangAt: time.Now().Add(usable + 500*time.Millisecond - 15*time.Second), Ring: 15000, Margin: 500,
		Details: call.Details{Caller: call.Party{Kind: call.Phone, Name: `$(touch owned) ";' & %PATH%`, ID: "+49 30 5550123"}},
	}
}

func TestAWordIsADecisionAndNothingElseIs(t *testing.T) {
	for said, want := range map[string]call.Reason{
		"busy": call.Busy, "none\n": call.None, " forbidden \r\n": call.Forbidden,
		"": "", "\n": "", "BUSY!": "", "busy none": "", "allow": "", strings.Repeat("busy", 10_000): "",
	} {
		c, _, log := command(t, "say", said)
		if got := c.Decide(t.Context(), ringing(10*time.Second)); got != want {
			t.Errorf("%.20q decides %q, want %q", said, got, want)
		}
		if odd := want == "" && strings.TrimSpace(said) != ""; strings.Contains(log.String(), "no decision") != odd {
			t.Errorf("%.20q is logged as %s", said, log)
		}
	}
}

func TestACommandThatFailsDecidesNothing(t *testing.T) {
	c, _, log := command(t, "fail")
	if got := c.Decide(t.Context(), ringing(10*time.Second)); got != "" || !strings.Contains(log.String(), "exit status 3") {
		t.Errorf("it decides %q: %s", got, log)
	}
}

// T-07: what a caller chose is data, whatever it looks like.
func TestT07ACommandGetsTheCallAsDataAndNoShellReadsIt(t *testing.T) {
	c, out, _ := command(t, "tell", "$HOME", "a b")
	t.Setenv("CALLSCREEN_CLIENT_SECRET", "canary")
	k := ringing(10 * time.Second)
	c.Decide(t.Context(), k)
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Stdin     string
		Env, Args []string
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Args, []string{"$HOME", "a b"}) {
		t.Errorf("its arguments are %q", got.Args)
	}
	for _, want := range []string{"CALLSCREEN_CALL_ID=A-1", "CALLSCREEN_CALLER_KIND=phone", "CALLSCREEN_CALLER_NAME=" + k.Caller.Name, "CALLSCREEN_CALLER_NUMBER=+49 30 5550123"} {
		if !slices.Contains(got.Env, want) {
			t.Errorf("it lacks %s in %q", want, got.Env)
		}
	}
	if strings.Contains(string(raw), "canary") {
		t.Errorf("it learns a secret: %s", raw)
	}
	var told struct {
		Call      call.ID    `json:"call_id"`
		Caller    call.Party `json:"caller"`
		Remaining int        `json:"remaining_ms"`
		Usable    int        `json:"usable_ms"`
	}
	if err := json.Unmarshal([]byte(got.Stdin), &told); err != nil {
		t.Fatalf("%q: %v", got.Stdin, err)
	}
	if told.Call != "A-1" || told.Caller != k.Caller || told.Usable < 8000 || told.Usable > 10_000 || told.Remaining != told.Usable+500 {
		t.Errorf("it is told %+v", told)
	}
}

func TestACommandIsKilledBeforeTheUsableTimeEnds(t *testing.T) {
	t.Parallel()
	c, _, log := command(t, "hang")
	k := ringing(3 * time.Second)
	if got := c.Decide(t.Context(), k); got != "" || !time.Now().Before(k.Usable()) {
		t.Errorf("it decides %q %v before the end", got, time.Until(k.Usable()))
	}
	if !strings.Contains(log.String(), "killed") {
		t.Errorf("the log says %s", log)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if c.Decide(ctx, ringing(14*time.Second)); time.Since(began) > 10*time.Second {
		t.Errorf("it stood in the way for %v", time.Since(began))
	}
}

func TestOnlySoManyCommandsRunAtOnceAndTheOthersWait(t *testing.T) {
	c, out, log := command(t, "crowd")
	if err := os.Mkdir(out, 0o700); err != nil {
		t.Fatal(err)
	}
	var asked sync.WaitGroup
	decided := make(chan call.Reason, 3*atOnce)
	for range cap(decided) {
		asked.Go(func() { decided <- c.Decide(t.Context(), ringing(60*time.Second)) })
	}
	asked.Wait()
	close(decided)
	for reason := range decided {
		if reason != call.None {
			t.Fatalf("one decides %q: %s", reason, log)
		}
	}
}

func TestACallForWhichThereIsNoPlaceInTimeIsLeftAlone(t *testing.T) {
	c, _, log := command(t, "say", "busy")
	for range atOnce {
		c.slots <- struct{}{}
	}
	if got := c.Decide(t.Context(), ringing(killBefore+50*time.Millisecond)); got != "" || !strings.Contains(log.String(), "not run") {
		t.Errorf("it decides %q: %s", got, log)
	}
}

func TestWhatACommandComplainsOfIsLoggedCleanAndNotForEver(t *testing.T) {
	c, _, log := command(t, "complain")
	c.Decide(t.Context(), ringing(10*time.Second))
	all := log.String()
	if n := strings.Count(all, "on-call says"); n != mostLines+1 || !strings.Contains(all, "line=one") || !strings.Contains(all, "[31mtwo") || !strings.Contains(all, "line=three") {
		t.Errorf("%d lines: %s", n, all)
	}
	if strings.ContainsAny(all, "\x1b\u202e") {
		t.Errorf("it is not clean: %q", all)
	}
}

func TestACommandThatIsNotThereIsRefusedWithASentence(t *testing.T) {
	for _, argv := range [][]string{nil, {"no-such-command-of-anybody"}, {filepath.Join(t.TempDir(), "none")}} {
		if _, err := New(argv, nil, nil); err == nil || !strings.HasPrefix(err.Error(), "on-call: ") {
			t.Errorf("%q: %v", argv, err)
		}
	}
}
