package lines

import "callscreen/relay/call"

// The relay has cleaned all texts; here they are cleaned once more, because
// whoever draws answers for what it draws.

func name(s string) string {
	s, _ = call.Clean(s, call.NameCells)
	return s
}

func text(s string) string {
	s, _ = call.Clean(s, call.TextCells)
	return s
}

func party(p call.Party) call.Party {
	clean, altered := call.Clean(p.Name, call.NameCells)
	p.Name, p.Altered = clean, p.Altered || altered
	p.Kind, p.ID, p.Tenant = call.PartyKind(name(string(p.Kind))), text(p.ID), name(p.Tenant)
	return p
}

func partyAt(p *call.Party) *call.Party {
	if p == nil {
		return nil
	}
	return new(party(*p))
}

// details copies what strangers chose about a call.
func details(d call.Details) call.Details {
	d.Caller, d.OnBehalfOf, d.Transferor = party(d.Caller), partyAt(d.OnBehalfOf), partyAt(d.Transferor)
	d.Subject, d.Chain, d.Tenant = text(d.Subject), text(d.Chain), name(d.Tenant)
	d.To, d.Media, d.Via = each(d.To, party), each(d.Media, name), each(d.Via, func(v call.Via) call.Via {
		return call.Via{Kind: name(v.Kind), Original: partyAt(v.Original), Final: partyAt(v.Final)}
	})
	return d
}

func each[T any](list []T, f func(T) T) []T {
	var out []T
	for _, x := range list {
		out = append(out, f(x))
	}
	return out
}

func claim(c *call.Claim) *call.Claim {
	if c == nil {
		return nil
	}
	k := *c
	k.Operator, k.Reason, k.Command, k.Relay = name(k.Operator), call.Reason(name(string(k.Reason))), text(k.Command), text(k.Relay)
	return &k
}

func reply(r *call.Reply) *call.Reply {
	if r == nil {
		return nil
	}
	k := *r
	k.Code, k.Words, k.Request = name(k.Code), text(k.Words), text(k.Request)
	return &k
}
