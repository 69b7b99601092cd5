package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// object is a JSON object in the making.
type object = map[string]any

// caller is who a call comes from: what status lists show, and what the notification says.
type caller struct {
	label, number string
	identity      object // the source's identity set
	extra         object // further members of the call; a nil value removes a usual one
}

// kind is one sort of caller. named and numbered say what a CallSpec may choose for it.
type kind struct {
	name            string
	named, numbered bool
	brief           bool // rings for RecordingRing at most
	make            func(c casting) caller
}

// casting is what a kind makes a caller from. name and number are the wished ones or drawn.
type casting struct {
	dice
	sim          *Simulator
	name, number string
}

// kinds are the callers a call may come from (Graph, identitySet and what its open type holds). A round of drawn calls has each
// of them once.
var kinds = []kind{
	{name: "user", named: true, make: func(c casting) caller {
		return caller{label: c.name, identity: c.user(c.name, c.sim.opts.TenantID)}
	}},
	{name: "external", named: true, make: func(c casting) caller {
		return caller{label: c.name, identity: c.user(c.name, foreignTenant(c.dice))}
	}},
	{name: "guest", named: true, make: func(c casting) caller {
		return caller{label: c.name, identity: set("guest", object{
			"id": "8:teamsvisitor:" + strings.ReplaceAll(c.guid(), "-", ""), "displayName": c.name,
			"email": "guest" + c.digits(3) + "@example.com",
		})}
	}},
	{name: "phone", named: true, numbered: true, make: func(c casting) caller {
		return caller{c.name, c.number, set("phone", object{"id": c.number, "displayName": c.name}), nil}
	}},
	{name: "phone-unnamed", numbered: true, make: func(c casting) caller {
		return caller{"", c.number, set("phone", c.nameless(object{"id": c.number})), nil}
	}},
	{name: "anonymous", make: func(c casting) caller {
		return caller{identity: set("phone", pick(c.dice, []object{
			{"id": "anonymous", "displayName": "Anonymous"}, {"id": "anonymous"}, {"id": nil, "displayName": nil},
		}))}
	}},
	{name: "application", named: true, make: func(c casting) caller {
		return caller{label: c.name, identity: set("application", object{
			"id": c.guid(), "displayName": c.name, "applicationType": "bot", "hidden": false,
		})}
	}},
	{name: "application-instance", named: true, make: func(c casting) caller {
		return caller{label: c.name, identity: set("applicationInstance", object{
			"id": c.guid(), "displayName": c.name, "tenantId": c.sim.opts.TenantID, "hidden": false,
		})}
	}},
	{name: "encrypted", make: func(c casting) caller {
		return caller{identity: set("encrypted", c.nameless(object{"id": "29:1" + c.opaque(32)}))}
	}},
	{name: "on-premises", named: true, make: func(c casting) caller {
		return caller{label: c.name, identity: set("onPremises", object{
			"id": "sip:desk" + c.digits(3) + "@example.org", "displayName": c.name,
		})}
	}},
	{name: "acs", named: true, make: func(c casting) caller {
		resource := c.guid()
		return caller{label: c.name, identity: set("azureCommunicationServicesUser", object{
			"id": "8:acs:" + resource + "_" + c.guid(), "displayName": c.name,
			"azureCommunicationServicesResourceId": resource,
		})}
	}},
	{name: "forwarded", named: true, numbered: true, make: makeForwarded},
	{name: "on-behalf-of", named: true, make: func(c casting) caller {
		return caller{label: c.name, identity: c.user(c.name, c.sim.opts.TenantID), extra: object{
			"incomingContext": object{
				"@odata.type": "#microsoft.graph.incomingContext", "sourceParticipantId": c.guid(),
				"observedParticipantId": nil, "transferor": nil,
				"onBehalfOf": c.user(pick(c.dice, latinNames), c.sim.opts.TenantID),
			},
		}}
	}},
	{name: "transferred", named: true, numbered: true, make: func(c casting) caller {
		return caller{c.name, c.number, set("phone", object{"id": c.number, "displayName": c.name}), object{
			"incomingContext": object{
				"@odata.type": "#microsoft.graph.incomingContext", "sourceParticipantId": c.guid(),
				"transferor": c.user(pick(c.dice, latinNames), c.sim.opts.TenantID),
			},
			"replacesContext": "canary-replaces-" + c.opaque(18),
		}}
	}},
	{name: "meeting", named: true, make: makeMeeting},
	{name: "recording", named: true, brief: true, make: makeRecording},
	{name: "scripts", named: true, make: func(c casting) caller {
		return caller{label: c.name, identity: c.user(c.name, c.sim.opts.TenantID)}
	}},
	{name: "hostile", named: true, make: func(c casting) caller {
		return caller{label: c.name, identity: c.user(c.name, foreignTenant(c.dice)), extra: object{
			"subject": pick(c.dice, hostileNames),
		}}
	}},
}

// Kinds are the names that CallSpec.Kind knows.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

func kindNamed(name string) (*kind, error) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		return nil, fmt.Errorf("no kind of caller is called %q; there are %s", name, strings.Join(Kinds(), ", "))
	}
	return &kinds[i], nil
}

// drawKind deals the kinds like cards: shuffled anew for each round, each once a round.
func drawKind(seed, n uint64) *kind {
	size := uint64(len(kinds))
	deck := newDice(seed, "kinds", n/size).Perm(len(kinds))
	return &kinds[deck[n%size]]
}

// drawName is a name that suits the kind.
func (k *kind) drawName(d dice) string {
	switch k.name {
	case "scripts":
		return pick(d, scriptNames)
	case "hostile":
		return pick(d, hostileNames)
	case "application", "application-instance":
		return pick(d, []string{"Dial-in assistant", "Night desk", "Lift alarm, tower B", "Survey bot", "28:" + d.guid()})
	default:
		return pick(d, latinNames)
	}
}

func makeForwarded(c casting) caller {
	return caller{c.name, c.number, set("phone", object{"id": c.number, "displayName": c.name}), object{
		"callRoutes": []object{{
			"@odata.type": "#microsoft.graph.callRoute",
			"routingType": pick(c.dice, []string{"forwarded", "forwarded", "lookup", "selfFork"}),
			"original":    c.user(pick(c.dice, latinNames), c.sim.opts.TenantID),
			"final":       set("applicationInstance", object{"id": c.guid(), "displayName": botName}),
		}},
	}}
}

// makeMeeting carries a live credential as the real ones do: a token by the issuer and key of the
// notifications with the audience of meetings. Whoever accepts it at a webhook checks no audience.
func makeMeeting(c casting) caller {
	organizer := c.user(pick(c.dice, latinNames), c.sim.opts.TenantID)
	return caller{label: c.name, identity: c.user(c.name, c.sim.opts.TenantID), extra: object{
		"subject": pick(c.dice, []string{"Weekly planning", "Incident 4711", "Budget review", ""}),
		"chatInfo": object{
			"@odata.type": "#microsoft.graph.chatInfo", "messageId": "0", "replyChainMessageId": nil,
			"threadId": "19:meeting_" + c.opaque(24) + "@thread.v2",
		},
		"meetingInfo": object{
			"@odata.type": "#microsoft.graph.organizerMeetingInfo", "organizer": organizer,
			"allowConversationWithoutHost": true, "token": c.sim.meetingToken(),
		},
	}}
}

// makeRecording is an invite of compliance recording: a token, an observed participant, no chat and no
// modalities (Graph beta, call: answer, policy-based recording).
func makeRecording(c casting) caller {
	return caller{label: c.name, identity: c.user(c.name, c.sim.opts.TenantID), extra: object{
		"meetingInfo": object{"@odata.type": "#microsoft.graph.tokenMeetingInfo", "token": c.sim.meetingToken()},
		"incomingContext": object{
			"@odata.type": "#microsoft.graph.incomingContext", "sourceParticipantId": c.guid(),
			"observedParticipantId": c.guid(), "onBehalfOf": nil, "transferor": nil,
		},
		"applicationMetadata": object{"botData": object{"user": nil}},
		"requestedModalities": nil,
	}}
}

func set(name string, identity object) object {
	return object{"@odata.type": "#microsoft.graph.identitySet", name: identity}
}

func (c casting) user(name, tenant string) object {
	return set("user", object{
		"@odata.type": "#microsoft.graph.identity", "id": c.guid(), "displayName": name,
		"tenantId": tenant, "identityProvider": "AAD",
	})
}

// nameless leaves displayName out or makes it null: both are common.
func (c casting) nameless(identity object) object {
	if c.chance(0.5) {
		identity["displayName"] = nil
	}
	return identity
}

// foreignTenants exist in the simulated Entra, but the bot is not at home in them.
var foreignTenants = []string{
	"1b7d3c52-9e0f-4a68-8d15-3f2a6c9b0e71", "c04e9a16-27b8-4d3f-9a5e-6b1d8f7c2034", "88f2a5d0-4c1b-4e97-b36a-d5e0719c8a42",
}

func foreignTenant(d dice) string { return pick(d, foreignTenants) }

func (s *Simulator) meetingToken() string {
	return s.Sign(map[string]any{"aud": CallbackIssuer, "exp": time.Now().Add(24 * time.Hour).Unix()})
}
