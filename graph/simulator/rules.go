package simulator

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// FaultRule lets a fault happen to any call, or to any request of its kind.
type FaultRule struct {
	// Fault is a name, with a duration where it takes one ("slow=3s").
	Fault string `json:"fault"`
	// Probability is how likely each chance is taken, by the seed; 0 means always.
	Probability float64 `json:"probability,omitempty"`
	// Count is how often it hits in all; 0 means without end.
	Count int `json:"count,omitempty"`
}

// Faults are the faults in force, apart from those that a call brings with it. For one request the first
// rule that hits is the one that happens; a call's own faults come before the rules.
type Faults struct {
	Rules []FaultRule `json:"rules"`
}

const maxRules = 100

// armedRule is a rule in force. Guarded by Simulator.mu.
type armedRule struct {
	FaultRule
	fault
}

// SetFaults replaces the faults in force; Faults{} ends them. It refuses the whole list for one bad rule
// and names every bad one. Faults of calls already placed stay, and notifications are decided when a
// call is placed, rejects when they come. Which call a count runs out on depends on what came first.
func (s *Simulator) SetFaults(f Faults) error {
	if len(f.Rules) > maxRules {
		return fmt.Errorf("simulator: %d fault rules; at most %d", len(f.Rules), maxRules)
	}
	var bad []error
	rules := make([]*armedRule, 0, len(f.Rules))
	for i, rule := range f.Rules {
		armed, err := rule.arm()
		if err != nil {
			bad = append(bad, fmt.Errorf("simulator: fault rule %d: %w", i+1, err))
			continue
		}
		rules = append(rules, armed)
	}
	if len(bad) > 0 {
		return errors.Join(bad...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = rules
	return nil
}

func (rule FaultRule) arm() (*armedRule, error) {
	if p := rule.Probability; math.IsNaN(p) || p < 0 || p > 1 {
		return nil, fmt.Errorf("probability %v is not between 0 and 1", p)
	}
	if rule.Count < 0 {
		return nil, fmt.Errorf("count %d is negative", rule.Count)
	}
	if strings.ContainsAny(rule.Fault, "*,") {
		return nil, fmt.Errorf("%q: a rule has one fault, and its count in `count`", rule.Fault)
	}
	f, err := parseFault(rule.Fault)
	if err != nil {
		return nil, err
	}
	if f.left = rule.Count; f.left == 0 {
		f.left = forever
	}
	return &armedRule{rule, f}, nil
}

// CurrentFaults are the rules in force, spent ones left out.
func (s *Simulator) CurrentFaults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := Faults{Rules: []FaultRule{}}
	for _, rule := range s.rules {
		if rule.left != 0 {
			f.Rules = append(f.Rules, rule.FaultRule)
		}
	}
	return f
}

func (f *fault) spend() {
	if f.left > 0 {
		f.left--
	}
}

// ruleFaults are the faults of a class that the rules let happen now, in their order. The draws come from
// d alone, one a rule, so that a rule's count does not move its neighbours' luck. s.mu is held.
func (s *Simulator) ruleFaults(class faultClass, d dice, all bool) []fault {
	var hits []fault
	for _, rule := range s.rules {
		if rule.kind.class != class {
			continue
		}
		spared := rule.Probability != 0 && !d.chance(rule.Probability)
		if spared || rule.left == 0 || (len(hits) > 0 && !all) {
			continue
		}
		rule.spend()
		hits = append(hits, fault{rule.kind, rule.arg, 1})
	}
	return hits
}

// take is the first fault of a class still to happen in a list, spent by one.
func take(list []fault, class faultClass) (fault, bool) {
	for i := range list {
		if f := &list[i]; f.kind.class == class && f.left != 0 {
			f.spend()
			return *f, true
		}
	}
	return fault{}, false
}

// serviceFault is the fault that hits this request to a service that knows no calls.
func (s *Simulator) serviceFault(class faultClass) (fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.draws[class]
	s.draws[class]++
	if f, ok := take(s.armed, class); ok {
		return f, true
	}
	if hits := s.ruleFaults(class, newDice(s.opts.Seed, "service fault", uint64(class), n), false); len(hits) > 0 {
		return hits[0], true
	}
	return fault{}, false
}
