package graph

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// The endpoints that give tokens to whatever runs on a machine of Azure, or on one that Azure Arc manages.
const (
	imdsEndpoint = "http://169.254.169.254/metadata/identity/oauth2/token"
	arcEndpoint  = "http://127.0.0.1:40342/metadata/identity/oauth2/token"
)

// ManagedIdentity is an identity that Azure gave to this machine: "system", or the client id of a user-assigned one.
// Azure's App Service and Container Apps name their endpoint in IDENTITY_ENDPOINT, which the library reads from the
// process's environment; the caller repeats it here ("": none), and it must be of this machine.
//
// This is the one exception to "https only" (G-01), since these endpoints speak plain http. It is as narrow as can be:
// GET only, on addresses that cannot leave the machine's own link (loopback, or 169.254.0.0/16 as Azure uses it), on
// the exact path, with the members the protocol has in the query; never by a proxy; and only for this credential: the
// clients of Entra, of Graph and of the webhook's keys stay without it.
func ManagedIdentity(id, endpoint string) (Credential, error) {
	var o azidentity.ManagedIdentityCredentialOptions
	switch {
	case id == "system":
	case isGUID(id):
		o.ID = azidentity.ClientID(id)
	default:
		return Credential{}, errors.New(`managed-identity: is neither "system" nor the client id (a GUID) of a user-assigned identity`)
	}
	allowed := []Allowed{localToken(imdsEndpoint), localToken(arcEndpoint)} // where there is no Azure Arc, the first is asked
	if endpoint != "" {
		if err := ofThisMachine(endpoint); err != nil {
			return Credential{}, fmt.Errorf("managed-identity: IDENTITY_ENDPOINT %w", err)
		}
		allowed = []Allowed{localToken(endpoint)}
	}
	return Credential{
		words: fmt.Sprintf("managed identity (managed-identity = %s)", id),
		local: localClient(allowed), host: allowed[0].host,
		provider: func(_, _ string, options azcore.ClientOptions) (azcore.TokenCredential, error) {
			o := o
			o.ClientOptions = options
			cred, err := azidentity.NewManagedIdentityCredential(&o)
			if err != nil {
				return nil, errNoManaged
			}
			return cred, nil
		},
	}, nil
}

var (
	errNoManaged     = errors.New("this host's kind of managed identity is not supported, only those of virtual machines, App Service, Container Apps, AKS and Azure Arc")
	errManagedTenant = errors.New("a managed identity gets tokens of its own tenant only, and the call is in another: use a client certificate, or allowed-tenants")
)

// localClient sends to the given endpoints alone. Its transport has no proxy: HTTP_PROXY would carry the request, and
// the token back, in the clear to another machine.
func localClient(allowed []Allowed) *http.Client {
	dialer := &net.Dialer{Timeout: 3 * time.Second}
	return guarded(&http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: 30 * time.Second,
		},
	}, allowed...)
}

// ofThisMachine judges a plain http address by its host, which must be a literal address or "localhost": a name could be
// made to lead elsewhere.
func ofThisMachine(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" || u.User != nil || u.Opaque != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.RawPath != "" {
		return errors.New("is not a plain http address without user, query and escapes")
	}
	if u.Hostname() == "localhost" {
		return nil
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if near := ip.IsLoopback() || ip.Is4() && ip.IsLinkLocalUnicast(); err != nil || !near {
		return errors.New("is not an address of this machine (127.0.0.0/8, ::1, localhost or 169.254.0.0/16)")
	}
	return nil
}

// localToken allows GET on one endpoint of a managed identity, with the query of its protocol.
func localToken(endpoint string) Allowed {
	scheme, rest, _ := strings.Cut(endpoint, "://")
	host, path, _ := strings.Cut(rest, "/")
	return Allowed{
		method: http.MethodGet, scheme: scheme, host: host,
		path: func(p string) bool { return p == "/"+path },
		query: func(q url.Values) bool {
			for name := range q {
				switch name {
				case "api-version", "resource", "client_id":
				default:
					return false
				}
			}
			return true
		},
	}
}
