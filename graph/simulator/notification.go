package simulator

import (
	"bytes"
	"encoding/json"
	"maps"
	"strconv"
	"strings"
)

// botName is what callers call.
const botName = "Reception bot"

// shape is how one call's notifications are written; one call keeps its shape for life. All variations stand in
// Graph's reference, today's or that of 2018 to 2021 (commsNotification; call, participant: the examples of its
// notifications), or were captured (microsoft-graph-comms-samples issues 126, 191, 433, 568, 664 and 667).
type shape struct {
	resourceURL, resource bool   // which path members there are
	path, otherPath       string // what they say
	odataPath             string // resourceData's @odata.id; empty: none
	idInData              bool
	typeMark              string // "#", "", or "-" for no @odata.type on the envelope and item
	bare                  bool   // no `value` around the notification (older docs)
	textCodes             bool   // resultInfo's numbers as strings, and `subCode`
	extras                bool   // undocumented members and nulls
	pretty                bool   // tabs and CRLF
	modalities            []string
}

func drawShape(d dice, id string) shape {
	paths := []string{
		"/communications/calls/" + id, "/app/calls/" + id, "communications/calls/" + id,
		"https://graph.microsoft.com/v1.0/communications/calls/" + id, "/communications/Calls/" + id,
	}
	sh := shape{
		path: paths[weighted(d, 8, 4, 1, 1, 1)], otherPath: paths[1],
		typeMark: []string{"#", "", "-"}[weighted(d, 6, 3, 1)],
		idInData: d.chance(0.3), bare: d.chance(0.08), textCodes: d.chance(0.4),
		extras: d.chance(0.5), pretty: d.chance(0.2),
		modalities: pick(d, [][]string{{"audio"}, {"audio"}, {"audio", "video"}, {"audio", "video", "videoBasedScreenSharing"}}),
	}
	switch weighted(d, 5, 2, 3) {
	case 0:
		sh.resourceURL = true
	case 1:
		sh.resource = true
	default:
		sh.resourceURL, sh.resource = true, true
	}
	if d.chance(0.6) {
		sh.odataPath = paths[0]
	}
	return sh
}

// weighted draws an index, each with its weight.
func weighted(d dice, weights ...int) int {
	total := 0
	for _, w := range weights {
		total += w
	}
	roll := d.IntN(total)
	for i, w := range weights {
		if roll -= w; roll < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// created is the notification that rings.
func (c *call) created() []byte {
	data := object{
		"state": "incoming", "direction": "incoming", "source": c.source(), "targets": []object{c.target()},
		"requestedModalities": c.shape.modalities, "tenantId": c.tenant,
		"callChainId": c.chain, "@odata.etag": `W/"` + c.etag + `"`,
	}
	if c.shape.extras {
		maps.Copy(data, c.extras())
	}
	merge(data, c.caller.extra)
	if c.subject != "" {
		data["subject"] = c.subject
	}
	return c.notification("created", data)
}

func (c *call) source() object {
	source := object{
		"@odata.type": "#microsoft.graph.participantInfo", "identity": c.caller.identity,
		"region": "emea", "languageId": "en-US",
	}
	if c.shape.extras {
		maps.Copy(source, object{
			"region": nil, "languageId": nil, "countryCode": nil, "endpointType": "default",
			"participantId": c.chain, "clientVersion": "1415/26", "replacementLink": "canary-replacement-link",
		})
	}
	return source
}

func (c *call) target() object {
	app := object{"@odata.type": "#microsoft.graph.identity", "id": c.appID, "displayName": botName}
	kind := "#microsoft.graph.participantInfo"
	if c.shape.extras {
		kind = "#microsoft.graph.invitationParticipantInfo"
		app["identityProvider"] = nil
	}
	return object{"@odata.type": kind, "identity": object{
		"@odata.type": "#microsoft.graph.identitySet", "application": app,
	}}
}

// extras are members seen on the wire and documented nowhere, some of them live credentials, and nulls.
func (c *call) extras() object {
	return object{
		"myParticipantId": c.chain, "meetingCapability": object{"allowTranscription": true}, "coOrganizers": []object{},
		"meetingProperties": nil, "mediaHostedRegion": "emea", "mediaState": nil, "toneInfo": nil,
		"MeetingUrl":         "https://teams.example.com/l/meetup-join/canary-meeting-url",
		"callbackUri":        "https://attacker.example/callback",
		"participantJoinKey": object{"endpointId": c.chain, "isIdentityAnonymized": false},
	}
}

// result is why a call ended (code, subcode, text that nobody should match on).
type result struct {
	code, subcode int
	message       string
}

// ended is the `deleted` notification. After a reject it has only type and id (Graph v1.0, call: reject);
// with a result it also has the state (Graph v1.0, call: delete).
func (c *call) ended(why *result) []byte {
	if why == nil {
		return c.notification("deleted", object{})
	}
	return c.notification("deleted", object{"state": "terminated", "resultInfo": c.resultInfo(*why)})
}

func (c *call) resultInfo(why result) object {
	info := object{"@odata.type": "#microsoft.graph.resultInfo", "message": why.message}
	if c.shape.textCodes {
		info["code"], info["subCode"] = strconv.Itoa(why.code), strconv.Itoa(why.subcode)
	} else {
		info["code"], info["subcode"] = why.code, why.subcode
	}
	return info
}

func (c *call) notification(change string, data object) []byte {
	sh := c.shape
	data["@odata.type"] = strings.Trim(sh.typeMark, "-") + "microsoft.graph.call"
	if sh.odataPath != "" {
		data["@odata.id"] = sh.odataPath
	}
	if sh.idInData || (change == "deleted" && sh.odataPath == "") {
		data["id"] = c.id
	}
	item := object{"changeType": change, "resourceData": data}
	if sh.resourceURL {
		item["resourceUrl"] = sh.path
	}
	if sh.resource {
		item["resource"] = sh.otherPath
	}
	envelope := object{"value": []object{item}}
	if sh.bare {
		envelope = item
	}
	if sh.typeMark != "-" {
		item["@odata.type"] = sh.typeMark + "microsoft.graph.commsNotification"
		if !sh.bare {
			envelope["@odata.type"] = sh.typeMark + "microsoft.graph.commsNotifications"
		}
	}
	return encode(envelope, sh.pretty)
}

// legacy is the Skype-style body that may come first and wants a 204 (Teams documentation, call notifications).
func (c *call) legacy() []byte {
	return encode(object{
		"id": c.id, "appId": c.appID, "tenantId": c.tenant, "callState": "incoming", "isMultiparty": false,
		"subject": nil, "threadId": nil, "presentedModalityTypes": c.shape.modalities,
		"participants": []object{
			{"identity": "29:" + c.chain, "displayName": c.caller.label, "languageId": "en-US", "originator": true},
			{"identity": "28:" + c.appID, "displayName": botName, "originator": false},
		},
		"links": object{"call": "https://attacker.example/v1/calls/" + c.id},
	}, c.shape.pretty)
}

func encode(v object, pretty bool) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("simulator: notification: " + err.Error()) // only strings, numbers and nil go in
	}
	if !pretty {
		return b
	}
	var indented bytes.Buffer
	_ = json.Indent(&indented, b, "", "\t") // b is valid
	return bytes.ReplaceAll(indented.Bytes(), []byte("\n"), []byte("\r\n"))
}
