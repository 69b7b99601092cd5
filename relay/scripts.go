package relay

import "sync"

// scriptsAtOnce bounds the decisions by POST under way. Each holds one of the
// HTTP connections until Graph has answered, or until a body that does not come
// has used up its time, and most of those are for Graph's notifications.
const scriptsAtOnce = connectionsAtOnce / 4

// scripts bounds what decisions by POST may cost (P-02): an operator's in all may
// be as many as those of one console, so that nobody uses up what is for all.
type scripts struct {
	limits Limits
	all    chan struct{}

	mu sync.Mutex
	of map[string]lane // by operator
}

func newScripts(l Limits) *scripts {
	return &scripts{limits: l, all: make(chan struct{}, scriptsAtOnce), of: map[string]lane{}}
}

// take lets one more decision of an operator begin and reports whether it may;
// whoever got true owes leave.
func (s *scripts) take(operator string) bool {
	his := s.lane(operator)
	if !his.Allow() {
		return false
	}
	select {
	case his.busy <- struct{}{}:
	default:
		return false
	}
	select {
	case s.all <- struct{}{}:
		return true
	default:
		<-his.busy
		return false
	}
}

func (s *scripts) leave(operator string) {
	<-s.all
	<-s.lane(operator).busy
}

func (s *scripts) lane(operator string) lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	his, ok := s.of[operator]
	if !ok {
		his = s.limits.decisions()
		s.of[operator] = his
	}
	return his
}
