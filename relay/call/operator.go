package call

// Role is what an operator may do.
type Role string

// The roles. One that is not known may do as little as an observer.
const (
	Deciding  Role = "operator" // sees everything and decides
	Observing Role = "observer" // sees everything and decides nothing
)

// Who decides where no operator does. No operator can have such a name: it has
// parentheses.
const (
	Unattended = "(unattended)" // the policy for calls that ring while nobody is watching
	OnCall     = "(on-call)"    // the command that is run for each ringing call
)

// Operator is somebody whose token the relay knows.
type Operator struct {
	Name string
	Role Role
}

// Presence is an operator who is connected to a relay, at one console or several.
type Presence struct {
	Name    string `json:"name"`
	Alive   bool   `json:"alive,omitempty"`   // a screen of his is drawn; else it stands still, or there is none
	Decides bool   `json:"decides,omitempty"` // see [Operator.Decides]
	Call    ID     `json:"call_id,omitempty"` // what is selected on that screen
}

// Watches tells whether somebody is there who could decide.
func (p Presence) Watches() bool { return p.Alive && p.Decides }

// Decides tells whether the operator's decisions are carried out.
func (o Operator) Decides() bool { return o.Role == Deciding }
