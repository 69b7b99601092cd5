package graph

import (
	"errors"
	"strings"
)

const maxItems = 100 // notifications in one body; every known body has exactly one

// BodyError says that a body, from a proven sender, cannot be understood: 400. It holds nothing of the body.
type BodyError struct {
	Reason string // short and fixed, for counting
}

// Error is a sentence for logs and for the answer.
func (e *BodyError) Error() string { return "notification refused: " + e.Reason }

// Batch is one webhook body. Notifications keep their order.
type Batch struct {
	// Legacy marks the older Skype-style body that Graph sends ahead of the real one, and the empty body seen
	// in its place: answer 204, raise no card.
	Legacy bool
	// Notifications about calls and what lies below them.
	Notifications []Notification
	// Dropped has a fixed reason for each element that is well-formed but of no use here, for counting; the
	// answer is still 202, as nobody gains from Graph seeing an error. One such element never spoils others.
	Dropped []string
}

// The reasons in Batch.Dropped.
const (
	DroppedShape      = "not a notification"
	DroppedCompliance = "compliance recording"
	DroppedChange     = "change type"
	DroppedCallID     = "call id"
	DroppedData       = "data type"
)

// Change is what happened to a resource (Graph v1.0, changeType).
type Change string

// The three kinds of change.
const (
	Created Change = "created"
	Updated Change = "updated"
	Deleted Change = "deleted"
)

// Notification is one change to a call, or to something below it.
type Notification struct {
	Change Change
	// CallID is valid (see ValidCallID) and as received; Graph wants it back so. Compare with CallKey.
	CallID string
	// Sub is "" only when the path ends at the call. Else it says what below the call changed: "participants",
	// "operations", "audioRoutingGroups", "contentSharingSessions" or "other". A screener ignores those; above
	// all, their Deleted does not end the call.
	Sub string
	// Call is the data about the call, nil when there is none. That is normal for Deleted; a Created without
	// data is an incoming call about which nothing is known.
	Call *Call
}

// Decode reads a webhook body whose sender is proven, in every shape of commsNotifications that the reference
// shows or the wire has shown. The error is a [*BodyError]: answer 400. All text in the result is raw.
//
// Of everything it knows, nothing may be present twice in one object, whatever its letter case: decoders differ in
// which they take. What it does not know is ignored and not kept.
func Decode(body []byte) (Batch, error) {
	if len(body) == 0 {
		return Batch{Legacy: true}, nil
	}
	v, err := parseJSON(body)
	if err != nil {
		return Batch{}, &BodyError{err.Error()}
	}
	b, err := decodeEnvelope(v)
	if err != nil {
		if bodyErr, ok := errors.AsType[*BodyError](err); ok {
			return Batch{}, bodyErr
		}
		return Batch{}, &BodyError{err.Error()}
	}
	return b, nil
}

// decodeEnvelope tells a batch, a bare notification (older documents) and the legacy body apart.
func decodeEnvelope(v value) (Batch, error) {
	f, err := v.fields("value", "changeType", "callState", "presentedModalityTypes")
	if err != nil {
		return Batch{}, err
	}
	var b Batch
	list, bare := f.get("value"), f.get("changeType") != nil
	batch := list != nil
	switch {
	case batch && list.is('['):
		n := 0
		for item := range list.items() {
			if n++; n > maxItems {
				return Batch{}, &BodyError{"more than 100 notifications"}
			}
			if err := b.add(item); err != nil {
				return Batch{}, err
			}
		}
		if n == 0 {
			return Batch{}, &BodyError{"value is empty"}
		}
	case batch && list.is('{'):
		err = b.add(list)
	case batch:
		return Batch{}, &BodyError{"value is not a list of notifications"}
	case !bare && (f.get("callState") != nil || f.get("presentedModalityTypes") != nil):
		b.Legacy = true
	default:
		err = b.add(v)
	}
	return b, err
}

// add decodes one element; an error is a duplicate member and refuses the whole body.
func (b *Batch) add(v value) error {
	f, err := v.fields("@odata.type", "changeType", "resourceUrl", "resource", "resourceData")
	if err != nil {
		return err
	}
	data, err := f.get("resourceData").fields("@odata.type", "@odata.id", "id")
	if err != nil {
		return err
	}
	n, dropped := identify(f, data)
	if dropped != "" {
		b.Dropped = append(b.Dropped, dropped)
		return nil
	}
	if n.Sub == "" && isCallData(f.get("resourceData"), data) {
		if n.Call, err = decodeCall(f.get("resourceData")); err != nil {
			return err
		}
	}
	b.Notifications = append(b.Notifications, n)
	return nil
}

// identify reads what an element is about, or why it is of no use.
func identify(f, data object) (n Notification, dropped string) {
	if isCompliance(f) || isCompliance(data) {
		return n, DroppedCompliance
	}
	if f.get("changeType") == nil && f.get("resourceUrl") == nil && f.get("resource") == nil {
		return n, DroppedShape
	}
	n.Change = Change(strings.ToLower(f.get("changeType").string()))
	if n.Change != Created && n.Change != Updated && n.Change != Deleted {
		return n, DroppedChange
	}
	if n.CallID, n.Sub = locate(f, data); !ValidCallID(n.CallID) {
		return n, DroppedCallID
	}
	// Data that is not a call cannot open or change a card, but a deletion is told by its path alone.
	if n.Sub == "" && n.Change != Deleted && f.get("resourceData").present() && !isCallData(f.get("resourceData"), data) {
		return n, DroppedData
	}
	return n, ""
}

// isCallData is true for an object whose type is call, or not given.
func isCallData(v value, data object) bool {
	t := typeName(data)
	return v.is('{') && (t == "" || t == "call")
}

// isCompliance recognises the two types that share the webhook for compliance recording and are not screening.
func isCompliance(o object) bool {
	t := typeName(o)
	return t == "participantjoiningnotification" || t == "participantleftnotification"
}

// typeName is @odata.type without "#" and namespace, in lower case.
func typeName(o object) string {
	t := strings.TrimPrefix(o.get("@odata.type").string(), "#")
	return strings.ToLower(t[strings.LastIndexByte(t, '.')+1:])
}

// locate finds the call's id and what lies below it. The path wins over ids in the data, which often disagree or
// are missing; of the members that may hold the path, the first that says anything is used.
func locate(f, data object) (id, sub string) {
	for _, path := range []value{f.get("resourceUrl"), f.get("resource"), data.get("@odata.id")} {
		if s := path.string(); s != "" {
			return splitPath(s)
		}
	}
	if t := typeName(data); t == "" || t == "call" {
		return data.get("id").string(), ""
	}
	return "", ""
}

// splitPath takes the segment after "calls" out of a resource path. Host, scheme and query mean nothing here and
// are never used (P-08): the result is only ever an id.
func splitPath(path string) (id, sub string) {
	path, _, _ = strings.Cut(path, "?")
	if _, rest, ok := strings.Cut(path, "://"); ok {
		_, path, _ = strings.Cut(rest, "/")
	} else if rest, ok := strings.CutPrefix(path, "//"); ok {
		_, path, _ = strings.Cut(rest, "/")
	}
	for more := true; more; {
		var segment string
		segment, path, more = strings.Cut(path, "/")
		if !strings.EqualFold(segment, "calls") {
			continue
		}
		id, path, _ = strings.Cut(path, "/")
		segment, _, _ = strings.Cut(path, "/")
		return id, subName(segment, path)
	}
	return "", ""
}

// subName spells a known part of a call as the reference does, whatever its letter case.
func subName(segment, path string) string {
	if strings.Trim(path, "/") == "" {
		return ""
	}
	for _, known := range []string{"participants", "operations", "audioRoutingGroups", "contentSharingSessions"} {
		if strings.EqualFold(segment, known) {
			return known
		}
	}
	return "other"
}
