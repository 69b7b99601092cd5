package graph

import "slices"

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
	ID          string // object id, E.164 number, app id, ... as Kind says
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
	return &Identity{kind, f.get("id").string(), f.get("displayName").string(), f.get("tenantId").string()}, nil
}
