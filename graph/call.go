package graph

import (
	"iter"
	"strconv"
	"strings"
)

// Call is what a notification says about a call (Graph v1.0, resource call), as far as a screener needs it. Every
// field may be empty: plain notifications have little. Text is raw and partly chosen by the caller. Tokens,
// passcodes, replaces contexts and callback addresses in the data are not kept.
type Call struct {
	// State and Direction as in the reference ("incoming", "established", ...), spelt so whatever the letter case
	// received; a member that is not known is kept as received.
	State, Direction string
	Subject          string
	TenantID         string // may differ from the token's tenant, which is the one to use
	ChainID          string // meant to be one for all legs of a conversation; never a key
	Source           *Participant
	Targets          []Identity
	Routes           []Route
	Modalities       []string
	// OnBehalfOf and Transferor come from the incoming context.
	OnBehalfOf, Transferor *Identity
	// Group is true for an invite to a group call or meeting: chatInfo or meetingInfo is there.
	Group bool
	// Recording is true for a compliance-recording invite, which rings for 5 s only: a meeting token, an observed
	// participant, and neither chatInfo nor requestedModalities.
	Recording bool
	Result    *Result
}

// Participant is the caller (Graph v1.0, participantInfo).
type Participant struct {
	Identity     Identity // Kind is "" when nothing is said
	ID           string   // participantId
	CountryCode  string
	Region       string
	LanguageID   string
	EndpointType string
}

// Route is one way in which a call was retargeted (Graph v1.0, callRoute).
type Route struct {
	Kind            string // "forwarded", "lookup", "selfFork"
	Original, Final *Identity
}

// Result is why a call failed or ended (Graph v1.0, resultInfo). Its message carries changing text and is dropped.
type Result struct {
	Code, Subcode       int
	HasCode, HasSubcode bool
}

// The spellings of the reference, by which values are compared ignoring case.
var (
	callStates = []string{
		"incoming", "establishing", "ringing", "established", "hold", "transferring", "transferAccepted",
		"redirecting", "terminating", "terminated",
	}
	directions = []string{"incoming", "outgoing"}
	modalities = []string{"audio", "video", "videoBasedScreenSharing", "data"}
	routeKinds = []string{"forwarded", "lookup", "selfFork"}
)

// decodeCall reads the members we know; a member of the wrong type is as good as missing. The error is a
// duplicate.
func decodeCall(v value) (*Call, error) {
	f, err := v.fields("state", "direction", "subject", "tenantId", "callChainId", "source", "targets", "callRoutes",
		"requestedModalities", "incomingContext", "chatInfo", "meetingInfo", "resultInfo")
	if err != nil {
		return nil, err
	}
	c := &Call{
		State:     spell(f.get("state").string(), callStates),
		Direction: spell(f.get("direction").string(), directions),
		Subject:   f.get("subject").string(),
		TenantID:  f.get("tenantId").string(),
		ChainID:   f.get("callChainId").string(),
		Group:     f.get("chatInfo").present() || f.get("meetingInfo").present(),
	}
	for m := range limit(f.get("requestedModalities").items()) {
		if s := m.string(); s != "" {
			c.Modalities = append(c.Modalities, spell(s, modalities))
		}
	}
	if err := c.decodePeople(f); err != nil {
		return nil, err
	}
	if c.Result, err = decodeResult(f.get("resultInfo")); err != nil {
		return nil, err
	}
	return c, c.decodeContext(f)
}

func (c *Call) decodePeople(f object) (err error) {
	if c.Source, err = decodeParticipant(f.get("source")); err != nil {
		return err
	}
	for item := range limit(f.get("targets").items()) {
		target, err := decodeParticipant(item)
		if err != nil {
			return err
		}
		if target != nil && target.Identity.Kind != "" {
			c.Targets = append(c.Targets, target.Identity)
		}
	}
	for item := range limit(f.get("callRoutes").items()) {
		route, err := decodeRoute(item)
		if err != nil {
			return err
		}
		if route != nil {
			c.Routes = append(c.Routes, *route)
		}
	}
	return nil
}

// decodeContext reads who is behind the call, and whether the invite is one for recording.
func (c *Call) decodeContext(f object) error {
	incoming, err := f.get("incomingContext").fields("observedParticipantId", "onBehalfOf", "transferor")
	if err != nil {
		return err
	}
	if c.OnBehalfOf, err = decodeIdentity(incoming.get("onBehalfOf")); err != nil {
		return err
	}
	if c.Transferor, err = decodeIdentity(incoming.get("transferor")); err != nil {
		return err
	}
	meeting, err := f.get("meetingInfo").fields("@odata.type", "token")
	if err != nil {
		return err
	}
	kind := typeName(meeting)
	byToken := kind == "tokenmeetinginfo" || kind == "" && meeting.get("token").present()
	c.Recording = byToken && incoming.get("observedParticipantId").string() != "" &&
		!f.get("chatInfo").present() && len(c.Modalities) == 0
	return nil
}

func decodeParticipant(v value) (*Participant, error) {
	if !v.is('{') {
		return nil, nil // absent is not an error
	}
	f, err := v.fields("identity", "participantId", "countryCode", "region", "languageId", "endpointType")
	if err != nil {
		return nil, err
	}
	p := &Participant{
		ID: f.get("participantId").string(), CountryCode: f.get("countryCode").string(), Region: f.get("region").string(),
		LanguageID: f.get("languageId").string(), EndpointType: f.get("endpointType").string(),
	}
	id, err := decodeIdentity(f.get("identity"))
	if id != nil {
		p.Identity = *id
	}
	return p, err
}

func decodeRoute(v value) (*Route, error) {
	if !v.is('{') {
		return nil, nil // absent is not an error
	}
	f, err := v.fields("routingType", "original", "final")
	if err != nil {
		return nil, err
	}
	r := &Route{Kind: spell(f.get("routingType").string(), routeKinds)}
	if r.Original, err = decodeIdentity(f.get("original")); err != nil {
		return nil, err
	}
	r.Final, err = decodeIdentity(f.get("final"))
	return r, err
}

func decodeResult(v value) (*Result, error) {
	if !v.is('{') {
		return nil, nil // absent is not an error
	}
	f, err := v.fields("code", "subcode")
	if err != nil {
		return nil, err
	}
	r := &Result{}
	r.Code, r.HasCode = f.get("code").integer()
	r.Subcode, r.HasSubcode = f.get("subcode").integer()
	return r, nil
}

// integer reads a 32-bit number, also as a numeric string ("200"), as the documents show codes both ways.
func (v value) integer() (int, bool) {
	s := string(v)
	if v.is('"') {
		s = v.string()
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0, false // not what ParseInt makes of a number that is too big
	}
	return int(n), true
}

// spell gives the reference's spelling of an enum member, or what was received if it is a new one.
func spell(s string, known []string) string {
	for _, k := range known {
		if strings.EqualFold(s, k) {
			return k
		}
	}
	return s
}

// limit ends a list after 100 items: no call has so many targets, and nobody could look at them.
func limit(items iter.Seq[value]) iter.Seq[value] {
	return func(yield func(value) bool) {
		n := 0
		for item := range items {
			if n++; n > maxItems || !yield(item) {
				return
			}
		}
	}
}
