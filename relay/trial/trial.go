// Package trial is several relays that run here, each a process of this program,
// so that any of them can be killed and the others be watched. One that ends is
// started again after a while, as a service manager would. They end with whoever
// runs them, unless that one is killed itself and cannot tell them.
package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	restartAfter = 5 * time.Second
	endWithin    = 15 * time.Second // as long as a service manager gives a relay
	readyEvery   = 50 * time.Millisecond
	readyWithin  = time.Minute
)

// Options say what the relays are made of. All are required.
type Options struct {
	Program string   // the path of this program
	Environ []string // what CALLSCREEN_* variables are left out of: the settings count alone
	Config  string   // the settings file of all relays
	Dir     string   // where each writes its log
}

// Relays are some relays.
type Relays struct {
	addresses []string

	mu   sync.Mutex
	pids []int // 0 while it does not run
}

// New chooses addresses on loopback for n relays. Nothing runs yet.
func New(n int) (*Relays, error) {
	r := &Relays{pids: make([]int, n)}
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, and closed at once
		if err != nil {
			return nil, fmt.Errorf("trial: %w", err)
		}
		defer func() { _ = ln.Close() }() // all are chosen before any is given back
		r.addresses = append(r.addresses, ln.Addr().String())
	}
	return r, nil
}

// Addresses are the relays' host:port, in the order of their numbers.
func (r *Relays) Addresses() []string { return r.addresses }

// URLs are what a console is told to know them all, beginning with one of them.
func (r *Relays) URLs(first int) string {
	var urls []string
	for i := range r.addresses {
		urls = append(urls, "http://"+r.addresses[(first+i)%len(r.addresses)])
	}
	return strings.Join(urls, ",")
}

// Run keeps the relays running until ctx ends, and returns when all have ended.
func (r *Relays) Run(ctx context.Context, o Options) error {
	errs := make([]error, len(r.addresses))
	var all sync.WaitGroup
	for i := range r.addresses {
		all.Go(func() { errs[i] = r.keep(ctx, o, i) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (r *Relays) keep(ctx context.Context, o Options, i int) error {
	for ctx.Err() == nil {
		if err := r.once(ctx, o, i); err != nil {
			return fmt.Errorf("trial: relay %d: %w", i+1, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(restartAfter):
		}
	}
	return nil
}

// once is one life of a relay. How it ends is no error: it is there to be killed.
func (r *Relays) once(ctx context.Context, o Options, i int) error {
	log, err := os.OpenFile(LogFile(o.Dir, i), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.CommandContext(ctx, o.Program, "relay", "--config", o.Config, "--listen", r.addresses[i]) //nolint:gosec // this program itself
	for _, v := range o.Environ {
		if !strings.HasPrefix(v, "CALLSCREEN_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = log, log, endWithin
	cmd.Cancel = func() error {
		if cmd.Process.Signal(os.Interrupt) != nil { // Windows has no signals
			return cmd.Process.Kill()
		}
		return nil
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r.note(i, cmd.Process.Pid)
	_ = cmd.Wait()
	r.note(i, 0)
	return nil
}

// LogFile is where a relay of that index writes.
func LogFile(dir string, i int) string {
	return filepath.Join(dir, "relay-"+strconv.Itoa(i+1)+".log")
}

func (r *Relays) note(i, pid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pids[i] = pid
}

// PIDs are the process ids, 0 for one that does not run.
func (r *Relays) PIDs() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]int(nil), r.pids...)
}

// Explain tells what can be tried, with what to type.
func (r *Relays) Explain(to io.Writer, program, dir string) {
	fmt.Fprintf(to, "\n%d relays on 3 NATS servers, behind one simulated Microsoft:\n\n", len(r.addresses))
	for i, pid := range r.PIDs() {
		fmt.Fprintf(to, "  relay %d  http://%s  process %d, log %s\n", i+1, r.addresses[i], pid, LogFile(dir, i))
	}
	fmt.Fprintf(to, `
Sit down as somebody else, in another terminal, at another relay first:

  (umask 077; %[4]s operator add ben --data-dir %[1]s >%[1]s/ben.token)
  %[4]s console --relay %[2]s --token-file %[1]s/ben.token

Kill the relay that this console is at, and see it go on at the next; it is
started again after 5 s, as another process:

  kill -9 %[3]d

`, dir, r.URLs(1), r.PIDs()[0], program)
}

// AwaitReady returns when calls can be screened at all of them, with the cause
// when ctx ends, and with the end of a relay's log when that takes too long.
func (r *Relays) AwaitReady(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for i, address := range r.addresses {
		for !ready(ctx, client, address) {
			select {
			case <-time.After(readyEvery):
				continue
			case <-ctx.Done():
			}
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			log, _ := os.ReadFile(LogFile(dir, i))
			return fmt.Errorf("trial: relay %d is not ready after %v; the end of its log: %s", i+1, readyWithin, log[max(0, len(log)-1000):])
		}
	}
	return nil
}

func ready(ctx context.Context, client *http.Client, address string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	answer, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}
