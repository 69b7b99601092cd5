package call

import "strings"

// PartyKind is a kind of identity, as Graph names it (Graph v1.0, identitySet).
type PartyKind string

// The kinds that are told apart on the screen; any other is shown by its name.
const (
	User                PartyKind = "user"
	Guest               PartyKind = "guest"
	Phone               PartyKind = "phone"
	Application         PartyKind = "application"
	ApplicationInstance PartyKind = "applicationInstance"
	Encrypted           PartyKind = "encrypted"
	OnPremises          PartyKind = "onPremises"
	AzureUser           PartyKind = "azureCommunicationServicesUser"
	UnknownParty        PartyKind = "unknown"
)

// Words is the kind as an operator reads it.
func (k PartyKind) Words() string {
	switch k {
	case ApplicationInstance:
		return "resource account"
	case OnPremises:
		return "on-premises user"
	case AzureUser:
		return "Azure user"
	case UnknownParty, "":
		return "unknown kind"
	case User, Guest, Phone, Application, Encrypted:
		return string(k)
	default:
		return string(k)
	}
}

// Party is one end of a call. Every text in it was chosen by strangers and has
// gone through [Clean].
type Party struct {
	Kind    PartyKind `json:"kind"`
	Name    string    `json:"name,omitempty"`
	ID      string    `json:"id,omitempty"`      // a phone number for phones, else an opaque identifier
	Tenant  string    `json:"tenant,omitempty"`  // the Entra tenant, where Graph says it
	Altered bool      `json:"altered,omitempty"` // characters that could deceive were taken out of the name
}

// Display is the name to show, never empty.
func (p Party) Display() string {
	switch {
	case p.Name != "":
		return p.Name
	case p.Altered:
		return "(no name)"
	case p.Kind == Encrypted:
		return "Hidden by Graph"
	case p.Kind == Phone && p.ID == "":
		return "Anonymous"
	default:
		return "Unknown caller"
	}
}

// tail is how many characters of an opaque identifier tell people apart.
const tail = 4

// addressCells is how much of an identifier that people read is shown.
const addressCells = 20

// Address is the trusted fact beside the name: the number of a phone, an
// identifier that people read (bob@fabrikam), else the end of an opaque one, so
// that two people of one name can be told apart. It is never empty.
func (p Party) Address() string {
	switch {
	case p.ID == "" && p.Kind == Phone:
		return "anonymous"
	case p.ID == "":
		return p.Kind.Words()
	case p.Kind == Phone:
		return p.ID
	case strings.Contains(p.ID, "@"):
		return Cut(p.ID, addressCells)
	}
	letters := []rune(p.ID) // a stranger's text may hold more than ASCII
	if len(letters) <= tail {
		return p.ID
	}
	return ellipsis + string(letters[len(letters)-tail:])
}

// Via is one hop by which a call came to be here (Graph v1.0, callRoute).
type Via struct {
	Kind     string `json:"kind"` // forwarded, lookup, selfFork, or what Graph adds
	Original *Party `json:"original,omitempty"`
	Final    *Party `json:"final,omitempty"`
}

// Details is who calls whom and how. Texts have gone through [Clean].
type Details struct {
	Caller     Party    `json:"caller"`
	To         []Party  `json:"to,omitempty"`
	Subject    string   `json:"subject,omitempty"`
	Media      []string `json:"media,omitempty"`
	Via        []Via    `json:"via,omitempty"`
	OnBehalfOf *Party   `json:"on_behalf_of,omitempty"`
	Transferor *Party   `json:"transferor,omitempty"`
	Group      bool     `json:"group,omitempty"`     // an invitation to a group call or meeting
	Recording  bool     `json:"recording,omitempty"` // a compliance-recording invite: 5 s instead of 15
	Chain      string   `json:"chain,omitempty"`     // legs of one conversation often share it; never a key
	Tenant     string   `json:"tenant,omitempty"`    // from the verified token: the tenant a rejection is sent for
}
