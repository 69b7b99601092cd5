package simulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// token is what differs between two simulators of one seed: they have different keys.
var token = regexp.MustCompile(`"token":\s*"[^"]*"`)

// day is everything a bot hears in some minutes of traffic, with the times, and how rejects are answered.
func day(t *testing.T, seed uint64) (lines []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{Seed: seed, RejectLatency: &Latency{time.Millisecond, time.Second}, Speed: 2})
		if err := s.SetFaults(Faults{Rules: []FaultRule{
			{Fault: "doubled", Probability: 0.2}, {Fault: "error-503", Probability: 0.3}, {Fault: "slow", Probability: 0.1},
		}}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := s.Traffic(t.Context(), Traffic{PerMinute: 30, Calls: 40}); err != nil {
			t.Fatal(err)
		}
		for i, c := range s.Calls() {
			if i%3 == 0 {
				a := send(t, s, rejectRequest(s, c.ID, busy))
				lines = append(lines, fmt.Sprintf("%s: %d after %v", c.ID, a.StatusCode, time.Since(start)))
			}
		}
		time.Sleep(20 * time.Second)
		for _, n := range b.notices() {
			lines = append(lines, fmt.Sprintf("%v %s", n.at.Sub(start), token.ReplaceAllString(n.raw, "")))
		}
	})
	return lines
}

func TestTheSameSeedGivesTheSameCalls(t *testing.T) {
	first, second, other := day(t, 7), day(t, 7), day(t, 8)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("two runs of one seed differ:\n%s", diff)
	}
	if len(first) < 60 || slices.Equal(first, other) {
		t.Errorf("%d lines; another seed gives the same: %v", len(first), slices.Equal(first, other))
	}
}

func TestACallDependsOnItsNumberOnlyNotOnTheOnesBeforeIt(t *testing.T) {
	a, _ := newWorld(t, Options{Seed: 3})
	b, _ := newWorld(t, Options{Seed: 3})
	place(t, a, CallSpec{Kind: "user"})
	place(t, b, CallSpec{Kind: "phone", Fault: "lost"})
	if x, y := place(t, a, CallSpec{}), place(t, b, CallSpec{}); x != y || a.Calls()[1].Name != b.Calls()[1].Name {
		t.Errorf("second calls %q and %q differ", x, y)
	}
}

func TestTrafficComesAtOnceAtItsRateAndHasEveryKindEachRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{Seed: 5, Speed: 4})
		start := time.Now()
		const rounds = 20
		n := rounds * len(kinds)
		if err := s.Traffic(t.Context(), Traffic{PerMinute: 60, Calls: n}); err != nil {
			t.Fatal(err)
		}
		calls := s.Calls()
		if first := calls[0].PlacedAt.Sub(start); first != 0 {
			t.Errorf("first call after %v", first)
		}
		perMinute := float64(n) / calls[n-1].PlacedAt.Sub(start).Minutes()
		if perMinute < 190 || perMinute > 310 {
			t.Errorf("60 a minute at speed 4 were %.0f", perMinute)
		}
		for round := range rounds {
			seen := map[string]bool{}
			for _, c := range calls[round*len(kinds) : (round+1)*len(kinds)] {
				seen[c.Kind] = true
			}
			if len(seen) != len(kinds) {
				t.Errorf("round %d has %d kinds of %d", round, len(seen), len(kinds))
			}
		}
		time.Sleep(20 * time.Second)
		hungUp := 0
		for _, c := range s.Calls() {
			if c.State == HungUp {
				hungUp++
			}
		}
		if share := float64(hungUp) / float64(n); share < 0.08 || share > 0.22 {
			t.Errorf("%.2f of the callers hung up, want 0.15", share)
		}
		if b.refused != 0 {
			t.Errorf("%d notifications did not verify", b.refused)
		}
	})
}

func TestTrafficGoesOnWhileTheWebhookIsDownAndEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{})
		b.answers = []int{500, 500, 500}
		ctx, cancel := contextFor(t, 10*time.Minute)
		defer cancel()
		if err := s.Traffic(ctx, Traffic{Kinds: []string{"phone", "acs"}, HangUps: -1}); err != nil {
			t.Fatal(err)
		}
		kindsSeen := map[string]int{}
		for _, c := range s.Calls() {
			kindsSeen[c.Kind]++
			if c.State == HungUp {
				t.Error("somebody hung up")
			}
		}
		if n := kindsSeen["phone"] + kindsSeen["acs"]; len(kindsSeen) != 2 || n < 80 || n > 170 {
			t.Errorf("10 minutes of 12 a minute: %v", kindsSeen)
		}
	})
}

func TestBadTrafficIsRefused(t *testing.T) {
	s, _ := newWorld(t, Options{})
	for _, traffic := range []Traffic{{PerMinute: -1}, {PerMinute: 1e9}, {HangUps: 2}, {Calls: -1}, {Kinds: []string{"robot"}}} {
		if err := s.Traffic(t.Context(), traffic); err == nil {
			t.Errorf("%+v was taken", traffic)
		}
	}
}

// shapes are properties of notifications that must all occur, and none of which must occur always.
var shapes = map[string]func(n notice) bool{
	"resourceUrl only": func(n notice) bool { return has(n.item, "resourceUrl") && !has(n.item, "resource") },
	"resource only":    func(n notice) bool { return !has(n.item, "resourceUrl") && has(n.item, "resource") },
	"both, differing": func(n notice) bool {
		return has(n.item, "resource") && has(n.item, "resourceUrl") && n.item["resource"] != n.item["resourceUrl"]
	},
	"/app/calls":             func(n notice) bool { return strings.Contains(fmt.Sprint(n.item["resourceUrl"]), "/app/calls/") },
	"an absolute URL":        func(n notice) bool { return strings.HasPrefix(fmt.Sprint(n.item["resourceUrl"]), "https://") },
	"no leading slash":       func(n notice) bool { return strings.HasPrefix(fmt.Sprint(n.item["resourceUrl"]), "communications") },
	"a type with #":          func(n notice) bool { return n.item["@odata.type"] == "#microsoft.graph.commsNotification" },
	"a type without #":       func(n notice) bool { return n.item["@odata.type"] == "microsoft.graph.commsNotification" },
	"no type":                func(n notice) bool { return !has(n.item, "@odata.type") },
	"no value":               func(n notice) bool { return !has(n.envelope, "value") },
	"a GUID":                 func(n notice) bool { return uuid.Validate(n.id) == nil && len(n.id) == 36 },
	"32 hex in upper case":   func(n notice) bool { return len(n.id) == 32 && n.id == strings.ToUpper(n.id) },
	"an id in the data":      func(n notice) bool { return has(n.data, "id") },
	"an @odata.id":           func(n notice) bool { return has(n.data, "@odata.id") },
	"undocumented members":   func(n notice) bool { return has(n.data, "meetingCapability") },
	"nulls":                  func(n notice) bool { return strings.Contains(n.raw, ":null") },
	"a source without names": func(n notice) bool { return strings.Contains(n.raw, `"encrypted"`) },
	"tabs and CRLF":          func(n notice) bool { return strings.Contains(n.raw, "\r\n\t") },
	"chat and meeting":       func(n notice) bool { return has(n.data, "chatInfo") && has(n.data, "meetingInfo") },
	"call routes":            func(n notice) bool { return has(n.data, "callRoutes") },
	"an incoming context":    func(n notice) bool { return has(n.data, "incomingContext") },
}

func has(m map[string]any, name string) bool { _, ok := m[name]; return ok }

func TestNotificationsComeInEveryDocumentedShape(t *testing.T) {
	s, b := newWorld(t, Options{Seed: 11})
	for range 12 * len(kinds) {
		place(t, s, CallSpec{})
	}
	all := b.notices()
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		count := 0
		for _, n := range all {
			if shapes[name](n) {
				count++
			}
		}
		if count == 0 || count == len(all) {
			t.Errorf("%s: %d of %d notifications", name, count, len(all))
		}
	}
	for i, c := range s.Calls() {
		n := all[i]
		if n.id != c.ID || n.change != "created" || n.data["state"] != "incoming" || n.data["direction"] != "incoming" {
			t.Fatalf("call %s: notification %s", c.ID, n.raw)
		}
		if name, ok := n.data["id"]; ok && name != c.ID {
			t.Errorf("call %s: data names %v", c.ID, name)
		}
	}
}

func TestEveryKindOfCallerSaysWhoItIs(t *testing.T) {
	s, b := newWorld(t, Options{Seed: 13})
	identities := map[string]string{
		"user": "user", "external": "user", "guest": "guest", "phone": "phone", "phone-unnamed": "phone", "anonymous": "phone",
		"application": "application", "application-instance": "applicationInstance", "encrypted": "encrypted",
		"on-premises": "onPremises", "acs": "azureCommunicationServicesUser", "forwarded": "phone", "on-behalf-of": "user",
		"transferred": "phone", "meeting": "user", "recording": "user", "scripts": "user", "hostile": "user",
	}
	if len(identities) != len(kinds) {
		t.Fatalf("%d kinds, %d in the test", len(kinds), len(identities))
	}
	for name, member := range identities {
		k, err := kindNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		spec := CallSpec{Kind: name}
		if k.named {
			spec.Name = "Wished \x1b[31m Name 山"
		}
		if k.numbered {
			spec.Number = "+14255550123"
		}
		place(t, s, spec)
		n := b.notices()[len(b.notices())-1]
		source, _ := n.data["source"].(map[string]any)
		set, _ := source["identity"].(map[string]any)
		identity, ok := set[member].(map[string]any)
		if !ok {
			t.Errorf("%s: no %s in %v", name, member, set)
			continue
		}
		if k.named && identity["displayName"] != spec.Name {
			t.Errorf("%s: called %v", name, identity["displayName"])
		}
		if k.numbered && identity["id"] != spec.Number {
			t.Errorf("%s: number %v", name, identity["id"])
		}
		if name == "external" && (identity["tenantId"] == DemoTenantID || n.tenant != DemoTenantID) {
			t.Errorf("external caller of %v, notification for %v", identity["tenantId"], n.tenant)
		}
	}
}

// proves what W-04 and P-12 are up against: the token in a meeting's payload is genuine but for its audience.
func TestAMeetingTokenPassesEveryCheckButTheAudience(t *testing.T) {
	s, b := newWorld(t, Options{})
	place(t, s, CallSpec{Kind: "meeting"})
	meeting, _ := b.notices()[0].data["meetingInfo"].(map[string]any)
	text, _ := meeting["token"].(string)
	if _, err := b.verify(text); err == nil || !strings.Contains(err.Error(), "aud") {
		t.Errorf("a careful bot says %v", err)
	}
	careless := &bot{t: t, sim: &Simulator{opts: Options{AppID: CallbackIssuer}, handler: s.handler}}
	if _, err := careless.verify(text); err != nil {
		t.Errorf("a bot that expects another audience says %v", err)
	}
}

func TestHostileNamesReachTheWireWhole(t *testing.T) {
	s, b := newWorld(t, Options{})
	for _, name := range slices.Concat(hostileNames, scriptNames) {
		place(t, s, CallSpec{Kind: "hostile", Name: name})
		var n struct {
			Value []json.RawMessage `json:"value"`
		}
		last := b.notices()[len(b.notices())-1]
		if err := json.Unmarshal([]byte(last.raw), &n); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		source, _ := last.data["source"].(map[string]any)
		set, _ := source["identity"].(map[string]any)
		user, _ := set["user"].(map[string]any)
		if user["displayName"] != name {
			t.Errorf("%.40q arrived as %.40q", name, user["displayName"])
		}
	}
}

func TestNumbersBelongToNobody(t *testing.T) {
	fictional := regexp.MustCompile(`^\+(1\d{3}55501\d{2}|442079460\d{3}|493023125\d{3}|3319900\d{4}|6125550\d{4}|468465004\d{2})$`)
	d := newDice(1, "numbers")
	for range 1000 {
		if n := d.number(); !fictional.MatchString(n) {
			t.Fatalf("%s may be somebody's", n)
		}
	}
}
