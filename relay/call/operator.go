package call

// Role is what an operator may do.
type Role string

// The roles. One that is not known may do as little as an observer.
const (
	Deciding  Role = "operator" // sees everything and decides
	Observing Role = "observer" // sees everything and decides nothing
)

// Operator is somebody whose token the relay knows.
type Operator struct {
	Name string
	Role Role
}

// Decides tells whether the operator's decisions are carried out.
func (o Operator) Decides() bool { return o.Role == Deciding }
