package call

import (
	"testing"
	"unicode/utf8"
)

func TestADisplayNameIsNeverEmpty(t *testing.T) {
	for _, c := range []struct {
		party Party
		want  string
	}{
		{Party{Kind: User, Name: "Alice Meyer"}, "Alice Meyer"},
		{Party{Kind: User, Name: "Alice", Altered: true}, "Alice"},
		{Party{Kind: User, Altered: true}, "(no name)"}, // T-06: nothing visible was left
		{Party{Kind: Encrypted}, "Hidden by Graph"},
		{Party{Kind: Phone}, "Anonymous"},
		{Party{Kind: Phone, ID: "+44 20 79460123"}, "Unknown caller"},
		{Party{Kind: User, ID: "1907"}, "Unknown caller"},
		{Party{}, "Unknown caller"},
	} {
		if got := c.party.Display(); got != c.want {
			t.Errorf("%+v is shown as %q, want %q", c.party, got, c.want)
		}
	}
}

func TestT08TheAddressTellsPeopleOfOneNameApart(t *testing.T) {
	for _, c := range []struct {
		party Party
		want  string
	}{
		{Party{Kind: Phone, ID: "+44 20 79460123"}, "+44 20 79460123"},
		{Party{Kind: Phone}, "anonymous"},
		{Party{Kind: Encrypted}, "encrypted"},
		{Party{Kind: User, ID: "57dab8b1-894c-409a-b240-bd8beae78896"}, "…8896"},
		{Party{Kind: User, ID: "8896"}, "8896"},
		{Party{Kind: Guest, ID: "bob@fabrikam"}, "bob@fabrikam"},
		{Party{Kind: OnPremises, ID: "sip:a.very.long.name@example.org"}, "sip:a.very.long.nam…"},
		{Party{}, "unknown kind"},
		{Party{Kind: Guest, ID: "山田太郎"}, "山田太郎"},
		{Party{Kind: Guest, ID: "山田太郎é"}, "…田太郎é"}, // never cut inside a letter
	} {
		got := c.party.Address()
		if got != c.want || !utf8.ValidString(got) {
			t.Errorf("%+v has the address %q, want %q", c.party, got, c.want)
		}
	}
}

func TestEveryKindOfPartyHasWords(t *testing.T) {
	for kind, want := range map[PartyKind]string{
		User: "user", Guest: "guest", Phone: "phone", Application: "application", Encrypted: "encrypted",
		ApplicationInstance: "resource account", OnPremises: "on-premises user", AzureUser: "Azure user",
		UnknownParty: "unknown kind", "": "unknown kind", "assertedIdentity": "assertedIdentity",
	} {
		if got := kind.Words(); got != want {
			t.Errorf("%q reads %q, want %q", kind, got, want)
		}
	}
}
