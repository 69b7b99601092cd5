//go:build !windows

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// These measure the built program in a real terminal; see bench_test.go for what
// the figures are worth.

// screenAt is a console in a terminal, at a relay in this process.
func screenAt(b *testing.B, x *bench) *terminal {
	b.Helper()
	cmd := command(b.TempDir(), "console", "--mute", "--relay", "http://"+x.url)
	cmd.Env = append(cmd.Env, "CALLSCREEN_TOKEN="+x.token)
	return openCommand(b, cmd, 120, 40)
}

// all lets calls ring, or end, by the change that Graph tells of.
func (x *bench) all(b *testing.B, change string, calls int) {
	b.Helper()
	for i := range calls {
		post(b, "http://"+x.url+"/api/calls", x.bearer, notification(fmt.Sprintf("w%d-%d", x.rounds, i), change, "Alice Meyer"))
	}
}

// BenchmarkEventToTerminal measures from a frame's arrival at a console until its
// bytes have come out of the terminal: a caller's name that changes, at any moment
// between two frames of the screen, while calls count down. "floor" is a program
// that only passes the same bytes on; on a busy machine its tail is the machine's.
func BenchmarkEventToTerminal(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		r, w, err := os.Pipe()
		check(b, err)
		cmd := exec.CommandContext(b.Context(), "cat", "/dev/fd/3")
		cmd.ExtraFiles = []*os.File{r}
		e := openCommand(b, cmd, 120, 40)
		inTime(b, e, func(name string) time.Time {
			at := time.Now()
			_, err := w.WriteString("\r" + name)
			check(b, err)
			return at
		})
		check(b, w.Close())
	})
	for _, calls := range []int{1, 10} {
		b.Run(fmt.Sprintf("%d-calls", calls), func(b *testing.B) {
			x := newBench(b, false, time.Hour)
			conn := x.dial(b)
			e := screenAt(b, x)
			x.all(b, "created", calls)
			e.shows(fmt.Sprintf("INCOMING %d", calls))
			inTime(b, e, func(name string) time.Time {
				came := make(chan time.Time, 1)
				go func() {
					awaitFrame(b, conn, name)
					came <- time.Now()
				}()
				post(b, "http://"+x.url+"/api/calls", x.bearer, notification("w0-0", "updated", name))
				return <-came
			})
		})
	}
}

// inTime lets names arrive and measures when each is on the screen.
func inTime(b *testing.B, e *terminal, arrives func(name string) time.Time) {
	b.Helper()
	dice := rand.New(rand.NewPCG(1, 2))
	var spans []time.Duration
	for b.Loop() {
		time.Sleep(time.Duration(10+dice.IntN(50)) * time.Millisecond)
		name := fmt.Sprintf("%08x", dice.Uint32())
		at := arrives(name)
		var drawn time.Time
		e.await(name, func(s string) bool { drawn = e.readAt; return strings.Contains(s, name) })
		spans = append(spans, drawn.Sub(at))
	}
	spread(b, spans)
}

// BenchmarkCountdowns measures what a second of the screen costs, in per cent of a
// core and in bytes to the terminal: with nothing on it, and with ten countdowns.
func BenchmarkCountdowns(b *testing.B) {
	for _, calls := range []int{0, 1, 10} {
		b.Run(fmt.Sprintf("%d-calls", calls), func(b *testing.B) {
			x := newBench(b, false, 20*time.Second) // the bars move about as fast as those of 15 s
			const short, long = time.Second, 11 * time.Second
			var cpu, span time.Duration
			bytes := 0
			for b.Loop() {
				few, n := stay(b, x, calls, short)
				more, m := stay(b, x, calls, long)
				cpu, bytes, span = cpu+more-few, bytes+m-n, span+long-short
			}
			b.ReportMetric(100*cpu.Seconds()/span.Seconds(), "%core")
			b.ReportMetric(float64(bytes)/span.Seconds(), "bytes/s")
		})
	}
}

// stay is a console that is looked at for so long: the processor's time it took
// from its start to its end, and the bytes it sent.
func stay(b *testing.B, x *bench, calls int, span time.Duration) (cpu time.Duration, bytes int) {
	b.Helper()
	x.rounds++
	x.all(b, "created", calls)
	e := screenAt(b, x)
	e.shows("● live")
	time.Sleep(span)
	bytes = len(e.sent())
	x.all(b, "deleted", calls)
	e.shows("INCOMING 0")
	e.press("q")
	e.exits()
	return e.cmd.ProcessState.UserTime() + e.cmd.ProcessState.SystemTime(), bytes
}
