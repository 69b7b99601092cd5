package relay

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/oncall"
	"callscreen/relay/operator"
)

// asking has a program asked that says a word; what it is told, package oncall tests.
func asking(t *testing.T, says string) settle {
	t.Helper()
	command, err := oncall.New([]string{"echo", says}, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Skipf("this system has no program that says a word: %v", err)
	}
	return func(o *Options) { o.OnCall = command }
}

// The whole way: a webhook, a process, a claim in the journal, a request to Graph.
func TestACommandDecidesACallThatRings(t *testing.T) {
	h := newHouse(t, asking(t, "forbidden"))
	ana, _ := h.sitDown("ana")
	ana.alive("")
	h.ring("a")
	if f := ana.until(call.Claimed); f.Claim.Operator != call.OnCall || f.Claim.Reason != call.Forbidden {
		t.Errorf("it was claimed by %+v", f.Claim)
	}
	ana.until(call.Rejected)
	if sent := h.graph.requests(); len(sent) != 1 || sent[0].Reason != "forbidden" {
		t.Errorf("Graph was asked %+v", sent)
	}
}

func TestACommandThatSaysNothingLetsTheCallRing(t *testing.T) {
	h := newHouse(t, asking(t, ""))
	h.ring("a")
	h.server.work.Wait() // the command has ended
	if c, _ := h.server.Look("a"); c.State != call.Ringing || c.Claim != nil {
		t.Errorf("it is %s, claimed by %+v", c.State, c.Claim)
	}
}

// patient answers when it is told to, as a command would that thinks.
type patient struct {
	asked, say chan struct{}
	ended      chan struct{}
}

func (p *patient) Decide(ctx context.Context, _ call.Call) call.Reason {
	close(p.asked)
	defer close(p.ended)
	select {
	case <-p.say:
		return call.Busy
	case <-ctx.Done():
		return ""
	}
}

func newPatient() *patient {
	return &patient{asked: make(chan struct{}), say: make(chan struct{}), ended: make(chan struct{})}
}

func TestAHumansKeyBeatsTheCommand(t *testing.T) {
	p := newPatient()
	h := newHouse(t, func(o *Options) { o.OnCall = p })
	ana, _ := h.sitDown("ana")
	h.ring("a")
	<-p.asked
	ana.press("q", "a", call.None)
	ana.result("q")
	close(p.say)
	h.server.work.Wait()
	if c, _ := h.server.Look("a"); c.Claim == nil || c.Claim.Operator != "ana" {
		t.Errorf("it was claimed by %+v", c.Claim)
	}
	if sent := h.graph.requests(); len(sent) != 1 || sent[0].Reason != "none" {
		t.Errorf("Graph was asked %+v", sent)
	}
}

func TestARelayThatGoesDownDoesNotWaitForTheCommand(t *testing.T) {
	p := newPatient()
	h := newHouse(t, func(o *Options) { o.OnCall = p })
	h.ring("a")
	<-p.asked
	began := time.Now()
	h.stop()
	<-p.ended
	if took := time.Since(began); took > finishWithin/2 {
		t.Errorf("it took %v", took)
	}
}

// Of the relays on one journal the one that recorded the call asks, once.
func TestACallIsAskedAboutOnceHoweverOftenItIsTold(t *testing.T) {
	p := newPatient()
	h := newHouse(t, func(o *Options) { o.OnCall = p }) // a second question would close a closed channel
	for range 3 {
		h.ring("a")
	}
	<-p.asked
	close(p.say)
	h.await("claimed", func() bool { c, _ := h.server.Look("a"); return c.Claim != nil })
}

func TestNobodyCanHaveTheNameOfThePolicyOrTheCommand(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{call.Unattended, call.OnCall, strings.ToUpper(call.OnCall)} {
		if _, err := h.operators.Add(name, operator.Grant{}); err == nil {
			t.Errorf("there is an operator %s", name)
		}
	}
}
