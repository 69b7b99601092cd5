package graph

import (
	"cmp"
	"fmt"
	"strings"
)

// The values Microsoft documents for the calling webhook of the global cloud. No document gives others for
// the government clouds, so they start from the same and settings override them; a wrong guess fails closed.
const (
	defaultMetadata = "https://api.aps.skype.com/v1/.well-known/OpenIdConfiguration"
	issuerBot       = "https://api.botframework.com"
	issuerGraph     = "https://graph.microsoft.com"
)

// Cloud is one of Microsoft's separate installations. Tokens of one are worthless in another.
//
// The fields are plain text so that settings may replace them (a company's mirror, the simulator): all URLs
// are https without a trailing slash. Whoever uses them checks them again.
type Cloud struct {
	Name      string   // as in the settings: "global", "us-gov-l4", "us-gov-l5"
	Authority string   // sign-in, "https://login.microsoftonline.com"
	Root      string   // Graph, "https://graph.microsoft.com"
	Metadata  string   // OpenID document that names the keys of webhook tokens
	Issuers   []string // accepted "iss" of webhook tokens
	Beta      bool     // the beta endpoint has calls here (Graph "national cloud deployments")
}

// CloudNamed gives the documented endpoints of a cloud, by its name in the settings. China is known and
// refused: Graph has no calling API there, so a relay could never see or reject a call.
func CloudNamed(name string) (Cloud, error) {
	c := Cloud{Name: strings.ToLower(name), Metadata: defaultMetadata, Issuers: []string{issuerBot, issuerGraph}}
	switch c.Name {
	case "global":
		c.Authority, c.Root, c.Beta = "https://login.microsoftonline.com", "https://graph.microsoft.com", true
	case "us-gov-l4":
		c.Authority, c.Root = "https://login.microsoftonline.us", "https://graph.microsoft.us"
	case "us-gov-l5":
		c.Authority, c.Root = "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"
	case "china":
		return Cloud{}, fmt.Errorf("cloud %q: Microsoft Graph has no calling API in China (21Vianet), neither v1.0 nor beta, so calls cannot be screened there", c.Name)
	default:
		return Cloud{}, fmt.Errorf("cloud %q is not known: use global, us-gov-l4 or us-gov-l5", name)
	}
	return c, nil
}

// With is the cloud with those endpoints and issuers replaced that are set in o.
func (c Cloud) With(o Cloud) Cloud {
	c.Authority = cmp.Or(strings.TrimRight(o.Authority, "/"), c.Authority)
	c.Root = cmp.Or(strings.TrimRight(o.Root, "/"), c.Root)
	c.Metadata = cmp.Or(strings.TrimRight(o.Metadata, "/"), c.Metadata)
	if len(o.Issuers) > 0 {
		c.Issuers = o.Issuers
	}
	return c
}

// Supports says whether calls can be rejected in this cloud with the given API version, "v1.0" or "beta".
func (c Cloud) Supports(version string) error {
	switch {
	case version == "v1.0", version == "beta" && c.Beta:
		return nil
	case version == "beta":
		return fmt.Errorf("api version beta has no calls in cloud %q: use v1.0", c.Name)
	default:
		return fmt.Errorf("api version %q is not known: use v1.0 or beta", version)
	}
}
