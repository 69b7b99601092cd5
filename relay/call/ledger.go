package call

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	// PaceMinutes is how far back the rings of each minute are kept.
	PaceMinutes = 30
	// DecisionsKept is how many decisions the percentiles are made of: the last
	// ones of the day. They are exact on these and know nothing of earlier ones.
	DecisionsKept = 512
	// LeftSeconds is how many columns the histogram of seconds left has; the
	// last one holds everything above.
	LeftSeconds = 16
	// operatorsKept bounds the operators counted by name; the rest of them is
	// counted together, under no name.
	operatorsKept = 100
)

// Ledger is what a board remembers of the day besides its calls and their tally:
// who called, and how decisions went. All of it is bounded, and begins anew with
// the day; only the pace runs on over midnight.
type Ledger struct {
	Recent []Caller  `json:"-"` // who called lately, at most 2,500
	Older  []Caller  `json:"-"` // who called before them, at most 2,500
	Minute time.Time `json:"-"` // when the newest minute of Rings began; zero before any ring
	Rings  []int     `json:"rings,omitempty"`

	Decisions []Decision    `json:"decisions,omitempty"` // the oldest first
	Left      []int         `json:"left,omitempty"`      // decisions by whole seconds that were left
	Operators []OperatorDay `json:"operators,omitempty"` // by name
}

// Decision is who decided and how long after the ring.
type Decision struct {
	By    string `json:"by"`
	After Millis `json:"after_ms"`
}

// OperatorDay counts one operator's decisions of the day, once their calls are over.
type OperatorDay struct {
	Name      string `json:"name"`
	Decided   int    `json:"decided"`
	Busy      int    `json:"busy,omitempty"` // accepted by Graph, here and below
	None      int    `json:"none,omitempty"`
	Forbidden int    `json:"forbidden,omitempty"`
	Failed    int    `json:"failed,omitempty"` // refused, already gone, unknown
}

// ledger is the Ledger as the board keeps it.
type ledger struct {
	callers   callers
	pace      pace
	decisions []Decision
	left      [LeftSeconds]int
	operators map[string]*OperatorDay
}

// newDay forgets the day before.
func (l *ledger) newDay() { *l = ledger{pace: l.pace} }

// pace is how many calls rang in each of the last minutes.
type pace struct {
	minute time.Time // when the newest minute began
	rang   [PaceMinutes]int
}

func (p *pace) ring(at time.Time) {
	if p.minute.IsZero() {
		past := time.Duration(at.Second())*time.Second + time.Duration(at.Nanosecond())
		p.minute = at.Add(-past) // Truncate would lose the monotonic clock
	}
	later := minutes(at.Sub(p.minute))
	if later > 0 {
		p.rang = p.shifted(later)
		p.minute = p.minute.Add(time.Duration(later) * time.Minute)
		later = 0
	}
	if ago := -later; ago < PaceMinutes {
		p.rang[ago]++
	}
}

// shifted is the counts some minutes later, the newest first.
func (p *pace) shifted(later int) (moved [PaceMinutes]int) {
	if later < PaceMinutes {
		copy(moved[max(later, 0):], p.rang[:])
	}
	return moved
}

// minutes rounds towards the past.
func minutes(d time.Duration) int {
	n := int(d / time.Minute)
	if d%time.Minute < 0 {
		n--
	}
	return n
}

// Pace is how many calls rang in each of the last minutes, the oldest first; the
// last one is not over.
func (b *Board) Pace(now time.Time) [PaceMinutes]int {
	p := &b.ledger.pace
	rang := p.shifted(minutes(now.Sub(p.minute)))
	slices.Reverse(rang[:])
	return rang
}

// over enters a call that ended.
func (l *ledger) over(c *Call) {
	l.visited(c)
	if c.Claim == nil {
		return
	}
	if len(l.decisions) == DecisionsKept {
		l.decisions = l.decisions[1:] // not moved down: the next growth leaves it behind
	}
	l.decisions = append(l.decisions, Decision{c.Claim.Operator, c.Claim.After})
	left := int((c.Ring - c.Margin - c.Claim.After).Duration() / time.Second)
	l.left[max(min(left, LeftSeconds-1), 0)]++
	l.operator(c)
}

func (l *ledger) operator(c *Call) {
	name := c.Claim.Operator
	o, known := l.operators[name]
	if !known && len(l.operators) >= operatorsKept {
		name = ""
		o, known = l.operators[name]
	}
	if !known {
		if l.operators == nil {
			l.operators = map[string]*OperatorDay{}
		}
		o = &OperatorDay{Name: name}
		l.operators[name] = o
	}
	o.count(c)
}

func (o *OperatorDay) count(c *Call) {
	o.Decided++
	if c.Ending != EndRejected && c.Ending != EndUnconfirmed {
		o.Failed++
		return
	}
	switch c.Claim.Reason {
	case Busy:
		o.Busy++
	case None:
		o.None++
	case Forbidden:
		o.Forbidden++
	}
}

// Ledger copies what the board remembers of the day, for a snapshot.
func (b *Board) Ledger() Ledger {
	l := &b.ledger
	s := Ledger{
		Recent: list(l.callers.recent), Older: list(l.callers.older),
		Minute: l.pace.minute, Decisions: slices.Clone(l.decisions),
	}
	if !l.pace.minute.IsZero() {
		s.Rings = slices.Clone(l.pace.rang[:])
	}
	if len(l.decisions) > 0 {
		s.Left = slices.Clone(l.left[:])
	}
	for _, name := range slices.Sorted(maps.Keys(l.operators)) {
		s.Operators = append(s.Operators, *l.operators[name])
	}
	return s
}

// restore takes a snapshot in, no more of it than a ledger holds.
func (s Ledger) restore() (l ledger) {
	l.callers = callers{generation(s.Recent), generation(s.Older)}
	l.pace.minute = s.Minute
	copy(l.pace.rang[:], s.Rings)
	l.decisions = slices.Clone(s.Decisions[max(len(s.Decisions)-DecisionsKept, 0):])
	copy(l.left[:], s.Left)
	for _, o := range s.Operators[:min(len(s.Operators), operatorsKept+1)] {
		if l.operators == nil {
			l.operators = map[string]*OperatorDay{}
		}
		l.operators[o.Name] = &o
	}
	return l
}

// Stats is how decisions went today. Percentiles are by nearest rank, exact on
// the decisions they are of: the last [DecisionsKept].
type Stats struct {
	Of        int // decisions that Median and P95 are of
	Median    time.Duration
	P95       time.Duration
	Left      [LeftSeconds]int // all of the day, by whole usable seconds that were left
	Operators []OperatorStats  // who decided most comes first
}

// OperatorStats is one operator's day.
type OperatorStats struct {
	OperatorDay
	Of     int // decisions that Median is of
	Median time.Duration
}

// Stats counts and sorts: for every event, not for every frame.
func (b *Board) Stats() Stats {
	l := &b.ledger
	s := Stats{Of: len(l.decisions), Left: l.left}
	all := make([]Millis, 0, len(l.decisions))
	by := map[string][]Millis{}
	for _, d := range l.decisions {
		all = append(all, d.After)
		name := d.By
		if _, counted := l.operators[name]; !counted {
			name = ""
		}
		by[name] = append(by[name], d.After)
	}
	slices.Sort(all)
	s.Median, s.P95 = percentile(all, 50), percentile(all, 95)
	for name, o := range l.operators {
		his := by[name]
		slices.Sort(his)
		s.Operators = append(s.Operators, OperatorStats{*o, len(his), percentile(his, 50)})
	}
	slices.SortFunc(s.Operators, func(x, y OperatorStats) int {
		return cmp.Or(cmp.Compare(y.Decided, x.Decided), strings.Compare(x.Name, y.Name))
	})
	return s
}

// percentile is the smallest value that so many per cent do not exceed; 0 of none.
func percentile(sorted []Millis, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*percent + 99) / 100
	return sorted[max(rank, 1)-1].Duration()
}
