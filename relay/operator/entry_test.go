package operator

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callscreen/relay/call"
)

func set(g Grant) func(Grant) (Grant, error) {
	return func(Grant) (Grant, error) { return g, nil }
}

func TestAnOperatorHasARoleAndItIsToldWithTheName(t *testing.T) {
	s := open(t, t.TempDir())
	tokens := map[call.Role]string{}
	for role, name := range map[call.Role]string{"": "ana", call.Deciding: "ben", call.Observing: "owen"} {
		token, err := s.Add(name, Grant{Role: role})
		if err != nil {
			t.Fatal(err)
		}
		tokens[role] = token
	}
	for role, want := range map[call.Role]call.Operator{
		"":             {Name: "ana", Role: call.Deciding},
		call.Deciding:  {Name: "ben", Role: call.Deciding},
		call.Observing: {Name: "owen", Role: call.Observing},
	} {
		if who, ok, err := s.Authenticate(tokens[role]); !ok || err != nil || who != want {
			t.Errorf("added as %q: %+v, %v, %v; want %+v", role, who, ok, err, want)
		}
	}
	if _, err := s.Add("eve", Grant{Role: "admin"}); !errors.Is(err, ErrRole) {
		t.Errorf("a role that is none: %v", err)
	}
	// A file may hold what a later version wrote.
	if (call.Operator{Role: "supervisor"}).Decides() || (call.Operator{}).Decides() {
		t.Error("a role that is not known decides")
	}
}

func TestATokenIsVoidFromItsEndOn(t *testing.T) {
	s := open(t, t.TempDir())
	end := time.Now().Add(300 * time.Millisecond)
	token, err := s.Add("temp", Grant{Expires: end})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := s.Authenticate(token); !ok && time.Now().Before(end) {
		t.Error("a token is void before its end")
	}
	<-time.After(time.Until(end))
	if who, ok, err := s.Authenticate(token); ok || err != nil {
		t.Errorf("after its end it admits %v (%v)", who, err)
	}
	if _, err := s.Add("late", Grant{Expires: time.Now()}); !errors.Is(err, ErrPast) {
		t.Errorf("an end that is over: %v", err)
	}
	if err := s.Change("temp", set(Grant{Expires: time.Now().Add(time.Hour)})); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := s.Authenticate(token); !ok {
		t.Error("a later end does not count")
	}
}

func TestAChangeKeepsTheTokenAndIsNoted(t *testing.T) {
	dir := t.TempDir()
	relay, command := open(t, dir), open(t, dir)
	token, err := command.Add("ana", Grant{})
	if err != nil {
		t.Fatal(err)
	}
	// Roles of one length, changed within one tick of the file system's clock.
	for i := range 200 {
		role := call.Deciding
		if i%2 == 0 {
			role = call.Observing
		}
		if err := command.Change("ANA", set(Grant{Role: role})); err != nil {
			t.Fatal(err)
		}
		if who, ok, err := relay.Authenticate(token); !ok || err != nil || who.Role != role {
			t.Fatalf("change %d: the relay sees %+v, %v, %v; want %s", i, who, ok, err, role)
		}
	}
	list, err := command.List()
	if err != nil || len(list) != 1 || list[0].Changed.Before(list[0].Added) || time.Since(list[0].Changed) > time.Minute {
		t.Errorf("list %+v, %v", list, err)
	}
	if err := command.Change("ben", set(Grant{})); !errors.Is(err, ErrUnknown) {
		t.Errorf("a change of nobody: %v", err)
	}
	if err := command.Change("ana", set(Grant{Role: "admin"})); !errors.Is(err, ErrRole) {
		t.Errorf("a change to a role that is none: %v", err)
	}
}

func TestAListOfBeforeThereWereRolesIsReadAsOperators(t *testing.T) {
	dir := t.TempDir()
	old := `[{"name":"ana","sha256":"` + hash("cs_old") + `","added":"2025-11-03T10:00:00Z"}]`
	if err := os.WriteFile(filepath.Join(dir, listFile), []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if who, ok, err := s.Authenticate("cs_old"); !ok || err != nil || who != (call.Operator{Name: "ana", Role: call.Deciding}) {
		t.Errorf("%+v, %v, %v", who, ok, err)
	}
	if _, err := s.Add("ben", Grant{}); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := s.Authenticate("cs_old"); !ok {
		t.Error("writing the list anew lost an entry of it")
	}
}

func TestTheListTellsRoleAndTimesAndNoToken(t *testing.T) {
	s := open(t, t.TempDir())
	token, err := s.Add("ana", Grant{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add("owen", Grant{Role: call.Observing, Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.list[0].Expires = time.Now().Add(-time.Hour)
	s.mu.Unlock()
	var out bytes.Buffer
	if err := s.Print(&out); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(rows) != 3 || strings.Join(strings.Fields(rows[0]), " ") != "NAME ROLE ADDED EXPIRES CHANGED" {
		t.Fatalf("printed:\n%s", out.String())
	}
	if !strings.Contains(rows[1], "ana ") || !strings.Contains(rows[1], " operator ") || !strings.Contains(rows[1], "(expired)") || !strings.HasSuffix(rows[1], "never") {
		t.Errorf("the first row: %s", rows[1])
	}
	if !strings.Contains(rows[2], " observer ") || strings.Contains(rows[2], "expired") {
		t.Errorf("the second row: %s", rows[2])
	}
	if strings.Contains(out.String(), "cs_") || strings.Contains(out.String(), hash(token)) {
		t.Error("the table holds a token or its digest")
	}
}
