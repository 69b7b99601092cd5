// Package doctor tells what is wrong with a set-up, and how to mend it, to the
// person whose bot gets no calls or whose rejections are refused. It asks the
// same questions of Microsoft, of the relay and of this machine that a relay and
// a console ask, by the same code, and then rehearses a call.
//
// The order of the checks is part of the contract: what goes wrong early explains
// what goes wrong later, so what depends on a wrong one is not checked, and says
// because of which. Every check is bounded, and so is the whole. Nothing is
// changed but for a file that is made and removed to see whether that can be
// done, and nothing is sent to any place but those that the settings name.
//
// No finding holds a secret: tokens are looked at and not kept, errors come from
// packages that never repeat one, and what others have written (certificates,
// headers, answers) is cleaned before it becomes part of a finding.
package doctor

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"callscreen/graph"
	"callscreen/relay/call"
	"callscreen/relay/client"
)

// State is what a check came to.
type State string

// The states. Only Wrong keeps calls from being screened.
const (
	OK         State = "ok"
	Warning    State = "warning"
	Wrong      State = "wrong"
	NotChecked State = "not checked"
)

// Finding is a sentence about one thing. A check has at least one, and as many
// as it found faults.
type Finding struct {
	Name   string        // of the check
	State  State         //
	Detail string        // what is so
	Mend   string        // what to do about it; "" when nothing is to be done
	Took   time.Duration // of the whole check, told with its first finding
}

// Fault is what is wrong with a setting, and how to mend it.
type Fault struct{ Words, Mend string }

// Options are a set-up to look at. Timeout bounds each check; the zero value of
// anything else means that the settings do not have it, and what needs it is not
// checked.
type Options struct {
	// Faults are what the settings' own rules have against them, Warnings what is
	// allowed and probably not meant. Unread says that the settings could not be
	// read whole, so that nothing else can be judged by them.
	Faults, Warnings []Fault
	Unread           bool
	Source           string // where they are from, in words

	ClientID, TenantID string
	Credential         graph.Credential
	Cloud              graph.Cloud
	APIVersion         string
	HTTP               *http.Client // towards Microsoft and the public address; see graph.HTTPClient

	DataDir string
	Shared  bool // the journal is on an external server, other relays may share it

	PublicURL   string // without WebhookPath
	WebhookPath string
	Listen      string         // of the relay, for a hint where it might be
	Health      string         // where the relay tells whether it is ready, host:port; "" where it listens
	Console     client.Options // how a console of this user would reach the relay

	// Stage builds a callscreen for the rehearsal, with all its data in dir.
	Stage func(ctx context.Context, dir string) (Stage, error)

	Timeout time.Duration
	Now     func() time.Time // nil: time.Now
}

// whole bounds all checks together: longer, and one believes that it hangs.
const whole = 28 * time.Second

// check is one row of the list.
type check struct {
	name  string
	about string // what is being done, for whoever waits
	run   func(*examination, context.Context) []Finding
}

const (
	settings    = "settings"
	directory   = "data directory"
	theJournal  = "journal"
	keys        = "webhook keys"
	signIn      = "sign-in"
	clock       = "clock"
	permissions = "permissions"
	tenant      = "tenant"
	theGraph    = "Graph"
	theRelay    = "relay"
	console     = "console link"
	public      = "public address"
	rehearsal   = "rehearsal"
)

var checks = []check{
	{settings, "the settings", (*examination).settings},
	{directory, "the data directory", (*examination).directory},
	{theJournal, "the journal", (*examination).journal},
	{keys, "the keys that sign Microsoft's notifications", (*examination).keys},
	{signIn, "the sign-in to Microsoft", (*examination).signIn},
	{clock, "the clock", (*examination).clock},
	{permissions, "the permissions that were granted", (*examination).permissions},
	{tenant, "the tenant that the token is for", (*examination).tenant},
	{theGraph, "whether Graph takes the token", (*examination).graph},
	{theRelay, "whether a relay runs", (*examination).relay},
	{console, "a console's link to the relay", (*examination).console},
	{public, "the way from outside to the webhook", (*examination).public},
	{rehearsal, "a rehearsal with a simulated call", (*examination).rehearse},
}

// examination is one run: what was found so far, and what later checks use of it.
type examination struct {
	o       Options
	states  map[string]State
	causes  map[string]string // of a check that was not made: the wrong one behind it
	witness *witness
	http    *http.Client // o.HTTP, observed

	facts  *graph.TokenFacts // of the token that sign-in got, nil if it cannot be read
	tokens graph.TokenSource
	holder int      // the process that has the journal open, 0 if unknown
	held   bool     // whether one has
	relays []string // those that answer where a console looks for them
}

// Examine makes all checks in order. What is being done is told before each, and
// what was found after it; both may be nil.
func Examine(ctx context.Context, o Options, begin func(about string), tell func([]Finding)) []Finding {
	if o.Now == nil {
		o.Now = time.Now
	}
	x := &examination{o: o, states: map[string]State{}, causes: map[string]string{}}
	x.witness, x.http = observe(o.HTTP, o.Now)
	defer x.http.CloseIdleConnections()
	ctx, cancel := context.WithTimeoutCause(ctx, whole, errors.New("all checks together took too long"))
	defer cancel()
	var all []Finding
	for _, c := range checks {
		if begin != nil {
			begin(c.about)
		}
		found := x.make(ctx, c)
		if tell != nil {
			tell(found)
		}
		all = append(all, found...)
	}
	return all
}

// make makes one check and remembers the worst that it found.
func (x *examination) make(ctx context.Context, c check) []Finding {
	began := time.Now()
	found := x.bounded(ctx, c)
	found[0].Took = time.Since(began)
	for i := range found {
		f := &found[i]
		f.Name, f.Detail, f.Mend = c.name, clean(f.Detail), clean(f.Mend)
		if worse(f.State, x.states[c.name]) {
			x.states[c.name] = f.State
		}
	}
	return found
}

func (x *examination) bounded(ctx context.Context, c check) []Finding {
	if ctx.Err() != nil {
		return notChecked("%v", context.Cause(ctx))
	}
	if x.o.Unread && c.name != settings {
		x.causes[c.name] = settings
		return notChecked("the settings cannot be used")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, x.o.Timeout, errTimeout)
	defer cancel()
	return c.run(x, ctx)
}

var errTimeout = errors.New("no answer in time (a longer time: --timeout)")

func worse(a, b State) bool {
	rank := map[State]int{OK: 1, Warning: 2, NotChecked: 3, Wrong: 4}
	return rank[a] > rank[b]
}

// prevented says that a check cannot be made because an earlier one of those it
// needs is wrong, or was itself prevented; nil if nothing is in its way.
func (x *examination) prevented(name string, needs ...string) []Finding {
	for _, n := range needs {
		if s := x.states[n]; s != Wrong && s != NotChecked {
			continue
		}
		cause := n
		if root := x.causes[n]; root != "" {
			cause = root
		}
		x.causes[name] = cause
		if x.states[cause] == NotChecked {
			return notChecked("%q was not checked", cause)
		}
		return notChecked("%q is wrong", cause)
	}
	return nil
}

// unfit is for settings with which a check cannot even begin: their own rules have
// said what is wrong, or should have.
func (x *examination) unfit(name string, err error) []Finding {
	if stop := x.prevented(name, settings); stop != nil {
		return stop
	}
	return found(Wrong, "check the settings: callscreen config show", "%v", err)
}

// Sum is the worst state among findings, and how many are Wrong.
func Sum(found []Finding) (worst State, wrong int) {
	worst = OK
	for _, f := range found {
		if f.State == Wrong {
			wrong++
		}
		if f.State != NotChecked && worse(f.State, worst) {
			worst = f.State
		}
	}
	return worst, wrong
}

// clean makes a text fit for a terminal: a name in a certificate is a stranger's
// choice. Word by word, because call.Clean cuts what is longer than a field.
func clean(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		words[i], _ = call.Clean(w, call.TextCells)
	}
	return strings.Join(words, " ")
}
