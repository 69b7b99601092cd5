package graph

import (
	"slices"
	"strings"
)

// IdentityKind names what somebody is, as the key in an identity set does.
type IdentityKind string

// The kinds of identity in Graph's identity sets, and IdentityUnknown for a key that is new.
const (
	IdentityUser                IdentityKind = "user"
	IdentityGuest               IdentityKind = "guest"
	IdentityPhone               IdentityKind = "phone"
	IdentityACSUser             IdentityKind = "azureCommunicationServicesUser"
	IdentityOnPremises          IdentityKind = "onPremises"
	IdentityAsserted            IdentityKind = "assertedIdentity"
	IdentityEncrypted           IdentityKind = "encrypted" // opaque: the app lacks every Calls.* permission
	IdentityApplicationInstance IdentityKind = "applicationInstance"
	IdentityApplication         IdentityKind = "application"
	IdentityDevice              IdentityKind = "device"
	IdentityConversation        IdentityKind = "conversation"
	IdentityUnknown             IdentityKind = "unknown"
)

// Identity is the one identity picked from a set to be shown. Text is raw; each but Kind may be empty, and a
// display name may be an internal address ("28:<app id>").
type Identity struct {
	Kind        IdentityKind
	ID          string // object id, E.164 number, app id, ... as Kind says, without a service's prefix ("8:orgid:")
	DisplayName string
	TenantID    string
}

// preference orders the identities of one set. Microsoft's SDK puts encrypted third and phone last; for someone
// who screens calls whatever tells more than ciphertext comes first.
var preference = []string{
	string(IdentityUser), string(IdentityGuest), string(IdentityPhone), string(IdentityACSUser), string(IdentityOnPremises),
	string(IdentityAsserted), string(IdentityEncrypted), string(IdentityApplicationInstance), string(IdentityApplication),
	string(IdentityDevice), string(IdentityConversation),
}

// decodeIdentity picks from an identity set: by preference the first that has an id or a name, else the first object
// under a name not known that has an id, else a known one that is empty. nil when there is nothing. The error is a
// duplicate.
func decodeIdentity(v value) (*Identity, error) {
	f, err := v.fields(preference...)
	if err != nil {
		return nil, err
	}
	var empty *Identity
	for _, kind := range preference {
		if !f.get(kind).is('{') {
			continue
		}
		id, err := readIdentity(IdentityKind(kind), f.get(kind))
		if err != nil {
			return nil, err
		}
		if id.ID != "" || id.DisplayName != "" {
			return id, nil
		}
		if empty == nil {
			empty = id
		}
	}
	unknown, err := unknownIdentity(v)
	if unknown != nil || err != nil {
		return unknown, err
	}
	return empty, nil
}

// unknownIdentity looks below the names we do not know. "endpointType" in a set is a string and never matches.
func unknownIdentity(v value) (*Identity, error) {
	for name, member := range v.members() {
		if !member.is('{') || slices.ContainsFunc(preference, equalFold(name)) {
			continue
		}
		id, err := readIdentity(IdentityUnknown, member)
		if err != nil || id.ID != "" {
			return id, err
		}
	}
	return nil, nil // absent is not an error
}

func readIdentity(kind IdentityKind, v value) (*Identity, error) {
	f, err := v.fields("id", "displayName", "tenantId")
	if err != nil {
		return nil, err
	}
	id := &Identity{kind, f.get("id").string(), f.get("displayName").string(), f.get("tenantId").string()}
	id.readAddress()
	return id, nil
}

// addresses are the prefixes with which Microsoft's services write ids among themselves; some reach notifications.
var addresses = []struct {
	prefix string
	kind   IdentityKind
}{
	{"8:orgid:", IdentityUser},
	{"8:gcch:", IdentityUser},
	{"8:dod:", IdentityUser},
	{"8:teamsvisitor:", IdentityGuest},
	{"4:", IdentityPhone},
	{"28:", IdentityApplication},
	{"29:", IdentityEncrypted},
}

// readAddress takes the prefix off an id, so that one caller is the same in both spellings and a number can be read.
// Under a name that we do not know it also says what the identity is; known names know better.
func (i *Identity) readAddress() {
	for _, a := range addresses {
		bare, ok := strings.CutPrefix(i.ID, a.prefix)
		if !ok || bare == "" {
			continue
		}
		if i.Kind == IdentityUnknown {
			i.Kind = a.kind
		}
		if i.Kind == a.kind || a.kind == IdentityApplication && i.Kind == IdentityApplicationInstance {
			i.ID = bare
		}
		return
	}
}
