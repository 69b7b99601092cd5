package relay

import (
	"sync"
	"time"

	"callscreen/relay/call"
)

const (
	// answersKept is how long a repeated command gets the stored answer.
	answersKept = 5 * time.Minute
	// answersMost bounds the stored answers; the oldest go first. A command under
	// way does not count: its twin would be carried out a second time.
	answersMost = 10_000
)

// answers remembers what became of each operator's commands, so that one sent
// twice is carried out once.
type answers struct {
	mu    sync.Mutex
	kept  map[[2]string]*pending
	order [][2]string // the keys of those that are answered, the oldest first
}

type pending struct {
	cmd    call.Command
	done   chan struct{} // closed when answer is there
	answer call.Answer
	until  time.Time // of the answer; unset before
}

func keyOf(cmd call.Command) [2]string { return [2]string{cmd.Operator, cmd.ID} }

// claim returns the entry of a command and whether the caller is the first,
// who owes the answer.
func (a *answers) claim(cmd call.Command, now time.Time) (p *pending, first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.order) > 0 && (len(a.order) >= answersMost || !now.Before(a.kept[a.order[0]].until)) {
		delete(a.kept, a.order[0])
		a.order = a.order[1:]
	}
	key := keyOf(cmd)
	if p, ok := a.kept[key]; ok {
		return p, false
	}
	p = &pending{cmd: cmd, done: make(chan struct{})}
	a.kept[key] = p
	return p, true
}

// settle gives a command its answer, which is kept from now on.
func (a *answers) settle(p *pending, answer call.Answer, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p.answer, p.until = answer, now.Add(answersKept)
	a.order = append(a.order, keyOf(p.cmd))
	close(p.done)
}

// open reports whether the answer to a command is still owed, and the channel
// that closes when it is there.
func (a *answers) open(cmd call.Command) (answered <-chan struct{}, open bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.kept[keyOf(cmd)]
	if !ok {
		return nil, false
	}
	select {
	case <-p.done:
		return p.done, false
	default:
		return p.done, true
	}
}

// decideOnce carries a command out, or waits for the answer of its twin. held is
// told where the decision waits to be taken back.
func (s *Server) decideOnce(cmd call.Command, held func()) call.Answer {
	return s.noted(cmd, held)()
}

// noted is decideOnce in two steps: from its return on a take-back of the command
// knows that it is under way. Whoever noted a command must carry it out.
func (s *Server) noted(cmd call.Command, held func()) func() call.Answer {
	p, first := s.answers.claim(cmd, time.Now())
	return func() call.Answer {
		if first {
			answer := s.decide(cmd, held)
			s.metrics.decisions.WithLabelValues(string(answer.Verdict)).Inc()
			s.log.Info("decision", "call", cmd.Call, "operator", cmd.Operator, "reason", cmd.Reason, "outcome", answer.Verdict)
			s.answers.settle(p, answer, time.Now())
		}
		<-p.done
		if p.cmd.Call.Key() != cmd.Call.Key() || p.cmd.Reason != cmd.Reason {
			return call.Answer{
				Request: cmd.ID, Call: cmd.Call, Verdict: call.NotSent,
				Words: "this request_id was used for another decision; each decision needs one of its own",
			}
		}
		return p.answer
	}
}
