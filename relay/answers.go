package relay

import (
	"sync"
	"time"

	"callscreen/relay/call"
)

const (
	// answersKept is how long a repeated command gets the stored answer.
	answersKept = 5 * time.Minute
	// answersMost bounds the stored answers; the oldest go first.
	answersMost = 10_000
)

// answers remembers what became of each operator's commands, so that one sent
// twice is carried out once.
type answers struct {
	mu    sync.Mutex
	kept  map[[2]string]*pending
	order [][2]string // the keys of kept, the oldest first
}

type pending struct {
	cmd    call.Command
	done   chan struct{} // closed when answer is there
	answer call.Answer
	until  time.Time
}

// claim returns the entry of a command and whether the caller is the first,
// who owes the answer.
func (a *answers) claim(cmd call.Command, now time.Time) (p *pending, first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.order) > 0 && (len(a.order) >= answersMost || !now.Before(a.kept[a.order[0]].until)) {
		delete(a.kept, a.order[0])
		a.order = a.order[1:]
	}
	key := [2]string{cmd.Operator, cmd.ID}
	if p, ok := a.kept[key]; ok {
		return p, false
	}
	p = &pending{cmd: cmd, done: make(chan struct{}), until: now.Add(answersKept)}
	a.kept[key], a.order = p, append(a.order, key)
	return p, true
}

// open reports whether the answer to a command is still owed, and the channel
// that closes when it is there.
func (a *answers) open(cmd call.Command) (answered <-chan struct{}, open bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.kept[[2]string{cmd.Operator, cmd.ID}]
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
			p.answer = s.decide(cmd, held)
			s.metrics.decisions.WithLabelValues(string(p.answer.Verdict)).Inc()
			s.log.Info("decision", "call", cmd.Call, "operator", cmd.Operator, "reason", cmd.Reason, "outcome", p.answer.Verdict)
			close(p.done)
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
