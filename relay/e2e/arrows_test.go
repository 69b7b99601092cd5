package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows is who may import whom among our own packages, with the reason why no
// more. A new arrow is a decision: it is entered here, with its reason.
var arrows = map[string]struct {
	to  []string
	why string
}{
	"callscreen": {
		[]string{
			"config", "graph", "graph/simulator", "relay", "relay/call", "relay/cert", "relay/client",
			"relay/doctor", "relay/history", "relay/journal", "relay/journal/cluster",
			"relay/oncall", "relay/operator", "relay/trial", "tui", "tui/lines",
		},
		"main is the only place that wires",
	},
	"config":          {nil, "settings know nothing that runs"},
	"graph":           {nil, "Microsoft Graph as an API knows nothing of consoles, journals or countdowns"},
	"graph/simulator": {nil, "a Microsoft that could be pointed at any bot knows nothing of ours"},
	"relay": {
		[]string{"graph", "relay/call", "relay/history", "relay/journal", "relay/wire"},
		"the relay does not know how a screen looks nor where settings come from",
	},
	"relay/call":            {nil, "the rules of screening are pure"},
	"relay/call/hostile":    {nil, "texts for tests of several packages; nothing that runs may import it"},
	"relay/cert":            {nil, "a certificate is kept valid without knowing what is served with it"},
	"relay/cert/pebble":     {nil, "a CA for tests; nothing that runs may import it"},
	"relay/client":          {[]string{"relay/call", "relay/history", "relay/wire"}, "a console's end of the wire knows neither rules of the screen nor the server"},
	"relay/doctor":          {[]string{"graph", "relay/call", "relay/client", "relay/journal", "relay/wire"}, "it looks through the doors that a relay and a console use; settings, and a callscreen to rehearse with, are handed in"},
	"relay/e2e":             {nil, "tests only"},
	"relay/history":         {[]string{"relay/call"}, "rows follow from events, wherever these come from: a relay makes them, a client reads them"},
	"relay/invariants":      {nil, "tests only"},
	"relay/journal":         {nil, "the journal knows bytes and order, not what an event means"},
	"relay/journal/cluster": {nil, "NATS servers to try with know nothing of what is kept on them"},
	"relay/memnet":          {nil, "networks for tests; nothing that runs may import it"},
	"relay/oncall":          {[]string{"relay/call"}, "a command is told of a call and knows nothing of who asks"},
	"relay/operator":        {[]string{"relay/call"}, "a list of names, roles and tokens: what a role is, the rules of screening say"},
	"relay/trial":           {nil, "relays that are processes are known by their addresses alone"},
	"relay/wire":            {[]string{"relay/call"}, "frames know the facts they carry and nothing of who sends them"},
	"tui":                   {[]string{"relay/call"}, "the screen reaches the relay through an interface of its own"},
	"tui/lines":             {[]string{"relay/call"}, "the lines reach the relay through an interface of their own"},
}

type listed struct {
	ImportPath string
	Doc        string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Doc,Imports", "callscreen/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// judge returns what is wrong with one package's imports.
func judge(p listed) (faults []string) {
	name := strings.TrimPrefix(p.ImportPath, "callscreen/")
	rule, known := arrows[name]
	if !known {
		return []string{name + " is not on the map: enter it with its arrows and the reason"}
	}
	for _, imported := range p.Imports {
		to, ours := strings.CutPrefix(imported, "callscreen/")
		if ours && !slices.Contains(rule.to, to) {
			faults = append(faults, name+" imports "+to+", but "+rule.why)
		}
	}
	return faults
}

func TestEveryArrowBetweenPackagesIsOnTheMap(t *testing.T) {
	all := packages(t)
	if len(all) < len(arrows) {
		t.Errorf("go list found %d packages, the map has %d: %v", len(all), len(arrows), slices.Sorted(maps.Keys(arrows)))
	}
	for _, p := range all {
		for _, fault := range judge(p) {
			t.Error(fault)
		}
	}
}

func TestAForbiddenArrowIsFound(t *testing.T) {
	planted := listed{ImportPath: "callscreen/tui", Imports: []string{"callscreen/relay/call", "callscreen/graph"}}
	if faults := judge(planted); len(faults) != 1 {
		t.Errorf("judge found %q, want one fault", faults)
	}
}

func TestEveryPackageHasAComment(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.Doc) < 20 {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
