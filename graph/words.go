package graph

import (
	"errors"
	"net/http"
	"strconv"
)

// Trouble is one way in which a rejection or a sign-in can fail, in words: what happened, whose it is to mend, and how.
// The words are our own, chosen by status and code; the prose in an answer decides nothing and is shown nowhere.
type Trouble struct {
	What  string // "the client secret has expired"
	Whose Whose
	Do    string // "make a new one"; "" if there is nothing to do
}

// Whose says who can mend a trouble.
type Whose string

// Who can mend it.
const (
	Nobody     Whose = "nobody" // it is an answer, not a fault
	SetUp      Whose = "the set-up"
	Admin      Whose = "the tenant's administrator"
	Microsoft  Whose = "Microsoft"
	Network    Whose = "the network"
	Callscreen Whose = "callscreen"
)

// sentence is "what (whose: do)".
func (t Trouble) sentence() string {
	if t.Do == "" {
		return t.What
	}
	return t.What + " (" + string(t.Whose) + ": " + t.Do + ")"
}

// row is a Trouble and the answers that mean it. The first row that fits counts, so codes stand before statuses.
type row struct {
	from, to int    // statuses; 0: any
	code     string // "": any
	Trouble
}

func (r row) fits(status int, code string) bool {
	return (r.from == 0 || r.from <= status && status <= r.to) && (r.code == "" || r.code == code)
}

// The codes of Graph's calling API are not documented: the rows are what others have met (microsoft-graph-docs issues
// 10845 and 7080, microsoft-graph-comms-samples issues 66, 173, 276, 432 and 538).
var rejectTroubles = []row{
	{403, 403, "7503", Trouble{"the app is not registered for calling", SetUp, "enable calling on the bot's Teams channel, set the calling webhook, check client-id"}},
	{403, 403, "7504", Trouble{"the app lacks permission in this tenant", Admin, "grant admin consent, again after each change of permissions"}},
	{403, 403, "7505", Trouble{"the token is for another tenant than the call's", SetUp, "check tenant-id; a single-tenant app screens calls of its own tenant only"}},
	{300, 399, "", Trouble{"it pointed to another address, which is never followed", SetUp, "check graph-url"}},
	{400, 400, "", Trouble{"it did not understand the request", Callscreen, "this is a fault of this program; please report it"}},
	{401, 401, "", Trouble{"it does not accept our token, not even a fresh one", SetUp, "check client-id, tenant-id and cloud"}},
	{403, 403, "", Trouble{"the app may not do this", SetUp, "check its registration, permissions and consent"}},
	{404, 404, "", Trouble{"the call is already gone: it ended, timed out or was handled elsewhere", Nobody, ""}},
	{409, 409, "", Trouble{"the call is no longer ringing: its state has changed", Nobody, ""}},
	{412, 412, "", Trouble{"the call is no longer ringing: its state has changed", Nobody, ""}},
	{429, 429, "", Trouble{"it is throttling this app", SetUp, "see what else uses the same app, and how often"}},
	{502, 502, "", Trouble{"a gateway could not tell what became of the request", Microsoft, "decide again while the call rings"}},
	{504, 504, "", Trouble{"a gateway could not tell what became of the request", Microsoft, "decide again while the call rings"}},
	{500, 599, "", Trouble{"Microsoft's server is in trouble", Microsoft, "decide again while the call rings"}},
	{0, 0, "", Trouble{"the answer is not one that is documented", Microsoft, "ask its support, with the request-id"}},
}

// Entra's codes ("Microsoft Entra authentication error codes"; those of federated credentials as azure-workload-identity's
// users have met them). The codes may change, and one that is not here is told by its number.
var signInTroubles = []row{
	{0, 0, "AADSTS7000215", Trouble{"the client secret is wrong", SetUp, "use its value, not its id"}},
	{0, 0, "AADSTS7000222", Trouble{"the client secret has expired", SetUp, "make a new one"}},
	{0, 0, "AADSTS7000232", Trouble{"client-id is an Azure identity, which has no secret", SetUp, "use managed-identity"}},
	{0, 0, "AADSTS700016", Trouble{"the app is not known in this tenant", SetUp, "check client-id and tenant-id; a single-tenant app has but one tenant"}},
	{0, 0, "AADSTS7000229", Trouble{"the app has no service principal in this tenant", Admin, "grant admin consent, which makes one"}},
	{0, 0, "AADSTS7000112", Trouble{"the app is disabled in this tenant", Admin, "enable it in Enterprise applications"}},
	{0, 0, "AADSTS90002", Trouble{"the tenant does not exist", SetUp, "check tenant-id and cloud"}},
	{0, 0, "AADSTS700027", Trouble{"the app does not know the certificate", SetUp, "upload that of client-certificate-file to its registration"}},
	{0, 0, "AADSTS700021", Trouble{"the certificate's assertion is for another app", SetUp, "check client-id"}},
	{0, 0, "AADSTS700023", Trouble{"the certificate's assertion is for another address", SetUp, "check authority-url and cloud"}},
	{0, 0, "AADSTS700024", Trouble{"the assertion is out of its time", SetUp, "set the clock; see that workload-identity-token-file is renewed"}},
	{0, 0, "AADSTS70021", federated("issuer, subject or audience")},
	{0, 0, "AADSTS700211", federated("issuer")},
	{0, 0, "AADSTS700212", federated("audience")},
	{0, 0, "AADSTS700213", federated("subject")},
	{0, 0, "AADSTS7002138", federated("subject (letter case counts)")},
	{0, 0, "AADSTS500011", Trouble{"Graph is not known in this tenant or cloud", SetUp, "check graph-url and cloud"}},
	{0, 0, "AADSTS1002012", Trouble{"the scope is not one of Graph's", SetUp, "check graph-url"}},
	{0, 0, "AADSTS53003", Trouble{"a conditional access policy forbids it", Admin, "exclude the app from the policy"}},
	{0, 0, "AADSTS90033", Trouble{"Entra is in trouble for a moment", Microsoft, "it is asked again"}},
	{300, 399, "", Trouble{"it pointed to another address, which is never followed", SetUp, "check authority-url"}},
	{429, 429, "", Trouble{"it is throttling this app", SetUp, "see what else uses the same app"}},
	{500, 599, "", Trouble{"Microsoft's server is in trouble", Microsoft, "it is asked again"}},
	{0, 0, "", Trouble{"it does not accept the app", SetUp, "look the code up at login.microsoftonline.com/error"}},
}

func federated(what string) Trouble {
	return Trouble{"the app does not trust the workload token's " + what, SetUp, "compare its federated credential"}
}

// What a managed identity's endpoint answers (Azure Instance Metadata Service, App Service, Azure Arc).
var managedTroubles = []row{
	{400, 400, "", Trouble{"this machine has no such identity", SetUp, "assign it to the machine; check managed-identity"}},
	{404, 404, "", Trouble{"the endpoint of identities is not there yet", SetUp, "does this run on Azure?"}},
	{429, 429, "", Trouble{"the endpoint of identities is asked too often", SetUp, "it is asked again"}},
	{500, 599, "", Trouble{"the endpoint of identities is in trouble", Microsoft, "it is asked again"}},
	{0, 0, "", Trouble{"the endpoint of identities refuses", SetUp, "check managed-identity"}},
}

var (
	unreachedTrouble = Trouble{"Graph could not be reached, nothing was sent", Network, "check network, proxy and firewall"}
	unclearTrouble   = Trouble{"no clear answer from Graph: the rejection may or may not have arrived", Network, "decide again while the call rings"}
	unsentTrouble    = Trouble{"the app's credential cannot be used", SetUp, "mend the setting that the error names"}
	noManagedTrouble = Trouble{"no answer from the endpoint of identities", SetUp, "does this run on Azure, with an identity assigned?"}
	noTokenTrouble   = Trouble{"no answer from the sign-in service", Network, "check network, proxy and firewall"}
)

// find gives the first Trouble that fits; the last row of each table fits all.
func find(table []row, status int, code string) Trouble {
	for _, r := range table {
		if r.fits(status, code) {
			return r.Trouble
		}
	}
	return Trouble{}
}

// TroubleOf explains an error of this package; ok is false for any other.
func TroubleOf(err error) (t Trouble, ok bool) {
	var (
		gone         *GoneError
		refused      *RefusedError
		throttled    *ThrottledError
		unauthorized *UnauthorizedError
		unreachable  *UnreachableError
		signIn       *SignInError
	)
	switch {
	case errors.As(err, &signIn): // first: it may be the reason of another
		return signIn.trouble(), true
	case errors.As(err, &gone):
		return find(rejectTroubles, gone.Status, gone.Code), true
	case errors.As(err, &refused):
		return find(rejectTroubles, refused.Status, refused.Code), true
	case errors.As(err, &throttled):
		return find(rejectTroubles, http.StatusTooManyRequests, ""), true
	case errors.As(err, &unauthorized):
		return find(rejectTroubles, http.StatusUnauthorized, ""), true
	case errors.As(err, &unreachable):
		return unreachable.trouble(), true
	}
	return Trouble{}, false
}

func (e *UnreachableError) trouble() Trouble {
	switch {
	case !e.Ambiguous:
		return unreachedTrouble
	case e.Status != 0:
		return find(rejectTroubles, e.Status, "")
	}
	return unclearTrouble
}

func (e *SignInError) trouble() Trouble {
	switch {
	case e.Unsent:
		return unsentTrouble
	case e.Err != nil && e.Status == 0 && e.Managed:
		return noManagedTrouble
	case e.Err != nil && e.Status == 0:
		return noTokenTrouble
	case e.Managed:
		return find(managedTroubles, e.Status, e.Code)
	}
	return find(signInTroubles, e.Status, e.Code)
}

// Answered is "403 7504", or "403" where there is no code.
func Answered(status int, code string) string {
	if code == "" {
		return strconv.Itoa(status)
	}
	return strconv.Itoa(status) + " " + code
}
