package graph

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the README's table anew")

// widest is the room that the relay gives to the words of an outcome; what is longer would be cut.
const widest = 256

func TestEveryTroubleIsReachedNamesWhoMendsItAndFitsTheScreen(t *testing.T) {
	owners := []Whose{Nobody, SetUp, Admin, Microsoft, Network, Callscreen}
	for name, table := range map[string][]row{"reject": rejectTroubles, "sign-in": signInTroubles, "managed identity": managedTroubles} {
		for _, r := range table {
			status := r.from
			if status == 0 && name != "reject" {
				status = 402
			}
			if got := find(table, status, r.code); got != r.Trouble {
				t.Errorf("%s %d %s: %q stands before it", name, r.from, r.code, got.What)
			}
			if r.What == "" || !slices.Contains(owners, r.Whose) || (r.Do == "") != (r.Whose == Nobody) {
				t.Errorf("%s %d %s: %+v", name, r.from, r.code, r.Trouble)
			}
			var err error = &RefusedError{Status: 403, Code: r.code}
			if name != "reject" {
				err = &UnauthorizedError{Status: 401, Err: &SignInError{Tenant: testTenant, Managed: name == "managed identity", Status: status, Code: r.code}}
			}
			if n := utf8.RuneCountInString(err.Error()); n > widest {
				t.Errorf("%d letters: %s", n, err)
			}
		}
		if got := find(table, 299, "x"); got != table[len(table)-1].Trouble {
			t.Errorf("%s: the last row is not for the rest: %+v", name, got)
		}
	}
}

func TestTroubleOfExplainsEveryErrorOfThisPackage(t *testing.T) {
	signIn := &SignInError{Tenant: testTenant, Status: 401, Code: "AADSTS7000222"}
	for _, row := range []struct {
		err   error
		what  string
		whose Whose
	}{
		{&GoneError{Status: 404, Code: "8522"}, "already gone", Nobody},
		{&GoneError{Status: 409}, "no longer ringing", Nobody},
		{&RefusedError{Status: 403, Code: "7503"}, "not registered for calling", SetUp},
		{&RefusedError{Status: 403, Code: "7504"}, "lacks permission", Admin},
		{&RefusedError{Status: 400}, "did not understand", Callscreen},
		{&RefusedError{Status: 503}, "server is in trouble", Microsoft},
		{&ThrottledError{}, "throttling", SetUp},
		{&UnauthorizedError{Status: 401}, "does not accept our token", SetUp},
		{&UnauthorizedError{Err: signIn}, "secret has expired", SetUp},
		{&UnauthorizedError{Err: &SignInError{Err: errors.New("cut")}}, "no answer from the sign-in", Network},
		{signIn, "secret has expired", SetUp},
		{&SignInError{Unsent: true, Err: errManagedTenant}, "credential cannot be used", SetUp},
		{&SignInError{Managed: true, Err: errors.New("cut")}, "no answer from the endpoint of identities", SetUp},
		{&SignInError{Status: 400, Managed: true, Code: "invalid_request"}, "no such identity", SetUp},
		{&SignInError{Status: 200, Err: errUnreadable}, "does not accept the app", SetUp},
		{&UnreachableError{}, "nothing was sent", Network},
		{&UnreachableError{Ambiguous: true}, "may or may not", Network},
		{&UnreachableError{Ambiguous: true, Status: 502}, "a gateway", Microsoft},
		{fmt.Errorf("wrapped: %w", &GoneError{Status: 412}), "no longer ringing", Nobody},
	} {
		got, ok := TroubleOf(row.err)
		if !ok || !strings.Contains(got.What, row.what) || got.Whose != row.whose {
			t.Errorf("%v: %+v", row.err, got)
		}
	}
	if _, ok := TroubleOf(errors.New("another")); ok {
		t.Error("an error of somebody else was explained")
	}
}

// The README shows the tables: go test ./graph -run Readme -update writes them again.
func TestTheReadmeShowsTheTroublesAsTheyAre(t *testing.T) {
	const path, begin, end = "../README.md", "<!-- begin troubles -->\n", "<!-- end troubles -->\n"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(raw), begin)
	old, tail, found := strings.Cut(rest, end)
	if !ok || !found {
		t.Fatal("README.md has no marks for the troubles")
	}
	fresh := troubleTable()
	if fresh == old {
		return
	}
	if !*update {
		t.Fatal("README.md does not show the troubles as they are: go test ./graph -run Readme -update")
	}
	if err := os.WriteFile(path, []byte(head+begin+fresh+end+tail), 0o600); err != nil {
		t.Fatal(err)
	}
}

func troubleTable() string {
	var b strings.Builder
	b.WriteString("| answer | means | who mends it, and how |\n|---|---|---|\n")
	for _, part := range []struct {
		by    string
		table []row
	}{{"Graph", rejectTroubles}, {"Entra", signInTroubles}} {
		for _, r := range part.table {
			mend := string(r.Whose)
			if r.Do != "" {
				mend += ": " + r.Do
			}
			fmt.Fprintf(&b, "| %s %s | %s | %s |\n", part.by, answerOf(r), r.What, mend)
		}
	}
	return b.String()
}

func answerOf(r row) string {
	switch {
	case r.code != "" && r.from != 0:
		return fmt.Sprintf("%d / %s", r.from, r.code)
	case r.code != "":
		return r.code
	case r.from == 0:
		return "anything else"
	case r.from != r.to:
		return fmt.Sprintf("%d to %d", r.from, r.to)
	}
	return fmt.Sprint(r.from)
}
